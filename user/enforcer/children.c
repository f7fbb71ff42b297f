/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two children: what each may say to bailiffd, and the channel between them.
 *
 * These tables are all that a hijacked child can reach. Every value that is used here or handed on
 * is checked first; a child that says something else is killed and started anew.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "enforcer/agent.h"

#define ACCOUNTS_PER_TICK 256 /* names told to the analyst within a second */

static bool has_end(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* ---- from the analyst ---- */

static int on_analyst_ready(void *arg, const void *message, int fd)
{
	struct agent *agent = arg;
	const struct ipc_ready *ready = message;

	(void)fd;
	child_is_ready(agent->analyst);
	log_info("bailiff-analyst is ready: %u filters (%u expressions), %u rules%s",
		 ready->filters, ready->expressions, ready->rules,
		 ready->refused ? "; some were refused, see above" : "");
	/* The first one has seen all since the sensors were loaded. */
	if (agent->analysts++) {
		int r = hooks_tell(agent->hooks);

		if (r < 0)
			log_warning_errno(r, "the new analyst does not know earlier sessions");
	}
	agent_send_status(agent);
	return 0;
}

static bool decision_valid(const struct ipc_decision *d)
{
	if (d->action < ACTION_OBSERVE || d->action > ACTION_TERMINATE || d->trust >= TRUST_MAX ||
	    d->partial > 1)
		return false;
	if (!has_end(d->rule, sizeof(d->rule)) || !has_end(d->reason, sizeof(d->reason)))
		return false;
	return d->subject.kind > SUBJECT_NONE && d->subject.kind < SUBJECT_MAX;
}

static int on_decision(void *arg, const void *message, int fd)
{
	struct agent *agent = arg;
	const struct ipc_decision *decision = message;
	struct ipc_outcome outcome = { .head = { 0 } };
	int r;

	(void)fd;
	if (!decision_valid(decision))
		return -EPROTO;
	/* An observation is the recorder's business alone, by RECORD. */
	if (decision->action == ACTION_OBSERVE)
		return 0;
	r = lockouts_decide(agent->lockouts, decision, &outcome);
	if (r < 0)
		log_warning_errno(r, "decision %u could not be carried out", decision->decision);
	agent_outcome(&outcome, agent);
	agent_schedule_lockouts(agent, clock_boot_ns());
	return 0;
}

static int on_heartbeat(void *arg, const void *message, int fd)
{
	struct agent *agent = arg;

	(void)fd;
	memcpy(&agent->heartbeat, message, sizeof(agent->heartbeat));
	child_is_alive(agent->analyst);
	sources_heartbeat(agent->sources, clock_wall_ns());
	if (agent->canary && agent->heartbeat.canary == (uint32_t)agent->canary)
		agent->canary = 0;
	return 0;
}

/* Names are no secret (everybody may read /etc/passwd); asking for them without end costs time. */
static int on_account(void *arg, const void *message, int fd)
{
	struct agent *agent = arg;
	const struct ipc_account *asked = message;
	struct ipc_account answer = { .uid = asked->uid };

	(void)fd;
	if (agent->accounts_asked++ >= ACCOUNTS_PER_TICK)
		return 0;
	(void)lockouts_user_name(asked->uid, answer.name, sizeof(answer.name));
	(void)child_send(agent->analyst, IPC_ACCOUNT, &answer, sizeof(answer), -1);
	return 0;
}

/* Only shown: nothing is decided by it. */
static int on_source_status(void *arg, const void *message, int fd)
{
	struct agent *agent = arg;
	const struct ipc_source_status *status = message;

	(void)fd;
	if (!status->id || status->id > AGENT_SOURCES_MAX || !status->kind ||
	    status->kind >= IPC_SOURCE_KIND_MAX || !status->state ||
	    status->state >= SOURCE_STATE_MAX || !has_end(status->path, sizeof(status->path)) ||
	    !has_end(status->text, sizeof(status->text)))
		return -EPROTO;
	if (!agent->source)
		agent->source = calloc(AGENT_SOURCES_MAX, sizeof(*agent->source));
	if (agent->source)
		agent->source[status->id - 1] = *status;
	return 0;
}

static int on_filter_status(void *arg, const void *message, int fd)
{
	struct agent *agent = arg;
	const struct ipc_filter_status *status = message;

	(void)fd;
	if (!status->id || status->id > IPC_FILTERS_MAX ||
	    !has_end(status->filter, sizeof(status->filter)) ||
	    !has_end(status->file, sizeof(status->file)))
		return -EPROTO;
	if (!agent->filter)
		agent->filter = calloc(IPC_FILTERS_MAX, sizeof(*agent->filter));
	if (agent->filter)
		agent->filter[status->id - 1] = *status;
	return 0;
}

static int on_analyst_log(void *arg, const void *message, int fd)
{
	struct agent *agent = arg;

	(void)fd;
	return child_log(agent->analyst, message);
}

static const struct channel_rule analyst_rules[] = {
	{ IPC_READY, sizeof(struct ipc_ready), CHANNEL_ONCE, on_analyst_ready },
	{ IPC_DECISION, sizeof(struct ipc_decision), 0, on_decision },
	{ IPC_HEARTBEAT, sizeof(struct ipc_heartbeat), 0, on_heartbeat },
	{ IPC_SOURCE_STATUS, sizeof(struct ipc_source_status), 0, on_source_status },
	{ IPC_FILTER_STATUS, sizeof(struct ipc_filter_status), 0, on_filter_status },
	{ IPC_LOG, sizeof(struct ipc_log), 0, on_analyst_log },
	{ IPC_ACCOUNT, sizeof(struct ipc_account), 0, on_account },
	{ .kind = 0 },
};

static void on_analyst_ended(void *arg)
{
	struct agent *agent = arg;

	sources_stopped(agent->sources);
	memset(&agent->heartbeat, 0, sizeof(agent->heartbeat));
	free(agent->source);
	agent->source = NULL;
	free(agent->filter);
	agent->filter = NULL;
	agent_send_status(agent);
}

/* ---- from the recorder ---- */

static int on_recorder_ready(void *arg, const void *message, int fd)
{
	struct agent *agent = arg;

	(void)message;
	(void)fd;
	child_is_ready(agent->recorder);
	agent_send_status(agent);
	return 0;
}

static int on_recorder_log(void *arg, const void *message, int fd)
{
	struct agent *agent = arg;

	(void)fd;
	return child_log(agent->recorder, message);
}

static const struct channel_rule recorder_rules[] = {
	{ IPC_READY, sizeof(struct ipc_ready), CHANNEL_ONCE, on_recorder_ready },
	{ IPC_LOG, sizeof(struct ipc_log), 0, on_recorder_log },
	{ .kind = 0 },
};

/* ---- between the two ---- */

/* Made anew whenever either starts: neither may speak with what the other's predecessor left. */
void children_connect(struct agent *agent)
{
	struct ipc_plain message = { .head = { 0 } };
	int pair[2];

	if (!child_running(agent->analyst) || !child_running(agent->recorder))
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		(void)log_error_errno(-errno, "no channel between analyst and recorder");
		return;
	}
	(void)child_send(agent->recorder, IPC_PEER, &message, sizeof(message), pair[0]);
	(void)child_send(agent->analyst, IPC_PEER, &message, sizeof(message), pair[1]);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

int children_new(struct agent *agent)
{
	struct child_spec analyst = {
		.name = "bailiff-analyst",
		.argv = { agent->places.analyst, "--user", agent->analyst_user },
		.rules = analyst_rules,
		.setup = setup_analyst,
		.ended = on_analyst_ended,
		.heartbeats = true,
		.arg = agent,
	};
	struct child_spec recorder = {
		.name = "bailiff-recorder",
		.argv = { agent->places.recorder, "--user", agent->recorder_user, "--state",
			  agent->recorder_dir },
		.rules = recorder_rules,
		.setup = setup_recorder,
		.arg = agent,
	};
	int r = child_new(&agent->analyst, agent->loop, &analyst);

	return r < 0 ? r : child_new(&agent->recorder, agent->loop, &recorder);
}
