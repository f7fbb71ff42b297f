/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file of a snapshot: made, bounded, kept, removed; and the copy of bailiffd that writes it.
 */
#include "enforcer/session/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"

#define NAME_BYTES 64
#define SUFFIX ".jsonl"
#define NEW_SUFFIX ".new"
#define LINE_MAX_BYTES (4U << 20) /* a memfd's is the longest */
_Static_assert(SNAPSHOT_TEXT_MAX + SNAPSHOT_MEMFDS_MAX / 3 * 4 < SNAPSHOT_BYTES_MAX - 65536,
	       "neither takes the other's room");
#define LIST_MAX 4096 /* names looked at in the folder */

/* ---- the folder ---- */

static bool take_number(const char **at, uint64_t *ret)
{
	uint64_t value = 0;

	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (value > (UINT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(**at - '0');
	}
	*ret = value;
	return true;
}

bool snapshot_name(const char *name, uint64_t *ret_tag, uint64_t *ret_wall_s)
{
	uint64_t tag, wall;

	if (!take_number(&name, &tag) || *name++ != '-' || !take_number(&name, &wall) ||
	    strcmp(name, SUFFIX) != 0)
		return false;
	*ret_tag = tag;
	*ret_wall_s = wall;
	return true;
}

static int open_folder(const char *state_dir, bool make)
{
	_cleanup_close_ int dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int fd;

	if (dir < 0 || (make && mkdirat(dir, SNAPSHOT_DIR, 0700) < 0 && errno != EEXIST))
		return -errno;
	fd = openat(dir, SNAPSHOT_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Somebody else's folder would let him read, and choose, what is in it. */
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || st.st_mode & 077) {
		(void)close(fd);
		return -EPERM;
	}
	return fd;
}

static DIR *list_folder(int dir_fd)
{
	_cleanup_close_ int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir)
		(void)TAKE_FD(fd);
	return dir;
}

bool snapshot_have(const char *state_dir, uint64_t tag, uint64_t since_wall_s)
{
	_cleanup_close_ int dir_fd = open_folder(state_dir, false);
	_cleanup_closedir_ DIR *dir = dir_fd < 0 ? NULL : list_folder(dir_fd);
	const struct dirent *entry;
	uint64_t its, wall;

	while (dir && (entry = readdir(dir)))
		if (snapshot_name(entry->d_name, &its, &wall) && its == tag && wall >= since_wall_s)
			return true;
	return false;
}

struct kept {
	char name[NAME_BYTES];
	uint64_t wall_s, bytes;
};

static int newest_first(const void *a, const void *b)
{
	const struct kept *one = a, *other = b;

	return one->wall_s < other->wall_s ? 1 : one->wall_s > other->wall_s ? -1 : 0;
}

int snapshot_prune(int dir_fd, uint64_t max_bytes)
{
	_cleanup_closedir_ DIR *dir = list_folder(dir_fd);
	_cleanup_free_ struct kept *kept = calloc(LIST_MAX, sizeof(*kept));
	const struct dirent *entry;
	size_t count = 0;
	uint64_t bytes = 0, tag;
	int removed = 0;

	if (!dir || !kept)
		return -ENOMEM;
	while (count < LIST_MAX && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);
		struct stat st;

		/* Copies are taken one after another: this one's new file has its name by now. */
		if (len > 4 && len < NAME_BYTES && !strcmp(entry->d_name + len - 4, NEW_SUFFIX) &&
		    fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (uint64_t)st.st_mtime * NSEC_PER_SEC + 60 * NSEC_PER_SEC < clock_wall_ns())
			(void)unlinkat(dir_fd, entry->d_name, 0);
		if (len >= NAME_BYTES || !snapshot_name(entry->d_name, &tag, &kept[count].wall_s) ||
		    fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		memcpy(kept[count].name, entry->d_name, len + 1);
		kept[count++].bytes = (uint64_t)st.st_size;
	}
	qsort(kept, count, sizeof(*kept), newest_first);
	for (size_t i = 0; i < count; i++) {
		bytes += kept[i].bytes;
		/* The newest stays, whatever its size. */
		if (i == 0 || (i < SNAPSHOT_FILES_MAX && bytes <= max_bytes))
			continue;
		if (unlinkat(dir_fd, kept[i].name, 0) == 0)
			removed++;
	}
	return removed;
}

/* ---- the file ---- */

bool snapshot_put(struct snapshot *snapshot, const struct buf *line)
{
	size_t done = 0;

	/* Room for the last line, which tells of it. */
	if (line->cut || snapshot->bytes + line->len > SNAPSHOT_BYTES_MAX - 4096) {
		snapshot->cut = true;
		return false;
	}
	while (done < line->len) {
		ssize_t n = write(snapshot->fd, line->data + done, line->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* A full disk: what is there so far is worth keeping, whole lines of it. */
			(void)!ftruncate(snapshot->fd, (off_t)snapshot->bytes);
			(void)lseek(snapshot->fd, (off_t)snapshot->bytes, SEEK_SET);
			snapshot->cut = true;
			return false;
		}
		done += (size_t)n;
	}
	snapshot->bytes += line->len;
	return true;
}

void snapshot_share(struct snapshot *snapshot, uint32_t processes)
{
	uint64_t left = snapshot->text_bytes < SNAPSHOT_TEXT_MAX
				? SNAPSHOT_TEXT_MAX - snapshot->text_bytes
				: 0;
	uint64_t share = left / (processes ? processes : 1);

	if (share < SNAPSHOT_SHARE_MIN)
		share = left < SNAPSHOT_SHARE_MIN ? left : SNAPSHOT_SHARE_MIN;
	snapshot->share_end = snapshot->text_bytes + share;
}

