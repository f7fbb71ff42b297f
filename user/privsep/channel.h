/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of include/bailiff/ipc.h over SOCK_SEQPACKET: the only way bytes cross a trust domain.
 *
 * The receiver names, in a table, each kind that this peer may send, its exact length, whether it
 * carries an fd, and its handler; the table is the attack surface on one screen. Anything else is
 * a protocol error and the caller ends the peer.
 */
#ifndef PRIVSEP_CHANNEL_H
#define PRIVSEP_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#include "base/cleanup.h"

#define CHANNEL_FD (1U << 0) /* carries exactly one fd; without it, none */
#define CHANNEL_ONCE (1U << 1) /* refused the second time */
#define CHANNEL_LAST (1U << 2) /* what stands behind it is left for the next channel_receive */

struct channel_rule {
	uint32_t kind; /* enum ipc_kind; a rule with kind 0 ends the table */
	uint32_t len;
	uint32_t flags;
	/* message is a copy of exactly len bytes, aligned; fd is -1 or now owned by the handler. */
	int (*handle)(void *arg, const void *message, int fd);
};

struct channel;

/* Takes fd (made non-blocking). who is for error messages: "bailiff-analyst". Borrows rules. */
int channel_new(struct channel **ret, int fd, const char *who, const struct channel_rule *rules,
		void *arg);
struct channel *channel_free(struct channel *channel);
DEFINE_CLEANUP(channel_free, struct channel *)

int channel_fd(const struct channel *channel);

enum channel_result {
	CHANNEL_IDLE = 1, /* nothing more to read now */
	CHANNEL_CLOSED, /* peer is gone */
};
/* Handles at most 64 waiting messages (CHANNEL_IDLE also then: epoll is level-triggered).
 * -EPROTO: malformed, with a sentence in channel_error; a handler's negative value: passed on. */
int channel_receive(struct channel *channel);
const char *channel_error(const struct channel *channel);

/*
 * Fills head and sends. A message that the socket does not take now is queued, up to
 * CHANNEL_QUEUE_MAX bytes (then -ENOBUFS, counted: the caller decides whether that peer is lost);
 * channel_flush sends the rest when epoll says EPOLLOUT. fd is duplicated; -1 = none.
 */
#define CHANNEL_QUEUE_MAX (4 * 1024 * 1024)
int channel_send(struct channel *channel, uint32_t kind, void *message, size_t len, int fd);
int channel_flush(struct channel *channel);
int channel_pending(const struct channel *channel); /* 1: wants EPOLLOUT */
uint64_t channel_refused(const struct channel *channel);

/* Blocking send, for set-up before a child runs its loop. */
int channel_send_wait(struct channel *channel, uint32_t kind, void *message, size_t len, int fd);

#endif
