/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A line of a recording to the event it tells of.
 *
 * What comes out passed the same checks as a ring record (sensor_decode), so a recording that
 * somebody typed cannot show later stages anything that the kernel could not. A missing key means
 * unknown: BL_UNSET for ids and states, 0 for times, empty for text.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "analyst/sensor/names.h"
#include "analyst/sensor/values.h"
#include "base/clock.h"

static int read_endpoint(const struct reading *r, struct bl_endpoint *end)
{
	uint32_t peer = value_member(r, 0, "peer");
	uint32_t index;
	char text[8];
	int n;

	n = value_u16(r, 0, "local_port", &end->local_port);
	if (n < 0 || !peer)
		return n;
	if (r->doc->token[peer].kind != JSON_OBJECT)
		return value_wants(r, "peer", "an object with addr and port");
	index = value_member(r, peer, "addr");
	if (!index)
		return value_wants(r, "peer", "an object with addr and port");
	if (json_get_string(r->doc, index, text, sizeof(text)) > 0 && !strcmp(text, "unix")) {
		end->family = AF_UNIX;
		return 0;
	}
	n = value_address(r, index, "peer.addr", &end->family, end->peer);
	if (n < 0)
		return n;
	n = value_u16(r, peer, "port", &end->peer_port);
	if (n < 0)
		return n;
	index = value_member(r, 0, "local");
	return index ? value_address(r, index, "local", &end->family, end->local) : 0;
}

static int read_task(const struct reading *r, struct bl_task *task)
{
	const struct {
		const char *key;
		uint32_t *to;
	} ids[] = {
		{ "pid", &task->pid },	 { "tid", &task->tid },
		{ "ppid", &task->ppid }, { "uid", &task->uid },
		{ "euid", &task->euid }, { "gid", &task->gid },
		{ "auid", &task->auid }, { "audit_session", &task->audit_session },
	};
	const struct {
		const char *key;
		__u64 *to;
	} numbers[] = {
		{ "start", &task->start_ns },
		{ "parent_start", &task->parent_start_ns },
		{ "session", &task->session },
		{ "cgroup", &task->cgroup },
	};

	task->uid = task->euid = task->gid = task->auid = task->audit_session = BL_UNSET;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (value_u32(r, 0, ids[i].key, ids[i].to) < 0)
			return -EINVAL;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (value_u64(r, 0, numbers[i].key, UINT64_MAX, numbers[i].to) < 0)
			return -EINVAL;
	if (!task->pid)
		return value_wants(r, "pid", "to be there and not 0");
	if (!task->tid)
		task->tid = task->pid;
	if (task->euid == BL_UNSET)
		task->euid = task->uid;
	return 0;
}

static int read_flags(const struct reading *r, const struct sensor_flag *flags, uint16_t *to)
{
	uint32_t list = value_member(r, 0, "flags");
	char text[32];

	if (!list)
		return 0;
	if (r->doc->token[list].kind != JSON_ARRAY)
		return value_wants(r, "flags", "a list of words");
	for (uint32_t i = list + 1; i < r->doc->token[list].next; i = r->doc->token[i].next) {
		const struct sensor_flag *flag = flags;

		if (json_get_string(r->doc, i, text, sizeof(text)) < 0)
			return value_wants(r, "flags", "a list of words");
		while (flag->name && strcmp(flag->name, text))
			flag++;
		*to |= flag->bit; /* a word of a later version: nothing */
	}
	return 0;
}

static void read_service(const struct reading *r, uint16_t *to)
{
	char text[64];

	if (value_text(r, "service", KEEP_BEGIN, text, sizeof(text)) <= 0)
		return;
	for (unsigned int id = 1; id < r->names->services; id++)
		if (r->names->service[id] && !strcmp(r->names->service[id], text))
			*to = (uint16_t)id;
}

/*
 * Recordings of others may know nothing of roles. The kernel side tells files by inode; here the
 * name has to do, and only where the line says that the program belongs to a service.
 */
static uint16_t role_by_name(const char *exe)
{
	static const struct {
		const char *name;
		uint16_t role;
	} known[] = {
		{ "sshd", BL_ROLE_SESSION },	  { "sshd-session", BL_ROLE_SESSION },
		{ "sshd-auth", BL_ROLE_PREAUTH }, { "unix_chkpwd", BL_ROLE_CHECK },
		{ "sudo", BL_ROLE_GAIN },	  { "su", BL_ROLE_GAIN },
	};
	const char *slash = strrchr(exe, '/');
	const char *name = slash ? slash + 1 : exe;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			return known[i].role;
	return BL_ROLE_NONE;
}

