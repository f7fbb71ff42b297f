/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the control socket's requests do.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "enforcer/accepted.h"
#include "enforcer/agent.h"

/* As much as the kernel gives without CAP_SYS_RESOURCE, which bailiffd may have given up
 * (fs.pipe-max-size, 1 MiB since 2.6.35). */
#define RECORD_PIPE_SIZE (1024 * 1024)

static void answer(const struct control_request *request, const char *who, pid_t peer_pid,
		   struct control_reply *reply, void *arg)
{
	struct agent *agent = arg;
	char error[INI_ERROR_MAX];
	int r;

	switch ((enum control_op)request->op) {
	case CONTROL_STATUS:
		agent_status(agent, &reply->status);
		return;
	case CONTROL_LOCK:
	case CONTROL_RELEASE:
	case CONTROL_HOLD:
	case CONTROL_THAW:
		lockouts_operator(agent->lockouts, request, who, peer_pid, reply);
		agent_schedule_lockouts(agent, clock_boot_ns());
		return;
	case CONTROL_RELOAD:
		log_info("reload, asked for by %s", who);
		r = agent_reload(agent, error);
		reply->error = r;
		text_copy(reply->text, sizeof(reply->text), r < 0 ? error : "reloaded");
		return;
	case CONTROL_LIST:
	case CONTROL_SESSIONS:
	case CONTROL_FINDINGS:
	case CONTROL_RECORD:
	case CONTROL_SOURCES:
	case CONTROL_FILTERS:
	case CONTROL_OP_MAX:
		break;
	}
	reply->error = -EINVAL;
}

/* ---- recording ---- */

static int refuse_recording(struct control_reply *reply, int error, const char *text)
{
	reply->error = error;
	text_copy(reply->text, sizeof(reply->text), text);
	return -1;
}

/*
 * What events say goes from the analyst to bailiffctl directly; bailiffd only makes the pipe. The
 * analyst's end does not block: a reader that stands still costs events, not the analyst's time.
 */
static int record(const char *who, struct control_reply *reply, void *arg)
{
	struct ipc_plain message = { .head = { 0 } };
	struct agent *agent = arg;
	_cleanup_close_ int from = -1, to = -1;
	int end[2];

	if (!child_ready(agent->analyst))
		return refuse_recording(reply, -EAGAIN,
					"bailiff-analyst is not running yet; try again");
	if (pipe2(end, O_CLOEXEC) < 0)
		return refuse_recording(reply, -errno, "bailiffd cannot make a pipe");
	from = end[0];
	to = end[1];
	if (fcntl(to, F_SETFL, O_NONBLOCK) < 0)
		return refuse_recording(reply, -errno, "bailiffd cannot make a pipe");
	if (fcntl(to, F_SETPIPE_SZ, RECORD_PIPE_SIZE) < 0)
		log_warning_errno(-errno, "the recording's pipe stays small");
	if (!child_send(agent->analyst, IPC_TAP, &message, sizeof(message), to))
		return refuse_recording(reply, -EPIPE, "bailiff-analyst has just ended; try again");
	log_info("recording events for %s", who);
	return TAKE_FD(from);
}

struct parts {
	control_send_fn send;
	void *arg;
};

static int send_lockout(const struct control_lockout *lockout, void *arg)
{
	const struct parts *parts = arg;
	struct control_reply reply = { .lockout = *lockout };

	return parts->send(&reply, parts->arg);
}

static int send_session(const struct control_session *session, void *arg)
{
	const struct parts *parts = arg;
	struct control_reply reply = { .session = *session };

	return parts->send(&reply, parts->arg);
}

static int send_finding(const struct control_finding *finding, void *arg)
{
	const struct parts *parts = arg;
	struct control_reply reply = { .finding = *finding };

	return parts->send(&reply, parts->arg);
}

__attribute__((format(printf, 4, 5))) static int
find(const struct parts *parts, enum finding_state state, const char *name, const char *format, ...)
{
	struct control_finding finding = { .state = state };
	va_list ap;

	text_copy(finding.name, sizeof(finding.name), name);
	va_start(ap, format);
	(void)vsnprintf(finding.text, sizeof(finding.text), format, ap);
	va_end(ap);
	return send_finding(&finding, (void *)(uintptr_t)parts);
}

