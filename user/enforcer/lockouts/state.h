/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lockouts written down, so that a reboot or a lost kernel table keeps them.
 *
 * One file of fixed-size records, each with a checksum, only ever appended to; now and then
 * replaced as a whole by one that holds what is still in force. It is root's own file, but disks
 * lie: a record that does not check is not used, a tail of them is cut off, a file of another
 * version is set aside, and each of these is told. The text of a lockout (rule, who, reason) is
 * kept here only and read back when somebody asks.
 */
#ifndef ENFORCER_STATE_H
#define ENFORCER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#include "base/cleanup.h"

#define STATE_FILE "lockouts"
#define STATE_VERSION 1
#define STATE_RECORDS_MAX 4194304U /* 1.5 GB; a file beyond is set aside */
#define STATE_ORIGIN_MAX 64
#define STATE_REASON_MAX 224
#define STATE_BOOT_ID 16 /* bytes, /proc/sys/kernel/random/boot_id */
#define STATE_NONE UINT32_MAX /* no record */

#define STATE_HELD 0x80000000U /* in step: it stays there */

enum state_kind {
	STATE_LOCKED = 1, /* in force until until_boot_ns; a later one of the same subject wins */
	STATE_GONE, /* released (an expiry needs no record) */
	STATE_FROZEN, /* written BEFORE cgroup.freeze; reason = the cgroup, subject = session */
	STATE_THAWED,
	STATE_KIND_MAX,
};

struct state_record {
	uint64_t sum; /* over the rest and the record's place in the file */
	uint32_t kind;
	uint32_t decision; /* 0: an operator's; origin is then who, else the rule */
	uint64_t locked_wall_ns;
	uint64_t until_wall_ns;
	uint64_t locked_boot_ns;
	uint64_t until_boot_ns;
	struct ipc_subject subject;
	uint32_t action; /* enum action */
	uint32_t auid; /* of a session: what its processes are known by */
	uint32_t audit_session;
	uint32_t step; /* of a session: seconds from its lock to its step; STATE_HELD */
	char origin[STATE_ORIGIN_MAX];
	char reason[STATE_REASON_MAX];
};
_Static_assert(sizeof(struct state_record) == 384, "state record");

/* What the file says of the time it was written in. */
struct state_clock {
	uint8_t boot_id[STATE_BOOT_ID];
	uint64_t last_boot_ns; /* boot clock when the file was last written to */
};

struct state;

enum state_open_result {
	STATE_NEW = 1, /* no file, or one that could not be used and was set aside */
	STATE_SAME_BOOT,
	STATE_OTHER_BOOT,
};

/*
 * Opens or makes DIR/lockouts. message gets a sentence if something was damaged or set aside, else
 * "". -errno: the folder cannot be used; the caller may go on with dir NULL: a file in memory.
 */
int state_open(struct state **ret, const char *dir, const uint8_t boot_id[STATE_BOOT_ID],
	       char message[IPC_TEXT_MAX]);
struct state *state_free(struct state *state);
DEFINE_CLEANUP(state_free, struct state *)

/* Every valid record in file order; nonzero from fn ends. number stays valid until
 * state_replace. */
typedef int (*state_fn)(const struct state_record *record, uint32_t number, void *arg);
int state_each(struct state *state, state_fn fn, void *arg);

struct state_clock state_clock_read(const struct state *state);

/* sum is filled in here; text beyond its NUL is zeroed. */
int state_append(struct state *state, const struct state_record *record, uint32_t *ret_number);
/* -ENOENT: no such record, -EBADMSG: it does not check. */
int state_read(struct state *state, uint32_t number, struct state_record *ret);
uint32_t state_records(const struct state *state);

/* Notes the time in the header and waits for the disk: if anything was written since, else every
 * few minutes, or always (at the end of a life). */
int state_sync(struct state *state, uint64_t now_boot_ns, bool always);

/*
 * Replaces the file by what next gives: 1 = *ret is a record (its place in the new file is
 * number), 0 = no more, or -errno. The old file stays in force until the new one is on disk; on
 * failure numbers given out by next are void and the old ones hold.
 */
typedef int (*state_next_fn)(struct state_record *ret, uint32_t number, void *arg);
int state_replace(struct state *state, state_next_fn next, void *arg, uint64_t now_boot_ns);

/* Removes DIR/lockouts. */
int state_remove(const char *dir);

/*
 * When a lockout written down under clock ends, on the boot clock of now; <= now_boot_ns: it is
 * over. Wall time counts the hours that the machine was off, but a wall clock that was set back
 * must not prolong anything: what was left when the file was last written is the most that it gets.
 */
uint64_t state_until(const struct state_record *record, const struct state_clock *clock,
		     bool same_boot, uint64_t now_boot_ns, uint64_t now_wall_ns,
		     uint64_t longest_ns);

#endif
