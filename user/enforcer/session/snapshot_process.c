/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One process of a snapshot: a line for itself, one for each open file, socket and memfd.
 *
 * Names, arguments and links are whatever the process made of them: written as JSON strings, cut at
 * a bound. Of the environment only names are kept: values are passwords. Nothing is opened but the
 * executable and memfds, each a regular file before and after it is opened.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/sha256.h"
#include "enforcer/session/snapshot.h"

#define READ_MAX (1U << 20) /* of cmdline and environ */
#define LINK_MAX_BYTES 4096

static ssize_t read_link(int dir_fd, const char *name, char text[LINK_MAX_BYTES])
{
	ssize_t n = readlinkat(dir_fd, name, text, LINK_MAX_BYTES - 1);

	text[n > 0 ? n : 0] = '\0';
	return n;
}

/* Cut at its bound rather than refused: file_read_fd would. */
static size_t read_some(int proc_fd, const char *name, char *text, size_t size)
{
	_cleanup_close_ int fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;

	while (fd >= 0 && len < size - 1) {
		ssize_t n = read(fd, text + len, size - 1 - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	return len;
}

/* A regular file by a link of /proc, or -1. O_NONBLOCK: should it be something else after all. */
static int open_regular(int dir_fd, const char *name, struct stat *ret)
{
	_cleanup_close_ int fd = -1;

	if (fstatat(dir_fd, name, ret, 0) < 0 || !S_ISREG(ret->st_mode))
		return -1;
	fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, ret) < 0 || !S_ISREG(ret->st_mode))
		return -1;
	return TAKE_FD(fd);
}

/* ---- the executable ---- */

static bool hash_file(struct snapshot *snapshot, int fd, uint64_t max, char ret[SHA256_TEXT_MAX])
{
	static char chunk[65536];
	struct sha256 sha;
	uint64_t done = 0;

	sha256_init(&sha);
	for (;;) {
		ssize_t n = pread(fd, chunk, sizeof(chunk), (off_t)done);

		if (n < 0)
			return false;
		if (n == 0)
			break;
		sha256_add(&sha, chunk, (size_t)n);
		done += (uint64_t)n;
		/* It may grow meanwhile. */
		if (done > max || clock_boot_ns() > snapshot->deadline_boot_ns)
			return false;
	}
	snapshot->hashed += done;
	sha256_text(&sha, ret);
	return true;
}

static void put_hash(struct snapshot *snapshot, struct json_writer *w, int proc_fd)
{
	uint64_t left = SNAPSHOT_HASHES_MAX - snapshot->hashed;
	uint64_t max = left < SNAPSHOT_HASH_MAX ? left : SNAPSHOT_HASH_MAX;
	struct snapshot_hash *to;
	char text[SHA256_TEXT_MAX];
	struct stat st;
	_cleanup_close_ int fd = open_regular(proc_fd, "exe", &st);
	uint32_t known = snapshot->hashes < 64 ? snapshot->hashes : 64;

	if (fd < 0)
		return;
	json_u64(w, "executable_size", (uint64_t)st.st_size);
	for (uint32_t i = 0; i < known; i++) {
		to = &snapshot->hash[i];
		if (to->dev == st.st_dev && to->ino == st.st_ino) {
			json_object(w, "hash");
			json_string(w, "sha256", to->text);
			json_end_object(w);
			return;
		}
	}
	if ((uint64_t)st.st_size > max || !hash_file(snapshot, fd, max, text)) {
		json_string(w, "hash_missing", "too large, or out of time");
		snapshot->cut = true;
		return;
	}
	json_object(w, "hash");
	json_string(w, "sha256", text);
	json_end_object(w);
	to = &snapshot->hash[snapshot->hashes++ % 64];
	to->dev = st.st_dev;
	to->ino = st.st_ino;
	memcpy(to->text, text, sizeof(text));
}

static void put_executable(struct snapshot *snapshot, struct json_writer *w, int proc_fd)
{
	static const char deleted[] = " (deleted)";
	char link[LINK_MAX_BYTES];
	ssize_t n = read_link(proc_fd, "exe", link);
	struct stat st;

	if (n <= 0)
		return;
	json_string_len(w, "executable", link, (size_t)n);
	/* The name may end like that by itself; the count of names does not lie. */
	if (fstatat(proc_fd, "exe", &st, 0) == 0 && st.st_nlink == 0)
		json_bool(w, "executable_deleted", true);
	else if ((size_t)n >= sizeof(deleted) && !strcmp(link + n - (sizeof(deleted) - 1), deleted))
		json_bool(w, "executable_replaced", true);
	put_hash(snapshot, w, proc_fd);
}

/* ---- words ---- */