static int read_role(const struct reading *r, const char *exe, uint16_t service, uint16_t *to)
{
	char text[32];
	int n = value_text(r, "role", KEEP_BEGIN, text, sizeof(text));

	if (n < 0)
		return n;
	if (!n) {
		*to = service ? role_by_name(exe) : BL_ROLE_NONE;
		return 0;
	}
	for (int role = 1; role < BL_ROLE_MAX; role++) {
		if (!strcmp(sensor_role_names[role], text)) {
			*to = (uint16_t)role;
			return 0;
		}
	}
	return value_wants(r, "role", "session, preauth, check or gain");
}

/*
 * args is what stands in the process: each argument ends with NUL, but for the last one where the
 * sensor cut, or where args_len says that the process itself has none there.
 */
static int read_args(const struct reading *r, struct bl_event_exec *exec)
{
	uint32_t list = value_member(r, 0, "args");
	uint32_t kept = 0;
	__u64 true_len = 0;
	char text[READING_TEXT_MAX];
	bool cut = exec->head.flags & BL_EXEC_ARGS_CUT;
	bool full = false;

	if (!list)
		return 0;
	if (r->doc->token[list].kind != JSON_ARRAY)
		return value_wants(r, "args", "a list of texts");
	for (uint32_t i = list + 1; i < r->doc->token[list].next; i = r->doc->token[i].next) {
		int n = json_get_string(r->doc, i, text, sizeof(text));
		uint32_t room = BL_ARGS_LARGE - kept;
		uint32_t len;

		if (n == -ENOBUFS)
			n = (int)sizeof(text) - 1;
		if (n < 0)
			return value_wants(r, "args", "a list of texts");
		len = (uint32_t)n;
		true_len += len + 1;
		if (full)
			continue;
		full = len >= room;
		if (len > room)
			len = (uint32_t)value_cut(text, room);
		memcpy(exec->args + kept, text, len);
		kept += len;
		if (!full)
			exec->args[kept++] = '\0';
	}
	/* What a cut left of the last argument has no end of its own. */
	if (cut && kept && !full && !exec->args[kept - 1])
		kept--;
	if (value_u64(r, 0, "args_len", UINT32_MAX, &true_len) < 0)
		return -EINVAL;
	if (!cut && !full && true_len + 1 == kept)
		kept--;
	/* Bytes that were no text have grown in writing. */
	if (true_len < kept)
		true_len = kept;
	if (true_len > kept)
		exec->head.flags |= BL_EXEC_ARGS_CUT;
	exec->args_kept = kept;
	exec->args_len = (uint32_t)true_len;
	return 0;
}

static int read_exec(const struct reading *r, struct bl_event_exec *exec)
{
	int n;

	exec->head.len = sizeof(*exec);
	if (read_task(r, &exec->task) < 0 || read_endpoint(r, &exec->end) < 0 ||
	    read_flags(r, sensor_exec_flags, &exec->head.flags) < 0)
		return -EINVAL;
	n = value_text(r, "exe", KEEP_END, exec->exe, sizeof(exec->exe));
	if (n < 0)
		return n;
	if (n == 2)
		exec->head.flags |= BL_EXEC_EXE_CUT;
	n = value_text(r, "cwd", KEEP_END, exec->cwd, sizeof(exec->cwd));
	if (n < 0)
		return n;
	if (n == 2)
		exec->head.flags |= BL_EXEC_CWD_CUT;
	n = value_text(r, "file", KEEP_BEGIN, exec->file, sizeof(exec->file));
	if (n < 0)
		return n;
	if (n == 2)
		exec->head.flags |= BL_EXEC_FILE_CUT;
	if (value_text(r, "tty", KEEP_BEGIN, exec->tty, sizeof(exec->tty)) < 0 ||
	    value_text(r, "comm", KEEP_BEGIN, exec->comm, sizeof(exec->comm)) < 0 ||
	    value_u64(r, 0, "exe_ino", UINT64_MAX, &exec->exe_ino) < 0 ||
	    value_u32(r, 0, "exe_dev", &exec->exe_dev) < 0)
		return -EINVAL;
	read_service(r, &exec->service);
	if (read_role(r, exec->exe, exec->service, &exec->role) < 0)
		return -EINVAL;
	return read_args(r, exec);
}

