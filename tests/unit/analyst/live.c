/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live process from outside: this test is bailiffd and the recorder. The process runs as it
 * does in earnest, without rights and within its sandbox (but under ASan, which cannot live in
 * one), on rings of ordinary memory.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyst/live/live.h"
#include "base/clock.h"
#include "fake_ring.h"
#include "privsep/privsep.h"
#include "story.h"

#define PEER "203.0.113.9"
#define OTHER "198.51.100.77"
#define WAIT_S 60 /* a slow machine under a sanitizer; usual is well below one second */

static const char filter_text[] = "[Definition]\n"
				  "failregex = ^\\s*\\S+ sshd\\[\\d+\\]: Failed password for "
				  "<F-USER>\\S+</F-USER> from <ADDR> port <F-PORT>\\d+</F-PORT>\n";
static const char rule_text[] = "[rule]\nid = test\nservice = sshd\nfailures = 3\nwindow = 10m\n"
				"subject = address\naction = lock\nlockout = 1h\n"
				"trust = witnessed\n";

struct scene {
	pid_t pid;
	struct channel *child;
	struct channel *records; /* the recorder's end */
	struct fake_ring urgent, events;
	char path[64];
	int log_fd;
	int notify_fd;
	struct ipc_ready ready;
	struct ipc_decision decision;
	struct ipc_heartbeat heartbeat;
	struct ipc_record source_record, exec_record;
	struct ipc_source_status status; /* of the source that said something last */
	struct ipc_filter_status slow; /* the filter that gave something up last */
	unsigned int floods; /* states BEHIND */
	unsigned int decisions, heartbeats, attempts, source_records, exec_records;
	int recording; /* read end, -1: none */
	char recorded[65536];
	char errors[4096];
};

static int on_ready(void *arg, const void *message, int fd)
{
	(void)fd;
	((struct scene *)arg)->ready = *(const struct ipc_ready *)message;
	return 0;
}

static int on_decision(void *arg, const void *message, int fd)
{
	struct scene *scene = arg;

	(void)fd;
	scene->decision = *(const struct ipc_decision *)message;
	scene->decisions++;
	return 0;
}

static int on_heartbeat(void *arg, const void *message, int fd)
{
	struct scene *scene = arg;

	(void)fd;
	scene->heartbeat = *(const struct ipc_heartbeat *)message;
	scene->heartbeats++;
	return 0;
}

static int on_source_status(void *arg, const void *message, int fd)
{
	struct scene *scene = arg;

	(void)fd;
	scene->status = *(const struct ipc_source_status *)message;
	scene->floods += scene->status.state == SOURCE_BEHIND;
	return 0;
}

static int on_filter_status(void *arg, const void *message, int fd)
{
	(void)fd;
	((struct scene *)arg)->slow = *(const struct ipc_filter_status *)message;
	return 0;
}

static int on_log(void *arg, const void *message, int fd)
{
	const struct ipc_log *log = message;
	struct scene *scene = arg;
	size_t used = strlen(scene->errors);

	(void)fd;
	(void)snprintf(scene->errors + used, sizeof(scene->errors) - used, "%s\n", log->text);
	return 0;
}

static int on_record(void *arg, const void *message, int fd)
{
	const struct ipc_record *record = message;
	struct scene *scene = arg;

	(void)fd;
	if (record->kind == RECORD_ATTEMPT)
		scene->attempts += record->count;
	if (record->kind == RECORD_SOURCE) {
		scene->source_records++;
		scene->source_record = *record;
	}
	if (record->kind == RECORD_EXEC) {
		scene->exec_records++;
		scene->exec_record = *record;
	}
	return 0;
}

static const struct channel_rule from_child[] = {
	{ IPC_READY, sizeof(struct ipc_ready), CHANNEL_ONCE, on_ready },
	{ IPC_DECISION, sizeof(struct ipc_decision), 0, on_decision },
	{ IPC_HEARTBEAT, sizeof(struct ipc_heartbeat), 0, on_heartbeat },
	{ IPC_SOURCE_STATUS, sizeof(struct ipc_source_status), 0, on_source_status },
	{ IPC_FILTER_STATUS, sizeof(struct ipc_filter_status), 0, on_filter_status },
	{ IPC_LOG, sizeof(struct ipc_log), 0, on_log },
	{ 0, 0, 0, NULL },
};

static const struct channel_rule from_child_records[] = {
	{ IPC_RECORD, sizeof(struct ipc_record), 0, on_record },
	{ 0, 0, 0, NULL },
};

/* ---- talking to it ---- */

static void say(struct scene *scene, uint32_t kind, void *message, size_t len, int fd)
{
	assert_int_equal(channel_send_wait(scene->child, kind, message, len, fd), 0);
}

static void say_plain(struct scene *scene, uint32_t kind, int fd)
{
	struct ipc_plain message = { .head = { 0 } };

	say(scene, kind, &message, sizeof(message), fd);
}

