/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The read-only socket that bailiffctl asks: watch, why, history.
 *
 * Whoever may connect is decided by the socket's mode (root and group adm). A client can at most
 * occupy one of STATUS_CLIENTS_MAX places: it must ask within STATUS_ASK_NS and take its answer
 * within STATUS_STALL_NS of each step; a watcher that is too slow is skipped and told so.
 */
#ifndef RECORDER_STATUS_H
#define RECORDER_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include <bailiff/control.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"
#include "recorder/store.h"

#define STATUS_CLIENTS_MAX 32
#define STATUS_ASK_NS (5 * NSEC_PER_SEC)
#define STATUS_STALL_NS (30 * NSEC_PER_SEC)
#define STATUS_TURN_MAX 64 /* objects sent to one client per turn of the loop */

struct status_stats {
	uint64_t accepted;
	uint64_t refused; /* no place, or no valid request */
	uint64_t skipped; /* objects that slow watchers did not get */
	uint32_t clients;
	uint32_t watchers;
};

struct status;

/* Borrows loop and store. */
int status_new(struct status **ret, struct loop *loop, struct store *store);
struct status *status_free(struct status *status);
DEFINE_CLEANUP(status_free, struct status *)

/* fn hears of it when a watcher comes or goes, with their number. */
typedef void (*status_watchers_fn)(uint32_t watchers, void *arg);
void status_on_watchers(struct status *status, status_watchers_fn fn, void *arg);

void status_set_host(struct status *status, const char *host);
/* Takes a listening socket; a former one is closed. */
int status_listen(struct status *status, int fd);
/* Takes a connection; where there is no place it is told so and closed. */
void status_connect(struct status *status, int fd, uint64_t now_boot_ns);
/* To every watcher. */
void status_publish(struct status *status, const char *object, size_t len);
/* Ends clients that do not ask or do not take. */
void status_tick(struct status *status, uint64_t now_boot_ns);
void status_stats(const struct status *status, struct status_stats *ret);

#endif
