/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The running bailiffd: what main.c starts and what its parts share. Private to agent*.c,
 * children.c, setup.c.
 */
#ifndef ENFORCER_AGENT_H
#define ENFORCER_AGENT_H

#include "base/loop.h"
#include "enforcer/child.h"
#include "enforcer/control.h"
#include "enforcer/enforcer.h"
#include "enforcer/helper.h"
#include "enforcer/lockouts/exempt.h"
#include "enforcer/options.h"
#include "enforcer/places.h"
#include "enforcer/sources/journalctl.h"
#include "enforcer/sources/listeners.h"
#include "enforcer/sources/sources.h"

#define AGENT_SOURCES_MAX (SOURCES_FILES_MAX + CONF_SOURCES_MAX) /* as many as an analyst takes */

struct agent {
	const struct options *options;
	const char *config; /* path, for reload and messages */
	struct places places;
	struct conf *conf;
	struct loop *loop;
	struct hooks *hooks;
	struct lockouts *lockouts;
	struct exempt *exempt;
	struct sources *sources;
	struct journalctl *journal; /* NULL: not read */
	struct listeners *listeners;
	struct ipc_source_status
		*source; /* by id - 1, what the analyst said last; id 0 = nothing */
	struct ipc_filter_status *filter; /* the same of filters */
	struct control *control;
	struct child *analyst, *recorder;
	char analyst_user[IPC_USER_MAX], recorder_user[IPC_USER_MAX];
	char recorder_dir[PATH_MAX];
	int lock_fd, control_fd, status_fd;
	struct loop_source *lockouts_timer;

	struct ipc_heartbeat heartbeat; /* the analyst's last; zeros without one */
	uint64_t started_boot_ns;
	uint32_t analysts; /* that became ready */
	uint32_t accounts_asked; /* by the analyst, this second */
	uint32_t canary_late;
	pid_t canary; /* that has not been seen yet, 0 = none */
	pid_t canary_unreaped;
	uint64_t canary_ns;
	bool canary_told; /* the analyst knows of it */
	bool exempt_changed;
	bool announced; /* READY=1 was sent */
	bool stopping;
	bool sandboxed;
	uint64_t ticks;
	bool comparing; /* the tables with the ledger: not all of them yet */
	uint64_t scanned_ns;
	struct loop_source *scan_timer;
	struct helper stream;
	uint64_t crowded_restart_ns;
};

/* Runs until told to end; an enum exit_code. */
int agent_run(const struct options *options);
/* agent_settle.c: --settle. */
int agent_settle(const struct options *options);
/* commands.c: what ends at once. */
int agent_load_conf(const struct options *options,
		    struct conf **ret); /* an enum exit_code; logged */
int agent_check(const struct options *options);
int agent_clear(const struct options *options);
int agent_doctor(const struct options *options);
int agent_lock(const char *run_dir, int *ret_fd); /* -EBUSY: another bailiffd runs; logged */

/* agent.c, for the others. */
int agent_reload(struct agent *agent, char error[INI_ERROR_MAX]);
void agent_status(const struct agent *agent, struct ipc_status *ret);
void agent_send_status(struct agent *agent);
void agent_source_state(uint32_t id, enum ipc_source_state state, const char *text, void *arg);
void agent_outcome(const struct ipc_outcome *outcome, void *arg);
void agent_schedule_lockouts(struct agent *agent, uint64_t at_boot_ns);

/* agent_start.c: what is done once, with all rights. */
int agent_prepare(struct agent *agent); /* an enum exit_code, 0 = go on */
int agent_rights(struct agent *agent);

/* agent_watch.c, each second: the canary and the stream. */
void agent_watch(struct agent *agent, uint64_t now_boot_ns);
void agent_end_stream(struct agent *agent);

/* agent_tamper.c, each second: has somebody touched what bailiffd holds in the kernel? */
void agent_tamper(struct agent *agent, uint64_t now_boot_ns);

/* agent_control.c */
extern const struct control_ops agent_control_ops;

/* children.c: the channel tables, and the channel between the two children. */
int children_new(struct agent *agent);
void children_connect(struct agent *agent);

/* setup.c: what a new analyst is told first. */
int setup_analyst(void *arg);
int setup_recorder(void *arg);

#endif
