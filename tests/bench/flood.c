/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A log that grows as fast as told, before the live analyst: what of it is lost, how far reading
 * falls behind, and what that costs. This program is bailiffd, the recorder and the log's writer.
 *
 * The log is kept small on disk: what has been read is given back (FALLOC_FL_PUNCH_HOLE), its
 * length stays. There are no kernel events; that filters' lines count is accepted, so that
 * decisions follow.
 *
 * usage: flood ANALYST TEXT LOG MB_PER_S SECONDS FILTERS RULES
 * TEXT: a log, whole lines, written again and again. LOG: is made, and removed. Prints NAME VALUE.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "privsep/channel.h"
#include "privsep/privsep.h"

#define PIECE ((size_t)256 * 1024) /* bytes of one write */
#define GIVE_BACK ((uint64_t)64 * 1024 * 1024)
#define PATIENCE_NS (120 * NSEC_PER_SEC)

struct flood {
	pid_t pid;
	struct channel *child, *records;
	const char *text;
	size_t text_len, text_lines;
	int write_fd, read_fd; /* the analyst notes its place in the latter */
	uint64_t written, read, given_back, most_behind;
	struct ipc_source_status status;
	struct ipc_heartbeat heartbeat;
	uint64_t decisions, records_seen;
	bool ready;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- what the analyst says ---- */

static int on_ready(void *arg, const void *message, int fd)
{
	const struct ipc_ready *ready = message;

	(void)fd;
	((struct flood *)arg)->ready = true;
	if (ready->refused)
		(void)fprintf(stderr, "flood: %u filters or rules were refused\n", ready->refused);
	return 0;
}

static int on_status(void *arg, const void *message, int fd)
{
	(void)fd;
	((struct flood *)arg)->status = *(const struct ipc_source_status *)message;
	return 0;
}

static int on_heartbeat(void *arg, const void *message, int fd)
{
	(void)fd;
	((struct flood *)arg)->heartbeat = *(const struct ipc_heartbeat *)message;
	return 0;
}

static int on_decision(void *arg, const void *message, int fd)
{
	(void)message;
	(void)fd;
	((struct flood *)arg)->decisions++;
	return 0;
}

static int on_record(void *arg, const void *message, int fd)
{
	(void)message;
	(void)fd;
	((struct flood *)arg)->records_seen++;
	return 0;
}

static int on_log(void *arg, const void *message, int fd)
{
	(void)arg;
	(void)fd;
	(void)fprintf(stderr, "# %s\n", ((const struct ipc_log *)message)->text);
	return 0;
}

static int on_other(void *arg, const void *message, int fd)
{
	(void)arg;
	(void)message;
	(void)fd;
	return 0;
}

static const struct channel_rule from_analyst[] = {
	{ IPC_READY, sizeof(struct ipc_ready), CHANNEL_ONCE, on_ready },
	{ IPC_DECISION, sizeof(struct ipc_decision), 0, on_decision },
	{ IPC_HEARTBEAT, sizeof(struct ipc_heartbeat), 0, on_heartbeat },
	{ IPC_SOURCE_STATUS, sizeof(struct ipc_source_status), 0, on_status },
	{ IPC_FILTER_STATUS, sizeof(struct ipc_filter_status), 0, on_other },
	{ IPC_ACCOUNT, sizeof(struct ipc_account), 0, on_other },
	{ IPC_LOG, sizeof(struct ipc_log), 0, on_log },
	{ .kind = 0 },
};

static const struct channel_rule to_recorder[] = {
	{ IPC_RECORD, sizeof(struct ipc_record), 0, on_record },
	{ .kind = 0 },
};

static void hear(struct flood *f, int wait_ms)
{
	struct pollfd p[2] = {
		{ .fd = channel_fd(f->child), .events = POLLIN },
		{ .fd = channel_fd(f->records), .events = POLLIN },
	};

	if (poll(p, 2, wait_ms) <= 0)
		return;
	if (p[0].revents)
		must(channel_receive(f->child) == CHANNEL_IDLE, "the analyst is gone");
	if (p[1].revents)
		must(channel_receive(f->records) == CHANNEL_IDLE, "the analyst is gone");
}

/* ---- what it is told ---- */

static void say(struct flood *f, uint32_t kind, void *message, size_t len, int fd)
{
	must(channel_send_wait(f->child, kind, message, len, fd) == 0, "the analyst does not hear");
}

static void say_folder(struct flood *f, uint32_t role, const char *folder)
{
	const struct dirent *entry;
	DIR *dir = opendir(folder);

	must(dir != NULL, folder);
	while ((entry = readdir(dir))) {
		struct ipc_file file = { .role = role };
		const char *end = strrchr(entry->d_name, '.');
		int fd;

		if (!end || strcmp(end, ".conf") != 0)
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		must(fd >= 0, entry->d_name);
		text_copy(file.name, sizeof(file.name), entry->d_name);
		say(f, IPC_FILE, &file, sizeof(file), fd);
		(void)close(fd);
	}
	(void)closedir(dir);
}

static void say_setup(struct flood *f, const char *log, const char *filters, const char *rules)
{
	static const char *const services[] = { "sshd", "sudo", "su" };
	struct ipc_hello hello = { .version = IPC_VERSION,
				   .boot_to_wall_ns = (uint64_t)clock_boot_to_wall_ns() };
	struct ipc_source source = { .id = 1,
				     .kind = IPC_SOURCE_FILE,
				     .filters = 4,
				     .accepted = 0xf,
				     .name = "flood",
				     .filter = { "sshd", "pam", "sudo", "su" } };
	struct ipc_plain plain = { .head = { 0 } };
	int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), pair[2];

