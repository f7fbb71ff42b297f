/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An event as a line of a recording. Reading it back gives the same event, but for what cannot be
 * said in JSON: bytes of a path or argument that are no UTF-8 become U+FFFD, and of more than
 * SENSOR_ARGS_MAX arguments the first ones stay (flagged args_cut, like any cut).
 */
#include <string.h>
#include <sys/socket.h>

#include "analyst/sensor/names.h"
#include "analyst/sensor/sensor.h"
#include "base/addr.h"
#include "base/clock.h"
#include "base/json.h"

static void put_id(struct json_writer *w, const char *key, uint32_t value)
{
	if (value != BL_UNSET)
		json_u64(w, key, value);
}

static void put_number(struct json_writer *w, const char *key, uint64_t value)
{
	if (value)
		json_u64(w, key, value);
}

static void put_text(struct json_writer *w, const char *key, const char *value)
{
	if (value[0])
		json_string(w, key, value);
}

static void put_task(struct json_writer *w, const struct bl_task *task, uint64_t session)
{
	json_u64(w, "pid", task->pid);
	if (task->tid != task->pid)
		json_u64(w, "tid", task->tid);
	put_number(w, "ppid", task->ppid);
	put_number(w, "start", task->start_ns);
	put_number(w, "parent_start", task->parent_start_ns);
	put_number(w, "session", session);
	put_id(w, "auid", task->auid);
	put_id(w, "audit_session", task->audit_session);
	put_id(w, "uid", task->uid);
	put_id(w, "euid", task->euid);
	put_id(w, "gid", task->gid);
	put_number(w, "cgroup", task->cgroup);
}

static bool put_address(struct json_writer *w, const char *key, uint16_t family,
			const uint8_t bytes[16])
{
	char text[ADDR_TEXT_MAX];
	struct addr addr;

	if (addr_from_bytes(family, bytes, &addr) < 0)
		return false;
	addr_format(&addr, text);
	json_string(w, key, text);
	return true;
}

static void put_endpoint(struct json_writer *w, const struct bl_endpoint *end)
{
	static const uint8_t zero[16];

	if (end->family) {
		json_object(w, "peer");
		if (end->family == AF_UNIX) {
			json_string(w, "addr", "unix");
		} else {
			(void)put_address(w, "addr", end->family, end->peer);
			json_u64(w, "port", end->peer_port);
		}
		json_end_object(w);
	}
	if (end->family && memcmp(end->local, zero, sizeof(zero)) != 0)
		(void)put_address(w, "local", end->family, end->local);
	put_number(w, "local_port", end->local_port);
}

static void put_flags(struct json_writer *w, const struct sensor_flag *flags, uint16_t set)
{
	bool any = false;

	for (const struct sensor_flag *f = flags; f->name; f++)
		any = any || set & f->bit;
	if (!any)
		return;
	json_array(w, "flags");
	for (const struct sensor_flag *f = flags; f->name; f++)
		if (set & f->bit)
			json_string(w, NULL, f->name);
	json_end_array(w);
}

static void put_service(struct json_writer *w, const struct sensor_names *names, uint16_t service)
{
	if (service && service < names->services && names->service[service])
		json_string(w, "service", names->service[service]);
}

static void put_role(struct json_writer *w, uint16_t role)
{
	if (role && role < BL_ROLE_MAX)
		json_string(w, "role", sensor_role_names[role]);
}

/* How many of the kept bytes the first SENSOR_ARGS_MAX arguments take; those many can be said. */
static uint32_t args_sayable(const struct bl_event_exec *exec)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < exec->args_kept; i++)
		if (!exec->args[i] && ++count == SENSOR_ARGS_MAX)
			return i + 1 < exec->args_kept ? i : exec->args_kept;
	return exec->args_kept;
}

static void put_args(struct json_writer *w, const struct bl_event_exec *exec, uint32_t kept,
		     bool cut)
{
	uint32_t begin = 0;

	if (!exec->args_len && !kept)
		return;
	json_array(w, "args");
	while (begin < kept) {
		const char *end = memchr(exec->args + begin, '\0', kept - begin);
		uint32_t len = end ? (uint32_t)(end - exec->args) - begin : kept - begin;

		json_string_len(w, NULL, exec->args + begin, len);
		begin += len + 1;
	}
	/* Cut right behind an argument's end: the next one begins, empty so far. */
	if (cut && kept && !exec->args[kept - 1])
		json_string_len(w, NULL, "", 0);
	json_end_array(w);
	if (cut || (kept && exec->args[kept - 1]))
		json_u64(w, "args_len", exec->args_len);
}