static int memory_with(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void say_file(struct scene *scene, uint32_t role, const char *name, const char *text)
{
	struct ipc_file file = { .role = role };
	int fd = memory_with(text);

	text_copy(file.name, sizeof(file.name), name);
	say(scene, IPC_FILE, &file, sizeof(file), fd);
	(void)close(fd);
}

static void say_ring(struct scene *scene, enum ipc_ring_which which, const struct fake_ring *ring)
{
	struct ipc_ring message = { .which = which, .size = FAKE_RING_SIZE };

	say(scene, IPC_RING, &message, sizeof(message), ring->fd);
}

static void say_peer(struct scene *scene)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	say_plain(scene, IPC_PEER, pair[1]);
	(void)close(pair[1]);
	channel_free(scene->records);
	assert_int_equal(
		channel_new(&scene->records, pair[0], "analyst", from_child_records, scene), 0);
}

static void say_setup_with(struct scene *scene, const char *filter)
{
	struct ipc_hello hello = { .version = IPC_VERSION,
				   .boot_to_wall_ns = (uint64_t)clock_boot_to_wall_ns() };
	struct ipc_exempt exempt = {
		.family = AF_INET, .prefix = 8, .why = EXEMPT_LOOPBACK, .addr = { 127 }
	};
	struct ipc_service sshd = {
		.id = STORY_SSHD, .max_tries = 6, .ports = { 22 }, .sensed = 1, .name = "sshd"
	};
	struct ipc_connections connections = { .complete = 1 };
	struct ipc_source source = {
		.id = 1, .kind = IPC_SOURCE_FILE, .filters = 1, .filter = { "sshd" }
	};

	say(scene, IPC_HELLO, &hello, sizeof(hello), -1);
	say(scene, IPC_EXEMPT, &exempt, sizeof(exempt), -1);
	say(scene, IPC_SERVICE, &sshd, sizeof(sshd), -1);
	say(scene, IPC_CONNECTIONS, &connections, sizeof(connections), -1);
	say_file(scene, IPC_FILE_FILTER, "sshd.conf", filter);
	say_file(scene, IPC_FILE_RULE, "/rules.d/test.conf", rule_text);
	text_copy(source.path, sizeof(source.path), scene->path);
	say(scene, IPC_SOURCE, &source, sizeof(source), scene->log_fd);
	say_ring(scene, IPC_RING_URGENT, &scene->urgent);
	say_ring(scene, IPC_RING_EVENTS, &scene->events);
	say_plain(scene, IPC_NOTIFY, scene->notify_fd);
	say_peer(scene);
	say_plain(scene, IPC_START, -1);
}

static void say_setup(struct scene *scene)
{
	say_setup_with(scene, filter_text);
}

/* Receives until done() or WAIT_S have passed; whether it was done. */
static bool await(struct scene *scene, bool (*done)(const struct scene *scene))
{
	uint64_t until_ns = clock_boot_ns() + WAIT_S * NSEC_PER_SEC;

	while (!done(scene)) {
		struct pollfd p[2] = {
			{ .fd = channel_fd(scene->child), .events = POLLIN },
			{ .fd = scene->records ? channel_fd(scene->records) : -1,
			  .events = POLLIN },
		};

		if (clock_boot_ns() > until_ns) {
			print_message("# log of the process:\n%s# source %u: %s, %llu records, "
				      "%llu bytes, %llu behind\n",
				      scene->errors, scene->status.state, scene->status.text,
				      (unsigned long long)scene->status.records,
				      (unsigned long long)scene->status.bytes,
				      (unsigned long long)scene->status.behind);
			return false;
		}
		(void)poll(p, 2, 200);
		if (p[0].revents && channel_receive(scene->child) != CHANNEL_IDLE)
			return done(scene);
		if (p[1].revents && channel_receive(scene->records) != CHANNEL_IDLE)
			scene->records = channel_free(scene->records);
	}
	return true;
}

static bool is_ready(const struct scene *scene)
{
	return scene->ready.head.kind == IPC_READY;
}

static bool has_decided(const struct scene *scene)
{
	return scene->decisions > 0;
}

static bool has_three_tries(const struct scene *scene)
{
	return scene->attempts >= 3;
}

/* await ends by itself once the channel is closed. */
static bool never(const struct scene *scene)
{
	(void)scene;
	return false;
}

/* ---- what happens ---- */

static void fails(struct scene *scene, uint32_t pid, const char *peer, uint16_t port)
{
	uint64_t now_ns = clock_boot_ns();
	union bl_event e;

	story_connection(&e, peer, port, BL_CONNECTION_OPEN, now_ns);
	fake_ring_put(&scene->urgent, &e, e.head.len, 0);
	story_session_process(&e, pid, peer, port, now_ns + 1);
	fake_ring_put(&scene->urgent, &e, e.head.len, 0);
	story_preauth(&e, pid + 1, pid, peer, port, now_ns + 2);
	fake_ring_put(&scene->urgent, &e, e.head.len, 0);
	story_exit(&e, pid + 1, pid, BL_ROLE_PREAUTH, 255, now_ns + 3);
	fake_ring_put(&scene->urgent, &e, e.head.len, 0);
	story_exit(&e, pid, 500, BL_ROLE_SESSION, 5, now_ns + 4);
	fake_ring_put(&scene->urgent, &e, e.head.len, 0);
}

