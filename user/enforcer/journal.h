/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal as a log source: journalctl --output=export --follow, run without rights, whose pipe
 * goes to the analyst. bailiffd itself reads no byte of it.
 *
 * A reader that ends is started again after a pause that grows; the new one begins a little before
 * the time up to which the journal was surely read, so lines may come twice but none is left out.
 */
#ifndef ENFORCER_JOURNAL_H
#define ENFORCER_JOURNAL_H

#include <stdint.h>

#include <bailiff/ipc.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "enforcer/conf.h"
#include "enforcer/helper.h"

#define JOURNAL_CATCHUP_MAX_NS (600ULL * 1000000000) /* read after a time without bailiffd */

struct journal;

/* A new pipe (borrowed) for source id: IPC_ROTATED_RESTARTED. */
typedef void (*journal_switch_fn)(uint32_t id, int fd, void *arg);

int journal_new(struct journal **ret, struct loop *loop, journal_switch_fn fn, void *arg);
struct journal *journal_free(struct journal *journal); /* ends the readers */
DEFINE_CLEANUP(journal_free, struct journal *)

/* journalctl's path if it can be run here, else NULL. */
const char *journal_program(void);

/*
 * Ends the readers there are and starts one per journal source of conf, for a new analyst; numbers
 * go on from first_id. since_wall_ns: 0 = from now on. fn as in sources_setup.
 */
int journal_setup(struct journal *journal, const struct conf *conf, uint32_t first_id,
		  uint64_t since_wall_ns, uint64_t now_wall_ns,
		  int (*fn)(const struct ipc_source *source, int fd, void *arg), void *arg);
/* Each second: restarts what has ended. since as above. */
void journal_tick(struct journal *journal, uint64_t since_wall_ns, uint64_t now_wall_ns,
		  uint64_t now_boot_ns);
uint32_t journal_restarts(const struct journal *journal);

/* Arguments of one reader into argv (at most max, with the NULL); since 0: only what is new.
 * words holds what argv points to. For tests, too. */
int journal_arguments(const struct conf_source *source, uint64_t since_wall_ns,
		      uint64_t now_wall_ns, char *words, size_t size, const char **argv,
		      size_t max);

#endif
