/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole recorder as a process of its own, inside its sandbox, with this test as bailiffd, as
 * the analyst and as a client. Under a sanitizer the sandbox is not there; all else is.
 */
#include "samples.h"

#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "privsep/privsep.h"
#include "recorder/recorder.h"

struct scene {
	struct folder *folder;
	pid_t pid;
	int parent; /* our end of its channel to bailiffd */
	int analyst; /* our end of its channel to the analyst */
	char socket[128];
};

/* As main.c does it; root becomes an account that owns nothing else. */
static int child(const char *folder, int fd)
{
	const char *user = geteuid() == 0 ? "nobody" : NULL;
	struct recorder recorder = { 0 };
	int r;

	r = privsep_drop(user);
	if (!r)
		r = recorder_init(&recorder, folder, fd);
	if (!r)
		r = recorder_run(&recorder, folder);
	recorder_done(&recorder);
	return r < 0 ? 1 : 0;
}

static void send_message(int fd, uint32_t kind, void *message, size_t len, int pass_fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct ipc_head head = { .kind = kind, .len = (uint32_t)len, .boot_ns = clock_boot_ns() };
	struct iovec part = { .iov_base = message, .iov_len = len };
	struct msghdr packet = { .msg_iov = &part, .msg_iovlen = 1 };

	memcpy(message, &head, sizeof(head));
	if (pass_fd >= 0) {
		struct cmsghdr *c;

		packet.msg_control = &control;
		packet.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&packet);
		assert_non_null(c);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &packet, MSG_NOSIGNAL), len);
}

/* The next packet within 30 s, for a busy machine under a sanitizer; its length, 0 at the end. */
static size_t receive(int fd, void *to, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&p, 1, 30000), 1);
	n = recv(fd, to, size, MSG_DONTWAIT);
	assert_true(n >= 0 || errno == ECONNRESET);
	return n < 0 ? 0 : (size_t)n;
}

/* A message of that kind; LOG messages before it are passed over. */
static void expect(int fd, uint32_t kind, void *to, size_t size)
{
	struct ipc_head head;
	size_t n;

	do {
		n = receive(fd, to, size);
		assert_true(n >= sizeof(head));
		memcpy(&head, to, sizeof(head));
	} while (kind != IPC_LOG && head.kind == IPC_LOG);
	assert_int_equal(head.kind, kind);
	assert_int_equal(head.len, n);
}

static void new_analyst(struct scene *scene)
{
	struct ipc_plain peer = { .head = { 0 } };
	int fd[2];

	if (scene->analyst >= 0)
		close(scene->analyst);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	send_message(scene->parent, IPC_PEER, &peer, sizeof(peer), fd[0]);
	close(fd[0]);
	scene->analyst = fd[1];
}

static void listen_at(struct scene *scene)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ipc_plain message = { .head = { 0 } };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(scene->socket, sizeof(scene->socket), "%s/status", scene->folder->path);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", scene->socket);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	send_message(scene->parent, IPC_LISTEN, &message, sizeof(message), fd);
	close(fd);
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct ipc_hello hello = { .version = IPC_VERSION, .host = "gate" };
	struct ipc_ready ready;
	const struct passwd *nobody;
	void *folder = NULL;
	int fd[2];

	if (!scene || folder_make(&folder) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return -1;
	scene->folder = folder;
	scene->analyst = -1;
	nobody = getpwnam("nobody");
	if (geteuid() == 0 &&
	    (!nobody || chown(scene->folder->path, nobody->pw_uid, nobody->pw_gid) < 0))
		return -1;
	scene->pid = fork();
	if (scene->pid < 0)
		return -1;
	if (scene->pid == 0) {
		/* cmocka would go on with the tests in the child. */
		(void)signal(SIGSEGV, SIG_DFL);
		close(fd[1]);
		_exit(child(scene->folder->path, fd[0]));
	}
	close(fd[0]);
	scene->parent = fd[1];
	*state = scene;
	expect(scene->parent, IPC_READY, &ready, sizeof(ready));
	send_message(scene->parent, IPC_HELLO, &hello, sizeof(hello), -1);
	listen_at(scene);
	new_analyst(scene);
	return 0;
}

/* Exit status, as waitpid gives it. */
static int wait_end(struct scene *scene)
{
	int status = -1;

	for (unsigned int i = 0; i < 500; i++) {
		pid_t r = waitpid(scene->pid, &status, WNOHANG);

		if (r == scene->pid) {
			scene->pid = 0;
			return status;
		}
		(void)usleep(10000);
	}
	return -1;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	void *folder = scene->folder;

	if (scene->pid > 0) {
		(void)kill(scene->pid, SIGKILL);
		(void)waitpid(scene->pid, NULL, 0);
	}
	close(scene->parent);
	if (scene->analyst >= 0)
		close(scene->analyst);
	free(scene);
	return folder_remove(&folder);
}

