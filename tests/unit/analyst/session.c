/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's events come to: which connection failed, which logged in, and above all which
 * must not be called failed.
 */
#include <stdlib.h>

#include "analyst/session/session.h"
#include "story.h"
#include "unit.h"

#define SECOND NSEC_PER_SEC
#define PEER "203.0.113.9"
#define SSHD_UID 101

static int setup(void **state)
{
	static const uint64_t seed[2] = { 3, 4 };
	struct session_table *t;

	if (session_table_new(&t, seed) < 0)
		return -1;
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	session_table_free(*state);
	return 0;
}

static struct session_change feed(struct session_table *t, const union bl_event *event)
{
	struct session_change change;

	session_event(t, event, &change);
	return change;
}

static enum session_change_kind open_at(struct session_table *t, uint16_t port, uint64_t at_ns)
{
	union bl_event e;

	story_connection(&e, PEER, port, BL_CONNECTION_OPEN, at_ns);
	return feed(t, &e).kind;
}

static enum session_change_kind close_at(struct session_table *t, uint16_t port, uint64_t at_ns)
{
	union bl_event e;

	story_connection(&e, PEER, port, BL_CONNECTION_CLOSED, at_ns);
	return feed(t, &e).kind;
}

static struct session_change serve(struct session_table *t, uint32_t pid, uint16_t port,
				   uint64_t at_ns)
{
	union bl_event e;

	story_session_process(&e, pid, PEER, port, at_ns);
	return feed(t, &e);
}

/* A child of the session process ends. */
static struct session_change child(struct session_table *t, uint32_t pid, uint32_t parent,
				   uint16_t role, uint32_t uid, uint32_t status, uint64_t at_ns)
{
	union bl_event e;

	story_exit(&e, pid, parent, role, status, at_ns);
	e.exit.task.uid = e.exit.task.euid = uid;
	return feed(t, &e);
}

static struct session_change leave(struct session_table *t, uint32_t pid, uint32_t status,
				   uint64_t at_ns)
{
	return child(t, pid, 500, BL_ROLE_SESSION, 0, status, at_ns);
}

static const struct connection *by_port(struct session_table *t, uint16_t port)
{
	struct bl_endpoint end = story_end(PEER, port);

	return session_connection_by_end(t, &end);
}

static void fails_on_10(void **state)
{
	struct session_table *t = *state;
	struct session_change change;
	union bl_event e;

	assert_int_equal(open_at(t, 4000, SECOND), SESSION_OPENED);
	assert_int_equal(serve(t, 70, 4000, SECOND + 1).kind, SESSION_OPENED);
	story_preauth(&e, 71, 70, PEER, 4000, SECOND + 2);
	assert_int_equal(feed(t, &e).kind, SESSION_NOTHING);
	assert_int_equal(child(t, 72, 70, BL_ROLE_CHECK, 0, 7, 3 * SECOND).kind, SESSION_NOTHING);
	assert_int_equal(child(t, 71, 70, BL_ROLE_PREAUTH, 990, 255, 4 * SECOND).kind,
			 SESSION_NOTHING);
	assert_int_equal(by_port(t, 4000)->outcome, CONNECTION_PENDING);
	change = leave(t, 70, 5, 5 * SECOND);
	assert_int_equal(change.kind, SESSION_FAILED);
	assert_int_equal(change.connection->checks_failed, 1);
	assert_int_equal(change.connection->pid, 70);
	assert_int_equal(change.connection->service, STORY_SSHD);
	assert_int_equal(change.connection->opened_ns, SECOND);
	assert_int_equal(change.connection->decided_ns, 5 * SECOND);
	assert_int_equal(change.connection->exits, 1);
	assert_ptr_equal(session_connection_by_pid(t, 71, 5 * SECOND), change.connection);
}

static void fails_on_9(void **state)
{
	struct session_table *t = *state;

	open_at(t, 4000, SECOND);
	serve(t, 70, 4000, SECOND + 1);
	child(t, 71, 70, BL_ROLE_SESSION, SSHD_UID, 255, 2 * SECOND);
	close_at(t, 4000, 2 * SECOND);
	assert_int_equal(leave(t, 70, 255, 3 * SECOND).kind, SESSION_FAILED);
}

