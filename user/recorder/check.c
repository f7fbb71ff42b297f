/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of messages by content.
 *
 * The analyst reads hostile text and may be hijacked; nothing that it sends is used before it went
 * through here. The same checks are made on bailiffd's messages, where a failure is a bug.
 */
#include "recorder/check.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define TERMINATED(array) (memchr((array), 0, sizeof(array)) != NULL)

static bool all_zero(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

static bool host_bits_clear(const struct ipc_subject *subject)
{
	unsigned int whole = subject->prefix / 8;
	unsigned int rest = subject->prefix % 8;

	if (rest && (subject->addr[whole++] & (0xff >> rest)))
		return false;
	return all_zero(subject->addr + whole, sizeof(subject->addr) - whole);
}

int check_subject(const struct ipc_subject *subject)
{
	if (subject->kind >= SUBJECT_MAX || !all_zero(subject->pad, sizeof(subject->pad)))
		return -EPROTO;
	if (subject->kind == SUBJECT_ADDRESS) {
		unsigned int most = subject->family == AF_INET	  ? 32
				    : subject->family == AF_INET6 ? 128
								  : 0;

		if (!subject->prefix || subject->prefix > most || subject->id)
			return -EPROTO;
		return host_bits_clear(subject) ? 0 : -EPROTO;
	}
	if (subject->family || subject->prefix || !all_zero(subject->addr, sizeof(subject->addr)))
		return -EPROTO;
	if ((subject->kind == SUBJECT_NONE || subject->kind == SUBJECT_HOST) && subject->id)
		return -EPROTO;
	return 0;
}

int check_record(const struct ipc_record *record)
{
	if (record->kind == 0 || record->kind >= RECORD_KIND_MAX || record->result >= RESULT_MAX ||
	    record->trust >= TRUST_MAX || record->action >= ACTION_MAX || record->partial > 1)
		return -EPROTO;
	if (!TERMINATED(record->service) || !TERMINATED(record->source) ||
	    !TERMINATED(record->rule) || !TERMINATED(record->user) || !TERMINATED(record->text) ||
	    !TERMINATED(record->line))
		return -EPROTO;
	return check_subject(&record->subject);
}

int check_outcome(const struct ipc_outcome *outcome)
{
	if (outcome->action >= ACTION_MAX || outcome->result == 0 ||
	    outcome->result >= OUTCOME_RESULT_MAX)
		return -EPROTO;
	if (!TERMINATED(outcome->rule) || !TERMINATED(outcome->who) || !TERMINATED(outcome->text))
		return -EPROTO;
	return check_subject(&outcome->subject);
}

int check_status(const struct ipc_status *status)
{
	return status->mode < MODE_MAX ? 0 : -EPROTO;
}

int check_request(const void *bytes, size_t len, struct status_request *ret, const char **ret_error)
{
	struct status_request request;

	if (len != sizeof(request)) {
		*ret_error = "the request has a wrong length";
		return -EPROTO;
	}
	memcpy(&request, bytes, sizeof(request));
	if (request.version != CONTROL_VERSION) {
		*ret_error = "the request is of another version; bailiffctl and bailiff-recorder "
			     "must be of the same release";
		return -EPROTO;
	}
	if (request.op == 0 || request.op >= STATUS_OP_MAX || request.pad) {
		*ret_error = "the request names an unknown operation";
		return -EPROTO;
	}
	if (check_subject(&request.subject) < 0) {
		*ret_error = "the request names no valid subject";
		return -EPROTO;
	}
	if (request.op == STATUS_WHY && request.subject.kind == SUBJECT_NONE) {
		*ret_error = "the request names no subject";
		return -EPROTO;
	}
	*ret = request;
	return 0;
}