static int read_exit(const struct reading *r, struct bl_event_exit *exit)
{
	uint32_t status, signal = 0;
	int n;

	exit->head.len = sizeof(*exit);
	if (read_task(r, &exit->task) < 0 ||
	    value_text(r, "comm", KEEP_BEGIN, exit->comm, sizeof(exit->comm)) < 0)
		return -EINVAL;
	n = value_u32(r, 0, "result", &status);
	if (n < 0 || value_u32(r, 0, "signal", &signal) < 0)
		return -EINVAL;
	if (signal > 0xff || (n && status > 0xffffff))
		return value_wants(r, "result", "an exit status, 0 to 255");
	exit->exit_code = n ? status << 8 | signal : signal ? signal : BL_UNSET;
	read_service(r, &exit->service);
	return read_role(r, exit->comm, exit->service, &exit->role);
}

static int read_session(const struct reading *r, struct bl_event_session *session)
{
	char text[16] = "begin";

	session->head.len = sizeof(*session);
	if (read_task(r, &session->task) < 0 || read_endpoint(r, &session->end) < 0 ||
	    read_flags(r, sensor_session_flags, &session->head.flags) < 0 ||
	    value_text(r, "result", KEEP_BEGIN, text, sizeof(text)) < 0 ||
	    value_u64(r, 0, "parent_session", UINT64_MAX, &session->parent_session) < 0)
		return -EINVAL;
	if (!strcmp(text, "end"))
		session->head.flags |= BL_SESSION_END;
	else if (strcmp(text, "begin"))
		return value_wants(r, "result", "begin or end");
	session->session = session->task.session;
	if (!session->session)
		return value_wants(r, "session", "to be there and not 0");
	if (value_u64(r, 0, "task_session", UINT64_MAX, &session->task.session) < 0)
		return -EINVAL;
	read_service(r, &session->service);
	return 0;
}

static int read_connection(const struct reading *r, struct bl_event_connection *connection)
{
	char text[16] = "";

	connection->head.len = sizeof(*connection);
	if (read_endpoint(r, &connection->end) < 0 ||
	    value_u32(r, 0, "netns", &connection->netns) < 0 ||
	    value_text(r, "result", KEEP_BEGIN, text, sizeof(text)) < 0)
		return -EINVAL;
	if (!strcmp(text, "open"))
		connection->state = BL_CONNECTION_OPEN;
	else if (!strcmp(text, "closed"))
		connection->state = BL_CONNECTION_CLOSED;
	else
		return value_wants(r, "result", "open or closed");
	if (connection->end.family != AF_INET && connection->end.family != AF_INET6)
		return value_wants(r, "peer", "an object with addr and port");
	return 0;
}

/* PAM_AUTH_ERR, for a recording that knows no code. */
#define AUTH_FAILED 7

static int read_auth(const struct reading *r, struct bl_event_auth *auth)
{
	char text[16] = "";
	bool failed;

	auth->head.len = sizeof(*auth);
	if (read_task(r, &auth->task) < 0 || read_endpoint(r, &auth->end) < 0 ||
	    read_flags(r, sensor_auth_flags, &auth->head.flags) < 0 ||
	    value_text(r, "pam", KEEP_BEGIN, auth->pam_service, sizeof(auth->pam_service)) < 0 ||
	    value_text(r, "user", KEEP_BEGIN, auth->user, sizeof(auth->user)) < 0 ||
	    value_text(r, "rhost", KEEP_BEGIN, auth->rhost, sizeof(auth->rhost)) < 0 ||
	    value_text(r, "tty", KEEP_BEGIN, auth->tty, sizeof(auth->tty)) < 0 ||
	    value_text(r, "result", KEEP_BEGIN, text, sizeof(text)) < 0)
		return -EINVAL;
	failed = !strcmp(text, "failure");
	if (!failed && strcmp(text, "success") != 0)
		return value_wants(r, "result", "success or failure");
	auth->result = failed ? AUTH_FAILED : 0;
	if (value_u32(r, 0, "code", &auth->result) < 0)
		return -EINVAL;
	if (failed != (auth->result != 0))
		return value_wants(r, "code", "0 for success and another number for failure");
	read_service(r, &auth->service);
	return read_role(r, "", auth->service, &auth->role);
}

static int read_what(const struct reading *r, uint32_t *to)
{
	char text[32];

	if (value_text(r, "signal", KEEP_BEGIN, text, sizeof(text)) <= 0)
		return value_wants(r, "signal", "the name of a signal");
	for (uint32_t what = 1; what < BL_SIGNAL_DERIVED; what++) {
		if (!strcmp(sensor_signal_names[what], text)) {
			*to = what;
			return 0;
		}
	}
	return value_wants(r, "signal", "the name of a signal that has a record of its own");
}

