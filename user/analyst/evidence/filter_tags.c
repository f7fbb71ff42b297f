/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tags of fail2ban's expressions. Addresses are matched loosely here and read strictly later
 * (addr_parse); names are never taken for addresses, so <HOST> is <ADDR>, as with usedns = no.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyst/evidence/filter_regex.h"
#include "base/cleanup.h"

#define IP4 "(?:::f{4,6}:)?(?P<ip4>[0-9]{1,3}(?:\\.[0-9]{1,3}){3})"
#define IP6 "(?P<ip6>(?:[0-9a-fA-F]{1,4}:{1,2}|:){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):))"
#define DNS "(?P<dns>[\\w\\-.^_]*\\w)"
#define ADDR "\\[?(?:" IP4 "|" IP6 ")\\]?"
#define CIDR "(?P<cidr>[0-9]{1,3})"
#define SUBNET "\\[?(?:" IP4 "|" IP6 ")(?:/" CIDR ")?\\]?"
#define SKIP "\\n(?P<skiplines%u>(?:.*\\n)*?)" /* as few whole lines as will do */

static const struct tag {
	const char *name;
	const char *text;
} tags[] = {
	{ "HOST", ADDR },
	{ "ADDR", ADDR },
	{ "F-ADDR/", ADDR },
	{ "IP4", IP4 },
	{ "F-IP4/", IP4 },
	{ "IP6", IP6 },
	{ "F-IP6/", IP6 },
	{ "DNS", DNS },
	{ "F-DNS/", DNS },
	{ "CIDR", CIDR },
	{ "F-CIDR/", CIDR },
	{ "SUBNET", SUBNET },
	{ "F-SUBNET/", SUBNET },
	{ "F-ID/", "(?P<fid>\\S+)" },
	{ "F-PORT/", "(?P<fport>\\w+)" },
};

#define OPEN_MAX 32
#define NAME_LEN_MAX 32 /* PCRE2's limit for a group's name */

struct open_tags {
	bool lines;
	unsigned int skips;
	char name[OPEN_MAX][NAME_LEN_MAX];
	bool open[OPEN_MAX];
	unsigned int count;
};

static bool *open_find(struct open_tags *tags_open, const char *name)
{
	for (unsigned int i = 0; i < tags_open->count; i++)
		if (!strcmp(tags_open->name[i], name))
			return &tags_open->open[i];
	if (tags_open->count == OPEN_MAX)
		return NULL;
	text_copy(tags_open->name[tags_open->count], NAME_LEN_MAX, name);
	return &tags_open->open[tags_open->count++];
}

/* <F-NAME> and </F-NAME>. 1: written, 0: it is no such tag. */
static int group_tag(struct open_tags *tags_open, const char *tag, size_t len, struct buf *out,
		     char error[REGEX_ERROR_MAX])
{
	bool close = len && tag[0] == '/';
	char name[NAME_LEN_MAX];
	size_t name_len = 0;
	bool *open;

	tag += close;
	len -= close;
	if (len < 3 || memcmp(tag, "F-", 2))
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (!isupper((unsigned char)tag[i]) && !isdigit((unsigned char)tag[i]) &&
		    tag[i] != '_')
			return 0;
		if (name_len == sizeof(name) - 1) {
			(void)snprintf(error, REGEX_ERROR_MAX, "name of <%.*s> is too long",
				       (int)len, tag);
			return -EINVAL;
		}
		name[name_len++] = (char)tolower((unsigned char)tag[i]);
	}
	name[name_len] = '\0';
	open = open_find(tags_open, name);
	if (!open) {
		(void)snprintf(error, REGEX_ERROR_MAX, "more than %d kinds of <F-...>", OPEN_MAX);
		return -EINVAL;
	}
	if (close) {
		if (!*open)
			return 0;
		*open = false;
		buf_putc(out, ')');
		return 1;
	}
	*open = true;
	buf_printf(out, "(?P<%s>",
		   !strcmp(name, "id")	   ? "fid"
		   : !strcmp(name, "port") ? "fport"
					   : name);
	return 1;
}

static int tag_write(struct open_tags *tags_open, const char *tag, size_t len, struct buf *out,
		     char error[REGEX_ERROR_MAX])
{
	if (len == strlen("SKIPLINES") && !memcmp(tag, "SKIPLINES", len)) {
		if (!tags_open->lines || tags_open->skips == REGEX_SKIPS_MAX) {
			(void)snprintf(error, REGEX_ERROR_MAX,
				       tags_open->lines ? "more than %d <SKIPLINES>"
							: "<SKIPLINES> needs maxlines above 1",
				       REGEX_SKIPS_MAX);
			return -EINVAL;
		}
		buf_printf(out, SKIP, tags_open->skips++);
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		if (strlen(tags[i].name) == len && !memcmp(tags[i].name, tag, len)) {
			buf_puts(out, tags[i].text);
			return 1;
		}
	}
	return group_tag(tags_open, tag, len, out, error);
}

int regex_tags(const char *text, bool lines, struct buf *out, char error[REGEX_ERROR_MAX])
{
	struct open_tags tags_open = { .lines = lines };
	int r;

	while (*text) {
		size_t len = strcspn(text, "<");
		const char *close;

		buf_add(out, text, len);
		text += len;
		if (!*text)
			break;
		len = strcspn(text + 1, "<> \t");
		close = text + 1 + len;
		r = 0;
		if (*close == '>') {
			r = tag_write(&tags_open, text + 1, len, out, error);
			if (r < 0)
				return r;
		}
		if (r) {
			text = close + 1;
		} else {
			buf_putc(out, '<');
			text++;
		}
	}
	for (unsigned int i = 0; i < tags_open.count; i++) {
		if (!tags_open.open[i])
			continue;
		(void)snprintf(error, REGEX_ERROR_MAX, "<F-...> of %s has no end",
			       tags_open.name[i]);
		return -EINVAL;
	}
	if (out->cut) {
		(void)snprintf(error, REGEX_ERROR_MAX, "longer than %d bytes", REGEX_MAX);
		return -E2BIG;
	}
	return 0;
}
