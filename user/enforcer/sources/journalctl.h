/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal as a log source: journalctl --output=export --follow, run without rights, whose pipe
 * goes to the analyst. bailiffd itself reads no byte of it.
 *
 * A reader that ends is started again after a pause that grows; the new one begins a little before
 * the time up to which the journal was surely read, so lines may come twice but none is left out.
 */
#ifndef ENFORCER_JOURNALCTL_H
#define ENFORCER_JOURNALCTL_H

#include <stdint.h>

#include <bailiff/ipc.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "enforcer/conf/conf.h"
#include "enforcer/helper.h"

#define JOURNAL_CATCHUP_MAX_NS (600ULL * 1000000000) /* read after a time without bailiffd */

struct journalctl;

/* A new pipe (borrowed) for source id: IPC_ROTATED_RESTARTED. */
typedef void (*journalctl_switch_fn)(uint32_t id, int fd, void *arg);

int journalctl_new(struct journalctl **ret, struct loop *loop, journalctl_switch_fn fn, void *arg);
struct journalctl *journalctl_free(struct journalctl *journal); /* ends the readers */
DEFINE_CLEANUP(journalctl_free, struct journalctl *)

/* journalctl's path if it can be run here, else NULL. */
const char *journalctl_program(void);

/*
 * Ends the readers there are and starts one per journal source of conf, for a new analyst; numbers
 * go on from first_id. since_wall_ns: 0 = from now on. fn as in sources_setup.
 */
int journalctl_setup(struct journalctl *journal, const struct conf *conf, uint32_t first_id,
		     uint64_t since_wall_ns, uint64_t now_wall_ns,
		     int (*fn)(const struct ipc_source *source, int fd, void *arg), void *arg);
/* Each second: restarts what has ended. since as above. */
void journalctl_tick(struct journalctl *journal, uint64_t since_wall_ns, uint64_t now_wall_ns,
		     uint64_t now_boot_ns);
uint32_t journalctl_count(const struct journalctl *journal); /* numbers given out */
uint32_t journalctl_restarts(const struct journalctl *journal);

/* Arguments of one reader into argv (at most max, with the NULL); since 0: only what is new.
 * words holds what argv points to. For tests, too. */
int journalctl_arguments(const struct conf_source *source, uint64_t since_wall_ns,
			 uint64_t now_wall_ns, char *words, size_t size, const char **argv,
			 size_t max);

#endif