static void logs_in_on_10(void **state)
{
	struct session_table *t = *state;
	struct session_change change;
	union bl_event e;

	open_at(t, 4000, SECOND);
	serve(t, 70, 4000, SECOND + 1);
	story_preauth(&e, 71, 70, PEER, 4000, SECOND + 2);
	feed(t, &e);
	child(t, 72, 70, BL_ROLE_CHECK, 0, 7, 2 * SECOND);
	child(t, 73, 70, BL_ROLE_CHECK, 0, 0, 2 * SECOND + 1);
	change = child(t, 71, 70, BL_ROLE_PREAUTH, 990, 0, 3 * SECOND);
	assert_int_equal(change.kind, SESSION_AUTHENTICATED);
	story_birth(&e, 9, 70, 1000, PEER, 4000, 4 * SECOND);
	change = feed(t, &e);
	assert_int_equal(change.kind, SESSION_BORN);
	assert_int_equal(change.connection->session, 9);
	assert_int_equal(change.connection->auid, 1000);
	assert_int_equal(change.connection->decided_ns, 3 * SECOND);
	assert_int_equal(change.connection->checks_failed, 1);
	assert_int_equal(change.session->leader_pid, 70);
	assert_int_equal(leave(t, 70, 255, 9 * SECOND).kind, SESSION_NOTHING);
	assert_int_equal(by_port(t, 4000)->outcome, CONNECTION_AUTHENTICATED);
	assert_int_equal(change.session->flags & BL_SESSION_LEFT, 0);
	e.session.head.flags = BL_SESSION_END | BL_SESSION_LEFT;
	e.session.head.boot_ns = 10 * SECOND;
	change = feed(t, &e);
	assert_int_equal(change.kind, SESSION_ENDED);
	assert_int_equal(change.session->ended_ns, 10 * SECOND);
	assert_int_equal(change.session->flags & BL_SESSION_LEFT, BL_SESSION_LEFT);
	assert_non_null(change.connection);
	assert_int_equal(feed(t, &e).kind, SESSION_NOTHING);
}

static void logs_in_on_9(void **state)
{
	struct session_table *t = *state;

	open_at(t, 4000, SECOND);
	serve(t, 70, 4000, SECOND + 1);
	assert_int_equal(child(t, 71, 70, BL_ROLE_SESSION, SSHD_UID, 0, 2 * SECOND).kind,
			 SESSION_AUTHENTICATED);
	assert_int_equal(leave(t, 70, 255, 9 * SECOND).kind, SESSION_NOTHING);
}

/* The birth alone is enough: the pre-authentication child's exit was lost. */
static void birth_is_enough(void **state)
{
	struct session_table *t = *state;
	union bl_event e;

	serve(t, 70, 4000, SECOND);
	story_birth(&e, 9, 70, 1000, PEER, 4000, 2 * SECOND);
	e.session.end.family = 0;
	assert_int_equal(feed(t, &e).kind, SESSION_BORN);
	assert_int_equal(by_port(t, 4000)->outcome, CONNECTION_AUTHENTICATED);
	assert_int_equal(leave(t, 70, 255, 3 * SECOND).kind, SESSION_NOTHING);
}

/* PAM's conversation process runs sshd's file as root, and ends with 0 whatever was typed. */
static void helper_is_no_login(void **state)
{
	struct session_table *t = *state;

	serve(t, 70, 4000, SECOND);
	assert_int_equal(child(t, 72, 70, BL_ROLE_SESSION, 0, 0, 2 * SECOND).kind, SESSION_NOTHING);
	child(t, 71, 70, BL_ROLE_SESSION, SSHD_UID, 255, 2 * SECOND);
	assert_int_equal(leave(t, 70, 255, 3 * SECOND).kind, SESSION_FAILED);
}

/* AuthorizedKeysCommand runs as an ordinary user and ends with 0, for every key offered. */
static void command_is_no_login(void **state)
{
	struct session_table *t = *state;
	union bl_event e;

	serve(t, 70, 4000, SECOND);
	assert_int_equal(child(t, 72, 70, BL_ROLE_NONE, 65534, 0, 2 * SECOND).kind,
			 SESSION_NOTHING);
	/* Even one that executes sshd's own file. */
	story_session_process(&e, 73, PEER, 4000, 2 * SECOND);
	e.exec.task.ppid = 70;
	e.exec.task.parent_start_ns = 1070;
	e.exec.task.uid = e.exec.task.euid = 65534;
	feed(t, &e);
	assert_int_equal(child(t, 73, 70, BL_ROLE_SESSION, 65534, 0, 2 * SECOND).kind,
			 SESSION_NOTHING);
	child(t, 71, 70, BL_ROLE_SESSION, SSHD_UID, 255, 2 * SECOND);
	assert_int_equal(leave(t, 70, 255, 3 * SECOND).kind, SESSION_FAILED);
}