static int ask(struct scene *scene, uint32_t op, struct ipc_subject subject)
{
	struct status_request request = { .version = CONTROL_VERSION,
					  .op = op,
					  .subject = subject };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", scene->socket);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(send(fd, &request, sizeof(request), MSG_NOSIGNAL), sizeof(request));
	return fd;
}

static unsigned int count_rows(struct scene *scene, const char *address)
{
	char object[STATUS_JSON_MAX];
	int fd = ask(scene, STATUS_WHY, sample_address(address, 32));
	unsigned int count = 0;

	while (receive(fd, object, sizeof(object)) > 0)
		count++;
	close(fd);
	return count;
}

/* Messages on different sockets have no order: waits until so many rows are there. */
static void wait_rows(struct scene *scene, const char *address, unsigned int count)
{
	for (unsigned int i = 0; i < 300 && count_rows(scene, address) != count; i++)
		(void)usleep(10000);
	assert_int_equal(count_rows(scene, address), count);
}

static void test_through(void **state)
{
	struct scene *scene = *state;
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct ipc_outcome outcome = sample_lockout("192.0.2.1");
	struct ipc_status status = { .mode = MODE_ENFORCE };
	char object[STATUS_JSON_MAX + 1];
	struct ipc_watchers first;
	struct ipc_plain end;
	int watcher, status_code;

	expect(scene->analyst, IPC_HISTORY_END, &end, sizeof(end));
	watcher = ask(scene, STATUS_WATCH, (struct ipc_subject){ .kind = SUBJECT_NONE });
	(void)count_rows(scene, "192.0.2.9");
	expect(scene->analyst, IPC_WATCHERS, &first, sizeof(first));
	record.time_boot_ns = clock_boot_ns();
	send_message(scene->analyst, IPC_RECORD, &record, sizeof(record), -1);
	object[receive(watcher, object, sizeof(object) - 1)] = '\0';
	assert_non_null(strstr(object, "\"action\":\"attempt\""));
	assert_non_null(strstr(object, "\"name\":\"gate\""));
	outcome.until_boot_ns = clock_boot_ns() + 600 * NSEC_PER_SEC;
	send_message(scene->parent, IPC_OUTCOME, &outcome, sizeof(outcome), -1);
	object[receive(watcher, object, sizeof(object) - 1)] = '\0';
	assert_non_null(strstr(object, "\"result\":\"applied\""));
	assert_non_null(strstr(object, "\"until\":\""));
	send_message(scene->parent, IPC_STATUS, &status, sizeof(status), -1);
	object[receive(watcher, object, sizeof(object) - 1)] = '\0';
	assert_non_null(strstr(object, "\"mode\":\"enforce\""));
	wait_rows(scene, "192.0.2.1", 2);

	/* The next analyst is told: who watches, and what was before. */
	new_analyst(scene);
	{
		struct ipc_watchers watchers;
		struct ipc_history history;

		expect(scene->analyst, IPC_WATCHERS, &watchers, sizeof(watchers));
		assert_int_equal(watchers.count, 1);
		expect(scene->analyst, IPC_HISTORY, &history, sizeof(history));
		assert_int_equal(history.attempts, 1);
		assert_int_equal(history.lockouts, 1);
		expect(scene->analyst, IPC_HISTORY_END, &end, sizeof(end));
	}
	/* SIGTERM: what waits is written, the end is clean. */
	send_message(scene->analyst, IPC_RECORD, &record, sizeof(record), -1);
	(void)receive(watcher, object, sizeof(object));
	assert_int_equal(kill(scene->pid, SIGTERM), 0);
	status_code = wait_end(scene);
	assert_true(WIFEXITED(status_code));
	assert_int_equal(WEXITSTATUS(status_code), 0);
	assert_true(file_size(scene->folder, JSONLOG_FILE) > 1000);
	close(watcher);
}

static void expect_watchers(struct scene *scene, uint32_t count)
{
	struct ipc_watchers watchers;

	expect(scene->analyst, IPC_WATCHERS, &watchers, sizeof(watchers));
	assert_int_equal(watchers.count, count);
}

