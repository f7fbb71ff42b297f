/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Subjects as people name them.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "ctl/ctl.h"

static int parse_number(const char *text, uint64_t *ret)
{
	unsigned long long value;
	char *end;

	/* strtoull takes signs and leading space: "-1" would be a huge number. */
	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	if (*end || errno)
		return -EINVAL;
	*ret = value;
	return 0;
}

static int parse_address(const char *text, enum subject_use use, struct ipc_subject *ret,
			 char *error)
{
	struct addr addr;
	uint8_t prefix;

	if (addr_parse_net(text, strlen(text), &addr) < 0) {
		(void)snprintf(error, ARGS_ERROR_MAX,
			       "\"%.64s\" is no numeric address (names are not looked up)", text);
		return -EINVAL;
	}
	if (addr.family == AF_INET ? addr.prefix != 32 : addr.prefix != 128 && addr.prefix != 64) {
		(void)snprintf(error, ARGS_ERROR_MAX,
			       "%.64s: one IPv4 address, one IPv6 address or an IPv6 /64, no other "
			       "net",
			       text);
		return -EINVAL;
	}
	prefix = addr.prefix;
	if (addr.family == AF_INET6 && use == SUBJECT_TO_LOCK)
		prefix = 64;
	addr = addr_mask(&addr, prefix);
	ret->kind = SUBJECT_ADDRESS;
	ret->family = addr.family;
	ret->prefix = prefix;
	memcpy(ret->addr, addr.bytes, sizeof(ret->addr));
	return 0;
}

static int parse_user(const char *name, struct ipc_subject *ret, char *error)
{
	const struct passwd *account;
	uint64_t uid;

	if (parse_number(name, &uid) == 0 && uid < UINT32_MAX) {
		ret->id = uid;
	} else {
		account = getpwnam(name);
		if (!account) {
			(void)snprintf(error, ARGS_ERROR_MAX, "there is no account \"%.64s\"",
				       name);
			return -ENOENT;
		}
		ret->id = account->pw_uid;
	}
	ret->kind = SUBJECT_USER;
	return 0;
}

int subject_parse(int words, char **word, enum subject_use use, struct ipc_subject *ret,
		  char error[ARGS_ERROR_MAX])
{
	struct ipc_subject subject = { .kind = SUBJECT_NONE };
	uint64_t id = 0;
	int r = 0;

	if (words == 1 && strcmp(word[0], "all") == 0) {
		*ret = subject;
		return 0;
	}
	if (words == 1) {
		r = parse_address(word[0], use, &subject, error);
	} else if (words == 2 && strcmp(word[0], "session") == 0) {
		subject.kind = SUBJECT_SESSION;
		r = parse_number(word[1], &id);
		subject.id = id;
		if (r < 0 || id == 0) {
			(void)snprintf(error, ARGS_ERROR_MAX,
				       "\"%.64s\" is no session number; bailiffctl sessions lists "
				       "them",
				       word[1]);
			return -EINVAL;
		}
	} else if (words == 2 && strcmp(word[0], "user") == 0) {
		r = parse_user(word[1], &subject, error);
	} else {
		(void)snprintf(error, ARGS_ERROR_MAX, "wanted: ADDRESS, session ID or user NAME");
		return -EINVAL;
	}
	if (r < 0)
		return r;
	*ret = subject;
	return 0;
}