/* A grandchild, or somebody else's child, tells nothing of this login. */
static void strangers_exit(void **state)
{
	struct session_table *t = *state;
	union bl_event e;

	serve(t, 70, 4000, SECOND);
	assert_int_equal(child(t, 90, 88, BL_ROLE_PREAUTH, 990, 0, SECOND).kind, SESSION_NOTHING);
	/* The parent's pid is right, its start time is not. */
	story_exit(&e, 91, 70, BL_ROLE_PREAUTH, 0, SECOND);
	e.exit.task.parent_start_ns = 77;
	assert_int_equal(feed(t, &e).kind, SESSION_NOTHING);
	/* A known descendant, but no child of the session process. */
	story_head(&e, BL_EVENT_FORK, sizeof(e.fork), SECOND);
	story_task(&e.fork.task, 71, 70);
	feed(t, &e);
	story_task(&e.fork.task, 72, 71);
	feed(t, &e);
	assert_int_equal(child(t, 72, 71, BL_ROLE_SESSION, SSHD_UID, 0, SECOND).kind,
			 SESSION_NOTHING);
	assert_int_equal(by_port(t, 4000)->outcome, CONNECTION_PENDING);
}

static void exec_before_open(void **state)
{
	struct session_table *t = *state;
	uint64_t number;

	serve(t, 70, 4000, SECOND + 5);
	number = by_port(t, 4000)->number;
	assert_int_equal(by_port(t, 4000)->opened_ns, 0);
	assert_int_equal(open_at(t, 4000, SECOND), SESSION_OPENED);
	assert_int_equal(by_port(t, 4000)->number, number);
	assert_int_equal(by_port(t, 4000)->opened_ns, SECOND);
}

/* A scan: the connection was reset before sshd's exec, the socket has no local port any more. */
static void reset_before_exec(void **state)
{
	struct session_table *t = *state;
	uint64_t number;
	union bl_event e;

	open_at(t, 4000, SECOND);
	close_at(t, 4000, SECOND + 1);
	number = by_port(t, 4000)->number;
	story_session_process(&e, 70, PEER, 4000, SECOND + 2);
	e.exec.end.local_port = 0;
	assert_int_equal(feed(t, &e).kind, SESSION_OPENED);
	assert_int_equal(by_port(t, 4000)->number, number);
	assert_int_equal(by_port(t, 4000)->pid, 70);
	assert_int_equal(by_port(t, 4000)->end.local_port, 22);
	assert_int_equal(leave(t, 70, 255, 2 * SECOND).kind, SESSION_FAILED);
}

/* MaxStartups: sshd closes without giving it a process. Nobody tried anything. */
static void dropped_counts_as_nothing(void **state)
{
	struct session_table *t = *state;

	open_at(t, 4000, SECOND);
	assert_int_equal(close_at(t, 4000, 2 * SECOND), SESSION_NOTHING);
	assert_int_equal(by_port(t, 4000)->outcome, CONNECTION_PENDING);
	session_expire(t, 100 * SECOND, 60 * SECOND);
	assert_null(by_port(t, 4000));
}

static void lost_events_leave_it_open(void **state)
{
	struct session_table *t = *state;
	union bl_event e;

	serve(t, 70, 4000, SECOND);
	story_exit(&e, 70, 500, BL_ROLE_SESSION, 255, 2 * SECOND);
	e.head.lost = 1;
	assert_int_equal(feed(t, &e).kind, SESSION_NOTHING);
	assert_int_equal(by_port(t, 4000)->outcome, CONNECTION_PENDING);
	assert_int_equal(by_port(t, 4000)->exits, 1);

	/* But a pre-authentication child that was seen to fail is proof, whatever was lost. */
	serve(t, 80, 4001, 3 * SECOND);
	story_exit(&e, 81, 80, BL_ROLE_PREAUTH, 255, 3 * SECOND);
	e.head.lost = 2;
	feed(t, &e);
	story_exit(&e, 80, 500, BL_ROLE_SESSION, 5, 4 * SECOND);
	e.head.lost = 3;
	assert_int_equal(feed(t, &e).kind, SESSION_FAILED);
}

