/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The running bailiffd: one loop, a tick each second, and what happens at a signal.
 */
#include "enforcer/agent.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "enforcer/accepted.h"

#define STATUS_TICKS 10
#define SCAN_TICKS 10
#define SAVE_TICKS 30
#define CANARY_TICKS 60
#define CANARY_LATE_NS (5 * NSEC_PER_SEC)
#define SCAN_PAUSE_NS (200 * NSEC_PER_MSEC) /* a folder where files come and go all the time */
#define CROWDED_PAUSE_NS (60 * NSEC_PER_SEC)

/* ---- status ---- */

void agent_status(const struct agent *agent, struct ipc_status *ret)
{
	uint64_t count[BL_COUNT_MAX] = { 0 };
	struct ipc_status status = {
		.mode = agent->conf->mode,
		.restarts_analyst = child_restarts(agent->analyst),
		.restarts_recorder = child_restarts(agent->recorder),
		.degraded = hooks_degraded(agent->hooks),
		.canary_late = agent->canary_late,
		.started_boot_ns = agent->started_boot_ns,
		.analyst = agent->heartbeat,
	};

	(void)hooks_counters(agent->hooks, count);
	status.head.boot_ns = clock_boot_ns();
	status.events = count[BL_COUNT_EVENTS] + count[BL_COUNT_URGENT];
	status.lost = count[BL_COUNT_LOST_EVENTS] + count[BL_COUNT_LOST_URGENT];
	status.skipped = hooks_skipped(agent->hooks);
	status.refused_inbound = count[BL_COUNT_REFUSED_INBOUND];
	status.refused_outbound = count[BL_COUNT_REFUSED_OUTBOUND];
	lockouts_status(agent->lockouts, &status);
	*ret = status;
}

static void tell_systemd(struct agent *agent, const struct ipc_status *status)
{
	bool all = child_ready(agent->analyst) && child_ready(agent->recorder);

	(void)sd_notifyf(
		0, "STATUS=%s: %u addresses and %u sessions locked out, %llu events, %llu lost%s",
		status->mode == MODE_ENFORCE ? "Enforcing" : "Observing", status->lockouts_address,
		status->lockouts_session, (unsigned long long)status->events,
		(unsigned long long)status->lost, all ? "" : "; a part is starting");
	if (all && !agent->announced) {
		agent->announced = true;
		log_info("%s; %u of the kernel's hooks are missing or work in part",
			 status->mode == MODE_ENFORCE ? "enforcing" : "observing",
			 status->degraded);
		(void)sd_notify(0, "READY=1");
	}
}

void agent_send_status(struct agent *agent)
{
	struct ipc_status status;

	agent_status(agent, &status);
	(void)child_send(agent->recorder, IPC_STATUS, &status, sizeof(status), -1);
	tell_systemd(agent, &status);
}

void agent_outcome(const struct ipc_outcome *outcome, void *arg)
{
	struct agent *agent = arg;
	struct ipc_outcome message = *outcome;

	(void)child_send(agent->recorder, IPC_OUTCOME, &message, sizeof(message), -1);
	message = *outcome;
	(void)child_send(agent->analyst, IPC_OUTCOME, &message, sizeof(message), -1);
}

void agent_source_state(uint32_t id, enum ipc_source_state state, const char *text, void *arg)
{
	struct ipc_source_state_change message = { .id = id, .state = state };
	struct agent *agent = arg;

	text_copy(message.text, sizeof(message.text), text);
	(void)child_send(agent->analyst, IPC_SOURCE_STATE, &message, sizeof(message), -1);
}

/* ---- lockouts ---- */

static int on_lockouts(struct loop_source *source, uint64_t now, void *arg)
{
	struct agent *agent = arg;

	(void)source;
	agent_schedule_lockouts(agent, lockouts_tick(agent->lockouts, now));
	return 0;
}

void agent_schedule_lockouts(struct agent *agent, uint64_t at)
{
	uint64_t now = clock_boot_ns();
	uint64_t wait = at > now ? at - now : 0;

	/* A session that is being ended asks for the next moment; nothing asks for a busy loop. */
	if (wait < NSEC_PER_MSEC)
		wait = NSEC_PER_MSEC;
	if (wait > NSEC_PER_SEC)
		wait = NSEC_PER_SEC;
	agent->lockouts_timer = loop_remove(agent->lockouts_timer);
	if (loop_add_timer(agent->loop, wait, 0, on_lockouts, agent, &agent->lockouts_timer) < 0)
		loop_stop(agent->loop, EXIT_TROUBLE);
}

/* ---- exempt nets ---- */

static int on_netlink(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct agent *agent = arg;
	int r = exempt_process(agent->exempt);

	(void)source;
	(void)fd;
	(void)events;
	if (r)
		agent->exempt_changed = true;
	return 0;
}

/* bailiffd's own limits know at once; the analyst, which only spares itself the asking, is told of
 * it by the refusal. */