static void log_failure(int fd, uint32_t pid, const char *peer, uint16_t port)
{
	char line[256];
	int len = snprintf(line, sizeof(line),
			   "2026-11-25T10:00:00+00:00 host sshd[%u]: Failed password for root from "
			   "%s port %u ssh2\n",
			   pid, peer, port);

	assert_int_equal(write(fd, line, (size_t)len), len);
}

static int run_child(int fd)
{
	char name[] = "bailiff-analyst", option[] = "--user", nobody[] = "64999";
	char *argv[] = { name, option, nobody, NULL };

	/* cmocka's own handler would go on with the tests in here. */
	(void)signal(SIGSEGV, SIG_DFL);
	if (dup2(fd, PRIVSEP_FD) != PRIVSEP_FD || close_range(PRIVSEP_FD + 1, ~0U, 0) < 0)
		return 99;
	return live_main(geteuid() ? 1 : 3, argv);
}

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	int pair[2];

	assert_non_null(scene);
	scene->recording = -1;
	(void)snprintf(scene->path, sizeof(scene->path), "/tmp/bailiff-live-XXXXXX");
	scene->log_fd = mkstemp(scene->path);
	assert_true(scene->log_fd >= 0);
	scene->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	assert_true(inotify_add_watch(scene->notify_fd, scene->path, IN_MODIFY) >= 0);
	fake_ring_open(&scene->urgent);
	fake_ring_open(&scene->events);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	scene->pid = fork();
	if (!scene->pid)
		_exit(run_child(pair[1]));
	assert_true(scene->pid > 0);
	(void)close(pair[1]);
	assert_int_equal(channel_new(&scene->child, pair[0], "analyst", from_child, scene), 0);
	*state = scene;
	return 0;
}

/* Exit status; it ends by itself when its channel closes. */
static int finish(struct scene *scene)
{
	int status = -1;

	scene->child = channel_free(scene->child);
	assert_int_equal(waitpid(scene->pid, &status, 0), scene->pid);
	scene->pid = 0;
	if (WIFSIGNALED(status))
		print_message("# ended by signal %d\n%s", WTERMSIG(status), scene->errors);
	return status;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	if (scene->pid) {
		(void)kill(scene->pid, SIGKILL);
		(void)waitpid(scene->pid, NULL, 0);
	}
	channel_free(scene->child);
	channel_free(scene->records);
	fake_ring_close(&scene->urgent);
	fake_ring_close(&scene->events);
	(void)close(scene->log_fd);
	(void)close(scene->notify_fd);
	if (scene->recording >= 0)
		(void)close(scene->recording);
	(void)unlink(scene->path);
	free(scene);
	return 0;
}

/* ---- tests ---- */

static void guessing_leads_to_a_decision(void **state)
{
	struct scene *scene = *state;

	say_setup(scene);
	assert_true(await(scene, is_ready));
	assert_int_equal(scene->ready.filters, 1);
	assert_int_equal(scene->ready.expressions, 1);
	assert_int_equal(scene->ready.rules, 1);
	assert_int_equal(scene->ready.refused, 0);
	for (uint16_t i = 0; i < 2; i++)
		fails(scene, 700 + 10U * i, PEER, (uint16_t)(4000 + i));
	/* A line about the third connection tells of the same try. */
	log_failure(scene->log_fd, 720, PEER, 4002);
	fails(scene, 720, PEER, 4002);
	assert_true(await(scene, has_decided));
	assert_int_equal(scene->decision.subject.kind, SUBJECT_ADDRESS);
	assert_int_equal(scene->decision.subject.addr[0], 203);
	assert_int_equal(scene->decision.action, ACTION_LOCK);
	assert_int_equal(scene->decision.seconds, 3600);
	assert_int_equal(scene->decision.trust, TRUST_WITNESSED);
	assert_string_equal(scene->decision.rule, "test");
	assert_true(await(scene, has_three_tries));
	assert_int_equal(finish(scene), 0);
}

static bool has_greeted_recorder(const struct scene *scene)
{
	return strstr(scene->errors, "0 addresses are remembered") != NULL;
}

static bool has_read_lines(const struct scene *scene)
{
	return scene->heartbeat.records >= 4 && scene->heartbeat.events >= 1;
}

/* The writer goes on in the old file for a while; nothing of either file may be lost. */
static void rotation_loses_no_line(void **state)
{
	struct scene *scene = *state;
	struct ipc_source_fd message = { .id = 1, .how = IPC_ROTATED_RENAMED };
	int next = memory_with("");
	union bl_event e;

	say_setup(scene);
	assert_true(await(scene, is_ready));
	log_failure(scene->log_fd, 700, OTHER, 4000);
	say(scene, IPC_SOURCE_FD, &message, sizeof(message), next);
	log_failure(next, 701, OTHER, 4001);
	log_failure(scene->log_fd, 702, OTHER, 4002);
	/* Without an end, and never to get one. */
	assert_int_equal(write(scene->log_fd, "a last word", 11), 11);
	log_failure(next, 703, OTHER, 4003);
	story_head(&e, BL_EVENT_FORK, sizeof(e.fork), clock_boot_ns());
	story_task(&e.fork.task, 71, 70);
	fake_ring_put(&scene->events, &e, e.head.len, 0);
	assert_true(await(scene, has_read_lines));
	/* Lines without a witness lock nobody out. */
	assert_int_equal(scene->decisions, 0);
	assert_int_equal(finish(scene), 0);
	(void)close(next);
}

