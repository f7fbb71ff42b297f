/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal's export form: fields NAME=value, or NAME, newline, 64-bit little-endian size, bytes,
 * newline; a blank line ends an entry. journald puts the fields that begin with _ there itself and
 * drops a client's own of that kind, so they, and only they, say where a record comes from.
 *
 * A value may hold anything, also what looks like the next entry. Once the reader lost its place,
 * it looks for the next entry's begin, but trusts nothing any more until it is restarted: what it
 * finds may be text inside somebody's message.
 */
#include "analyst/evidence/reader.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

#define NAME_MAX_LEN 64 /* journald's own limit */
#define VALUE_MAX (768ULL * 1024 * 1024) /* journald's limit for a field (DATA_SIZE_MAX) */
#define ENTRY_BEGIN "__CURSOR"

enum state {
	AT_NAME,
	AT_TEXT, /* value up to the newline */
	AT_SIZE,
	AT_BINARY, /* value of known size */
	AT_BINARY_END,
	AT_LOST, /* looking for a line that begins an entry */
};

struct value {
	uint32_t len;
	bool set, cut;
};

enum field {
	FIELD_MESSAGE,
	FIELD_HOST,
	FIELD_IDENT,
	FIELD_COMM,
	FIELD_SYSLOG_PID,
	FIELD_PID,
	FIELD_UID,
	FIELD_EXE,
	FIELD_UNIT,
	FIELD_TRANSPORT,
	FIELD_SAID,
	FIELD_RECEIVED,
	FIELD_MONOTONIC,
	FIELD_MAX,
};

struct journal {
	enum state state;
	bool doubted; /* place was lost: what follows may be somebody's text */
	uint32_t fields; /* of the entry under way */
	size_t name_len;
	char name[NAME_MAX_LEN];
	uint64_t left; /* bytes of a binary value to come */
	unsigned int size_len;
	uint8_t size[8];
	int field; /* whose value is being read, -1: of no interest */
	struct value value[FIELD_MAX];
	char message[EVIDENCE_LINE_MAX + 1];
	char host[256], ident[256], comm[64], syslog_pid[16], pid[16], uid[16], exe[128], unit[64];
	char transport[16], said[24], received[24], monotonic[24];
};

#define FIELD(name, member)                                                                   \
	{                                                                                     \
		name, offsetof(struct journal, member), sizeof(((struct journal *)0)->member) \
	}

static const struct field_info {
	const char *name;
	size_t offset;
	size_t size;
} infos[] = {
	[FIELD_MESSAGE] = FIELD("MESSAGE", message),
	[FIELD_HOST] = FIELD("_HOSTNAME", host),
	[FIELD_IDENT] = FIELD("SYSLOG_IDENTIFIER", ident),
	[FIELD_COMM] = FIELD("_COMM", comm),
	[FIELD_SYSLOG_PID] = FIELD("SYSLOG_PID", syslog_pid),
	[FIELD_PID] = FIELD("_PID", pid),
	[FIELD_UID] = FIELD("_UID", uid),
	[FIELD_EXE] = FIELD("_EXE", exe),
	[FIELD_UNIT] = FIELD("_SYSTEMD_UNIT", unit),
	[FIELD_TRANSPORT] = FIELD("_TRANSPORT", transport),
	[FIELD_SAID] = FIELD("_SOURCE_REALTIME_TIMESTAMP", said),
	[FIELD_RECEIVED] = FIELD("__REALTIME_TIMESTAMP", received),
	[FIELD_MONOTONIC] = FIELD("_SOURCE_MONOTONIC_TIMESTAMP", monotonic),
};
_Static_assert(ARRAY_SIZE(infos) == FIELD_MAX, "a name and a place for every field");