static void refresh_exempt(struct agent *agent)
{
	const struct exempt_net *nets;
	size_t count;
	int r = exempt_refresh(agent->exempt);

	agent->exempt_changed = r < 0;
	if (r < 0)
		log_warning_errno(r,
				  "own addresses cannot be found out; the last known stay exempt");
	nets = exempt_list(agent->exempt, &count);
	r = lockouts_exempt(agent->lockouts, nets, count);
	if (r < 0)
		log_warning_errno(r, "exempt nets");
}

/* ---- log sources ---- */

static void scan_sources(struct agent *agent, uint64_t now)
{
	agent->scanned_ns = now;
	sources_scan(agent->sources);
	if (!sources_crowded(agent->sources) || !child_ready(agent->analyst) ||
	    now - agent->crowded_restart_ns < CROWDED_PAUSE_NS)
		return;
	log_info("new log files: bailiff-analyst is started anew to read them, too");
	agent->crowded_restart_ns = now;
	child_replace(agent->analyst);
}

static int on_scan_timer(struct loop_source *source, uint64_t now, void *arg)
{
	struct agent *agent = arg;

	(void)source;
	agent->scan_timer = loop_remove(agent->scan_timer);
	scan_sources(agent, now);
	return 0;
}

static int on_folder(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct agent *agent = arg;
	uint64_t now = clock_boot_ns();
	char drain[4096];

	(void)source;
	(void)events;
	if (agent->scan_timer || now - agent->scanned_ns < SCAN_PAUSE_NS) {
		while (read(fd, drain, sizeof(drain)) > 0)
			;
		if (agent->scan_timer)
			return 0;
		return loop_add_timer(agent->loop, SCAN_PAUSE_NS, 0, on_scan_timer, agent,
				      &agent->scan_timer);
	}
	scan_sources(agent, now);
	return 0;
}

/* ---- each second ---- */

static bool due(const struct agent *agent, unsigned int every)
{
	return agent->ticks % every == 0;
}

static int on_tick(struct loop_source *source, uint64_t now, void *arg)
{
	struct agent *agent = arg;
	int r;

	(void)source;
	if (agent->stopping)
		return 0;
	agent->ticks++;
	agent->accounts_asked = 0;
	(void)sd_notify(0, "WATCHDOG=1");
	child_tick(agent->recorder, now);
	child_tick(agent->analyst, now);
	control_tick(agent->control, now);
	if (agent->journal)
		journalctl_tick(agent->journal, sources_read_wall_ns(agent->sources),
				clock_wall_ns(), now);
	if (agent->exempt_changed)
		refresh_exempt(agent);
	agent_watch(agent, now);
	agent_tamper(agent, now);
	if (due(agent, SCAN_TICKS) || sources_in_between(agent->sources))
		scan_sources(agent, now);
	if (due(agent, SCAN_TICKS)) {
		r = hooks_services(agent->hooks, agent->conf);
		if (r < 0)
			log_warning_errno(r, "watched programs");
		r = hooks_namespaces(agent->hooks);
		if (r < 0)
			log_warning_errno(r, "network namespaces");
	}
	if (child_ready(agent->analyst))
		sources_states(agent->sources, false, now, agent_source_state, agent);
	if (due(agent, STATUS_TICKS))
		agent_send_status(agent);
	if (due(agent, SAVE_TICKS)) {
		r = sources_save(agent->sources, agent->conf->state_dir);
		if (r < 0)
			log_warning_errno(r, "%s/positions", agent->conf->state_dir);
	}
	return 0;
}

/* ---- reload ---- */

int agent_reload(struct agent *agent, char error[INI_ERROR_MAX])
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	struct conf *old = agent->conf;
	int r = conf_load(agent->config, agent->options->config != NULL, &conf, error);

	if (!r && agent->options->observe)
		conf->mode = MODE_OBSERVE;
	if (!r && !conf_reloadable(old, conf, error))
		r = -EINVAL;
	if (r < 0) {
		log_error("%s; nothing was changed", error);
		return r;
	}
	(void)sd_notify(0, "RELOADING=1");
	agent->conf = TAKE_PTR(conf);
	lockouts_conf(agent->lockouts, agent->conf);
	exempt_conf(agent->exempt, agent->conf);
	refresh_exempt(agent);
	r = hooks_services(agent->hooks, agent->conf);
	if (r < 0)
		log_warning_errno(r, "watched programs");
	(void)hooks_style(agent->hooks, agent->conf);
	/* Notes where its files stood, for the new analyst. */
	(void)sources_conf(agent->sources, agent->conf);
	listeners_conf(agent->listeners, agent->conf);
	(void)conf_free(old);
	child_replace(agent->analyst);
	agent->announced = false;
	log_info("reloaded");
	accepted_log(agent->conf);
	return 0;
}