#define MUCH ((size_t)32 * 1024 * 1024)

static bool has_seen_much(const struct scene *scene)
{
	return scene->status.rotations == 3 &&
	       scene->status.bytes + scene->status.skipped + scene->status.behind >= MUCH + 2 &&
	       !scene->status.behind;
}

/* Rotated again and again before it could be read: what is left of the oldest is let go, and
 * counted. */
static void what_rotations_leave_unread_is_counted(void **state)
{
	struct scene *scene = *state;
	struct ipc_source_fd message = { .id = 1, .how = IPC_ROTATED_RENAMED };
	int much = memory_with(""), next[2] = { memory_with("a\n"), memory_with("b\n") };
	char text[4096];

	memset(text, '\n', sizeof(text));
	for (size_t i = 0; i < MUCH; i += sizeof(text))
		assert_int_equal(write(much, text, sizeof(text)), sizeof(text));
	say_setup(scene);
	assert_true(await(scene, is_ready));
	say(scene, IPC_SOURCE_FD, &message, sizeof(message), much);
	for (int i = 0; i < 2; i++) {
		message.gaps = (uint32_t)i + 1;
		say(scene, IPC_SOURCE_FD, &message, sizeof(message), next[i]);
	}
	assert_true(await(scene, has_seen_much));
	assert_int_equal(scene->status.bytes + scene->status.skipped, MUCH + 4);
	assert_int_equal(scene->status.records, 2);
	assert_int_equal(scene->status.gaps, 3);
	assert_non_null(strstr(scene->errors, "lines may be missing"));
	assert_int_equal(finish(scene), 0);
	(void)close(much);
	(void)close(next[0]);
	(void)close(next[1]);
}

static const char slow_filter[] = "[Definition]\nfailregex = ^(?:(?:a+)+)+ from <ADDR>$\n";

static bool has_given_up_three(const struct scene *scene)
{
	return scene->slow.limits == 3;
}

static void slow_filter_is_named(void **state)
{
	static const char line[] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa from nobody\n";
	struct scene *scene = *state;

	say_setup_with(scene, slow_filter);
	assert_true(await(scene, is_ready));
	for (int i = 0; i < 3; i++)
		assert_int_equal(write(scene->log_fd, line, sizeof(line) - 1), sizeof(line) - 1);
	assert_true(await(scene, has_given_up_three));
	assert_string_equal(scene->slow.filter, "sshd");
	assert_string_equal(scene->slow.file, "sshd.conf");
	assert_int_equal(scene->slow.line, 2);
	assert_int_equal(finish(scene), 0);
}

static bool has_read_two(const struct scene *scene)
{
	return scene->heartbeat.records >= 2;
}

static bool has_read_three(const struct scene *scene)
{
	return scene->heartbeat.records >= 3;
}

/* Lines that were there before it started are of the age that they say; later ones are of now. */
static void old_lines_do_not_count(void **state)
{
	struct scene *scene = *state;
	static const char old[] =
		"2020-01-01T00:00:00Z host sshd[700]: Failed password for root from " OTHER
		" port 4000 ssh2\n";
	static const char undated[] =
		" host sshd[701]: Failed password for root from " OTHER " port 4001 ssh2\n";

	assert_int_equal(write(scene->log_fd, old, strlen(old)), strlen(old));
	assert_int_equal(write(scene->log_fd, undated, strlen(undated)), strlen(undated));
	say_setup(scene);
	assert_true(await(scene, is_ready));
	assert_true(await(scene, has_read_two));
	assert_int_equal(write(scene->log_fd, old, strlen(old)), strlen(old));
	assert_true(await(scene, has_read_three));
	assert_int_equal(scene->heartbeat.stale, 2);
	assert_int_equal(scene->heartbeat.claims, 1);
	assert_int_equal(finish(scene), 0);
}

static bool has_seen_canary(const struct scene *scene)
{
	return scene->heartbeat.canary == 4711;
}

static void canary_is_named(void **state)
{
	struct scene *scene = *state;
	struct ipc_canary canary = { .pid = 4711 };
	union bl_event e;

	say_setup(scene);
	assert_true(await(scene, is_ready));
	story_head(&e, BL_EVENT_EXEC, BL_EXEC_SMALL_LEN, clock_boot_ns());
	story_task(&e.exec.task, 4711, 1);
	fake_ring_put(&scene->events, &e, e.head.len, 0);
	say(scene, IPC_CANARY, &canary, sizeof(canary), -1);
	assert_true(await(scene, has_seen_canary));
	assert_int_equal(finish(scene), 0);
}

static bool has_told_of_pipe(const struct scene *scene)
{
	return scene->source_records > 0;
}

static bool has_four_records(const struct scene *scene)
{
	return scene->heartbeat.records == 4;
}

static bool has_told_of_garbage(const struct scene *scene)
{
	return strstr(scene->source_record.text, "malformed") != NULL;
}