	must(notify >= 0 && inotify_add_watch(notify, log, IN_MODIFY) >= 0, "inotify");
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	say(f, IPC_HELLO, &hello, sizeof(hello), -1);
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		struct ipc_service service = { .id = (uint16_t)(i + 1), .max_tries = 6 };

		text_copy(service.name, sizeof(service.name), services[i]);
		say(f, IPC_SERVICE, &service, sizeof(service), -1);
	}
	say_folder(f, IPC_FILE_FILTER, filters);
	say_folder(f, IPC_FILE_RULE, rules);
	text_copy(source.path, sizeof(source.path), log);
	say(f, IPC_SOURCE, &source, sizeof(source), f->read_fd);
	say(f, IPC_NOTIFY, &plain, sizeof(plain), notify);
	say(f, IPC_PEER, &plain, sizeof(plain), pair[1]);
	(void)close(pair[1]);
	must(channel_new(&f->records, pair[0], "analyst", to_recorder, f) == 0, "channel");
	say(f, IPC_START, &plain, sizeof(plain), -1);
	(void)close(notify);
}

static void start(struct flood *f, char *analyst)
{
	char option[] = "--user", nobody[] = "64999";
	char *argv[] = { analyst, geteuid() ? NULL : option, nobody, NULL };
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	f->pid = fork();
	must(f->pid >= 0, "fork");
	if (!f->pid) {
		if (dup2(pair[1], PRIVSEP_FD) == PRIVSEP_FD &&
		    close_range(PRIVSEP_FD + 1, ~0U, 0) == 0)
			(void)execv(analyst, argv);
		_exit(127);
	}
	(void)close(pair[1]);
	must(channel_new(&f->child, pair[0], "analyst", from_analyst, f) == 0, "channel");
}

/* ---- figures ---- */

static double cpu_s(const struct flood *f)
{
	unsigned long user, system;
	char path[64];
	FILE *file;
	int n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", f->pid);
	file = fopen(path, "re");
	must(file != NULL, path);
	/* Fields 14 and 15; the name in field 2 holds no blank. */
	n = fscanf(file,
		   "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", // NOLINT
		   &user, &system);
	(void)fclose(file);
	must(n == 2, path);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static unsigned long peak_kb(const struct flood *f)
{
	char path[64], line[256];
	unsigned long kb = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", f->pid);
	file = fopen(path, "re");
	must(file != NULL, path);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "VmHWM:", 6))
			kb = strtoul(line + 6, NULL, 10);
	(void)fclose(file);
	return kb;
}

static uint64_t lines_of(const struct flood *f)
{
	size_t part = (size_t)(f->written % f->text_len);
	uint64_t lines = f->written / f->text_len * f->text_lines;

	for (size_t i = 0; i < part; i++)
		lines += f->text[i] == '\n';
	return lines;
}

/* ---- the flood ---- */

static void look(struct flood *f)
{
	off_t noted = lseek(f->read_fd, 0, SEEK_CUR);

	if (noted > 0)
		f->read = (uint64_t)noted;
	if (f->written - f->read > f->most_behind)
		f->most_behind = f->written - f->read;
	if (f->read - f->given_back < GIVE_BACK)
		return;
	/* Whole pages only; where the file system cannot do it, the log stays as long as it is. */
	(void)fallocate(f->write_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)f->given_back, (off_t)GIVE_BACK);
	f->given_back += GIVE_BACK;
}