static int on_signal(struct loop_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct agent *agent = arg;
	char error[INI_ERROR_MAX];

	(void)source;
	if (info->ssi_signo == SIGHUP)
		(void)agent_reload(agent, error);
	else
		loop_stop(agent->loop, EXIT_ENDED);
	return 0;
}

/* ---- beginning and end ---- */

static int begin(struct agent *agent)
{
	sigset_t signals;
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	r = loop_add_signals(agent->loop, &signals, on_signal, agent, NULL);
	if (!r)
		r = loop_add_io(agent->loop, exempt_fd(agent->exempt), EPOLLIN, on_netlink, agent,
				NULL);
	if (!r)
		r = loop_add_io(agent->loop, sources_fd(agent->sources), EPOLLIN, on_folder, agent,
				NULL);
	if (!r)
		r = loop_add_timer(agent->loop, NSEC_PER_SEC, NSEC_PER_SEC, on_tick, agent, NULL);
	if (!r)
		r = children_new(agent);
	if (!r)
		r = control_new(&agent->control, agent->loop, agent->control_fd, &agent_control_ops,
				(uid_t)-1, agent);
	if (r < 0)
		return log_error_errno(r, "start");
	accepted_log(agent->conf);
	agent_schedule_lockouts(agent, clock_boot_ns());
	child_start(agent->recorder);
	child_start(agent->analyst);
	return 0;
}

static int on_end_tick(struct loop_source *source, uint64_t now, void *arg)
{
	struct agent *agent = arg;

	(void)source;
	child_tick(agent->analyst, now);
	child_tick(agent->recorder, now);
	/* The recorder goes last: it has to hear of everything. */
	if (!child_running(agent->analyst))
		child_stop(agent->recorder);
	if (!child_running(agent->analyst) && !child_running(agent->recorder))
		loop_stop(agent->loop, 0);
	return 0;
}

/* The loop goes on for the children's ends, at most 2 s each; a second signal cuts that short. */
static void end(struct agent *agent)
{
	agent->stopping = true;
	(void)sd_notify(0, "STOPPING=1\nSTATUS=Ending; lockouts stay in force");
	if (agent->sources)
		(void)sources_save(agent->sources, agent->conf->state_dir);
	agent->control = control_free(agent->control);
	if (!agent->analyst || !agent->recorder)
		return;
	agent_send_status(agent);
	agent->lockouts_timer = loop_remove(agent->lockouts_timer);
	agent_end_stream(agent);
	child_stop(agent->analyst);
	if (loop_add_timer(agent->loop, NSEC_PER_MSEC, 50 * NSEC_PER_MSEC, on_end_tick, agent,
			   NULL) < 0)
		return;
	(void)loop_run(agent->loop);
}

static void agent_done(struct agent *agent)
{
	agent_end_stream(agent);
	agent->journal = journalctl_free(agent->journal);
	agent->analyst = child_free(agent->analyst);
	agent->recorder = child_free(agent->recorder);
	agent->sources = sources_free(agent->sources);
	agent->listeners = listeners_free(agent->listeners);
	free(agent->source);
	free(agent->filter);
	agent->lockouts = lockouts_free(agent->lockouts);
	agent->hooks = hooks_free(agent->hooks);
	agent->exempt = exempt_free(agent->exempt);
	agent->loop = loop_free(agent->loop);
	base_closep(&agent->control_fd);
	base_closep(&agent->status_fd);
	base_closep(&agent->lock_fd);
	agent->conf = conf_free(agent->conf);
}

static int load_conf(struct agent *agent, const struct options *options)
{
	char error[INI_ERROR_MAX];
	int r;

	agent->config =
		options->config ? options->config : BAILIFF_SYSCONFDIR "/bailiff/bailiff.conf";
	r = conf_load(agent->config, options->config != NULL, &agent->conf, error);
	if (r < 0) {
		log_error("%s", error);
		return EXIT_CONFIGURATION;
	}
	if (options->observe)
		agent->conf->mode = MODE_OBSERVE;
	return 0;
}

static int run(struct agent *agent)
{
	int r = loop_new(&agent->loop);

	if (r < 0)
		return EXIT_TROUBLE;
	r = agent_prepare(agent);
	if (r)
		return r;
	if (agent->options->stream && !agent->places.ctl[0])
		log_warning("bailiffctl is not beside bailiffd: --stream shows nothing");
	if (agent_rights(agent) < 0 || begin(agent) < 0)
		return EXIT_TROUBLE;
	r = loop_run(agent->loop);
	if (r < 0)
		(void)log_error_errno(r, "loop");
	end(agent);
	return r < 0 ? EXIT_TROUBLE : r;
}

int agent_run(const struct options *options)
{
	struct agent agent = {
		.options = options,
		.lock_fd = -1,
		.control_fd = -1,
		.status_fd = -1,
		.stream = { .pidfd = -1 },
	};
	int r = load_conf(&agent, options);

	if (!r)
		r = run(&agent);
	agent_done(&agent);
	return r;
}
