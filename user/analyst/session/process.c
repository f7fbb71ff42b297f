/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which process had which pid, and what it ran.
 *
 * A child of a session process belongs to its connection as long as it runs the service's own
 * files: sshd's processes write about the connection, the user's shell does not.
 */
#include <string.h>

#include "analyst/session/tables.h"
#include "base/buf.h"

/* The end of a path is what tells programs apart. */
static void exe_copy(char to[sizeof(((struct process *)0)->exe)], const char *exe)
{
	size_t size = sizeof(((struct process *)0)->exe);
	size_t len = strlen(exe);

	text_copy(to, size, len < size ? exe : exe + len - (size - 1));
}

static void end_unseen(struct session_table *t, struct table *table, uint32_t pid,
		       uint64_t start_ns, uint64_t now_ns)
{
	struct proc *proc = table_get(table, &pid);
	struct conn *conn;

	if (!proc || proc->process.ended_ns || start_equal(proc->process.start_ns, start_ns) ||
	    start_ns < proc->process.start_ns)
		return;
	proc->process.ended_ns = now_ns;
	conn = conn_by_number(t, proc->process.connection);
	if (conn && conn->connection.pid == pid &&
	    start_equal(conn->connection.start_ns, proc->process.start_ns))
		conn->missed = true;
}

void process_reused(struct session_table *t, uint32_t pid, uint64_t start_ns, uint64_t now_ns)
{
	end_unseen(t, t->services, pid, start_ns, now_ns);
	end_unseen(t, t->gains, pid, start_ns, now_ns);
	end_unseen(t, t->others, pid, start_ns, now_ns);
}

static const struct proc *parent_of(const struct session_table *t, const struct bl_task *task)
{
	const struct proc *parent = table_peek(t->services, &task->ppid);

	return parent && start_equal(parent->process.start_ns, task->parent_start_ns) ? parent
										      : NULL;
}

static void proc_fill(struct proc *proc, const struct bl_task *task)
{
	struct process *p = &proc->process;

	p->pid = task->pid;
	p->start_ns = task->start_ns;
	p->ended_ns = 0;
	p->session = task->session;
	p->uid = task->uid;
	p->euid = task->euid;
}

void process_exec(struct session_table *t, const struct bl_event_exec *exec, struct conn *conn)
{
	const struct proc *parent = parent_of(t, &exec->task);
	const struct proc *before = table_peek(t->services, &exec->task.pid);
	uint64_t connection = conn ? conn->connection.number : 0;
	struct table *table;
	struct proc *proc;

	if (exec->role == BL_ROLE_GAIN)
		table = t->gains;
	else if (conn || (parent && parent->process.connection && exec->role))
		table = t->services;
	else
		table = t->others;
	if (!connection && table == t->services)
		connection = parent->process.connection;

	/* A forked child of a session process that now runs something else is no part of it. */
	if (before && table != t->services && !before->process.ended_ns &&
	    start_equal(before->process.start_ns, exec->task.start_ns))
		(void)table_delete(t->services, &exec->task.pid);

	proc = proc_put(t, table, exec->task.pid);
	proc_fill(proc, &exec->task);
	proc->executed = true;
	proc->process.connection = connection;
	proc->process.service = exec->service;
	proc->process.role = exec->role;
	exe_copy(proc->process.exe, exec->exe);
}

void process_assume(struct session_table *t, uint32_t pid, uint64_t start_ns,
		    const struct conn *conn)
{
	struct proc *proc = proc_put(t, t->services, pid);

	*proc = (struct proc){
		.process = {
			.pid = pid,
			.start_ns = start_ns,
			.connection = conn->connection.number,
			.service = conn->connection.service,
			.role = BL_ROLE_SESSION,
		},
		.executed = true,
	};
}

void process_fork(struct session_table *t, const struct bl_event_fork *fork)
{
	const struct proc *known = table_peek(t->services, &fork->task.pid);
	const struct proc *parent = parent_of(t, &fork->task);
	struct process origin;
	struct proc *proc;

	/* Its exec may have come before it, by the other ring. */
	if (known && start_equal(known->process.start_ns, fork->task.start_ns))
		return;
	known = table_peek(t->others, &fork->task.pid);
	if (known && start_equal(known->process.start_ns, fork->task.start_ns))
		return;
	if (!parent || !parent->process.connection || parent->process.ended_ns)
		return;
	origin = parent->process;
	proc = proc_put(t, t->services, fork->task.pid);
	proc_fill(proc, &fork->task);
	proc->executed = false;
	proc->process.connection = origin.connection;
	proc->process.service = origin.service;
	proc->process.role = origin.role;
	text_copy(proc->process.exe, sizeof(proc->process.exe), origin.exe);
}

static void end_seen(struct table *table, const struct bl_event_exit *exit)
{
	struct proc *proc = table_get(table, &exit->task.pid);

	if (!proc || !start_equal(proc->process.start_ns, exit->task.start_ns) ||
	    proc->process.ended_ns)
		return;
	proc->process.ended_ns = exit->head.boot_ns;
	proc->process.session = exit->task.session;
}

void process_exit(struct session_table *t, const struct bl_event_exit *exit)
{
	end_seen(t->services, exit);
	end_seen(t->gains, exit);
	end_seen(t->others, exit);
}
