/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF programs, loaded: private to hooks*.c, lockouts/kernel.c and doctor*.c.
 *
 * A program's place is its row in hook_table: which object holds it, where it attaches, what its
 * absence costs. Nothing is decided by kernel version; each program is loaded, and attached, and
 * what the kernel answers is the answer.
 */
#ifndef ENFORCER_HOOKS_H
#define ENFORCER_HOOKS_H

#include <bpf/libbpf.h>
#include <stdbool.h>

#include "enforcer/enforcer.h"
#include "enforcer/findings.h"

enum hook_object {
	HOOK_SENSOR_EXEC,
	HOOK_SENSOR_AUTH,
	HOOK_SENSOR_NET,
	HOOK_SENSOR_SIGNAL,
	HOOK_LOCKOUT,
	HOOK_VERDICT,
	HOOK_OBJECT_MAX,
};

enum hook_at {
	HOOK_AT_SECTION, /* where its section says: tracepoint, function */
	HOOK_AT_ITERATOR, /* run on demand, not attached for good */
	HOOK_AT_PAM, /* at pam_authenticate() of the host's libpam */
	HOOK_AT_PAM_RETURN,
	HOOK_AT_NETNS,
	HOOK_AT_CGROUP,
	HOOK_AT_STYLE, /* at the root cgroup, by hooks_style() alone */
	HOOK_AT_KEPT, /* as SECTION, and pinned */
	HOOK_AT_REFUSING, /* as KEPT, if it refuses what it shall (hooks/verdict.c) */
	HOOK_AT_MAX,
};

struct hook {
	const char *program;
	enum hook_object object;
	enum hook_at at;
	const char *finding; /* programs that share one are alternatives (SECTION) or parts */
	bool part; /* true: all of the finding's programs are needed */
	enum finding_state without;
	const char *works;
	const char *costs; /* what is missing without it */
};

/* What a test of the verdict programs can see refused. */
enum hook_proof {
	PROOF_EXEC = 1,
	PROOF_FORK = 2,
	PROOF_CONNECT = 4,
	PROOF_SOCKET = 8,
	PROOF_CRED = 16,
	PROOF_PTRACE = 32,
};
#define PROOF_ALL 63

extern const struct hook hook_table[];
extern const size_t hook_count;
#define HOOKS_MAX 64
#define HOOK_MAPS_MAX 48

struct hook_map {
	char name[16];
	int fd;
	bool adopted; /* it was pinned by an earlier life and holds that life's entries */
};

/* Where to attach and pin. For the host: root cgroup, own network namespace, BL_PIN_DIR. */
struct hooks_target {
	int cgroup_fd;
	const char *pin_dir; /* NULL: nothing is pinned */
	bool sensors;
	bool lockout;
	bool verdicts; /* needs sensors */
};

struct service_file {
	struct bl_file_key key;
	struct bl_file_role role;
};

struct hooks {
	struct bpf_object *object[HOOK_OBJECT_MAX];
	struct bpf_link *link[HOOKS_MAX]; /* of hook_table's rows; NULL: not attached */
	int link_fd[HOOKS_MAX]; /* pinned ones; -1: none */
	bool attached[HOOKS_MAX];
	struct hook_map map[HOOK_MAPS_MAX];
	size_t maps;
	bool dry;
	bool task_storage;
	uint32_t life; /* struct bl_config */
	uint32_t signals; /* conf.signals */
	struct findings findings;
	struct service_file *file; /* as written into bl_services */
	size_t files;
	uint16_t port[BL_PORTS_MAX][2]; /* port, service: as written into bl_ports */
	size_t ports;
	bool sensed[CONF_SERVICES_MAX + 1]; /* by service id */
	dev_t pam_dev; /* the libpam that the probes are in; 0 = none */
	ino_t pam_ino;
	char pin_dir[128]; /* "": nothing is pinned */
	int cgroup_fd; /* where lockout programs are attached, for attaching them again; -1 */
	uint32_t style; /* enum bl_style, as written into bl_style */
	struct tamper tampered; /* since the start */
	struct hook_guard *guard; /* NULL: none */
	void *watch; /* as written into bl_watched; private to hooks/watch.c */
	size_t watches;
	size_t watched_refused;
	unsigned int watch_turn;
	struct hook_netns *space; /* other network namespaces */
	size_t spaces;
	bool spaces_adopted;
	struct hook_peer *peer; /* of sessions that were there before the sensors */
	size_t peers;
};

#define HOOK_NETNS_MAX 512 /* of this user namespace, and as many of others */

enum netns_kin {
	NETNS_ADOPTED = 1, /* pinned by an earlier life, no process of it seen yet */
	NETNS_OWN,
	NETNS_FOREIGN, /* of another user namespace */
};

struct hook_netns {
	uint64_t ino;
	enum netns_kin kin;
	int link_fd;
};

struct hook_peer {
	uint32_t audit_session;
	uint32_t auid;
	struct bl_endpoint end;
};

int hooks_load_at(const struct conf *conf, const struct hooks_target *target, struct hooks **ret);

