/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One syslog datagram, in either form.
 */
#include "analyst/evidence/syslog.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "analyst/evidence/reader.h"
#include "base/buf.h"

#define PRIORITY_MAX 191 /* 23 facilities, 8 severities (RFC 5424, 6.2.1) */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct cursor {
	const char *at, *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && *c->at == ' ')
		c->at++;
}

static struct syslog_part word(struct cursor *c)
{
	struct syslog_part part = { .text = c->at };

	while (c->at < c->end && *c->at != ' ')
		c->at++;
	part.len = (size_t)(c->at - part.text);
	return part;
}

static bool take_priority(struct cursor *c)
{
	unsigned int value = 0, digits = 0;
	const char *at = c->at;

	if (at == c->end || *at++ != '<')
		return false;
	for (; at < c->end && digits < 3 && *at >= '0' && *at <= '9'; digits++)
		value = value * 10 + (unsigned int)(*at++ - '0');
	if (!digits || value > PRIORITY_MAX || at == c->end || *at != '>')
		return false;
	c->at = at + 1;
	return true;
}

/* NAME[PID]: or NAME: or NAME[PID]. */
static bool take_tag(struct syslog_part tag, struct syslog_line *ret)
{
	size_t len = tag.len, open;
	uint64_t pid = 0;
	bool colon = len && tag.text[len - 1] == ':';

	len -= colon;
	if (len && tag.text[len - 1] == ']') {
		const char *bracket = memrchr(tag.text, '[', len);

		if (!bracket)
			return false;
		open = (size_t)(bracket - tag.text);
		if (text_number(bracket + 1, len - open - 2, INT32_MAX, &pid) < 0)
			return false;
		len = open;
	} else if (!colon) {
		return false;
	}
	if (!len || len > SYSLOG_NAME_MAX)
		return false;
	ret->program = (struct syslog_part){ tag.text, len };
	ret->pid = (uint32_t)pid;
	return true;
}

/* "Nov 25 10:00:00", as syslog(3) writes it, or a word of ISO 8601, as rsyslog may. */
static size_t stamp_len(const struct cursor *c)
{
	const char *at = c->at;
	struct cursor rest = *c;

	if (c->end - at >= 15 && at[3] == ' ' && at[6] == ' ' && at[9] == ':' && at[12] == ':')
		return 15;
	if (c->end - at >= 19 && at[4] == '-' && at[7] == '-' && at[10] == 'T')
		return word(&rest).len;
	return 0;
}

static void parse_3164(struct cursor c, uint64_t near_wall_ns, struct syslog_line *ret)
{
	struct cursor rest;
	struct syslog_part first, second;

	ret->said_wall_ns = log_stamp(c.at, stamp_len(&c), near_wall_ns);
	c.at += stamp_len(&c);
	skip_blanks(&c);
	rest = c;
	first = word(&rest);
	if (take_tag(first, ret)) {
		c = rest;
	} else {
		skip_blanks(&rest);
		second = word(&rest);
		if (first.len && first.len <= SYSLOG_NAME_MAX && take_tag(second, ret)) {
			ret->host = first;
			c = rest;
		}
	}
	if (ret->program.len)
		skip_blanks(&c);
	ret->message = (struct syslog_part){ c.at, (size_t)(c.end - c.at) };
}

/* [id name="value"]..., where ", \ and ] are escaped in a value; or "-". */
static bool skip_structured(struct cursor *c)
{
	bool quoted = false;

	if (c->at < c->end && *c->at == '-') {
		c->at++;
		return true;
	}
	if (c->at == c->end || *c->at != '[')
		return false;
	while (c->at < c->end && *c->at == '[') {
		for (c->at++; c->at < c->end && (quoted || *c->at != ']'); c->at++) {
			if (quoted && *c->at == '\\' && c->at + 1 < c->end)
				c->at++;
			else if (*c->at == '"')
				quoted = !quoted;
		}
		if (c->at == c->end)
			return false;
		c->at++;
	}
	return true;
}

static struct syslog_part named(struct syslog_part part)
{
	if ((part.len == 1 && *part.text == '-') || part.len > SYSLOG_NAME_MAX)
		part.len = 0;
	return part;
}