static void missed_birth_shows_at_exit(void **state)
{
	struct session_table *t = *state;
	union bl_event e;

	serve(t, 70, 4000, SECOND);
	story_exit(&e, 70, 500, BL_ROLE_SESSION, 255, 2 * SECOND);
	e.exit.task.auid = 1000;
	assert_int_equal(feed(t, &e).kind, SESSION_AUTHENTICATED);
	assert_int_equal(by_port(t, 4000)->auid, 1000);
}

/* sshd that was restarted by hand from a login has that login's ids in all its children. */
static void inherited_ids_prove_nothing(void **state)
{
	struct session_table *t = *state;
	union bl_event e;

	story_session_process(&e, 70, PEER, 4000, SECOND);
	e.exec.task.auid = 1000;
	e.exec.task.audit_session = 3;
	e.exec.task.session = 2;
	feed(t, &e);
	story_exit(&e, 70, 500, BL_ROLE_SESSION, 255, 2 * SECOND);
	e.exit.task.auid = 1000;
	e.exit.task.audit_session = 3;
	e.exit.task.session = 2;
	assert_int_equal(feed(t, &e).kind, SESSION_FAILED);
}

/* A recording that does not tell uids: an exit 0 that may have been the login leaves it open. */
static void unknown_uid_leaves_it_open(void **state)
{
	struct session_table *t = *state;

	serve(t, 70, 4000, SECOND);
	child(t, 71, 70, BL_ROLE_SESSION, BL_UNSET, 0, 2 * SECOND);
	assert_int_equal(leave(t, 70, 255, 3 * SECOND).kind, SESSION_NOTHING);
	assert_int_equal(by_port(t, 4000)->outcome, CONNECTION_PENDING);
}

static void exec_elsewhere(struct session_table *t, uint32_t pid, uint64_t start_ns, uint64_t at_ns,
			   struct session_change *ret)
{
	union bl_event e;

	story_head(&e, BL_EVENT_EXEC, BL_EXEC_SMALL_LEN, at_ns);
	story_task(&e.exec.task, pid, 600);
	e.exec.task.start_ns = start_ns;
	strcpy(e.exec.exe, "/usr/bin/true");
	*ret = feed(t, &e);
}

/* The exit was lost; another process has the pid now. */
static void missed_exit_by_pid(void **state)
{
	struct session_table *t = *state;
	struct session_change change;

	serve(t, 70, 4000, SECOND);
	child(t, 71, 70, BL_ROLE_PREAUTH, 990, 255, 2 * SECOND);
	exec_elsewhere(t, 70, 5 * SECOND, 6 * SECOND, &change);
	assert_int_equal(change.kind, SESSION_FAILED);
	assert_int_equal(change.connection->end.peer_port, 4000);

	/* Without proof it stays open. */
	serve(t, 80, 4001, 7 * SECOND);
	exec_elsewhere(t, 80, 8 * SECOND, 9 * SECOND, &change);
	assert_int_equal(change.kind, SESSION_NOTHING);
	exec_elsewhere(t, 90, 8 * SECOND, 300 * SECOND, &change);
	assert_int_equal(change.kind, SESSION_NOTHING);
	assert_int_equal(by_port(t, 4001)->outcome, CONNECTION_PENDING);
}

static void missed_exit_by_time(void **state)
{
	struct session_table *t = *state;
	struct session_change change;

	open_at(t, 4000, SECOND);
	serve(t, 70, 4000, SECOND);
	child(t, 71, 70, BL_ROLE_PREAUTH, 990, 255, 2 * SECOND);
	close_at(t, 4000, 2 * SECOND);
	exec_elsewhere(t, 90, 8 * SECOND, 151 * SECOND, &change);
	assert_int_equal(change.kind, SESSION_NOTHING);
	exec_elsewhere(t, 90, 8 * SECOND, 153 * SECOND, &change);
	assert_int_equal(change.kind, SESSION_FAILED);
	exec_elsewhere(t, 90, 8 * SECOND, 155 * SECOND, &change);
	assert_int_equal(change.kind, SESSION_NOTHING);
}