static void put_exec(struct json_writer *w, const struct bl_event_exec *exec,
		     const struct sensor_names *names)
{
	uint32_t kept = args_sayable(exec);
	uint16_t flags = exec->head.flags;

	if (kept < exec->args_kept)
		flags |= BL_EXEC_ARGS_CUT;
	put_task(w, &exec->task, exec->task.session);
	json_string(w, "exe", exec->exe);
	put_text(w, "file", exec->file);
	put_args(w, exec, kept, flags & BL_EXEC_ARGS_CUT);
	put_text(w, "cwd", exec->cwd);
	put_text(w, "tty", exec->tty);
	put_text(w, "comm", exec->comm);
	put_flags(w, sensor_exec_flags, flags);
	put_number(w, "exe_ino", exec->exe_ino);
	put_number(w, "exe_dev", exec->exe_dev);
	put_service(w, names, exec->service);
	put_role(w, exec->role);
	put_endpoint(w, &exec->end);
}

static void put_exit(struct json_writer *w, const struct bl_event_exit *exit,
		     const struct sensor_names *names)
{
	put_task(w, &exit->task, exit->task.session);
	put_text(w, "comm", exit->comm);
	put_service(w, names, exit->service);
	put_role(w, exit->role);
	if (exit->exit_code == BL_UNSET)
		return;
	json_u64(w, "result", exit->exit_code >> 8);
	put_number(w, "signal", exit->exit_code & 0xff);
}

static void put_session(struct json_writer *w, const struct bl_event_session *session,
			const struct sensor_names *names)
{
	put_task(w, &session->task, session->session);
	if (session->task.session != session->session)
		json_u64(w, "task_session", session->task.session);
	put_number(w, "parent_session", session->parent_session);
	put_flags(w, sensor_session_flags, session->head.flags);
	put_service(w, names, session->service);
	put_endpoint(w, &session->end);
	json_string(w, "result", session->head.flags & BL_SESSION_END ? "end" : "begin");
}

static void put_connection(struct json_writer *w, const struct bl_event_connection *connection)
{
	put_endpoint(w, &connection->end);
	put_number(w, "netns", connection->netns);
	json_string(w, "result", connection->state == BL_CONNECTION_OPEN ? "open" : "closed");
}

static void put_auth(struct json_writer *w, const struct bl_event_auth *auth,
		     const struct sensor_names *names)
{
	put_task(w, &auth->task, auth->task.session);
	put_text(w, "pam", auth->pam_service);
	put_text(w, "user", auth->user);
	put_text(w, "rhost", auth->rhost);
	put_text(w, "tty", auth->tty);
	put_flags(w, sensor_auth_flags, auth->head.flags);
	put_service(w, names, auth->service);
	put_role(w, auth->role);
	put_endpoint(w, &auth->end);
	json_string(w, "result", auth->result ? "failure" : "success");
	put_number(w, "code", auth->result);
}

static void put_signal(struct json_writer *w, const struct bl_event_signal *signal)
{
	json_string(w, "signal", sensor_signal_names[signal->what]);
	put_task(w, &signal->task, signal->task.session);
	put_number(w, "detail", signal->detail);
	put_text(w, "comm", signal->comm);
	put_text(w, "name", signal->name);
	put_text(w, "folder", signal->folder);
	put_text(w, "above", signal->above);
	put_number(w, "ino", signal->ino);
	put_number(w, "dev", signal->dev);
	put_number(w, "other_pid", signal->other_pid);
	put_id(w, "other_uid", signal->other_uid);
	put_number(w, "other_start", signal->other_start_ns);
	put_number(w, "other_session", signal->other_session);
}

void sensor_to_json(const union bl_event *event, const struct sensor_names *names,
		    int64_t boot_to_wall_ns, struct buf *out)
{
	char text[CLOCK_TEXT_MAX];
	struct json_writer w;

	if (!event->head.kind || event->head.kind >= BL_EVENT_MAX)
		return;
	json_begin(&w, out);
	json_object(&w, NULL);
	clock_format(event->head.boot_ns + (uint64_t)boot_to_wall_ns, text);
	json_string(&w, "@timestamp", text);
	json_u64(&w, "boot_ns", event->head.boot_ns);
	json_string(&w, "type", sensor_kind_names[event->head.kind]);
	switch ((enum bl_event_kind)event->head.kind) {
	case BL_EVENT_EXEC:
		put_exec(&w, &event->exec, names);
		break;
	case BL_EVENT_FORK:
		put_task(&w, &event->fork.task, event->fork.task.session);
		break;
	case BL_EVENT_EXIT:
		put_exit(&w, &event->exit, names);
		break;
	case BL_EVENT_SESSION:
		put_session(&w, &event->session, names);
		break;
	case BL_EVENT_CONNECTION:
		put_connection(&w, &event->connection);
		break;
	case BL_EVENT_AUTH:
		put_auth(&w, &event->auth, names);
		break;
	case BL_EVENT_SIGNAL:
		put_signal(&w, &event->signal);
		break;
	case BL_EVENT_MAX:
		break;
	}
	put_number(&w, "lost", event->head.lost);
	json_end_object(&w);
}