/* 1 STAMP HOST PROGRAM PROCID MSGID STRUCTURED [TEXT] */
static bool parse_5424(struct cursor c, uint64_t near_wall_ns, struct syslog_line *ret)
{
	struct syslog_line line = { .pid = 0 };
	struct syslog_part part[6];
	uint64_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(part); i++) {
		part[i] = word(&c);
		if (!part[i].len || c.at == c.end)
			return false;
		c.at++;
	}
	if (part[0].len != 1 || *part[0].text != '1' || !skip_structured(&c))
		return false;
	if (c.at < c.end && *c.at++ != ' ')
		return false;
	line.said_wall_ns = log_stamp(part[1].text, part[1].len, near_wall_ns);
	line.host = named(part[2]);
	line.program = named(part[3]);
	if (text_number(part[4].text, part[4].len, INT32_MAX, &pid) == 0)
		line.pid = (uint32_t)pid;
	if ((size_t)(c.end - c.at) >= strlen(BYTE_ORDER_MARK) &&
	    !memcmp(c.at, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)))
		c.at += strlen(BYTE_ORDER_MARK);
	line.message = (struct syslog_part){ c.at, (size_t)(c.end - c.at) };
	*ret = line;
	return true;
}

int syslog_parse(const char *bytes, size_t len, uint64_t near_wall_ns, struct syslog_line *ret)
{
	struct cursor c = { bytes, bytes + len };

	memset(ret, 0, sizeof(*ret));
	/* Some senders end with a newline or the string's NUL. */
	while (c.end > c.at && (c.end[-1] == '\n' || c.end[-1] == '\0' || c.end[-1] == '\r'))
		c.end--;
	ret->message = (struct syslog_part){ c.at, (size_t)(c.end - c.at) };
	if (!take_priority(&c))
		return -EBADMSG;
	if (c.end - c.at >= 2 && c.at[0] == '1' && c.at[1] == ' ')
		return parse_5424(c, near_wall_ns, ret) ? 0 : -EBADMSG;
	parse_3164(c, near_wall_ns, ret);
	return 0;
}

/* ---- whose words ---- */

/* "postfix/smtpd" is /usr/lib/postfix/sbin/smtpd, "CRON" is /usr/sbin/cron. */
static bool is_program(struct syslog_part said, const char *exe)
{
	const char *slash = memrchr(said.text, '/', said.len);
	const char *last = strrchr(exe, '/');

	last = last ? last + 1 : exe;
	if (slash) {
		said.len -= (size_t)(slash + 1 - said.text);
		said.text = slash + 1;
	}
	return said.len && strlen(last) == said.len && !strncasecmp(last, said.text, said.len);
}

void syslog_origin(const struct syslog_line *line, uint32_t pid, uint32_t uid, const char *exe,
		   uint32_t relay_uid, struct log_origin *ret)
{
	bool itself = exe[0] && line->program.len && is_program(line->program, exe) &&
		      (!line->pid || line->pid == pid);

	memset(ret, 0, sizeof(*ret));
	if (!pid || (!itself && (uid == 0 || uid == relay_uid)))
		return;
	ret->trusted = true;
	ret->pid = pid;
	ret->uid = uid;
	ret->has_uid = true;
	if (itself)
		text_copy(ret->exe, sizeof(ret->exe), exe);
}

/* ---- records ---- */

void datagram_origin(const struct log_record *record, const char *exe, uint32_t relay_uid,
		     struct log_origin *ret)
{
	syslog_origin(record->syslog, record->sender->pid, record->sender->uid, exe, relay_uid,
		      ret);
}

static void append_part(struct text_out *out, struct syslog_part part)
{
	text_append(out, part.text, part.len);
}

int log_reader_datagram(struct log_reader *reader, const struct log_datagram *datagram,
			uint64_t now_ns, log_record_fn fn, void *arg)
{
	const struct feed feed = { .now_ns = now_ns, .fn = fn, .arg = arg };
	struct text_out out = { .data = reader->clean, .size = sizeof(reader->clean) };
	struct log_record record = { .sender = datagram };
	struct syslog_line line;
	char pid[16];

	reader->stats.bytes += datagram->len;
	if (syslog_parse(datagram->bytes, datagram->len, datagram->near_wall_ns, &line) < 0)
		reader->stats.malformed++;
	if (!line.message.len)
		return 0;
	record.syslog = &line;
	record.said_wall_ns = line.said_wall_ns;
	if (line.program.len) {
		if (line.host.len)
			append_part(&out, line.host);
		else
			text_append(&out, "localhost", strlen("localhost"));
		text_append(&out, " ", 1);
		append_part(&out, line.program);
		if (line.pid) {
			(void)snprintf(pid, sizeof(pid), "[%u]", line.pid);
			text_append(&out, pid, strlen(pid));
		}
		text_append(&out, ": ", 2);
	}
	append_part(&out, line.message);
	if (out.cut || datagram->cut) {
		reader->stats.cut++;
		out.len = text_cut_at(out.data, out.len, out.len);
	}
	reader->stats.replaced += out.replaced;
	record.text = out.data;
	record.len = out.len;
	return log_reader_emit(reader, &feed, &record);
}
