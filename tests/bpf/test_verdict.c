/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Containment: a verdict on a session or an account, by each of the ways that refuse.
 *
 * Every "nothing ran" stands beside a control in which the same program, tried the same way, did
 * run.
 */
#include "verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lockout.h"

#define MINUTE_NS 60000000000ULL
#define MANY 10000 /* attempts where a refusal leaves the process alive */
#define MANY_KILLED 250 /* where each costs a process */
#define SOME 20

static const char *const method_names[] = { "LSM", "fmod_ret", "SIGKILL at exec" };
_Static_assert(sizeof(method_names) / sizeof(method_names[0]) == METHOD_MAX, "names");

static const struct {
	enum try_what what;
	const char *name;
} ways[] = {
	{ TRY_SPAWN, "a forked child" },
	{ TRY_VFORK, "a vforked child" },
	{ TRY_THREAD, "a child's second thread" },
	{ TRY_DAEMON, "a daemon (double fork, setsid)" },
	{ TRY_NESTED, "a login inside the session" },
	{ TRY_UNSET, "a child that has unset its login uid" },
};

/* Is bpf among the active security modules? */
static bool lsm_active(void)
{
	FILE *f = fopen("/sys/kernel/security/lsm", "re");
	char text[512] = "";

	if (f) {
		(void)!fgets(text, sizeof(text), f);
		fclose(f);
	}
	return strstr(text, "bpf") != NULL;
}

static void set_any(const struct verdicts *v, uint64_t count)
{
	struct bl_any any = { .verdicts = count };
	uint32_t zero = 0;

	(void)bpf_map_update_elem(v->any, &zero, &any, BPF_ANY);
}

static void put(const struct verdicts *v, int map, const void *key, uint32_t flags, int64_t for_ns)
{
	struct bl_verdict verdict = { .expires_boot_ns = boot_ns() + (uint64_t)for_ns,
				      .locked_boot_ns = boot_ns(),
				      .decision = 7,
				      .flags = flags };

	set_any(v, 1);
	(void)bpf_map_update_elem(map, key, &verdict, BPF_ANY);
}

static void take(const struct verdicts *v, int map, const void *key)
{
	(void)bpf_map_delete_elem(map, key);
	set_any(v, 0);
}

static uint64_t refused(int map, const void *key)
{
	struct bl_verdict verdict = { 0 };

	(void)bpf_map_lookup_elem(map, key, &verdict);
	return verdict.refused;
}

static bool all_ran(struct tried t, unsigned int n)
{
	return t.ran == n && t.refused == 0 && t.killed == 0 && t.other == 0;
}

static bool none_ran(struct tried t, unsigned int n, enum method method)
{
	return t.ran == 0 && t.other == 0 && (method == METHOD_KILL ? t.killed : t.refused) == n;
}

#define SHOW "ran %u, refused %u, killed %u, other %u"
#define SHOWN(t) (t).ran, (t).refused, (t).killed, (t).other

static void test_many(const struct verdicts *v, const struct worker *w, enum method method)
{
	unsigned int n = method == METHOD_KILL ? MANY_KILLED : MANY;
	uint64_t before = counter_read(v->counters, BL_COUNT_REFUSED_TASK);
	struct tried t;

	put(v, v->sessions, &w->tag, BL_VERDICT_EXEC, 10 * (int64_t)MINUTE_NS);
	t = worker_try(w, method == METHOD_KILL ? TRY_SPAWN : TRY_EXEC, n);
	check(none_ran(t, n, method), "session: %u execs, no first instruction executed: " SHOW, n,
	      SHOWN(t));
	check(refused(v->sessions, &w->tag) == n &&
		      counter_read(v->counters, BL_COUNT_REFUSED_TASK) == before + n,
	      "session: each is counted, in the entry and in all");
	take(v, v->sessions, &w->tag);
}

static void test_ways(const struct fixture *f, const struct verdicts *v, const struct worker *w,
		      enum method method)
{
	struct tried t;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (ways[i].what == TRY_NESTED && f->sensors.birth == BIRTH_NONE)
			continue;
		t = worker_try(w, ways[i].what, SOME);
		check(all_ran(t, SOME), "without a verdict: %s runs: " SHOW, ways[i].name,
		      SHOWN(t));
		put(v, v->sessions, &w->tag, BL_VERDICT_EXEC, 10 * (int64_t)MINUTE_NS);
		t = worker_try(w, ways[i].what, SOME);
		check(none_ran(t, SOME, method), "session: %s is contained: " SHOW, ways[i].name,
		      SHOWN(t));
		take(v, v->sessions, &w->tag);
	}
}