/* NUL-separated; names: each up to its '='. */
static void put_words(struct snapshot *snapshot, struct json_writer *w, const char *key,
		      const char *text, size_t len, bool names)
{
	size_t at = 0, room = SNAPSHOT_WORDS_BYTES_MAX;
	uint32_t count = 0, more = 0;

	json_array(w, key);
	while (at < len) {
		size_t whole = strnlen(text + at, len - at), n = whole;
		const char *equals = names ? memchr(text + at, '=', n) : NULL;

		if (equals)
			n = (size_t)(equals - (text + at));
		if (n > SNAPSHOT_WORD_MAX) {
			n = SNAPSHOT_WORD_MAX;
			snapshot->cut = true;
		}
		/* Without '=' it is no variable, and may be a value. */
		if (names && !equals)
			n = 0;
		if (count == SNAPSHOT_WORDS_MAX || n > room) {
			more++;
			snapshot->cut = true;
		} else if (!names || n) {
			json_string_len(w, NULL, text + at, n);
			room -= n;
			count++;
		}
		at += whole + 1;
	}
	json_end_array(w);
	if (more) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%.20s_left_out", key);
		json_u64(w, name, more);
	}
}

/* "Uid:\t0\t0\t0\t0": the kernel escapes newlines in what stands before. */
static void put_status(struct json_writer *w, int proc_fd)
{
	static const struct {
		const char *line, *key;
	} lines[] = {
		{ "\nUid:\t", "uids" },		{ "\nGid:\t", "gids" },
		{ "\nGroups:\t", "groups" },	{ "\nCapPrm:\t", "permitted" },
		{ "\nCapEff:\t", "effective" },
	};
	char text[8192];

	(void)read_some(proc_fd, "status", text, sizeof(text));
	json_object(w, "credentials");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char *at = strstr(text, lines[i].line);

		if (!at)
			continue;
		at += strlen(lines[i].line);
		json_string_len(w, lines[i].key, at, strcspn(at, "\n"));
	}
	json_end_object(w);
}

/* ---- open files ---- */

static void begin(struct snapshot *snapshot, struct json_writer *w, const char *kind,
		  const struct process *process, const char *fd)
{
	buf_clear(&snapshot->line);
	json_begin(w, &snapshot->line);
	json_object(w, NULL);
	json_string(w, "kind", kind);
	json_i64(w, "pid", process->pid);
	json_string(w, "fd", fd);
}

static bool end(struct snapshot *snapshot, struct json_writer *w)
{
	json_end_object(w);
	buf_putc(&snapshot->line, '\n');
	return snapshot_put_shared(snapshot, &snapshot->line);
}

static void put_side(struct json_writer *w, const char *key, int family, const uint8_t addr[16],
		     uint16_t port)
{
	char text[ADDR_TEXT_MAX];
	struct addr net;

	if (addr_from_bytes(family, addr, &net) < 0)
		return;
	addr_format(&net, text);
	json_object(w, key);
	json_string(w, "ip", text);
	json_u64(w, "port", port);
	json_end_object(w);
}

static void put_socket(struct snapshot *snapshot, int proc_fd, const struct process *process,
		       const char *fd, const char *link)
{
	const struct snapshot_socket *socket;
	struct json_writer w;

	socket = snapshot_socket(snapshot, proc_fd, strtoull(link + strlen("socket:["), NULL, 10));
	begin(snapshot, &w, "socket", process, fd);
	json_string(&w, "socket", link);
	if (socket) {
		json_object(&w, "network");
		json_string(&w, "transport", socket->tcp ? "tcp" : "udp");
		json_end_object(&w);
		json_u64(&w, "state", socket->state);
		put_side(&w, "local", socket->family, socket->local, socket->local_port);
		put_side(&w, "peer", socket->family, socket->peer, socket->peer_port);
	}
	snapshot->sockets += end(snapshot, &w);
}

static void put_base64(struct json_writer *w, const uint8_t *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	_cleanup_free_ char *text = malloc(len / 3 * 4 + 8);
	size_t at = 0;

	if (!text)
		return;
	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)bytes[i] << 16;

		v |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
		v |= i + 2 < len ? bytes[i + 2] : 0;
		text[at++] = digits[v >> 18];
		text[at++] = digits[v >> 12 & 63];
		text[at++] = i + 1 < len ? digits[v >> 6 & 63] : '=';
		text[at++] = i + 2 < len ? digits[v & 63] : '=';
	}
	json_string_len(w, "content_base64", text, at);
}