/* bailiff started between the session process's exec and its child's. */
static void late_start(void **state)
{
	struct session_table *t = *state;
	union bl_event e;

	story_preauth(&e, 71, 70, PEER, 4000, SECOND);
	assert_int_equal(feed(t, &e).kind, SESSION_OPENED);
	assert_int_equal(by_port(t, 4000)->pid, 70);
	assert_non_null(session_connection_by_pid(t, 70, SECOND));
	child(t, 71, 70, BL_ROLE_PREAUTH, 990, 255, 2 * SECOND);
	assert_int_equal(leave(t, 70, 5, 3 * SECOND).kind, SESSION_FAILED);

	/* Even later: nothing is known of the process that ends, nothing is said. */
	assert_int_equal(leave(t, 75, 255, 3 * SECOND).kind, SESSION_NOTHING);
}

/* Anybody may execute sshd on a socket to an address that he wants to see locked out. */
static void only_root_serves(void **state)
{
	struct session_table *t = *state;
	union bl_event e;

	story_session_process(&e, 70, "198.51.100.77", 4000, SECOND);
	e.exec.task.uid = e.exec.task.euid = 1000;
	assert_int_equal(feed(t, &e).kind, SESSION_NOTHING);
	assert_null(session_connection_by_end(t, &e.exec.end));
	assert_int_equal(leave(t, 70, 255, 2 * SECOND).kind, SESSION_NOTHING);
	story_session_process(&e, 71, "198.51.100.77", 4000, SECOND);
	e.exec.task.uid = 1000;
	assert_int_equal(feed(t, &e).kind, SESSION_NOTHING);
}

/* The listener and a login through a socket file execute the same file, without a peer. */
static void no_peer_no_connection(void **state)
{
	struct session_table *t = *state;
	struct session_stats stats;
	union bl_event e;

	story_session_process(&e, 70, PEER, 4000, SECOND);
	memset(&e.exec.end, 0, sizeof(e.exec.end));
	assert_int_equal(feed(t, &e).kind, SESSION_NOTHING);
	e.exec.end.family = 1;
	e.exec.task.pid = 71;
	assert_int_equal(feed(t, &e).kind, SESSION_NOTHING);
	session_stats(t, &stats);
	assert_int_equal(stats.connections, 0);
}

/* The client resets and comes back from the same port while PAM still sleeps on the first try. */
static void same_ends_again(void **state)
{
	struct session_table *t = *state;
	uint64_t first, second;

	open_at(t, 4000, SECOND);
	serve(t, 70, 4000, SECOND);
	close_at(t, 4000, 2 * SECOND);
	first = by_port(t, 4000)->number;
	open_at(t, 4000, 2 * SECOND + 1);
	second = by_port(t, 4000)->number;
	assert_true(first != second);
	serve(t, 80, 4000, 3 * SECOND);
	assert_int_equal(leave(t, 70, 255, 4 * SECOND).kind, SESSION_FAILED);
	assert_int_equal(session_connection_by_number(t, first)->outcome, CONNECTION_FAILED);
	assert_int_equal(session_connection_by_number(t, second)->outcome, CONNECTION_PENDING);
	assert_int_equal(session_connection_by_number(t, second)->closed_ns, 0);
	assert_int_equal(leave(t, 80, 255, 5 * SECOND).kind, SESSION_FAILED);
	/* A closing that comes late belongs to the first. */
	open_at(t, 4000, 6 * SECOND);
	close_at(t, 4000, 6 * SECOND - 1);
	assert_int_equal(by_port(t, 4000)->closed_ns, 0);
	/* And once more with the opening missed. */
	serve(t, 90, 4000, 7 * SECOND);
	serve(t, 95, 4000, 8 * SECOND);
	assert_int_equal(leave(t, 90, 255, 9 * SECOND).kind, SESSION_FAILED);
	assert_int_equal(leave(t, 95, 255, 9 * SECOND).kind, SESSION_FAILED);
}