int journal_new(struct journal **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct journal *journal_free(struct journal *journal)
{
	free(journal);
	return NULL;
}

static void entry_clear(struct journal *j)
{
	j->fields = 0;
	memset(j->value, 0, sizeof(j->value));
}

static void journal_lost(struct log_reader *reader)
{
	struct journal *j = reader->journal;

	reader->stats.malformed++;
	entry_clear(j);
	j->doubted = true;
	j->state = AT_LOST;
	j->name_len = 0;
}

bool journal_restart(struct journal *j)
{
	bool under_way = j->fields || j->name_len || j->state != AT_NAME;

	entry_clear(j);
	j->state = AT_NAME;
	j->name_len = 0;
	j->doubted = false;
	return under_way;
}

static char *value_at(struct journal *j, enum field field)
{
	return (char *)j + infos[field].offset;
}

static void value_begin(struct journal *j)
{
	j->field = -1;
	for (int i = 0; i < FIELD_MAX; i++) {
		if (strlen(infos[i].name) == j->name_len &&
		    !memcmp(infos[i].name, j->name, j->name_len)) {
			/* Given twice, the first counts. */
			j->field = j->value[i].set ? -1 : i;
			break;
		}
	}
	if (j->field >= 0)
		j->value[j->field].set = true;
	j->fields++;
	j->name_len = 0;
}

static void value_add(struct journal *j, const char *bytes, size_t len)
{
	struct value *value;
	size_t room;

	if (j->field < 0)
		return;
	value = &j->value[j->field];
	room = infos[j->field].size - value->len;
	if (len > room) {
		len = room;
		value->cut = true;
	}
	memcpy(value_at(j, (enum field)j->field) + value->len, bytes, len);
	value->len += (uint32_t)len;
}

/* A value that did not fit is no number. */
static uint64_t value_number(struct journal *j, enum field field, uint64_t most)
{
	uint64_t number;

	if (!j->value[field].set || j->value[field].cut ||
	    text_number(value_at(j, field), j->value[field].len, most, &number) < 0)
		return 0;
	return number;
}

static bool value_is(struct journal *j, enum field field, const char *text)
{
	return j->value[field].len == strlen(text) &&
	       !memcmp(value_at(j, field), text, j->value[field].len);
}

/* A path or unit that is cut could be another's: then it is unknown. */
static void value_copy(struct journal *j, enum field field, char *to, size_t size)
{
	struct value *value = &j->value[field];

	to[0] = '\0';
	if (!value->cut && value->len < size)
		text_copy_len(to, size, value_at(j, field), value->len);
}

static void value_append(struct journal *j, enum field field, struct text_out *out)
{
	text_append(out, value_at(j, field), j->value[field].len);
}

static void origin_fill(struct journal *j, struct log_origin *ret)
{
	uint64_t uid = 0;

	if (j->doubted || value_is(j, FIELD_TRANSPORT, "kernel") ||
	    value_is(j, FIELD_TRANSPORT, "audit"))
		return;
	ret->pid = (uint32_t)value_number(j, FIELD_PID, INT32_MAX);
	ret->has_uid = !j->value[FIELD_UID].cut &&
		       text_number(j->uid, j->value[FIELD_UID].len, UINT32_MAX, &uid) == 0;
	if (!ret->pid || !ret->has_uid) {
		*ret = (struct log_origin){ 0 };
		return;
	}
	ret->trusted = true;
	ret->uid = (uint32_t)uid;
	value_copy(j, FIELD_EXE, ret->exe, sizeof(ret->exe));
	value_copy(j, FIELD_UNIT, ret->unit, sizeof(ret->unit));
}

/* HOST IDENT[PID]: MESSAGE, as a syslog file would have it. */
static void line_build(struct journal *j, struct text_out *out)
{
	enum field ident = j->value[FIELD_IDENT].len ? FIELD_IDENT : FIELD_COMM;
	enum field pid = j->value[FIELD_SYSLOG_PID].len ? FIELD_SYSLOG_PID : FIELD_PID;
	uint64_t monotonic_us;
	char text[40];

	if (j->value[FIELD_HOST].len) {
		value_append(j, FIELD_HOST, out);
		text_append(out, " ", 1);
	}
	if (j->value[ident].len) {
		value_append(j, ident, out);
		if (j->value[pid].len) {
			text_append(out, "[", 1);
			value_append(j, pid, out);
			text_append(out, "]", 1);
		}
		text_append(out, ": ", 2);
		if (value_is(j, ident, "kernel")) {
			monotonic_us = value_number(j, FIELD_MONOTONIC, UINT64_MAX);
			(void)snprintf(text, sizeof(text), "[%5llu.%06llu] ",
				       (unsigned long long)(monotonic_us / 1000000),
				       (unsigned long long)(monotonic_us % 1000000));
			text_append(out, text, strlen(text));
		}
	}
	value_append(j, FIELD_MESSAGE, out);
}

static int entry_emit(struct log_reader *reader, const struct feed *feed)
{
	struct journal *j = reader->journal;
	struct text_out out = { .data = reader->clean, .size = sizeof(reader->clean) };
	struct value *message = &j->value[FIELD_MESSAGE];
	struct log_record record = { 0 };

	if (message->len && !message->cut && j->message[message->len - 1] == '\r')
		message->len--;
	if (!message->len) {
		entry_clear(j);
		return 0;
	}
	line_build(j, &out);
	if (out.cut || message->cut) {
		reader->stats.cut++;
		out.len = text_cut_at(out.data, out.len, out.len);
	}
	reader->stats.replaced += out.replaced;
	record.text = out.data;
	record.len = out.len;
	record.said_wall_ns = value_number(j, FIELD_SAID, UINT64_MAX / 1000) * 1000;
	if (!record.said_wall_ns)
		record.said_wall_ns = value_number(j, FIELD_RECEIVED, UINT64_MAX / 1000) * 1000;
	origin_fill(j, &record.origin);
	entry_clear(j);
	return log_reader_emit(reader, feed, &record);
}

static bool name_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* One byte while a field's name is read. */
static int name_byte(struct log_reader *reader, char c, const struct feed *feed)
{
	struct journal *j = reader->journal;

	if (c == '=' && j->name_len) {
		value_begin(j);
		j->state = AT_TEXT;
	} else if (c == '\n' && j->name_len) {
		value_begin(j);
		j->size_len = 0;
		j->state = AT_SIZE;
	} else if (c == '\n') {
		return entry_emit(reader, feed);
	} else if (name_char(c) && j->name_len < sizeof(j->name)) {
		j->name[j->name_len++] = c;
	} else {
		journal_lost(reader);
		/* The line goes on: it is no begin. */
		j->name_len = sizeof(j->name);
	}
	return 0;
}

static void size_byte(struct log_reader *reader, char c)
{
	struct journal *j = reader->journal;
	uint64_t size;

	j->size[j->size_len++] = (uint8_t)c;
	if (j->size_len < sizeof(j->size))
		return;
	memcpy(&size, j->size, sizeof(size));
	j->left = le64toh(size);
	if (j->left > VALUE_MAX)
		journal_lost(reader);
	else
		j->state = j->left ? AT_BINARY : AT_BINARY_END;
}

static void lost_byte(struct journal *j, char c)
{
	const size_t len = strlen(ENTRY_BEGIN);

	if (c == '\n') {
		j->name_len = 0;
	} else if (c == '=' && j->name_len == len && !memcmp(j->name, ENTRY_BEGIN, len)) {
		j->name_len = 0;
		j->field = -1;
		j->fields = 1;
		j->state = AT_TEXT;
	} else if (j->name_len < len) {
		j->name[j->name_len++] = c;
	} else {
		j->name_len = sizeof(j->name);
	}
}

/* As much of a value as is there; returns the bytes taken. */
static size_t value_bytes(struct journal *j, const char *bytes, size_t len)
{
	const char *newline;
	size_t take;

	if (j->state == AT_BINARY) {
		take = len < j->left ? len : (size_t)j->left;
		value_add(j, bytes, take);
		j->left -= take;
		if (!j->left)
			j->state = AT_BINARY_END;
		return take;
	}
	newline = memchr(bytes, '\n', len);
	if (!newline) {
		value_add(j, bytes, len);
		return len;
	}
	value_add(j, bytes, (size_t)(newline - bytes));
	j->state = AT_NAME;
	return (size_t)(newline - bytes) + 1;
}

int journal_feed(struct log_reader *reader, const char *bytes, size_t len, const struct feed *feed)
{
	struct journal *j = reader->journal;
	size_t at = 0;
	int r;

	while (at < len) {
		switch (j->state) {
		case AT_NAME:
			r = name_byte(reader, bytes[at++], feed);
			if (r)
				return r;
			break;
		case AT_TEXT:
		case AT_BINARY:
			at += value_bytes(j, bytes + at, len - at);
			break;
		case AT_SIZE:
			size_byte(reader, bytes[at++]);
			break;
		case AT_BINARY_END:
			if (bytes[at++] == '\n')
				j->state = AT_NAME;
			else
				journal_lost(reader);
			break;
		case AT_LOST:
			lost_byte(j, bytes[at++]);
			break;
		}
	}
	return 0;
}