/* Files that only have memory: what ran from one is nowhere else. */
static void put_memfd(struct snapshot *snapshot, int dir_fd, const char *name, const char *fd_name,
		      const struct process *process, const char *link)
{
	uint64_t left = SNAPSHOT_MEMFDS_MAX - snapshot->memfd_bytes;
	size_t max = left < SNAPSHOT_MEMFD_MAX ? left : SNAPSHOT_MEMFD_MAX, len = 0;
	_cleanup_free_ uint8_t *bytes = NULL;
	_cleanup_close_ int fd = -1;
	struct json_writer w;
	struct statfs fs;
	struct stat st;

	fd = open_regular(dir_fd, name, &st);
	if (fd < 0 || st.st_nlink != 0 || fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return;
	if ((uint64_t)st.st_size < max)
		max = (size_t)st.st_size;
	bytes = malloc(max + 1);
	if (!bytes)
		return;
	while (len < max) {
		ssize_t n = pread(fd, bytes + len, max - len, (off_t)len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	begin(snapshot, &w, "memfd", process, fd_name);
	json_string(&w, "name", link);
	json_u64(&w, "size", (uint64_t)st.st_size);
	if (len < (uint64_t)st.st_size) {
		json_bool(&w, "cut", true);
		snapshot->cut = true;
	}
	put_base64(&w, bytes, len);
	snapshot->memfd_bytes += len;
	json_end_object(&w);
	buf_putc(&snapshot->line, '\n');
	snapshot->memfds += snapshot_put(snapshot, &snapshot->line);
}

static void put_file(struct snapshot *snapshot, const struct process *process, const char *fd,
		     const char *link, size_t len)
{
	struct json_writer w;

	begin(snapshot, &w, "file", process, fd);
	json_string_len(&w, "path", link, len);
	snapshot->files += end(snapshot, &w);
}

static void put_files(struct snapshot *snapshot, int proc_fd, const struct process *process)
{
	_cleanup_close_ int fd = openat(proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint32_t count = 0;

	if (!dir)
		return;
	(void)TAKE_FD(fd);
	while ((entry = readdir(dir))) {
		char link[LINK_MAX_BYTES];
		ssize_t n;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		if (count++ == SNAPSHOT_FDS_MAX || clock_boot_ns() > snapshot->deadline_boot_ns) {
			snapshot->cut = true;
			return;
		}
		n = read_link(dirfd(dir), entry->d_name, link);
		if (n <= 0)
			continue;
		if (!strncmp(link, "socket:[", 8))
			put_socket(snapshot, proc_fd, process, entry->d_name, link);
		else
			put_file(snapshot, process, entry->d_name, link, (size_t)n);
		if (!strncmp(link, "/memfd:", 7))
			put_memfd(snapshot, dirfd(dir), entry->d_name, entry->d_name, process,
				  link);
	}
}

/* ---- the process ---- */

static void put_process(struct snapshot *snapshot, int proc_fd, const struct process *process)
{
	static char text[READ_MAX];
	char link[LINK_MAX_BYTES];
	struct json_writer w;
	char state[2] = { process->state };
	ssize_t n;
	size_t len;

	buf_clear(&snapshot->line);
	json_begin(&w, &snapshot->line);
	json_object(&w, NULL);
	json_string(&w, "kind", "process");
	json_object(&w, "process");
	json_i64(&w, "pid", process->pid);
	json_object(&w, "parent");
	json_i64(&w, "pid", process->parent);
	json_end_object(&w);
	json_u64(&w, "start_boot_ns", process->start_ns);
	json_string(&w, "name", process->comm);
	json_string(&w, "state", state);
	json_u64(&w, "threads", process->threads);
	put_executable(snapshot, &w, proc_fd);
	len = read_some(proc_fd, "cmdline", text, sizeof(text));
	put_words(snapshot, &w, "args", text, len, false);
	n = read_link(proc_fd, "cwd", link);
	if (n > 0)
		json_string_len(&w, "working_directory", link, (size_t)n);
	len = read_some(proc_fd, "environ", text, sizeof(text));
	put_words(snapshot, &w, "env_names", text, len, true);
	put_status(&w, proc_fd);
	json_string(&w, "cgroup", process->cgroup);
	json_end_object(&w);
	json_end_object(&w);
	buf_putc(&snapshot->line, '\n');
	if (snapshot->text_bytes + snapshot->line.len <= SNAPSHOT_TEXT_MAX &&
	    snapshot_put(snapshot, &snapshot->line)) {
		snapshot->text_bytes += snapshot->line.len;
		snapshot->processes++;
	} else {
		snapshot->cut = true;
	}
}

void snapshot_process(struct snapshot *snapshot, const struct process *process)
{
	_cleanup_close_ int proc_fd = -1;
	char link[LINK_MAX_BYTES], path[32];
	struct process now;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)process->pid);
	proc_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Once the folder is open, whose pid it is is settled: if it is the same now, all that is
	 * read through it is of that process, or fails. */
	if (proc_fd < 0 || process_read(process->pid, &now) < 0 ||
	    now.start_ns != process->start_ns) {
		snapshot->gone++;
		return;
	}
	put_process(snapshot, proc_fd, &now);
	if (read_link(proc_fd, "exe", link) > 0 && !strncmp(link, "/memfd:", 7))
		put_memfd(snapshot, proc_fd, "exe", "exe", process, link);
	put_files(snapshot, proc_fd, process);
}