static void test_limits(const struct verdicts *v, const struct worker *w,
			const struct worker *other, enum method method)
{
	struct tried t;
	uint64_t end;

	put(v, v->sessions, &w->tag, BL_VERDICT_EXEC, 10 * (int64_t)MINUTE_NS);
	t = worker_try(other, TRY_SPAWN, SOME);
	check(all_ran(t, SOME), "session: another one is not touched: " SHOW, SHOWN(t));
	put(v, v->sessions, &w->tag, BL_VERDICT_CONNECT, 10 * (int64_t)MINUTE_NS);
	t = worker_try(w, TRY_SPAWN, SOME);
	check(all_ran(t, SOME), "session: what the flags do not name goes on: " SHOW, SHOWN(t));

	put(v, v->sessions, &w->tag, BL_VERDICT_EXEC, 1000000000LL);
	end = boot_ns() + 1000000000ULL;
	t = worker_try(w, TRY_SPAWN, 1);
	if (boot_ns() < end)
		check(none_ran(t, 1, method), "expiry: in force until then: " SHOW, SHOWN(t));
	while (boot_ns() <= end)
		usleep(10000);
	t = worker_try(w, TRY_SPAWN, SOME);
	check(all_ran(t, SOME), "expiry: by itself, the entry is still there: " SHOW, SHOWN(t));
	take(v, v->sessions, &w->tag);
}

/* w's session is made one that other's session logged in for, and then one that is not quite
 * that. */
static void test_joined(const struct fixture *f, const struct verdicts *v, const struct worker *w,
			const struct worker *other, enum method method)
{
	int sessions = sensors_map(&f->sensors, "bl_sessions");
	struct bl_session was, now;
	struct tried t;

	if (!check(bpf_map_lookup_elem(sessions, &w->tag, &was) == 0, "joined: is a session"))
		return;
	now = was;
	now.parent_session = other->tag;
	now.end.family = 2; /* AF_INET */
	now.flags |= BL_SESSION_JOINED;
	put(v, v->sessions, &other->tag, BL_VERDICT_EXEC, 10 * (int64_t)MINUTE_NS);
	(void)bpf_map_update_elem(sessions, &w->tag, &now, BPF_EXIST);
	t = worker_try(w, TRY_SPAWN, SOME);
	check(none_ran(t, SOME, method), "joined: the same account's login is contained: " SHOW,
	      SHOWN(t));
	now.auid = 1001;
	(void)bpf_map_update_elem(sessions, &w->tag, &now, BPF_EXIST);
	t = worker_try(w, TRY_SPAWN, SOME);
	check(all_ran(t, SOME), "joined: another account's is not: " SHOW, SHOWN(t));
	now.auid = was.auid;
	now.flags = was.flags;
	(void)bpf_map_update_elem(sessions, &w->tag, &now, BPF_EXIST);
	t = worker_try(w, TRY_SPAWN, SOME);
	check(all_ran(t, SOME), "joined: nor a login from elsewhere: " SHOW, SHOWN(t));
	(void)bpf_map_update_elem(sessions, &w->tag, &was, BPF_EXIST);
	take(v, v->sessions, &other->tag);
}

/* w's session is made a job that a session wrote which is over but still locked out. */
static void test_job(const struct fixture *f, const struct verdicts *v, const struct worker *w,
		     enum method method)
{
	int sessions = sensors_map(&f->sensors, "bl_sessions");
	const uint64_t writer = ~0ULL - 1;
	struct bl_session was, now;
	struct tried t;

	if (!check(bpf_map_lookup_elem(sessions, &w->tag, &was) == 0, "job: is a session"))
		return;
	now = was;
	now.parent_session = writer;
	now.flags |= BL_SESSION_CRON;
	put(v, v->sessions, &writer, BL_VERDICT_EXEC, 10 * (int64_t)MINUTE_NS);
	(void)bpf_map_update_elem(sessions, &w->tag, &now, BPF_EXIST);
	t = worker_try(w, TRY_SPAWN, SOME);
	check(none_ran(t, SOME, method), "job: contained with its writer: " SHOW, SHOWN(t));
	now.auid = 0;
	(void)bpf_map_update_elem(sessions, &w->tag, &now, BPF_EXIST);
	t = worker_try(w, TRY_SPAWN, SOME);
	check(all_ran(t, SOME), "job: root's is not: " SHOW, SHOWN(t));
	(void)bpf_map_update_elem(sessions, &w->tag, &was, BPF_EXIST);
	take(v, v->sessions, &writer);
}