static int find_child(const struct parts *parts, const struct child *child, const char *name,
		      const char *cost)
{
	if (child_ready(child))
		return find(parts, FINDING_OK, name, "running, restarted %u times",
			    child_restarts(child));
	if (child_running(child))
		return find(parts, FINDING_DEGRADED, name, "starting; until then %s", cost);
	return find(parts, FINDING_MISSING, name, "not running: %s; see the log", cost);
}

static int find_own(const char *source, const char *path, const char *why, void *arg)
{
	const struct parts *parts = arg;

	if (*why)
		return find(parts, FINDING_DEGRADED, "own log",
			    "source %s: its lines are only claims: %s", source, why);
	return find(parts, FINDING_OK, "own log", "source %s: only its service can write %s",
		    source, path);
}

/* What is not the kernel's: the kernel's own findings come first. */
static int list_findings(const struct agent *agent, const struct parts *parts)
{
	uint64_t skipped = hooks_skipped(agent->hooks);
	int r = hooks_findings(agent->hooks, send_finding, (void *)(uintptr_t)parts);

	if (!r)
		r = find_child(parts, agent->analyst, "analyst", "nobody new is locked out");
	if (!r)
		r = find_child(parts, agent->recorder, "recorder", "nothing is recorded");
	if (!r)
		r = agent->journal ? find(parts, FINDING_OK, "journal",
					  "read by journalctl, restarted %u times",
					  journalctl_restarts(agent->journal))
				   : find(parts, FINDING_DEGRADED, "journal",
					  "not read: without it who wrote a log line is unknown");
	if (!r)
		r = find(parts, agent->sandboxed ? FINDING_OK : FINDING_DEGRADED, "sandbox",
			 agent->sandboxed
				 ? "bailiffd's system call filter is active"
				 : "bailiffd has no system call filter (sanitizer or debug build)");
	if (!r)
		r = skipped ? find(parts, FINDING_DEGRADED, "skipped runs",
				   "%llu times the kernel did not run a sensor, because it was "
				   "preempted inside it: that many events were not seen",
				   (unsigned long long)skipped)
			    : find(parts, FINDING_OK, "skipped runs",
				   "the kernel ran every sensor each time");
	if (!r)
		r = agent->canary_late ? find(parts, FINDING_DEGRADED, "canary",
					      "%u of our own program starts were not seen in time",
					      agent->canary_late)
				       : find(parts, FINDING_OK, "canary",
					      "every program start of our own was seen");
	if (!r)
		r = sources_each_own(agent->sources, find_own, (void *)(uintptr_t)parts);
	if (!r)
		r = accepted_each(agent->conf, send_finding, (void *)(uintptr_t)parts);
	return r;
}

static int list_sources(const struct agent *agent, const struct parts *parts)
{
	int r = 0;

	for (uint32_t i = 0; agent->source && i < AGENT_SOURCES_MAX && !r; i++) {
		struct control_reply reply = { .source = agent->source[i] };

		if (agent->source[i].id)
			r = parts->send(&reply, parts->arg);
	}
	return r;
}

static int list_filters(const struct agent *agent, const struct parts *parts)
{
	int r = 0;

	for (uint32_t i = 0; agent->filter && i < IPC_FILTERS_MAX && !r; i++) {
		struct control_reply reply = { .filter = agent->filter[i] };

		if (agent->filter[i].id)
			r = parts->send(&reply, parts->arg);
	}
	return r;
}

static int list(const struct control_request *request, control_send_fn send, void *send_arg,
		void *arg)
{
	struct agent *agent = arg;
	struct parts parts = { send, send_arg };

	switch ((enum control_op)request->op) {
	case CONTROL_LIST:
		return lockouts_each(agent->lockouts, send_lockout, &parts);
	case CONTROL_SESSIONS:
		return sessions_each(agent->lockouts, send_session, &parts);
	case CONTROL_FINDINGS:
		return list_findings(agent, &parts);
	case CONTROL_SOURCES:
		return list_sources(agent, &parts);
	case CONTROL_FILTERS:
		return list_filters(agent, &parts);
	case CONTROL_STATUS:
	case CONTROL_LOCK:
	case CONTROL_RELEASE:
	case CONTROL_RELOAD:
	case CONTROL_RECORD:
	case CONTROL_HOLD:
	case CONTROL_THAW:
	case CONTROL_OP_MAX:
		break;
	}
	return -EINVAL;
}

const struct control_ops agent_control_ops = { .answer = answer, .list = list, .record = record };
