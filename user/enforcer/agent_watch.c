/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two things bailiffd starts beside its parts: the canary, whose exec must reach the analyst, and,
 * for people at a terminal, bailiffctl watch.
 *
 * The analyst can be blinded by whoever holds it (it writes the ring's consumer page) or fall
 * behind; so bailiffd, not the analyst, counts the canaries that were not seen.
 */
#include "enforcer/agent.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define CANARY_TICKS 60
#define CANARY_FIRST_TICK 5
#define CANARY_LATE_NS (5 * NSEC_PER_SEC)

static void start_canary(struct agent *agent, uint64_t now)
{
	struct ipc_canary message = { .pid = 0 };
	pid_t pid;
	int r;

	if (!child_ready(agent->analyst) || agent->canary_unreaped)
		return;
	r = helper_canary(&pid);
	if (r < 0) {
		log_warning_errno(r, "canary");
		return;
	}
	agent->canary = agent->canary_unreaped = pid;
	agent->canary_ns = now;
	message.pid = (uint32_t)pid;
	agent->canary_told = child_send(agent->analyst, IPC_CANARY, &message, sizeof(message), -1);
}

static void watch_canary(struct agent *agent, uint64_t now)
{
	int status;

	if (agent->canary_unreaped && helper_reap(agent->canary_unreaped, &status))
		agent->canary_unreaped = 0;
	if (!agent->canary || now - agent->canary_ns < CANARY_LATE_NS)
		return;
	/* An analyst that restarted meanwhile was not asked. */
	if (agent->canary_told) {
		agent->canary_late++;
		log_warning("a program start of our own was not seen within 5 s: events are lost "
			    "or late (%u so far)",
			    agent->canary_late);
		agent_send_status(agent);
	}
	agent->canary = 0;
}

/* bailiffctl watch, without rights but for the group that may read the status socket. */
static void start_stream(struct agent *agent)
{
	char socket[PATH_MAX];
	const char *argv[] = { agent->places.ctl, "watch", "--socket", socket, NULL };
	struct helper_ids ids = { .uid = agent->conf->fallback_uid + 3,
				  .gid = agent->conf->fallback_uid + 3,
				  .group = (gid_t)-1 };
	int r;

	(void)snprintf(socket, sizeof(socket), "%s/status", agent->conf->run_dir);
	if (helper_group("adm", &ids.group) < 0)
		ids.group = 0;
	r = helper_spawn(argv, &ids, STDOUT_FILENO, &agent->stream);
	if (r < 0)
		log_warning_errno(r, "stream");
}

static void watch_stream(struct agent *agent)
{
	int status;

	if (!agent->options->stream || agent->stopping || !child_ready(agent->recorder))
		return;
	if (agent->stream.pid > 0) {
		if (!helper_reap(agent->stream.pid, &status))
			return;
		(void)close(agent->stream.pidfd);
		agent->stream = (struct helper){ .pidfd = -1 };
	}
	start_stream(agent);
}

void agent_end_stream(struct agent *agent)
{
	if (agent->stream.pid > 0)
		(void)helper_end(&agent->stream);
}

void agent_watch(struct agent *agent, uint64_t now)
{
	watch_canary(agent, now);
	watch_stream(agent);
	if (agent->ticks == CANARY_FIRST_TICK || agent->ticks % CANARY_TICKS == 0)
		start_canary(agent, now);
}
