/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One syslog datagram, in either form: RFC 3164 (<PRI>stamp [host] tag[pid]: text, what syslog(3)
 * sends) and RFC 5424. All of it is what the sender wrote; who that is, the kernel says.
 */
#ifndef ANALYST_EVIDENCE_SYSLOG_H
#define ANALYST_EVIDENCE_SYSLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyst/evidence/evidence.h"

#define SYSLOG_NAME_MAX 128 /* of host and program; longer words are text */

/* Parts are borrowed; a part with len 0 is not there. */
struct syslog_part {
	const char *text;
	size_t len;
};

struct syslog_line {
	struct syslog_part host, program, message;
	uint32_t pid; /* 0 = none */
	uint64_t said_wall_ns; /* 0 = none */
};

/* -EBADMSG: no priority, or RFC 5424 that breaks off; everything is then the message. */
int syslog_parse(const char *bytes, size_t len, uint64_t near_wall_ns, struct syslog_line *ret);

/*
 * Whose words is this datagram? A sender that is the program which the line names, with the pid
 * that it names, speaks for itself: ret is trusted, with its program. root and relay_uid may send
 * other programs' lines (rsyslog, logger): such a line is text and nothing else. Anybody else's
 * datagram is that process' own words, whatever it says.
 * exe: the sender's program as the kernel saw it start, "" = unknown.
 */
void syslog_origin(const struct syslog_line *line, uint32_t pid, uint32_t uid, const char *exe,
		   uint32_t relay_uid, struct log_origin *ret);

#endif