static void journal_end_is_told(void **state)
{
	struct scene *scene = *state;
	struct ipc_hello hello = { .version = IPC_VERSION };
	struct ipc_source source = {
		.id = 1, .kind = IPC_SOURCE_JOURNAL, .filters = 1, .filter = { "sshd" }
	};
	struct ipc_source_fd again = { .id = 1, .how = IPC_ROTATED_RESTARTED };
	/* A binary field of an impossible length. */
	static const char garbage[] = "MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff";
	int pipes[2][2];

	assert_int_equal(pipe(pipes[0]), 0);
	assert_int_equal(pipe(pipes[1]), 0);
	say(scene, IPC_HELLO, &hello, sizeof(hello), -1);
	say_file(scene, IPC_FILE_FILTER, "sshd.conf", filter_text);
	say(scene, IPC_SOURCE, &source, sizeof(source), pipes[0][0]);
	say_peer(scene);
	say_plain(scene, IPC_START, -1);
	assert_true(await(scene, is_ready));
	(void)close(pipes[0][1]);
	assert_true(await(scene, has_told_of_pipe));
	assert_string_equal(scene->source_record.source, "journal");
	assert_non_null(strstr(scene->source_record.text, "ended"));
	say(scene, IPC_SOURCE_FD, &again, sizeof(again), pipes[1][0]);
	for (int i = 0; i < 4; i++)
		dprintf(pipes[1][1], "__REALTIME_TIMESTAMP=1795568523000000\nMESSAGE=hello %d\n\n",
			i);
	assert_true(await(scene, has_four_records));
	assert_int_equal(write(pipes[1][1], garbage, sizeof(garbage)), sizeof(garbage));
	assert_true(await(scene, has_told_of_garbage));
	assert_int_equal(finish(scene), 0);
	(void)close(pipes[0][0]);
	(void)close(pipes[1][0]);
	(void)close(pipes[1][1]);
}

/* The recorder dies and comes back; decisions go on meanwhile. */
static void recorder_comes_and_goes(void **state)
{
	struct scene *scene = *state;
	struct ipc_plain end = { .head = { 0 } };

	say_setup(scene);
	assert_true(await(scene, is_ready));
	scene->records = channel_free(scene->records);
	for (uint16_t i = 0; i < 3; i++)
		fails(scene, 700 + 10U * i, PEER, (uint16_t)(4000 + i));
	assert_true(await(scene, has_decided));
	say_peer(scene);
	assert_int_equal(channel_send_wait(scene->records, IPC_HISTORY_END, &end, sizeof(end), -1),
			 0);
	assert_true(await(scene, has_greeted_recorder));
	for (uint16_t i = 0; i < 3; i++)
		fails(scene, 800 + 10U * i, OTHER, (uint16_t)(4000 + i));
	assert_true(await(scene, has_three_tries));
	assert_int_equal(finish(scene), 0);
}

static bool has_history(const struct scene *scene)
{
	return strstr(scene->errors, "1 addresses are remembered") != NULL;
}

/* Locked out before: this time it is longer, if the rule says so. Garbage ends that channel
 * only. */
static void recorder_is_not_trusted(void **state)
{
	struct scene *scene = *state;
	struct ipc_history history = { .subject = { .kind = SUBJECT_ADDRESS,
						    .family = AF_INET,
						    .prefix = 32,
						    .addr = { 203, 0, 113, 9 } },
				       .lockouts = 1 };
	struct ipc_plain end = { .head = { 0 } };
	struct ipc_decision forged = { .action = ACTION_RELEASE };

	say_setup(scene);
	assert_int_equal(
		channel_send_wait(scene->records, IPC_HISTORY, &history, sizeof(history), -1), 0);
	assert_int_equal(channel_send_wait(scene->records, IPC_HISTORY_END, &end, sizeof(end), -1),
			 0);
	assert_true(await(scene, has_history));
	assert_int_equal(
		channel_send_wait(scene->records, IPC_DECISION, &forged, sizeof(forged), -1), 0);
	for (uint16_t i = 0; i < 3; i++)
		fails(scene, 700 + 10U * i, PEER, (uint16_t)(4000 + i));
	assert_true(await(scene, has_decided));
	assert_non_null(strstr(scene->errors, "which it may not send"));
	assert_int_equal(finish(scene), 0);
}

/* ---- how sources do ---- */

