/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of bailiffctl share: standard output and error caught in files, time in UTC.
 */
#ifndef TESTS_CTL_HELPERS_H
#define TESTS_CTL_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bailiff/control.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "ctl/ctl.h"

/* 2026-11-25T01:02:03Z */
#define HELPER_WALL_NS (1795568523ULL * NSEC_PER_SEC)

struct caught {
	int saved[2];
	FILE *file[2];
};

static inline void catch_begin(struct caught *caught)
{
	(void)fflush(stdout);
	(void)fflush(stderr);
	for (int i = 0; i < 2; i++) {
		caught->saved[i] = dup(STDOUT_FILENO + i);
		caught->file[i] = tmpfile();
		assert_non_null(caught->file[i]);
		assert_true(dup2(fileno(caught->file[i]), STDOUT_FILENO + i) >= 0);
	}
}

/* What was written meanwhile; out and err are 64 KiB. */
static inline void catch_end(struct caught *caught, char *out, char *err)
{
	char *to[2] = { out, err };

	(void)fflush(stdout);
	(void)fflush(stderr);
	for (int i = 0; i < 2; i++) {
		size_t n;

		assert_true(dup2(caught->saved[i], STDOUT_FILENO + i) >= 0);
		close(caught->saved[i]);
		rewind(caught->file[i]);
		n = fread(to[i], 1, 65535, caught->file[i]);
		to[i][n] = '\0';
		(void)fclose(caught->file[i]);
	}
}

static inline int utc(void **state)
{
	(void)state;
	return setenv("TZ", "UTC0", 1);
}

static inline struct ipc_subject address(const char *text, uint8_t prefix)
{
	struct ipc_subject subject = { .kind = SUBJECT_ADDRESS, .prefix = prefix };

	subject.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(subject.family, text, subject.addr), 1);
	return subject;
}

#endif
