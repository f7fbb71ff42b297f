/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A syslog datagram, and the payload of an audit message: the first byte tells which. Whatever it
 * holds, a record is one line of valid text, and nobody is trusted by what stands in it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/evidence/audit.h"
#include "analyst/evidence/evidence.h"
#include "analyst/evidence/syslog.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(const struct log_record *record, struct syslog_part part)
{
	const char *begin = record->sender->bytes;

	if (part.len && (part.text < begin || part.text + part.len > begin + record->sender->len))
		abort();
}

static int on_record(const struct log_record *record, void *arg)
{
	struct log_origin origin;
	struct claim claim;

	(void)arg;
	if (!record->len || record->len > EVIDENCE_LINE_MAX ||
	    !utf8_valid(record->text, record->len) || memchr(record->text, '\0', record->len) ||
	    memchr(record->text, '\n', record->len))
		abort();
	if (record->syslog) {
		check_part(record, record->syslog->host);
		check_part(record, record->syslog->program);
		check_part(record, record->syslog->message);
		datagram_origin(record, "", 104, &origin);
		if (record->origin.trusted || origin.exe[0] || origin.trusted)
			abort();
		return 0;
	}
	if (!record->audit || record->origin.exe[0])
		abort();
	if (audit_claim(record, &claim) == FILTER_IGNORED)
		return 0;
	if (!memchr(claim.user, '\0', sizeof(claim.user)) || claim.origin.pid != claim.pid ||
	    !utf8_valid(claim.user, strlen(claim.user)))
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = { 1100, 1101, 1103, 1109, 1112, 1300 };
	struct log_datagram datagram = { .near_wall_ns = 1795568523000000000ULL, .pid = 5 };
	struct log_reader *reader;

	if (!size)
		return 0;
	if (log_reader_new(&reader, 1, LOG_DATAGRAMS))
		abort();
	datagram.bytes = (const char *)data + 1;
	datagram.len = size - 1;
	datagram.cut = data[0] & 1;
	if (data[0] < 128)
		(void)log_reader_datagram(reader, &datagram, 1, on_record, NULL);
	else
		(void)log_reader_audit(reader, types[data[0] % 6], data + 1, size - 1, 1, on_record,
				       NULL);
	log_reader_free(reader);
	return 0;
}
