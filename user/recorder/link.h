/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel in the loop: reads when there is something, writes the rest when the peer takes it
 * again. What its end means is the owner's business.
 */
#ifndef RECORDER_LINK_H
#define RECORDER_LINK_H

#include "base/loop.h"
#include "privsep/channel.h"

struct link {
	struct loop *loop;
	struct channel *channel; /* NULL: closed */
	struct loop_source *source;
	uint32_t events;
	/* error 0: the peer closed; otherwise what channel_receive gave. The link may be closed in
	 * it. Negative ends the loop. */
	int (*on_end)(void *arg, int error);
	/* Everything queued has been sent; may queue more. May be NULL. */
	void (*on_drained)(void *arg);
	void *arg;
};

/* Takes fd, also on failure. The struct stays where it is until link_close. */
int link_open(struct link *link, struct loop *loop, int fd, const char *who,
	      const struct channel_rule *rules, void *arg);
void link_close(struct link *link);
/* After sending: asks epoll for room if something is queued. */
int link_update(struct link *link);

#endif