static void write_piece(struct flood *f, size_t len)
{
	size_t at = (size_t)(f->written % f->text_len);

	if (len > f->text_len - at)
		len = f->text_len - at;
	must(write(f->write_fd, f->text + at, len) == (ssize_t)len, "write");
	f->written += len;
}

/* To the end of a line. */
static void write_rest(struct flood *f)
{
	size_t at = (size_t)(f->written % f->text_len);
	const char *end = memchr(f->text + at, '\n', f->text_len - at);

	if (at && f->text[at - 1] != '\n')
		write_piece(f, (size_t)(end - (f->text + at)) + 1);
}

/* All of it, also where the machine is too busy to write it in time. */
static double run(struct flood *f, double bytes_per_s, double seconds)
{
	uint64_t begin_ns = clock_boot_ns();
	double spent_s = 0;

	while ((double)f->written < bytes_per_s * seconds) {
		double until_s = spent_s < seconds ? spent_s : seconds;
		double due = until_s * bytes_per_s - (double)f->written;

		if (due > 0)
			write_piece(f, due < (double)PIECE ? (size_t)due + 1 : PIECE);
		look(f);
		hear(f, due > (double)PIECE ? 0 : 1);
		spent_s = (double)(clock_boot_ns() - begin_ns) / 1e9;
	}
	write_rest(f);
	return spent_s;
}

static double catch_up(struct flood *f)
{
	uint64_t begin_ns = clock_boot_ns(), end_ns = 0;

	/* The figures come once a second. */
	while (f->status.bytes < f->written || f->status.behind) {
		look(f);
		if (!end_ns && f->read == f->written)
			end_ns = clock_boot_ns();
		must(clock_boot_ns() - begin_ns < PATIENCE_NS, "it is not read to its end");
		hear(f, 1);
	}
	return (double)((end_ns ? end_ns : clock_boot_ns()) - begin_ns) / 1e9;
}

static void read_text(struct flood *f, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	must(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0, path);
	f->text_len = (size_t)st.st_size;
	f->text = mmap(NULL, f->text_len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	must(f->text != MAP_FAILED && f->text[f->text_len - 1] == '\n', path);
	for (size_t i = 0; i < f->text_len; i++)
		f->text_lines += f->text[i] == '\n';
	(void)close(fd);
}

int main(int argc, char **argv)
{
	static struct flood f;
	double rate, seconds, written_s, caught_up_s, before_s, after_s;
	int status;

	if (argc != 8) {
		(void)fputs("usage: flood ANALYST TEXT LOG MB_PER_S SECONDS FILTERS RULES\n",
			    stderr);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	rate = strtod(argv[4], NULL) * 1e6;
	seconds = strtod(argv[5], NULL);
	must(rate > 0 && seconds > 0, "MB_PER_S and SECONDS are numbers above zero");
	read_text(&f, argv[2]);
	f.write_fd = open(argv[3], O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	f.read_fd = open(argv[3], O_RDONLY | O_CLOEXEC);
	must(f.write_fd >= 0 && f.read_fd >= 0, argv[3]);
	start(&f, argv[1]);
	say_setup(&f, argv[3], argv[6], argv[7]);
	(void)unlink(argv[3]);
	while (!f.ready)
		hear(&f, 100);
	before_s = cpu_s(&f);
	written_s = run(&f, rate, seconds);
	caught_up_s = catch_up(&f);
	after_s = cpu_s(&f);
	(void)printf("rate %.0f\nseconds %.2f\nmb %.0f\n", (double)f.written / 1e6 / written_s,
		     written_s, (double)f.written / 1e6);
	(void)printf("written %llu\nrecords %llu\nskipped %llu\ngaps %llu\nfloods %llu\n",
		     (unsigned long long)lines_of(&f), (unsigned long long)f.status.records,
		     (unsigned long long)f.status.skipped, (unsigned long long)f.status.gaps,
		     (unsigned long long)f.status.floods);
	(void)printf("behind %.1f\ncaught_up %.2f\ncpu %.2f\npeak %.1f\ndecisions %llu\n",
		     (double)f.most_behind / 1e6, caught_up_s, after_s - before_s,
		     (double)peak_kb(&f) / 1024, (unsigned long long)f.decisions);
	channel_free(f.child);
	channel_free(f.records);
	must(waitpid(f.pid, &status, 0) == f.pid && WIFEXITED(status) && !WEXITSTATUS(status),
	     "the analyst's end");
	return 0;
}