bool snapshot_put_shared(struct snapshot *snapshot, const struct buf *line)
{
	if (snapshot->text_bytes + line->len > snapshot->share_end) {
		snapshot->cut = true;
		return false;
	}
	if (!snapshot_put(snapshot, line))
		return false;
	snapshot->text_bytes += line->len;
	return true;
}

static void put_head(struct snapshot *snapshot, const struct snapshot_about *about,
		     uint64_t wall_ns, uint32_t count)
{
	struct json_writer w;
	char number[24];

	(void)snprintf(number, sizeof(number), "%" PRIu64, about->tag);
	buf_clear(&snapshot->line);
	json_begin(&w, &snapshot->line);
	json_object(&w, NULL);
	json_string(&w, "kind", "snapshot");
	json_string(&w, "session", number);
	json_u64(&w, "taken_wall_ns", wall_ns);
	json_u64(&w, "auid", about->auid);
	json_u64(&w, "audit_session", about->audit_session);
	json_u64(&w, "decision", about->decision);
	json_string(&w, "origin", about->origin);
	json_string(&w, "reason", about->reason);
	json_u64(&w, "processes", count);
	json_end_object(&w);
	buf_putc(&snapshot->line, '\n');
	(void)snapshot_put(snapshot, &snapshot->line);
}

static bool put_tail(struct snapshot *snapshot, uint64_t began_ns, uint32_t left_out)
{
	struct json_writer w;

	buf_clear(&snapshot->line);
	json_begin(&w, &snapshot->line);
	json_object(&w, NULL);
	json_string(&w, "kind", "end");
	json_u64(&w, "processes", snapshot->processes);
	json_u64(&w, "files", snapshot->files);
	json_u64(&w, "sockets", snapshot->sockets);
	json_u64(&w, "memfds", snapshot->memfds);
	json_u64(&w, "gone", snapshot->gone);
	json_u64(&w, "left_out", left_out);
	json_u64(&w, "took_ns", clock_boot_ns() - began_ns);
	json_bool(&w, "cut", snapshot->cut);
	json_end_object(&w);
	buf_putc(&snapshot->line, '\n');
	/* Into the room that was kept. */
	return write(snapshot->fd, snapshot->line.data, snapshot->line.len) ==
	       (ssize_t)snapshot->line.len;
}

static int write_snapshot(int dir_fd, const struct snapshot_about *about,
			  const struct process *process, uint32_t count, bool *ret_cut)
{
	char name[NAME_BYTES], new_name[NAME_BYTES + sizeof(NEW_SUFFIX)];
	uint64_t wall_ns = clock_wall_ns(), began_ns = clock_boot_ns();
	static struct snapshot snapshot = { .line = BUF_INIT(LINE_MAX_BYTES) };
	uint32_t i;

	(void)snprintf(name, sizeof(name), "%" PRIu64 "-%" PRIu64 SUFFIX, about->tag,
		       (uint64_t)(wall_ns / NSEC_PER_SEC));
	(void)snprintf(new_name, sizeof(new_name), "%s" NEW_SUFFIX, name);
	(void)unlinkat(dir_fd, new_name, 0);
	snapshot.fd = openat(dir_fd, new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			     0400);
	if (snapshot.fd < 0)
		return -errno;
	snapshot.deadline_boot_ns = began_ns + SNAPSHOT_LIMIT_NS;
	put_head(&snapshot, about, wall_ns, count);
	for (i = 0; i < count && clock_boot_ns() < snapshot.deadline_boot_ns; i++) {
		snapshot_share(&snapshot, count - i);
		snapshot_process(&snapshot, &process[i]);
	}
	snapshot.cut |= i < count;
	if (!put_tail(&snapshot, began_ns, count - i) || fsync(snapshot.fd) < 0 ||
	    renameat(dir_fd, new_name, dir_fd, name) < 0) {
		int r = errno ? -errno : -ENOSPC;

		(void)unlinkat(dir_fd, new_name, 0);
		return r;
	}
	(void)fsync(dir_fd);
	*ret_cut = snapshot.cut;
	return 0;
}

static _Noreturn void copy_main(const char *state_dir, const struct snapshot_about *about,
				const struct process *process, uint32_t count)
{
	int dir_fd = open_folder(state_dir, true), r;
	bool cut = false;

	r = dir_fd < 0 ? dir_fd : write_snapshot(dir_fd, about, process, count, &cut);
	if (r < 0) {
		log_error_errno(r, "no snapshot of session %llu in %s/" SNAPSHOT_DIR,
				(unsigned long long)about->tag, state_dir);
		_exit(SNAPSHOT_FAILED);
	}
	r = snapshot_prune(dir_fd, about->max_bytes);
	if (r > 0)
		log_warning("%d older snapshots were removed: snapshot_max, or more than %d", r,
			    SNAPSHOT_FILES_MAX);
	_exit(cut ? SNAPSHOT_CUT : SNAPSHOT_WHOLE);
}

int snapshot_start(const char *state_dir, const struct snapshot_about *about,
		   const struct process *process, uint32_t count, pid_t *ret_pid)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* It shares descriptors with bailiffd but changes none of them, and leaves by
		 * _exit, so no cleanup of bailiffd's runs twice. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(SNAPSHOT_FAILED);
		(void)prctl(PR_SET_NAME, "bailiff-copy");
		copy_main(state_dir, about, process, count);
	}
	*ret_pid = pid;
	return 0;
}