/* As a program that logs: its place in the file is not the reader's. */
static int open_as_writer(const struct scene *scene)
{
	int fd = open(scene->path, O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool has_status_of_all(const struct scene *scene)
{
	return scene->status.records >= 3 && scene->status.rotations == 1;
}

/* A line of 1 MiB, one of NULs, copytruncate in the middle of a line: the next ones are read, and
 * what was lost is counted. */
static void odd_lines_are_counted(void **state)
{
	struct scene *scene = *state;
	char *long_line = malloc(1024 * 1024);
	int fd = open_as_writer(scene);

	assert_non_null(long_line);
	say_setup(scene);
	assert_true(await(scene, is_ready));
	memset(long_line, 'x', 1024 * 1024);
	assert_int_equal(write(fd, long_line, 1024 * 1024), 1024 * 1024);
	memset(long_line, 0, 4096);
	long_line[0] = long_line[4095] = '\n';
	assert_int_equal(write(fd, long_line, 4096), 4096);
	free(long_line);
	assert_int_equal(write(fd, "half a li", 9), 9);
	while (scene->status.bytes < 1024 * 1024 + 4096 + 9)
		assert_int_equal(channel_receive(scene->child) == CHANNEL_CLOSED, 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	log_failure(fd, 700, OTHER, 4000);
	assert_true(await(scene, has_status_of_all));
	assert_int_equal(scene->status.id, 1);
	assert_int_equal(scene->status.kind, IPC_SOURCE_FILE);
	assert_int_equal(scene->status.records, 3);
	/* The first; the NULs, each of which became three bytes; the one that was truncated
	 * away. */
	assert_int_equal(scene->status.cut, 3);
	assert_int_equal(scene->status.replaced, 1);
	assert_string_equal(scene->status.path, scene->path);
	assert_int_equal(finish(scene), 0);
	(void)close(fd);
}

static bool is_gone(const struct scene *scene)
{
	return scene->status.state == SOURCE_VANISHED;
}

static bool has_told_twice(const struct scene *scene)
{
	return scene->source_records >= 2;
}

/* What only bailiffd sees, told once; and that it is over. */
static void vanished_file_is_told(void **state)
{
	struct scene *scene = *state;
	struct ipc_source_state_change gone = { .id = 1, .state = SOURCE_VANISHED };
	struct ipc_source_state_change back = { .id = 1, .state = SOURCE_OK };

	say_setup(scene);
	assert_true(await(scene, is_ready));
	text_copy(gone.text, sizeof(gone.text), "there is no such file (yet)");
	say(scene, IPC_SOURCE_STATE, &gone, sizeof(gone), -1);
	assert_true(await(scene, is_gone));
	assert_true(await(scene, has_told_of_pipe));
	assert_non_null(strstr(scene->source_record.text, "has vanished: there is no such file"));
	say(scene, IPC_SOURCE_STATE, &gone, sizeof(gone), -1);
	say(scene, IPC_SOURCE_STATE, &back, sizeof(back), -1);
	assert_true(await(scene, has_told_twice));
	assert_non_null(strstr(scene->source_record.text, "is read again"));
	assert_int_equal(scene->source_records, 2);
	assert_int_equal(finish(scene), 0);
}

static void say_socket_setup(struct scene *scene, int *ret_to)
{
	struct ipc_hello hello = { .version = IPC_VERSION,
				   .boot_to_wall_ns = (uint64_t)clock_boot_to_wall_ns() };
	struct ipc_source source = {
		.id = 1, .kind = IPC_SOURCE_SYSLOG, .filters = 1, .filter = { "sshd" }
	};
	int one = 1, pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)), 0);
	say(scene, IPC_HELLO, &hello, sizeof(hello), -1);
	say_file(scene, IPC_FILE_FILTER, "sshd.conf", filter_text);
	text_copy(source.path, sizeof(source.path), "/run/bailiff/log");
	say(scene, IPC_SOURCE, &source, sizeof(source), pair[0]);
	say_peer(scene);
	say_plain(scene, IPC_START, -1);
	(void)close(pair[0]);
	*ret_to = pair[1];
}

static bool has_three_datagrams(const struct scene *scene)
{
	return scene->status.records == 3;
}

static bool has_claim(const struct scene *scene)
{
	return scene->heartbeat.claims == 1;
}

/* In the sandbox; a datagram that is none is counted, and its text still is a record. */
static void datagrams_are_read(void **state)
{
	struct scene *scene = *state;
	static const char failed[] = "<86>Nov 25 01:02:03 sshd[700]: Failed password for root from "
				     "203.0.113.9 port 4000 ssh2";
	char much[32768];
	int to;

	say_socket_setup(scene, &to);
	assert_true(await(scene, is_ready));
	assert_int_equal(send(to, failed, strlen(failed), 0), strlen(failed));
	assert_int_equal(send(to, "none", 4, 0), 4);
	memset(much, 'y', sizeof(much));
	memcpy(much, "<13>", 4);
	assert_int_equal(send(to, much, sizeof(much), 0), sizeof(much));
	assert_true(await(scene, has_three_datagrams));
	assert_int_equal(scene->status.malformed, 1);
	assert_int_equal(scene->status.cut, 1);
	assert_int_equal(scene->status.state, SOURCE_OK);
	assert_true(await(scene, has_claim));
	assert_int_equal(finish(scene), 0);
	(void)close(to);
}

/*
 * A log that grows by 24 MiB as fast as it can be written (200 MB/s on most machines). Meanwhile
 * an attack that the kernel alone tells of is noticed; afterwards every line has been read.
 */
#define FLOOD_BYTES (24ULL * 1024 * 1024)

static bool has_read_flood(const struct scene *scene)
{
	return scene->status.bytes >= FLOOD_BYTES && !scene->status.behind;
}

