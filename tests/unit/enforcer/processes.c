/* SPDX-License-Identifier: GPL-2.0-only */
/* Text of /proc, mountinfo and cgroup paths; who belongs to a session; sock_diag requests. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enforcer/session/cgroups.h"
#include "enforcer/session/processes.h"
#include "enforcer/session/session.h"
#include "enforcer/sockets/sockets.h"

static void stat_lines(void **unused)
{
	static const char good[] =
		"4242 (sh) S 17 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 123456 9 9\n";
	/* A name made to look like the rest of the line. */
	static const char nasty[] =
		"4242 (a) R 1 1 (b) T 17 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 77 9\n";
	static const char *const bad[] = {
		"",
		"x",
		"0 (a) R 1",
		"12",
		"12 (a",
		"12 (a) ",
		"12 (a) R",
		"12 (a) R 1 2 3",
		"12 a) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
		"12 (a) R 1 2 3 4 x 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21",
		"99999999999 (a) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
	};
	struct process p;

	(void)unused;
	assert_int_equal(process_parse_stat(good, strlen(good), 100, &p), 0);
	assert_int_equal(p.pid, 4242);
	assert_int_equal(p.parent, 17);
	assert_int_equal(p.state, 'S');
	assert_int_equal(p.threads, 3);
	assert_string_equal(p.comm, "sh");
	assert_true(p.start_ns == 1234560000000ULL);
	assert_int_equal(process_parse_stat(nasty, strlen(nasty), 100, &p), 0);
	assert_int_equal(p.state, 'T');
	assert_int_equal(p.parent, 17);
	assert_string_equal(p.comm, "a) R 1 1 (b");
	assert_true(p.start_ns == 770000000ULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_row(process_parse_stat(bad[i], strlen(bad[i]), 100, &p) == -EINVAL, bad[i]);
}

static void cgroup_lines(void **unused)
{
	static const struct {
		const char *text, *path;
	} rows[] = {
		{ "0::/user.slice/user-1000.slice/session-3.scope\n",
		  "/user.slice/user-1000.slice/session-3.scope" },
		{ "12:pids:/a\n1:name=systemd:/b\n0::/c d\n", "/c d" },
		{ "0::/gone (deleted)\n", "" },
		{ "1:name=systemd:/b\n", "" },
		{ "0::/", "/" },
		{ "", "" },
	};
	char path[PROCESS_CGROUP_MAX], text[PROCESS_CGROUP_MAX + 16] = "0::/";

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		process_parse_cgroup(rows[i].text, strlen(rows[i].text), path);
		assert_string_equal(path, rows[i].path);
	}
	/* Too long: the one above it that fits. */
	memset(text + 4, 'x', sizeof(text) - 5);
	process_parse_cgroup(text, strlen(text), path);
	assert_string_equal(path, "/");
	text[9] = '/';
	text[100] = '/';
	process_parse_cgroup(text, strlen(text), path);
	assert_int_equal(strlen(path), 97);
	assert_memory_equal(path, text + 3, 97);
	text[PROCESS_CGROUP_MAX + 2] = '\0';
	process_parse_cgroup(text, strlen(text), path);
	assert_int_equal(strlen(path), PROCESS_CGROUP_MAX - 1);
}

static void mountinfo(void **unused)
{
	static const struct {
		const char *text, *path;
	} rows[] = {
		{ "30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
		  "/sys/fs/cgroup" },
		{ "30 22 0:26 / /sys/fs/cgroup/cpu rw shared:4 - cgroup cgroup rw,cpu\n"
		  "31 22 0:27 / /sys/fs/cgroup/unified rw shared:5 master:2 - cgroup2 none rw\n",
		  "/sys/fs/cgroup/unified" },
		{ "30 22 0:26 / /mnt - cgroup2 rw\n", NULL },
		{ "30 22 0:26 / /a\\040b rw - cgroup2 cgroup2 rw\n", NULL },
		{ "30 22 0:26 / /tmp rw - tmpfs cgroup2 rw\n", NULL },
		{ "\n\n - cgroup2 \n", NULL },
	};
	char path[64];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = cgroup_mount_parse(rows[i].text, strlen(rows[i].text), path, sizeof(path));

		assert_row(r == (rows[i].path ? 0 : -ENOENT), rows[i].text);
		if (r == 0)
			assert_string_equal(path, rows[i].path);
	}
}