/* The programs here are of life 1. */
static void test_proof(const struct verdicts *v, const struct worker *w, enum method method)
{
	struct bl_verdict verdict = { .expires_boot_ns = boot_ns() + MINUTE_NS,
				      .flags = BL_VERDICT_EXEC | BL_VERDICT_PROOF,
				      .decision = 2 };
	struct tried t;

	set_any(v, 1);
	(void)bpf_map_update_elem(v->sessions, &w->tag, &verdict, BPF_ANY);
	t = worker_try(w, TRY_SPAWN, SOME);
	check(all_ran(t, SOME), "proof: another life's is none of ours: " SHOW, SHOWN(t));
	verdict.decision = 1;
	(void)bpf_map_update_elem(v->sessions, &w->tag, &verdict, BPF_ANY);
	t = worker_try(w, TRY_SPAWN, SOME);
	check(none_ran(t, SOME, method), "proof: this life's is in force: " SHOW, SHOWN(t));
	take(v, v->sessions, &w->tag);
}

static int become(void *arg)
{
	uid_t uid = *(const uid_t *)arg;

	return setresuid(uid, uid, uid) == 0 ? 0 : (errno == EPERM ? 1 : 2);
}

static void test_account(const struct fixture *f, const struct verdicts *v, const struct worker *w,
			 enum method method)
{
	uint32_t uid = 2000, login = 1000, root = 0;
	uid_t locked = 2000, free_uid = 2001;
	struct worker owner;
	struct tried t;

	if (!worker_start(&owner, f, uid))
		return;
	put(v, v->uids, &uid, BL_VERDICT_ALL & ~BL_VERDICT_FORK, 10 * (int64_t)MINUTE_NS);
	t = worker_try(&owner, TRY_SPAWN, SOME);
	check(none_ran(t, SOME, method), "account: its processes start nothing: " SHOW, SHOWN(t));
	check(refused(v->uids, &uid) == SOME, "account: counted in the entry");
	t = worker_try(w, TRY_SPAWN, SOME);
	check(all_ran(t, SOME), "account: another's do: " SHOW, SHOWN(t));
	if (method != METHOD_KILL) {
		check(exited(wait_for(spawn_fn(become, &locked)), 1),
		      "account: nobody becomes it, root neither");
		check(exited(wait_for(spawn_fn(become, &free_uid)), 0),
		      "account: root becomes another");
	}
	take(v, v->uids, &uid);
	t = worker_try(&owner, TRY_SPAWN, SOME);
	check(all_ran(t, SOME), "account: released, they do again: " SHOW, SHOWN(t));
	put(v, v->uids, &login, BL_VERDICT_EXEC, 10 * (int64_t)MINUTE_NS);
	t = worker_try(w, TRY_SPAWN, SOME);
	check(none_ran(t, SOME, method), "account: also under another uid, by the login: " SHOW,
	      SHOWN(t));
	take(v, v->uids, &login);
	put(v, v->uids, &root, BL_VERDICT_ALL, 10 * (int64_t)MINUTE_NS);
	t = worker_try(w, TRY_SPAWN, SOME);
	check(all_ran(t, SOME), "account: an entry for root means nothing: " SHOW, SHOWN(t));
	take(v, v->uids, &root);
	worker_stop(&owner);
}