/* Shown to those who watch, and kept nowhere; asked for only while somebody does. */
static void test_program_starts(void **state)
{
	struct scene *scene = *state;
	struct ipc_record start = {
		.kind = RECORD_EXEC,
		.trust = TRUST_WITNESSED,
		.subject = { .kind = SUBJECT_SESSION, .id = 7 },
		.session = 7,
		.pid = 812,
		.user = "1000",
		.text = "/usr/bin/id -u",
	};
	struct ipc_record attempt = sample_attempt("192.0.2.1");
	char object[STATUS_JSON_MAX + 1], path[128];
	_cleanup_free_ char *log = NULL;
	struct ipc_plain end;
	int watcher[2], fd;

	expect(scene->analyst, IPC_HISTORY_END, &end, sizeof(end));
	for (int i = 0; i < 2; i++)
		watcher[i] = ask(scene, STATUS_WATCH, (struct ipc_subject){ .kind = SUBJECT_NONE });
	expect_watchers(scene, 1);
	start.time_boot_ns = clock_boot_ns();
	send_message(scene->analyst, IPC_RECORD, &start, sizeof(start), -1);
	object[receive(watcher[0], object, sizeof(object) - 1)] = '\0';
	assert_non_null(strstr(object, "\"action\":\"exec\""));
	assert_non_null(strstr(object, "\"user\":{\"id\":\"1000\"}"));
	assert_non_null(strstr(object, "\"command_line\":\"/usr/bin/id -u\""));
	send_message(scene->analyst, IPC_RECORD, &attempt, sizeof(attempt), -1);
	wait_rows(scene, "192.0.2.1", 1);
	fd = ask(scene, STATUS_WHY, start.subject);
	assert_int_equal(receive(fd, object, sizeof(object)), 0);
	close(fd);
	/* One of two that goes makes no difference to the analyst, the last one does. */
	close(watcher[0]);
	(void)count_rows(scene, "192.0.2.1");
	close(watcher[1]);
	expect_watchers(scene, 0);
	assert_int_equal(kill(scene->pid, SIGTERM), 0);
	assert_int_equal(wait_end(scene), 0);
	assert_int_equal(
		file_read(folder_file(scene->folder, JSONLOG_FILE, path), 1 << 20, &log, NULL), 0);
	assert_non_null(strstr(log, "\"action\":\"attempt\""));
	assert_null(strstr(log, "/usr/bin/id"));
}

/* What led to a decision carries its time and comes before it: however often that is tried, and
 * whatever the clocks say between the two. */
static void test_same_moment(void **state)
{
	enum { ROUNDS = 400 };
	struct scene *scene = *state;
	struct ipc_record attempt = sample_attempt("192.0.2.1");
	struct ipc_outcome outcome = sample_lockout("192.0.2.1");
	char object[STATUS_JSON_MAX + 1];
	struct ipc_plain end;
	int fd;

	expect(scene->analyst, IPC_HISTORY_END, &end, sizeof(end));
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct ipc_record decision = { .kind = RECORD_DECISION,
					       .trust = TRUST_WITNESSED,
					       .action = ACTION_LOCK };

		attempt.time_boot_ns = decision.time_boot_ns = clock_boot_ns();
		decision.subject = attempt.subject;
		attempt.pid = decision.pid = i + 1;
		send_message(scene->analyst, IPC_RECORD, &attempt, sizeof(attempt), -1);
		send_message(scene->analyst, IPC_RECORD, &decision, sizeof(decision), -1);
	}
	wait_rows(scene, "192.0.2.1", 2 * ROUNDS);
	outcome.pid = ROUNDS + 1;
	send_message(scene->parent, IPC_OUTCOME, &outcome, sizeof(outcome), -1);
	wait_rows(scene, "192.0.2.1", 2 * ROUNDS + 1);
	fd = ask(scene, STATUS_WHY, attempt.subject);
	for (unsigned int i = 0; i <= 2 * ROUNDS; i++) {
		char pid[32];

		object[receive(fd, object, sizeof(object) - 1)] = '\0';
		(void)snprintf(pid, sizeof(pid), "\"pid\":%u}", i / 2 + 1);
		assert_non_null(strstr(object, pid));
		assert_non_null(strstr(object, i == 2 * ROUNDS ? "\"form\":\"outcome\""
					       : i % 2	       ? "\"action\":\"decision\""
							       : "\"action\":\"attempt\""));
	}
	close(fd);
}

/* The analyst is believed nothing: its channel is closed, the recorder goes on with the next. */
static void test_malformed_record(void **state)
{
	struct scene *scene = *state;
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct ipc_outcome outcome = sample_lockout("192.0.2.1");
	struct ipc_plain end;
	struct ipc_log log;
	char rest[64];

	for (unsigned int i = 0; i < 4; i++) {
		expect(scene->analyst, IPC_HISTORY_END, &end, sizeof(end));
		record = sample_attempt("192.0.2.1");
		if (i == 0)
			send_message(scene->analyst, IPC_RECORD, &record, sizeof(record) - 8, -1);
		if (i == 1) {
			record.trust = 77;
			send_message(scene->analyst, IPC_RECORD, &record, sizeof(record), -1);
		}
		/* bailiffd's kind, the analyst's channel. */
		if (i == 2)
			send_message(scene->analyst, IPC_OUTCOME, &outcome, sizeof(outcome), -1);
		/* A descriptor where none belongs. */
		if (i == 3)
			send_message(scene->analyst, IPC_RECORD, &record, sizeof(record),
				     STDERR_FILENO);
		assert_int_equal(receive(scene->analyst, rest, sizeof(rest)), 0);
		expect(scene->parent, IPC_LOG, &log, sizeof(log));
		assert_non_null(strstr(log.text, "its channel is closed"));
		new_analyst(scene);
	}
	expect(scene->analyst, IPC_HISTORY_END, &end, sizeof(end));
	record = sample_attempt("192.0.2.1");
	send_message(scene->analyst, IPC_RECORD, &record, sizeof(record), -1);
	wait_rows(scene, "192.0.2.1", 1);
}