/* The map's fd, borrowed; -ENOENT. */
int hooks_map(const struct hooks *hooks, const char *name);
bool hooks_map_adopted(const struct hooks *hooks, const char *name);
/* All of a finding's programs are attached (part), or one of them. */
bool hooks_works(const struct hooks *hooks, const char *finding);

/* ---- one object (hooks/object.c) ---- */

/* Opens, loads what the kernel takes, shares maps by name. 0 also if no program was taken. */
int hook_object_load(struct hooks *hooks, enum hook_object which, const char *pin_dir,
		     int ret_error[HOOKS_MAX]);
/* 1: tracing programs may use task storage here. */
bool hook_probe_task_storage(void);
void hook_quiet(void);

/* ---- signals (hooks/signals.c) ---- */

/* false: this row's program serves only signals that nobody wants. */
bool hook_wanted(const struct hooks *hooks, size_t row);
/* Rewrites bl_watched where a folder or user came or went. 1: something changed. (hooks/watch.c) */
int hook_watch_refresh(struct hooks *hooks, const char *mountinfo);
/* The superblock's device in the kernel's form, of what statx told with STATX_MNT_ID. */
struct statx;
int hook_file_device(const char *mountinfo, const struct statx *st, uint32_t *ret);

/* ---- PAM (hooks/pam.c) ---- */

/* Attaches the program of this row. -ENOENT: this host has no libpam where one is looked for. */
int hook_pam_attach(struct hooks *hooks, size_t row, const struct bpf_program *program);
/* A probe is bound to the file's inode: after an upgrade of libpam it is put into the new file. */
void hook_pam_refresh(struct hooks *hooks);

/* ---- pins (hooks/pins.c) ---- */

bool hook_pinned_map(const char *name); /* is it one that outlives bailiffd? */
int pins_prepare(const char *pin_dir, struct findings *findings);
/* fd of a pinned map that fits this one; -ENOENT: there is none (one that does not fit is gone). */
int pins_adopt_map(const char *pin_dir, const struct bpf_map *map);
int pins_put_map(const char *pin_dir, const char *name, int fd);
/* Attaches program at target_fd without a gap: an earlier link gets the new program, else a new
 * link is pinned before the old one goes; with pin_dir "" nothing is pinned. Returns the link's fd,
 * or -errno. */
int pins_put_link(const char *pin_dir, const char *name, const struct bpf_program *program,
		  enum hook_at at, int target_fd);
/* Is this object pinned there? 1: it was not, and is now. */
int pins_keep(const char *pin_dir, const char *folder, const char *name, int fd);
int pins_clear(const char *pin_dir);

/* ---- the guard (hooks/guard.c) ---- */

/* Names to it what has been made since, tells what it refused. */
void hook_guard_refresh(struct hooks *hooks);
void hook_guard_done(struct hooks *hooks);

/* Attaches the row's program in the own network namespace or at this cgroup, by pins_put_link; the
 * fd of an earlier link goes. */
int hook_attach_place(struct hooks *hooks, size_t row, const struct bpf_program *program,
		      int cgroup_fd);

/* ---- places that change (hooks/netns.c, hooks/style.c) ---- */

/* The same as hooks_namespaces() and hooks_style(), for tests: of another /proc, another cgroup. */
int hooks_namespaces_at(struct hooks *hooks, int proc_fd);
int hooks_style_at(struct hooks *hooks, enum lockout_style style, int cgroup_fd);
void hook_netns_done(struct hooks *hooks);
void hook_netns_pin(uint64_t ino, char ret_name[32]);

/* As pins_put_link, of a link that is attached already: the kernel cannot put another program into
 * it, so the old one goes when the new one is there. */
int pins_keep_link(const char *pin_dir, const char *name, const struct bpf_link *link);
void pins_drop_link(const char *pin_dir, const char *name);

/* ---- verdicts (hooks/verdict.c, hooks/proof.c) ---- */

/* Attaches of each finding the first program that refuses what it shall, and pins it. */
void hooks_contain(struct hooks *hooks, const struct hooks_target *target, int error[HOOKS_MAX]);
/*
 * Lets a child of this process, with an account that nobody has and a verdict on that account, try
 * everything. enum hook_proof of what the programs of this life refused and had been possible
 * before; or -errno.
 */
int hooks_prove(int uids_fd, int any_fd, uint32_t life);
/* Adds to bl_any. */
int hooks_count_verdicts(int any_fd, int64_t by);

/* ---- sessions (hooks/sessions.c) ---- */

typedef int (*hook_session_fn)(uint64_t tag, const struct bl_session *session, void *arg);
int hooks_sessions(const struct hooks *hooks, hook_session_fn fn, void *arg);
int hooks_session(const struct hooks *hooks, uint64_t tag, struct bl_session *ret);
/* After adopting maps of an earlier life, before the sensors are attached: what ended meanwhile is
 * removed, counts of tasks begin anew (every task is tagged again by the seed). */
void hooks_reconcile(struct hooks *hooks);

#endif
