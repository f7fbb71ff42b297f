/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Audit records of programs, as the kernel sends them out.
 *
 * The first of several members of one name counts, and res= is the last word: what stands between
 * is chosen by who logs in. libaudit writes a name with blanks or quotes in hexadecimal.
 */
#include "analyst/evidence/audit.h"

#include <errno.h>
#include <string.h>

#include "analyst/evidence/reader.h"
#include "base/buf.h"
#include "base/clock.h"

static const struct type {
	uint16_t number; /* linux/audit.h, libaudit.h */
	const char *name;
} types[] = {
	{ 1100, "USER_AUTH" }, { 1101, "USER_ACCT" },  { 1103, "CRED_ACQ" },
	{ 1109, "USER_ERR" },  { 1112, "USER_LOGIN" },
};

const char *audit_type_name(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].number == type)
			return types[i].name;
	return NULL;
}

struct cursor {
	const char *at, *end;
};

static bool take(struct cursor *c, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(c->end - c->at) < len || memcmp(c->at, text, len) != 0)
		return false;
	c->at += len;
	return true;
}

static bool take_number(struct cursor *c, uint64_t most, uint64_t *ret)
{
	size_t len = 0;

	while (c->at + len < c->end && len < 20 && c->at[len] >= '0' && c->at[len] <= '9')
		len++;
	if (text_number(c->at, len, most, ret) < 0)
		return false;
	c->at += len;
	return true;
}

/* NAME=NUMBER behind any blanks: the kernel writes two of them in places. */
static bool take_member(struct cursor *c, const char *name, uint32_t *ret)
{
	uint64_t value;

	while (c->at < c->end && *c->at == ' ')
		c->at++;
	if (!take(c, name) || !take(c, "=") || !take_number(c, UINT32_MAX, &value))
		return false;
	*ret = (uint32_t)value;
	return true;
}

static bool take_kernel_part(struct cursor *c, struct audit_record *ret)
{
	uint64_t seconds, milliseconds, serial;

	if (!take(c, "audit(") || !take_number(c, UINT32_MAX, &seconds) || !take(c, ".") ||
	    !take_number(c, 999, &milliseconds) || !take(c, ":") ||
	    !take_number(c, UINT32_MAX, &serial) || !take(c, "):"))
		return false;
	ret->said_wall_ns = seconds * NSEC_PER_SEC + milliseconds * NSEC_PER_MSEC;
	return take_member(c, "pid", &ret->pid) && take_member(c, "uid", &ret->uid) &&
	       take_member(c, "auid", &ret->auid) && take_member(c, "ses", &ret->ses);
}

/* The program's text: between msg=' and the last quote. */
static bool find_message(const struct cursor *from, struct cursor *ret)
{
	static const char begin[] = " msg='";
	const char *at = memmem(from->at, (size_t)(from->end - from->at), begin, strlen(begin));
	const char *end;

	if (!at)
		return false;
	at += strlen(begin);
	end = memrchr(at, '\'', (size_t)(from->end - at));
	if (!end)
		return false;
	*ret = (struct cursor){ at, end };
	return true;
}

/* The first NAME=value of it; quotes are part of the value. */
static struct cursor member(const struct cursor *message, const char *name)
{
	const char *at = message->at;
	size_t len = strlen(name);

	while (at < message->end) {
		const char *blank = memchr(at, ' ', (size_t)(message->end - at));
		const char *end = blank ? blank : message->end;

		if ((size_t)(end - at) > len && !memcmp(at, name, len) && at[len] == '=')
			return (struct cursor){ at + len + 1, end };
		at = end + 1;
	}
	return (struct cursor){ NULL, NULL };
}