static void cgroup_paths_stay_below(void **unused)
{
	static const char *const bad[] = { "", "/", "a/b", "/a/../b", "/a/..", "/.." };

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_row(cgroup_freeze(AT_FDCWD, bad[i], true) == -EINVAL, bad[i]);
}

static void scopes(void **unused)
{
	static const struct {
		const char *cgroup, *scope, *id;
	} rows[] = {
		{ "/user.slice/user-1000.slice/session-3.scope",
		  "/user.slice/user-1000.slice/session-3.scope", "3" },
		{ "/user.slice/user-1000.slice/session-c12.scope/sub/deeper",
		  "/user.slice/user-1000.slice/session-c12.scope", "c12" },
		{ "/user.slice/user-0.slice/user@0.service/app.slice/run-r5.scope",
		  "/user.slice/user-0.slice/user@0.service/app.slice/run-r5.scope", NULL },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", NULL, NULL },
		{ "/system.slice/cron.service", NULL, NULL },
		{ "/init.scope", NULL, NULL },
		{ "/user.slice", NULL, NULL },
		{ "/user.slice/.scope", NULL, NULL },
		{ "", NULL, NULL },
		{ "/machine.slice/m.scope/user.slice/u.slice/session-1.scope",
		  "/machine.slice/m.scope/user.slice/u.slice/session-1.scope", "1" },
		{ "/user.slice/u/session-a b.scope", "/user.slice/u/session-a b.scope", NULL },
	};
	char scope[PROCESS_CGROUP_MAX], id[32];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool found = session_scope(rows[i].cgroup, scope);

		assert_row(found == (rows[i].scope != NULL), rows[i].cgroup);
		if (!found)
			continue;
		assert_string_equal(scope, rows[i].scope);
		found = session_logind_id(scope, id, sizeof(id));
		assert_row(found == (rows[i].id != NULL), rows[i].cgroup);
		if (found)
			assert_string_equal(id, rows[i].id);
	}
}

static void belonging(void **unused)
{
	const struct bl_session own = { .auid = 1000, .audit_session = 5 };
	const struct bl_session inside = { .auid = 1001, .audit_session = 6, .parent_session = 1 };
	const struct bl_session deeper = { .auid = 0, .audit_session = 7, .parent_session = 2 };
	const struct bl_session remote = {
		.auid = 1002, .audit_session = 8, .parent_session = 1, .end.family = AF_INET
	};
	const struct bl_session other = { .auid = 1000, .audit_session = 9 };
	const struct bl_session joined = {
		.auid = 1002,
		.audit_session = 10,
		.parent_session = 3,
		.end.family = AF_INET6,
		.flags = BL_SESSION_JOINED,
	};
	const struct bl_session elsewhere = {
		.auid = 1000,
		.audit_session = 11,
		.parent_session = 77,
		.end.family = AF_INET,
		.flags = BL_SESSION_JOINED,
	};
	const struct bl_session job = {
		.auid = 1000, .audit_session = 12, .parent_session = 1, .flags = BL_SESSION_AT
	};
	struct session_ids ids = { .tag = 1 };
	struct process p = { .auid = 1000, .audit_session = 5 };

	(void)unused;
	/* In an order in which the inner ones come first. */
	assert_int_equal(session_ids_add(&ids, 3, &deeper), 0);
	assert_int_equal(session_ids_add(&ids, 2, &inside), 0);
	assert_int_equal(session_ids_add(&ids, 1, &own), 1);
	assert_int_equal(session_ids_add(&ids, 1, &own), 0);
	assert_int_equal(session_ids_add(&ids, 2, &inside), 1);
	assert_int_equal(session_ids_add(&ids, 3, &deeper), 1);
	assert_int_equal(session_ids_add(&ids, 4, &remote), 0);
	assert_int_equal(session_ids_add(&ids, 5, &other), 0);
	assert_int_equal(session_ids_add(&ids, 6, &joined), 1);
	assert_int_equal(session_ids_add(&ids, 7, &elsewhere), 0);
	assert_int_equal(session_ids_add(&ids, 8, &job), 1);
	assert_true(session_ids_match(&ids, &p));
	p.auid = 1001;
	assert_false(session_ids_match(&ids, &p));
	p.audit_session = 6;
	assert_true(session_ids_match(&ids, &p));
	p = (struct process){ .auid = 1000, .audit_session = 9 };
	assert_false(session_ids_match(&ids, &p));
	/* A session whose ids are not set must not match every daemon. */
	ids.id[0].auid = ids.id[0].audit_session = BL_UNSET;
	p.auid = p.audit_session = BL_UNSET;
	assert_false(session_ids_match(&ids, &p));
}

