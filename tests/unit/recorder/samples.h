/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages and a folder of its own for each test.
 */
#ifndef TESTS_RECORDER_SAMPLES_H
#define TESTS_RECORDER_SAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bailiff/control.h>
#include <bailiff/ipc.h>

#include "base/buf.h"
#include "base/clock.h"

/* 2026-11-25T01:02:03.000000004Z */
#define SAMPLE_WALL_NS (1795568523ULL * NSEC_PER_SEC + 4)

static inline struct ipc_subject sample_address(const char *text, uint8_t prefix)
{
	struct ipc_subject subject = { .kind = SUBJECT_ADDRESS, .prefix = prefix };

	subject.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(subject.family, text, subject.addr), 1);
	return subject;
}

static inline struct ipc_record sample_attempt(const char *address)
{
	struct ipc_record record = {
		.head = { .kind = IPC_RECORD, .len = sizeof(record) },
		.subject = sample_address(address, strchr(address, ':') ? 128 : 32),
		.kind = RECORD_ATTEMPT,
		.result = RESULT_FAILURE,
		.trust = TRUST_WITNESSED,
		.count = 1,
		.pid = 812,
		.peer_port = 40022,
		.local_port = 22,
		.service = "sshd",
		.source = "journal",
		.user = "root",
		.text = "the kernel saw process 812 serve this connection",
		.line = "sshd[812]: Failed password for root from 192.0.2.1 port 40022 ssh2",
	};

	return record;
}

static inline struct ipc_outcome sample_lockout(const char *address)
{
	struct ipc_outcome outcome = {
		.head = { .kind = IPC_OUTCOME, .len = sizeof(outcome) },
		.subject = sample_address(address, strchr(address, ':') ? 64 : 32),
		.action = ACTION_LOCK,
		.result = OUTCOME_APPLIED,
		.decision = 4,
		.rule = "ssh-guessing",
		.text = "5 failures in 10m",
	};

	return outcome;
}

struct folder {
	char path[64];
};

static inline int folder_make(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return -1;
	(void)snprintf(folder->path, sizeof(folder->path), "/tmp/bailiff-recorder-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	*state = folder;
	return 0;
}

static inline int folder_remove(void **state)
{
	struct folder *folder = *state;
	const struct dirent *entry;
	DIR *dir;

	(void)chmod(folder->path, 0700);
	dir = opendir(folder->path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)closedir(dir);
	(void)rmdir(folder->path);
	free(folder);
	return 0;
}

static inline char *folder_file(const struct folder *folder, const char *name, char path[128])
{
	(void)snprintf(path, 128, "%s/%s", folder->path, name);
	return path;
}

/* -1: not there. */
static inline long file_size(const struct folder *folder, const char *name)
{
	char path[128];
	struct stat st;

	return stat(folder_file(folder, name, path), &st) < 0 ? -1 : (long)st.st_size;
}

#define folder_test(function) cmocka_unit_test_setup_teardown(function, folder_make, folder_remove)

#endif