static bool is(const struct cursor *value, const char *text)
{
	return (size_t)(value->end - value->at) == strlen(text) &&
	       !memcmp(value->at, text, strlen(text));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* "text", or hexadecimal; anything else, and what does not fit, is no value. */
static void decode(struct cursor value, char *to, size_t size)
{
	struct text_out out = { .data = to, .size = size - 1 };
	size_t len = (size_t)(value.end - value.at), used = 0;
	char raw[256];

	to[0] = '\0';
	if (!value.at)
		return;
	if (len >= 2 && value.at[0] == '"' && value.at[len - 1] == '"') {
		if (len - 2 > sizeof(raw))
			return;
		used = len - 2;
		memcpy(raw, value.at + 1, used);
	} else {
		if (len % 2 || len / 2 > sizeof(raw))
			return;
		for (size_t i = 0; i < len; i += 2) {
			int high = hex_digit(value.at[i]), low = hex_digit(value.at[i + 1]);

			if (high < 0 || low < 0)
				return;
			raw[used++] = (char)(high << 4 | low);
		}
	}
	text_append(&out, raw, used);
	to[out.len] = '\0';
}

/*
 * libaudit fills addr= by looking up hostname= where the program gave it none (PAM does not), so
 * what a name stands for is up to whoever runs its DNS. An address counts only if there is no name.
 */
static void take_addr(const struct cursor *message, struct addr *ret)
{
	struct cursor addr = member(message, "addr"), host = member(message, "hostname");
	struct addr found, named;

	if (!addr.at || addr_parse(addr.at, (size_t)(addr.end - addr.at), &found) < 0)
		return;
	if (host.at && !is(&host, "?") &&
	    (addr_parse(host.at, (size_t)(host.end - host.at), &named) < 0 ||
	     !addr_equal(&named, &found)))
		return;
	*ret = found;
}

int audit_parse(uint16_t type, const char *text, size_t len, struct audit_record *ret)
{
	struct cursor c = { text, text + len }, message;
	static const char failed[] = " res=failed", success[] = " res=success";

	if (!audit_type_name(type))
		return -ENOMSG;
	memset(ret, 0, sizeof(*ret));
	if (!take_kernel_part(&c, ret) || !find_message(&c, &message))
		return -EBADMSG;
	len = (size_t)(message.end - message.at);
	if (len >= strlen(failed) && !memcmp(message.end - strlen(failed), failed, strlen(failed)))
		ret->result = AUDIT_FAILED;
	else if (len >= strlen(success) &&
		 !memcmp(message.end - strlen(success), success, strlen(success)))
		ret->result = AUDIT_SUCCESS;
	else
		return -EBADMSG;
	decode(member(&message, "acct"), ret->user, sizeof(ret->user));
	/* What libaudit and sshd write for no name at all. */
	if (!strcmp(ret->user, "?") || !strcmp(ret->user, "(unknown)") ||
	    !strcmp(ret->user, "(invalid user)"))
		ret->user[0] = '\0';
	decode(member(&message, "exe"), ret->exe, sizeof(ret->exe));
	take_addr(&message, &ret->addr);
	return 0;
}

/* ---- records ---- */

int log_reader_audit(struct log_reader *reader, uint16_t type, const void *bytes, size_t len,
		     uint64_t now_ns, log_record_fn fn, void *arg)
{
	const struct feed feed = { .now_ns = now_ns, .fn = fn, .arg = arg };
	struct text_out out = { .data = reader->clean, .size = sizeof(reader->clean) };
	struct log_record record = { 0 };
	struct audit_record audit;
	int r = audit_parse(type, bytes, len, &audit);

	reader->stats.bytes += len;
	if (r == -ENOMSG)
		return 0;
	if (r < 0) {
		reader->stats.malformed++;
		return 0;
	}
	record.audit = &audit;
	record.audit_type = type;
	record.said_wall_ns = audit.said_wall_ns;
	record.origin = (struct log_origin){
		.trusted = audit.pid != 0,
		.pid = audit.pid,
		.uid = audit.uid,
		.has_uid = true,
	};
	text_append(&out, audit_type_name(type), strlen(audit_type_name(type)));
	text_append(&out, " ", 1);
	text_append(&out, bytes, len);
	reader->stats.cut += out.cut;
	reader->stats.replaced += out.replaced;
	record.text = out.data;
	record.len = out.len;
	return log_reader_emit(reader, &feed, &record);
}

const char *audit_said_exe(const struct log_record *record)
{
	return record->audit->exe;
}

/* Failures that follow one another within one try are of different types, so that they count once
 * (witness.c counts the largest number of any one form). */
enum filter_outcome audit_claim(const struct log_record *record, struct claim *ret)
{
	const struct audit_record *audit = record->audit;
	bool login = !strcmp(audit_type_name(record->audit_type), "USER_LOGIN");
	bool credentials = !strcmp(audit_type_name(record->audit_type), "CRED_ACQ");

	if (credentials || (audit->result == AUDIT_SUCCESS && !login))
		return FILTER_IGNORED;
	memset(ret, 0, sizeof(*ret));
	ret->result = audit->result == AUDIT_FAILED ? CLAIM_FAILURE : CLAIM_SUCCESS;
	ret->addr = audit->addr;
	ret->pid = audit->pid;
	ret->pid_trusted = record->origin.trusted;
	ret->count = 1;
	ret->source = record->source;
	ret->filter = UINT16_MAX;
	ret->form = record->audit_type;
	ret->arrived_ns = record->arrived_ns;
	ret->said_wall_ns = record->said_wall_ns;
	ret->origin = record->origin;
	text_copy(ret->user, sizeof(ret->user), audit->user);
	text_copy_len(ret->line, sizeof(ret->line), record->text, record->len);
	return ret->result == CLAIM_FAILURE ? FILTER_FAILURE : FILTER_SUCCESS;
}