static void signals_hit_the_right_one(void **unused)
{
	struct process p;
	pid_t pid = fork();
	int status;

	(void)unused;
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	assert_int_equal(process_read(pid, &p), 0);
	assert_int_equal(p.parent, getpid());
	assert_true(process_runs(&p));
	assert_false(process_ended(&p));
	/* The same pid, another start: as after reuse. */
	p.start_ns += 10000000;
	assert_int_equal(process_signal(&p, SIGKILL), -ESRCH);
	assert_true(process_ended(&p));
	p.start_ns -= 10000000;
	assert_false(process_ended(&p));
	assert_int_equal(process_signal(&p, SIGKILL), 0);
	for (int i = 0; i < 500 && !process_ended(&p); i++)
		(void)usleep(10000);
	/* Not reaped yet: a zombie counts as ended. */
	assert_true(process_ended(&p));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(process_read(pid, &p), -ESRCH);
}

static void diag_request(void **unused)
{
	unsigned char message[SOCKETS_REQUEST_MAX];
	struct addr net = { AF_INET6, 64, { 0x20, 1, 0xd, 0xb8 } };
	struct inet_diag_hostcond cond;
	struct inet_diag_req_v2 request;
	struct inet_diag_bc_op op;
	struct nlmsghdr head;
	struct rtattr attr;
	size_t len = sockets_request(AF_INET6, &net, 1, 9, message), at = sizeof(head);

	(void)unused;
	memcpy(&head, message, sizeof(head));
	memcpy(&request, message + at, sizeof(request));
	at += sizeof(request);
	memcpy(&attr, message + at, sizeof(attr));
	at += sizeof(attr);
	memcpy(&op, message + at, sizeof(op));
	at += sizeof(op);
	memcpy(&cond, message + at, sizeof(cond));
	at += sizeof(cond);
	assert_int_equal(head.nlmsg_len, len);
	assert_int_equal(head.nlmsg_type, SOCK_DIAG_BY_FAMILY);
	assert_int_equal(head.nlmsg_seq, 9);
	assert_int_equal(request.sdiag_family, AF_INET6);
	assert_int_equal(request.idiag_states & (1U << 10 /* LISTEN */), 0);
	assert_int_equal(attr.rta_len, len - sizeof(head) - sizeof(request));
	assert_int_equal(op.code, INET_DIAG_BC_D_COND);
	assert_int_equal(op.yes, sizeof(op) + sizeof(cond) + 16);
	assert_int_equal(op.no, op.yes + 4);
	assert_int_equal(cond.prefix_len, 64);
	assert_int_equal(cond.port, -1);
	assert_memory_equal(message + at, net.bytes, 16);
	assert_int_equal(len, at + 16);
	assert_int_equal(sockets_request(AF_INET, NULL, 0, 1, message),
			 sizeof(head) + sizeof(request));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_lines),
		cmocka_unit_test(cgroup_lines),
		cmocka_unit_test(mountinfo),
		cmocka_unit_test(cgroup_paths_stay_below),
		cmocka_unit_test(scopes),
		cmocka_unit_test(belonging),
		cmocka_unit_test(signals_hit_the_right_one),
		cmocka_unit_test(diag_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
