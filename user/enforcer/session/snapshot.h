/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a locked session's processes were, written down while they stand still.
 *
 * A copy of bailiffd (fork) does it, which the loop does not wait for: files of others may hang
 * (FUSE, NFS), and a thousand processes take their time. It opens only what /proc has proven to be
 * a regular file, and every process through a descriptor of its /proc folder, which never shows
 * another process. JSON, one object a line, at most SNAPSHOT_BYTES_MAX; a file of its own, made
 * under another name, synced and renamed, read-only.
 */
#ifndef ENFORCER_SNAPSHOT_H
#define ENFORCER_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "enforcer/session/processes.h"

#define SNAPSHOT_DIR "snapshots" /* below the state folder; mode 0700 */
#define SNAPSHOT_FILES_MAX 64 /* snapshots kept; the oldest goes */
#define SNAPSHOT_BYTES_MAX \
	(32U << 20) /* of one; memfds included, which take a third more as text */
#define SNAPSHOT_TEXT_MAX (20U << 20) /* of one, without its memfds */
#define SNAPSHOT_SHARE_MIN \
	16384 /* bytes that a process has for its files, if there is room at all */
#define SNAPSHOT_LIMIT_NS (5 * NSEC_PER_SEC) /* then what there is must do */
#define SNAPSHOT_WORDS_MAX 128 /* arguments, and names of variables, of one process */
#define SNAPSHOT_WORD_MAX 4096 /* bytes of one argument */
#define SNAPSHOT_WORDS_BYTES_MAX 16384 /* of all arguments, and of all names, of one process */
#define SNAPSHOT_FDS_MAX 1024 /* open files of one process */
#define SNAPSHOT_HASH_MAX (64ULL << 20) /* bytes of one executable */
#define SNAPSHOT_HASHES_MAX (256ULL << 20) /* of all of them */
#define SNAPSHOT_MEMFD_MAX (1U << 20) /* of one memfd's content */
#define SNAPSHOT_MEMFDS_MAX (8U << 20) /* of all of them */

struct snapshot_about {
	uint64_t tag;
	uint32_t auid;
	uint32_t audit_session;
	uint32_t decision;
	uint64_t max_bytes; /* of all snapshots together */
	char origin[64]; /* rule, or who */
	char reason[256];
};

enum snapshot_exit {
	SNAPSHOT_WHOLE,
	SNAPSHOT_FAILED,
	SNAPSHOT_CUT, /* some bound was reached; the file tells which */
};

/* Whether there is one of that session, taken at since_wall_s or later. */
bool snapshot_have(const char *state_dir, uint64_t tag, uint64_t since_wall_s);

/* Starts the copy; the caller reaps it: an enum snapshot_exit. It dies with us. */
int snapshot_start(const char *state_dir, const struct snapshot_about *about,
		   const struct process *process, uint32_t count, pid_t *ret_pid);

/* ---- inside the copy ---- */

struct snapshot;

/* "SESSION-SECONDS.jsonl"; false: no snapshot's name. */
bool snapshot_name(const char *name, uint64_t *ret_tag, uint64_t *ret_wall_s);

/* Removes the oldest beyond the bounds, and what a copy that died left. Number removed. */
int snapshot_prune(int dir_fd, uint64_t max_bytes);

/* A line of the file. false: it does not fit any more, nothing of it was written. */
bool snapshot_put(struct snapshot *snapshot, const struct buf *line);
/* The same, of what a process can have without end: within its share, so that none hides the
 * others. */
bool snapshot_put_shared(struct snapshot *snapshot, const struct buf *line);
/* What is left is shared among that many processes. */
void snapshot_share(struct snapshot *snapshot, uint32_t processes);
void snapshot_process(struct snapshot *snapshot, const struct process *process);

struct snapshot_hash {
	uint64_t dev, ino;
	char text[65];
};

struct snapshot {
	int fd;
	uint64_t bytes;
	uint64_t text_bytes; /* those that are no memfds */
	uint64_t share_end; /* of text_bytes */
	uint64_t deadline_boot_ns;
	bool cut;
	uint32_t processes, files, sockets, memfds, gone;
	uint64_t hashed, memfd_bytes;
	struct snapshot_hash hash[64]; /* executables that were seen; a ring */
	uint32_t hashes;
	struct snapshot_sockets *netns; /* tables that were read */
	uint32_t netns_count;
	struct buf line;
};

/* ---- sockets of a network namespace ---- */

#define SNAPSHOT_SOCKETS_MAX 65536
#define SNAPSHOT_NETNS_MAX 8

struct snapshot_socket {
	uint64_t inode;
	bool tcp;
	uint8_t family;
	uint8_t state; /* of TCP, as the kernel counts */
	uint16_t local_port, peer_port;
	uint8_t local[16], peer[16]; /* network order */
};

struct snapshot_sockets {
	uint64_t netns; /* inode */
	struct snapshot_socket *socket;
	uint32_t count, size;
	bool cut;
};

/* Lines of /proc/net/{tcp,udp}{,6}, of which the first is a headline. -ENOMEM. */
int snapshot_sockets_parse(struct snapshot_sockets *sockets, const char *text, size_t len,
			   int family, bool tcp);
/* The one of that inode in the process's namespace, or NULL. */
const struct snapshot_socket *snapshot_socket(struct snapshot *snapshot, int proc_fd,
					      uint64_t inode);
void snapshot_sockets_done(struct snapshot_sockets *sockets);

#endif