static void test_others(const struct verdicts *v, const struct worker *w)
{
	static const struct {
		enum try_what what;
		uint32_t flag;
		int without; /* errno */
		const char *name;
	} one[] = {
		{ TRY_FORK, BL_VERDICT_FORK, 0, "fork" },
		{ TRY_MAKE_THREAD, BL_VERDICT_FORK, 0, "a new thread" },
		{ TRY_CONNECT, BL_VERDICT_CONNECT, ENOENT, "connect" },
		{ TRY_SOCKET, BL_VERDICT_CONNECT, 0, "a network socket" },
		{ TRY_CRED, BL_VERDICT_CRED, 0, "another user id" },
		{ TRY_PTRACE, BL_VERDICT_PTRACE, 0, "ptrace" },
	};
	struct tried t;

	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		put(v, v->sessions, &w->tag, BL_VERDICT_ALL & ~one[i].flag,
		    10 * (int64_t)MINUTE_NS);
		/* ptrace wants a child, which the other flags must not keep from being made. */
		if (one[i].what == TRY_PTRACE)
			put(v, v->sessions, &w->tag, BL_VERDICT_EXEC, 10 * (int64_t)MINUTE_NS);
		t = worker_try(w, one[i].what, 0);
		check(t.error == one[i].without, "session: %s is possible without its flag (%s)",
		      one[i].name, strerror(t.error));
		put(v, v->sessions, &w->tag, one[i].flag, 10 * (int64_t)MINUTE_NS);
		t = worker_try(w, one[i].what, 0);
		check(t.error == EPERM, "session: %s is refused (%s)", one[i].name,
		      strerror(t.error));
		take(v, v->sessions, &w->tag);
	}
	put(v, v->sessions, &w->tag, BL_VERDICT_ALL, 10 * (int64_t)MINUTE_NS);
	t = worker_try(w, TRY_UNIX_SOCKET, 0);
	check(t.error == 0, "session: a UNIX socket can be made all the same");
	take(v, v->sessions, &w->tag);
}

/* bailiffd is gone: no sensor tags a child, and the audit session is another one meanwhile. */
static void test_alone(struct fixture *f, const struct verdicts *v, const struct worker *w,
		       const struct worker *other, enum method method)
{
	struct tried t;

	put(v, v->sessions, &w->tag, BL_VERDICT_EXEC, 10 * (int64_t)MINUTE_NS);
	fixture_close(f);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		t = worker_try(w, ways[i].what, SOME);
		check(none_ran(t, SOME, method), "no sensors: %s is contained: " SHOW, ways[i].name,
		      SHOWN(t));
	}
	t = worker_try(other, TRY_SPAWN, SOME);
	check(all_ran(t, SOME), "no sensors: another session runs: " SHOW, SHOWN(t));
}

static void run_method(bool task_storage, enum method method)
{
	struct sensor_options options = { .task_storage = task_storage };
	struct worker w, other;
	struct verdicts v;
	struct fixture f;
	struct tried t;
	int r;

	tap_group("verdict by %s, tags in %s", method_names[method],
		  task_storage ? "task storage" : "hash");
	if (!fixture_open(&f, &options))
		return;
	r = verdicts_load(&v, &f, method);
	if (!check(r == 0, "programs load and attach")) {
		note("%s: %s", strerror(-r), load_error);
		fixture_close(&f);
		return;
	}
	if (!worker_start(&w, &f, 0) || !worker_start(&other, &f, 0))
		return;
	t = worker_try(&w, TRY_SPAWN, SOME);
	check(all_ran(t, SOME), "nothing locked out: the program runs, and traps: " SHOW, SHOWN(t));
	if (method == METHOD_LSM && !lsm_active()) {
		put(&v, v.sessions, &w.tag, BL_VERDICT_EXEC, 10 * (int64_t)MINUTE_NS);
		t = worker_try(&w, TRY_SPAWN, SOME);
		check(all_ran(t, SOME),
		      "bpf is not in lsm=: attached, and never called (the loader must "
		      "notice): " SHOW,
		      SHOWN(t));
		take(&v, v.sessions, &w.tag);
		fixture_close(&f);
	} else {
		test_many(&v, &w, method);
		test_ways(&f, &v, &w, method);
		test_limits(&v, &w, &other, method);
		test_joined(&f, &v, &w, &other, method);
		test_job(&f, &v, &w, method);
		test_proof(&v, &w, method);
		test_account(&f, &v, &w, method);
		if (method != METHOD_KILL)
			test_others(&v, &w);
		test_alone(&f, &v, &w, &other, method);
	}
	worker_stop(&w);
	worker_stop(&other);
	verdicts_unload(&v);
}

void test_verdict(bool task_storage)
{
	if (!check(trap_make(), "a program that traps"))
		return;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (enum method m = METHOD_LSM; m < METHOD_MAX; m++)
		run_method(task_storage, m);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}