static void whose_process(void **state)
{
	struct session_table *t = *state;
	const struct connection *c;
	union bl_event e;

	serve(t, 70, 4000, 10 * SECOND);
	c = by_port(t, 4000);
	story_head(&e, BL_EVENT_FORK, sizeof(e.fork), 11 * SECOND);
	story_task(&e.fork.task, 71, 70);
	feed(t, &e);
	assert_ptr_equal(session_connection_by_pid(t, 71, 11 * SECOND), c);
	assert_int_equal(session_process(t, 71, 11 * SECOND)->role, BL_ROLE_SESSION);

	/* The user's shell is none of sshd's processes any more. */
	story_head(&e, BL_EVENT_EXEC, BL_EXEC_SMALL_LEN, 12 * SECOND);
	story_task(&e.exec.task, 71, 70);
	strcpy(e.exec.exe, "/usr/bin/bash");
	feed(t, &e);
	assert_null(session_connection_by_pid(t, 71, 12 * SECOND));
	assert_string_equal(session_process(t, 71, 12 * SECOND)->exe, "/usr/bin/bash");

	/* A fork event that comes after its process's exec changes nothing. */
	story_head(&e, BL_EVENT_FORK, sizeof(e.fork), 11 * SECOND);
	story_task(&e.fork.task, 71, 70);
	feed(t, &e);
	assert_null(session_connection_by_pid(t, 71, 12 * SECOND));

	/* The pid's next owner is found from its start on, and late lines still find the former. */
	leave(t, 70, 255, 20 * SECOND);
	assert_ptr_equal(session_connection_by_pid(t, 70, 25 * SECOND), c);
	story_head(&e, BL_EVENT_EXEC, BL_EXEC_SMALL_LEN, 30 * SECOND);
	story_task(&e.exec.task, 70, 600);
	e.exec.task.start_ns = 29 * SECOND;
	strcpy(e.exec.exe, "/usr/bin/logger");
	feed(t, &e);
	assert_null(session_connection_by_pid(t, 70, 30 * SECOND));
	assert_ptr_equal(session_connection_by_pid(t, 70, 21 * SECOND), c);
	assert_string_equal(session_process(t, 70, 30 * SECOND)->exe, "/usr/bin/logger");
	/* Reused at once: a line that is read now was most likely written before. */
	e.exec.task.start_ns = 20 * SECOND + 1;
	feed(t, &e);
	assert_ptr_equal(session_connection_by_pid(t, 70, 21 * SECOND), c);
	assert_null(session_connection_by_pid(t, 70, 23 * SECOND));
	assert_null(session_process(t, 4711, 30 * SECOND));
}

static void long_path_keeps_its_end(void **state)
{
	struct session_table *t = *state;
	union bl_event e;

	story_head(&e, BL_EVENT_EXEC, BL_EXEC_SMALL_LEN, SECOND);
	story_task(&e.exec.task, 70, 600);
	memset(e.exec.exe, 'x', 200);
	memcpy(e.exec.exe + 190, "/bin/thing", 11);
	feed(t, &e);
	assert_int_equal(strlen(session_process(t, 70, SECOND)->exe), 63);
	assert_string_equal(session_process(t, 70, SECOND)->exe + 53, "/bin/thing");
}

/* An exec may tell of a session whose birth was lost, or comes by the other ring. */
static void tag_without_birth(void **state)
{
	struct session_table *t = *state;
	union bl_event e;

	story_sudo(&e, 80, 9, SECOND);
	assert_int_equal(feed(t, &e).kind, SESSION_NOTHING);
	assert_int_equal(session_by_tag(t, 9)->flags & BL_SESSION_LATE, BL_SESSION_LATE);
	assert_int_equal(session_by_tag(t, 9)->execs, 1);
	assert_int_equal(session_process(t, 80, SECOND)->session, 9);
	story_birth(&e, 9, 70, 1000, PEER, 4000, SECOND - 5);
	assert_int_equal(feed(t, &e).kind, SESSION_BORN);
	assert_int_equal(feed(t, &e).kind, SESSION_NOTHING);
	assert_int_equal(session_by_tag(t, 9)->execs, 1);
	assert_int_equal(session_by_tag(t, 9)->leader_pid, 70);
}

static void taken_over(void **state)
{
	struct session_table *t = *state;
	struct session_change change;
	union bl_event e;

	story_birth(&e, 9, 70, 1000, PEER, 4000, SECOND);
	e.head.flags = BL_SESSION_INFERRED;
	change = feed(t, &e);
	assert_int_equal(change.kind, SESSION_BORN);
	assert_non_null(change.connection);
	assert_int_equal(change.connection->outcome, CONNECTION_AUTHENTICATED);
	assert_int_equal(leave(t, 70, 255, 3 * SECOND).kind, SESSION_NOTHING);
	assert_int_equal(by_port(t, 4000)->exits, 1);
}