/* bailiffd is obeyed; what is malformed there is a bug, and the end. */
static void test_malformed_outcome(void **state)
{
	struct scene *scene = *state;
	struct ipc_outcome outcome = sample_lockout("192.0.2.1");
	int status;

	outcome.result = 77;
	send_message(scene->parent, IPC_OUTCOME, &outcome, sizeof(outcome), -1);
	status = wait_end(scene);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

static void test_bailiffd_gone(void **state)
{
	struct scene *scene = *state;
	int status;

	close(scene->parent);
	scene->parent = dup(STDERR_FILENO);
	status = wait_end(scene);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* More than a channel queues: 4 MiB hold less than these. */
static void test_long_history(void **state)
{
	enum { ADDRESSES = 70000 };
	struct scene *scene = *state;
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct ipc_history history;
	struct ipc_plain end;
	unsigned int got = 0;
	struct ipc_head head;

	expect(scene->analyst, IPC_HISTORY_END, &end, sizeof(end));
	for (unsigned int i = 0; i < ADDRESSES; i++) {
		record.subject.addr[0] = 10;
		record.subject.addr[1] = (uint8_t)(i >> 16);
		record.subject.addr[2] = (uint8_t)(i >> 8);
		record.subject.addr[3] = (uint8_t)i;
		record.time_boot_ns = clock_boot_ns();
		send_message(scene->analyst, IPC_RECORD, &record, sizeof(record), -1);
	}
	record.subject = sample_address("192.0.2.77", 32);
	record.time_boot_ns = clock_boot_ns();
	send_message(scene->analyst, IPC_RECORD, &record, sizeof(record), -1);
	wait_rows(scene, "192.0.2.77", 1);
	new_analyst(scene);
	do {
		size_t n = receive(scene->analyst, &history, sizeof(history));

		assert_true(n >= sizeof(head));
		memcpy(&head, &history, sizeof(head));
		if (head.kind == IPC_HISTORY && got++ == 0)
			assert_memory_equal(&history.subject, &record.subject,
					    sizeof(record.subject));
	} while (head.kind == IPC_HISTORY);
	assert_int_equal(head.kind, IPC_HISTORY_END);
	assert_int_equal(got, STORE_HISTORY_MAX);
}

/* A file damaged under a running recorder, in its sandbox: set aside, and a new one begun. */
static void test_damage_while_running(void **state)
{
	struct scene *scene = *state;
	struct ipc_record record = sample_attempt("192.0.2.1");
	char path[128];
	FILE *file;
	long size;

	/* More than the page cache holds, which would hide it; the newest rows, which are asked
	 * for, are the first in the file. */
	for (unsigned int i = 0; i < 80000; i++) {
		record.time_boot_ns = 80000 - i;
		send_message(scene->analyst, IPC_RECORD, &record, sizeof(record), -1);
	}
	record.subject = sample_address("192.0.2.4", 32);
	send_message(scene->analyst, IPC_RECORD, &record, sizeof(record), -1);
	wait_rows(scene, "192.0.2.4", 1);
	size = file_size(scene->folder, STORE_FILE);
	assert_true(size > 6 * 1024 * 1024);
	file = fopen(folder_file(scene->folder, STORE_FILE, path), "r+");
	assert_non_null(file);
	for (long i = 0; i < size; i++)
		assert_int_not_equal(fputc(0xaa, file), EOF);
	assert_int_equal(fclose(file), 0);
	for (unsigned int i = 0; i < 150 && file_size(scene->folder, STORE_FILE ".damaged") < 0;
	     i++) {
		(void)count_rows(scene, "192.0.2.1");
		(void)usleep(100000);
	}
	assert_true(file_size(scene->folder, STORE_FILE ".damaged") > 0);
	record.subject = sample_address("192.0.2.5", 32);
	send_message(scene->analyst, IPC_RECORD, &record, sizeof(record), -1);
	wait_rows(scene, "192.0.2.5", 1);
}

#define scene_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(test_through),	    scene_test(test_malformed_record),
		scene_test(test_malformed_outcome), scene_test(test_bailiffd_gone),
		scene_test(test_program_starts),    scene_test(test_same_moment),
		scene_test(test_long_history),	    scene_test(test_damage_while_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