static void flood_holds_up_nothing(void **state)
{
	struct scene *scene = *state;
	static const char line[] = "2026-11-25T10:00:00+00:00 host sshd[1]: Failed password for x "
				   "from 198.51.100.77 port 4 ssh2 \n";
	const size_t len = strlen(line), size = 1024 * len;
	char *block = malloc(size);
	int fd = open_as_writer(scene);
	uint64_t written = 0, begin_ns, decided_ns;

	assert_non_null(block);
	for (size_t i = 0; i < size; i += len)
		memcpy(block + i, line, len);
	say_setup(scene);
	assert_true(await(scene, is_ready));
	for (; written < FLOOD_BYTES; written += size)
		assert_int_equal(write(fd, block, size), size);
	free(block);
	begin_ns = clock_boot_ns();
	for (uint16_t i = 0; i < 3; i++)
		fails(scene, 700 + 10U * i, PEER, (uint16_t)(4000 + i));
	assert_true(await(scene, has_decided));
	decided_ns = clock_boot_ns() - begin_ns;
	/* Before the flood was through, if it was slower than its writer at all. */
	if (scene->status.bytes < written)
		print_message("# decided after %llu ms, %llu MiB of the flood were still unread\n",
			      (unsigned long long)(decided_ns / NSEC_PER_MSEC),
			      (unsigned long long)((written - scene->status.bytes) >> 20));
	assert_true(decided_ns < 5 * NSEC_PER_SEC);
	assert_true(await(scene, has_read_flood));
	assert_int_equal(scene->status.records, written / len);
	assert_int_equal(scene->status.skipped, 0);
	/* Still busy with what it holds of the flood, it may find the channel closed as it
	 * speaks. */
	assert_true(WIFEXITED(finish(scene)));
	(void)close(fd);
}