/* A scan of the whole internet must not make bailiff forget who is guessing right now. */
static void flood_spares_the_open(void **state)
{
	struct session_table *t = *state;
	struct session_stats stats;
	union bl_event e;

	serve(t, 70, 4000, SECOND);
	for (uint32_t i = 0; i < 3 * SESSION_CONNECTIONS_MAX; i++) {
		char peer[32];

		(void)snprintf(peer, sizeof(peer), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		story_connection(&e, peer, 5000, BL_CONNECTION_OPEN, 2 * SECOND + i);
		feed(t, &e);
	}
	/* Connections that came, failed, and are over: none of them takes the open one's place. */
	for (uint32_t i = 0; i < SESSION_CONNECTIONS_MAX; i++) {
		char peer[32];

		(void)snprintf(peer, sizeof(peer), "11.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		story_session_process(&e, 100000 + i, peer, 5000, 3 * SECOND + i);
		feed(t, &e);
		leave(t, 100000 + i, 255, 3 * SECOND + i);
	}
	session_stats(t, &stats);
	assert_true(stats.connections <= SESSION_CONNECTIONS_MAX);
	assert_true(stats.processes <= SESSION_PROCESSES_MAX);
	assert_true(stats.refused > SESSION_CONNECTIONS_MAX);
	assert_int_equal(leave(t, 70, 255, 4 * SECOND).kind, SESSION_FAILED);
}

static void expiry(void **state)
{
	struct session_table *t = *state;
	struct session_stats stats;
	union bl_event e;

	serve(t, 70, 4000, SECOND);
	leave(t, 70, 255, 2 * SECOND);
	serve(t, 80, 4001, SECOND);
	story_birth(&e, 9, 80, 1000, PEER, 4001, SECOND);
	feed(t, &e);
	session_expire(t, 61 * SECOND, 60 * SECOND);
	assert_non_null(by_port(t, 4000));
	session_expire(t, 63 * SECOND, 60 * SECOND);
	assert_null(by_port(t, 4000));
	assert_null(session_connection_by_pid(t, 70, 63 * SECOND));
	/* What lives stays, however old. */
	session_expire(t, 63000 * SECOND, 60 * SECOND);
	session_stats(t, &stats);
	assert_int_equal(stats.connections, 1);
	assert_int_equal(stats.sessions, 1);
	assert_int_equal(stats.processes, 1);
	assert_int_equal(stats.refused, 0);
	/* A fork whose exit came before it, by the other ring, goes with its connection. */
	serve(t, 100, 4002, 63000 * SECOND);
	story_head(&e, BL_EVENT_FORK, sizeof(e.fork), 63000 * SECOND);
	story_task(&e.fork.task, 101, 100);
	feed(t, &e);
	leave(t, 100, 255, 63000 * SECOND);
	session_expire(t, 63099 * SECOND, 60 * SECOND);
	session_stats(t, &stats);
	assert_int_equal(stats.processes, 1);
	/* A second connection of the same ends takes its index entry along, not the other's. */
	serve(t, 90, 4001, 63101 * SECOND);
	leave(t, 80, 255, 63102 * SECOND);
	session_expire(t, 63200 * SECOND, 60 * SECOND);
	assert_int_equal(by_port(t, 4001)->pid, 90);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(fails_on_10),
		TEST(fails_on_9),
		TEST(logs_in_on_10),
		TEST(logs_in_on_9),
		TEST(birth_is_enough),
		TEST(helper_is_no_login),
		TEST(command_is_no_login),
		TEST(strangers_exit),
		TEST(exec_before_open),
		TEST(reset_before_exec),
		TEST(dropped_counts_as_nothing),
		TEST(lost_events_leave_it_open),
		TEST(missed_birth_shows_at_exit),
		TEST(inherited_ids_prove_nothing),
		TEST(unknown_uid_leaves_it_open),
		TEST(missed_exit_by_pid),
		TEST(missed_exit_by_time),
		TEST(late_start),
		TEST(only_root_serves),
		TEST(no_peer_no_connection),
		TEST(same_ends_again),
		TEST(whose_process),
		TEST(long_path_keeps_its_end),
		TEST(tag_without_birth),
		TEST(taken_over),
		TEST(flood_spares_the_open),
		TEST(expiry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
