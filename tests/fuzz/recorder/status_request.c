/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A client of the status socket that sends arbitrary bytes. Whatever they are, it gets JSON objects
 * or an error, and its place is free again or it watches.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "recorder/check.h"
#include "recorder/status.h"

static struct loop *loop;
static struct store *store;
static struct status *status;
static char folder[] = "/tmp/bailiff-fuzz-XXXXXX";

static void clean_up(void)
{
	static const char *const names[] = { "", "-wal", "-shm" };
	char path[128];

	status = status_free(status);
	store = store_free(store);
	loop = loop_free(loop);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/" STORE_FILE "%s", folder, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct ipc_record record = {
		.kind = RECORD_ATTEMPT,
		.subject = { .kind = SUBJECT_SESSION, .id = 7 },
		.session = 7,
		.text = "text",
	};

	(void)argc;
	(void)argv;
	assert(mkdtemp(folder));
	assert(loop_new(&loop) == 0);
	assert(store_new(&store, folder, NULL) == 0);
	assert(store_open(store) == 0);
	assert(status_new(&status, loop, store) == 0);
	for (uint64_t i = 0; i < 40; i++)
		store_add_record(store, &record, 1000 + i);
	store_commit(store);
	(void)atexit(clean_up);
	return 0;
}

static int stop(struct loop_source *source, uint64_t now_boot_ns, void *arg)
{
	(void)now_boot_ns;
	(void)arg;
	(void)loop_remove(source);
	loop_stop(loop, 0);
	return 0;
}

static void turn(void)
{
	assert(loop_add_timer(loop, 1, 0, stop, NULL, NULL) == 0);
	assert(loop_run(loop) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json_doc doc;
	static char object[STATUS_JSON_MAX + 1];
	struct status_request request = { 0 };
	struct status_stats stats;
	const char *error = NULL;
	bool good, watch;
	size_t at;
	ssize_t n;
	int fd[2];

	if (size > 4096)
		return 0;
	good = check_request(data, size, &request, &error) == 0;
	assert(good == !error);
	watch = good && request.op == STATUS_WATCH;
	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0);
	status_connect(status, fd[0], clock_boot_ns());
	assert(send(fd[1], data, size, MSG_NOSIGNAL) == (ssize_t)size);
	turn();
	turn();
	while ((n = recv(fd[1], object, sizeof(object), MSG_DONTWAIT)) > 0) {
		assert(n <= STATUS_JSON_MAX);
		assert(json_parse(&doc, object, (size_t)n, &at) == 0);
		assert((json_member(&doc, 0, "error") >= 0) == !good);
	}
	status_stats(status, &stats);
	assert(stats.clients == (watch ? 1 : 0));
	assert(stats.watchers == (watch ? 1 : 0));
	close(fd[1]);
	turn();
	status_stats(status, &stats);
	assert(stats.clients == 0);
	return 0;
}