static int read_signal(const struct reading *r, struct bl_event_signal *signal)
{
	signal->head.len = sizeof(*signal);
	signal->other_uid = BL_UNSET;
	if (read_task(r, &signal->task) < 0 || read_what(r, &signal->what) < 0 ||
	    value_u32(r, 0, "detail", &signal->detail) < 0 ||
	    value_text(r, "comm", KEEP_BEGIN, signal->comm, sizeof(signal->comm)) < 0 ||
	    value_text(r, "name", KEEP_BEGIN, signal->name, sizeof(signal->name)) < 0 ||
	    value_text(r, "folder", KEEP_BEGIN, signal->folder, sizeof(signal->folder)) < 0 ||
	    value_text(r, "above", KEEP_BEGIN, signal->above, sizeof(signal->above)) < 0 ||
	    value_u64(r, 0, "ino", UINT64_MAX, &signal->ino) < 0 ||
	    value_u32(r, 0, "dev", &signal->dev) < 0 ||
	    value_u32(r, 0, "other_pid", &signal->other_pid) < 0 ||
	    value_u32(r, 0, "other_uid", &signal->other_uid) < 0 ||
	    value_u64(r, 0, "other_start", UINT64_MAX, &signal->other_start_ns) < 0 ||
	    value_u64(r, 0, "other_session", UINT64_MAX, &signal->other_session) < 0)
		return -EINVAL;
	return 0;
}

static int read_kind(const struct reading *r, union bl_event *event)
{
	char text[32];

	if (value_text(r, "type", KEEP_BEGIN, text, sizeof(text)) <= 0)
		return value_wants(r, "type", "to be there");
	for (int kind = 1; kind < BL_EVENT_MAX; kind++) {
		if (!strcmp(sensor_kind_names[kind], text)) {
			event->head.kind = (uint16_t)kind;
			return 0;
		}
	}
	(void)snprintf(r->error, SENSOR_ERROR_MAX, "unknown type %.30s", text);
	return -ENOTSUP;
}

static int read_event(const struct reading *r, union bl_event *event)
{
	switch ((enum bl_event_kind)event->head.kind) {
	case BL_EVENT_EXEC:
		return read_exec(r, &event->exec);
	case BL_EVENT_FORK:
		event->head.len = sizeof(event->fork);
		return read_task(r, &event->fork.task);
	case BL_EVENT_EXIT:
		return read_exit(r, &event->exit);
	case BL_EVENT_SESSION:
		return read_session(r, &event->session);
	case BL_EVENT_CONNECTION:
		return read_connection(r, &event->connection);
	case BL_EVENT_AUTH:
		return read_auth(r, &event->auth);
	case BL_EVENT_SIGNAL:
		return read_signal(r, &event->signal);
	case BL_EVENT_MAX:
		break;
	}
	return -ENOTSUP;
}

int sensor_from_json(const char *line, size_t len, const struct sensor_names *names,
		     union bl_event *ret, uint64_t *ret_wall_ns, char error[SENSOR_ERROR_MAX])
{
	struct json_doc doc;
	const struct reading reading = { .doc = &doc, .names = names, .error = error };
	union bl_event event;
	char stamp[CLOCK_TEXT_MAX];
	uint64_t wall_ns;
	size_t at = 0;
	int n;

	memset(&event, 0, sizeof(event));
	n = json_parse(&doc, line, len, &at);
	if (n < 0) {
		(void)snprintf(error, SENSOR_ERROR_MAX, "%s at column %zu",
			       n == -E2BIG ? "too deep or too many values" : "not JSON", at + 1);
		return -EINVAL;
	}
	if (doc.token[0].kind != JSON_OBJECT) {
		(void)snprintf(error, SENSOR_ERROR_MAX, "not a JSON object");
		return -EINVAL;
	}
	n = value_text(&reading, "@timestamp", KEEP_BEGIN, stamp, sizeof(stamp));
	if (n != 1 || clock_parse(stamp, strlen(stamp), &wall_ns) < 0)
		return value_wants(&reading, "@timestamp",
				   "an RFC 3339 time such as "
				   "2026-11-25T01:02:03.000000004Z");
	if (value_u64(&reading, 0, "boot_ns", UINT64_MAX, &event.head.boot_ns) < 0 ||
	    value_u64(&reading, 0, "lost", UINT64_MAX, &event.head.lost) < 0)
		return -EINVAL;
	n = read_kind(&reading, &event);
	if (n < 0)
		return n;
	n = read_event(&reading, &event);
	if (n < 0)
		return n;
	if (sensor_decode(&event, event.head.len, ret) < 0) {
		(void)snprintf(error, SENSOR_ERROR_MAX, "values that contradict each other");
		return -EINVAL;
	}
	*ret_wall_ns = wall_ns;
	return 0;
}