/* Each of these ends the process with an error, and with a sentence why. */
static void wrong_set_up(void **state)
{
	struct scene *scene = *state;
	struct ipc_hello hello = { .version = IPC_VERSION + 1 };
	int status;

	say(scene, IPC_HELLO, &hello, sizeof(hello), -1);
	(void)await(scene, never);
	assert_non_null(strstr(scene->errors, "version"));
	status = finish(scene);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void out_of_order(void **state)
{
	struct scene *scene = *state;
	struct ipc_service sshd = { .id = 1, .name = "sshd" };
	int status;

	say(scene, IPC_SERVICE, &sshd, sizeof(sshd), -1);
	(void)await(scene, never);
	assert_non_null(strstr(scene->errors, "out of order"));
	status = finish(scene);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void bad_rule_is_told(void **state)
{
	struct scene *scene = *state;
	struct ipc_hello hello = { .version = IPC_VERSION };

	say(scene, IPC_HELLO, &hello, sizeof(hello), -1);
	say_file(scene, IPC_FILE_RULE, "/rules.d/bad.conf", "[rule]\nid = x\nwindow = soon\n");
	say_plain(scene, IPC_START, -1);
	assert_true(await(scene, is_ready));
	assert_int_equal(scene->ready.refused, 1);
	assert_int_equal(scene->ready.rules, 0);
	assert_non_null(strstr(scene->errors, "/rules.d/bad.conf:3:"));
	assert_int_equal(finish(scene), 0);
}

/* ---- recordings and watchers ---- */

static void read_recording(struct scene *scene)
{
	struct pollfd p = { .fd = scene->recording, .events = POLLIN };
	size_t used = strlen(scene->recorded);
	ssize_t n;

	(void)poll(&p, 1, 200);
	n = read(scene->recording, scene->recorded + used, sizeof(scene->recorded) - 1 - used);
	assert_int_not_equal(n, 0);
	scene->recorded[used + (n > 0 ? (size_t)n : 0)] = '\0';
}

static void fork_event(struct scene *scene, uint32_t pid)
{
	union bl_event e;

	story_head(&e, BL_EVENT_FORK, sizeof(e.fork), clock_boot_ns());
	story_task(&e.fork.task, pid, 1);
	fake_ring_put(&scene->events, &e, e.head.len, 0);
}

/* Returns once it is being written, and nothing of before stands in it. */
static void say_tap(struct scene *scene)
{
	uint64_t until_ns = clock_boot_ns() + WAIT_S * NSEC_PER_SEC;
	int end[2];

	assert_int_equal(pipe2(end, O_CLOEXEC | O_NONBLOCK), 0);
	say_plain(scene, IPC_TAP, end[1]);
	(void)close(end[1]);
	if (scene->recording >= 0)
		(void)close(scene->recording);
	scene->recording = end[0];
	scene->recorded[0] = '\0';
	while (!scene->recorded[0] && clock_boot_ns() < until_ns) {
		fork_event(scene, 4001);
		read_recording(scene);
	}
	fork_event(scene, 4002);
	while (!strstr(scene->recorded, "\"pid\":4002") && clock_boot_ns() < until_ns)
		read_recording(scene);
	assert_non_null(strstr(scene->recorded, "\"pid\":4002"));
	scene->recorded[0] = '\0';
}

static unsigned int count_of(const char *text, const char *part)
{
	unsigned int count = 0;

	for (; (text = strstr(text, part)); text++)
		count++;
	return count;
}

static void await_lines(struct scene *scene, unsigned int lines)
{
	uint64_t until_ns = clock_boot_ns() + WAIT_S * NSEC_PER_SEC;

	while (count_of(scene->recorded, "\n") < lines && clock_boot_ns() < until_ns)
		read_recording(scene);
	assert_int_equal(count_of(scene->recorded, "\n"), lines);
}

/* Every event as a line, in its sandbox; the next recording takes the place of the first. */
static void events_are_recorded(void **state)
{
	struct scene *scene = *state;
	ssize_t n;
	char byte;
	int first;

	say_setup(scene);
	assert_true(await(scene, is_ready));
	say_tap(scene);
	fails(scene, 700, PEER, 4000);
	await_lines(scene, 5);
	assert_int_equal(count_of(scene->recorded, "\"type\":\"connection\""), 1);
	assert_int_equal(count_of(scene->recorded, "\"type\":\"exec\""), 2);
	assert_int_equal(count_of(scene->recorded, "\"type\":\"exit\""), 2);
	assert_int_equal(count_of(scene->recorded, "\"service\":\"sshd\""), 4);
	assert_int_equal(count_of(scene->recorded, "\"lost\""), 0);
	first = dup(scene->recording);
	say_tap(scene);
	fails(scene, 710, PEER, 4001);
	await_lines(scene, 5);
	/* What it got before the other one began, then the end. */
	do {
		n = read(first, &byte, 1);
	} while (n == 1);
	assert_int_equal(n, 0);
	(void)close(first);
	/* A reader that goes does no harm. */
	(void)close(scene->recording);
	scene->recording = -1;
	fails(scene, 720, PEER, 4002);
	assert_true(await(scene, has_decided));
	assert_non_null(strstr(scene->errors, "a recording has ended after"));
	assert_int_equal(finish(scene), 0);
}

/* One that could hold up the process is a mistake of bailiffd's. */
static void blocking_recording(void **state)
{
	struct scene *scene = *state;
	int end[2], status;

	say_setup(scene);
	assert_true(await(scene, is_ready));
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	say_plain(scene, IPC_TAP, end[1]);
	(void)await(scene, never);
	assert_non_null(strstr(scene->errors, "would block"));
	status = finish(scene);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	(void)close(end[0]);
	(void)close(end[1]);
}

static void early_recording(void **state)
{
	struct scene *scene = *state;
	int status, end[2];

	assert_int_equal(pipe2(end, O_CLOEXEC | O_NONBLOCK), 0);
	say_plain(scene, IPC_TAP, end[1]);
	(void)close(end[0]);
	(void)close(end[1]);
	(void)await(scene, never);
	assert_non_null(strstr(scene->errors, "before its start signal"));
	status = finish(scene);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void start_program(struct scene *scene, uint32_t pid, uint64_t session)
{
	union bl_event e;

	story_head(&e, BL_EVENT_EXEC, BL_EXEC_SMALL_LEN, clock_boot_ns());
	story_task(&e.exec.task, pid, 1);
	e.exec.task.session = session;
	strcpy(e.exec.exe, "/usr/bin/id");
	fake_ring_put(&scene->events, &e, e.head.len, 0);
}

static bool has_exec_record(const struct scene *scene)
{
	return scene->exec_records > 0;
}

static bool has_heartbeat(const struct scene *scene)
{
	return scene->heartbeats > 0;
}

/* Program starts are told while somebody watches; a new recorder has to say so anew. */
static void starts_are_told_to_watchers(void **state)
{
	struct scene *scene = *state;
	struct ipc_watchers watchers = { .count = 1 };
	uint32_t pid = 1000;

	say_setup(scene);
	assert_true(await(scene, is_ready));
	say_tap(scene);
	start_program(scene, 900, 7);
	await_lines(scene, 1);
	assert_int_equal(
		channel_send_wait(scene->records, IPC_WATCHERS, &watchers, sizeof(watchers), -1),
		0);
	/* Ring and channel have no order between them: programs start until that was heard. */
	for (; pid < 1000 + WAIT_S * 5 && !scene->exec_records; pid++) {
		start_program(scene, pid, 7);
		(void)poll(NULL, 0, 200);
		(void)channel_receive(scene->records);
	}
	assert_true(await(scene, has_exec_record));
	assert_in_range(scene->exec_record.pid, 1000, pid);
	assert_string_equal(scene->exec_record.text, "/usr/bin/id");
	say_peer(scene);
	/* Nothing of the past is sent to the new one: what it gets now would be of now. */
	say_tap(scene);
	scene->exec_records = scene->heartbeats = 0;
	start_program(scene, 1500, 7);
	await_lines(scene, 1);
	assert_true(await(scene, has_heartbeat));
	assert_int_equal(scene->exec_records, 0);
	assert_int_equal(finish(scene), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(guessing_leads_to_a_decision),
		TEST(old_lines_do_not_count),
		TEST(rotation_loses_no_line),
		TEST(what_rotations_leave_unread_is_counted),
		TEST(slow_filter_is_named),
		TEST(canary_is_named),
		TEST(journal_end_is_told),
		TEST(recorder_comes_and_goes),
		TEST(recorder_is_not_trusted),
		TEST(odd_lines_are_counted),
		TEST(vanished_file_is_told),
		TEST(datagrams_are_read),
		TEST(flood_holds_up_nothing),
		TEST(wrong_set_up),
		TEST(out_of_order),
		TEST(bad_rule_is_told),
		TEST(events_are_recorded),
		TEST(blocking_recording),
		TEST(early_recording),
		TEST(starts_are_told_to_watchers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
