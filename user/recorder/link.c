/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel in the loop.
 */
#include "recorder/link.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static int flush(struct link *link)
{
	int r = channel_flush(link->channel);

	if (r < 0)
		return r;
	if (!channel_pending(link->channel) && link->on_drained)
		link->on_drained(link->arg);
	return 0;
}

static int on_event(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct link *link = arg;
	int r = 0;

	(void)source;
	(void)fd;
	if (events & EPOLLOUT)
		r = flush(link);
	if (r >= 0 && link->channel && (events & ~(uint32_t)EPOLLOUT))
		r = channel_receive(link->channel);
	if (r == CHANNEL_CLOSED)
		return link->on_end(link->arg, 0);
	if (r < 0)
		return link->on_end(link->arg, r);
	return link->channel ? link_update(link) : 0;
}

int link_open(struct link *link, struct loop *loop, int fd, const char *who,
	      const struct channel_rule *rules, void *arg)
{
	int r;

	link->loop = loop;
	link->arg = arg;
	r = channel_new(&link->channel, fd, who, rules, arg);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	link->events = EPOLLIN;
	r = loop_add_io(loop, channel_fd(link->channel), link->events, on_event, link,
			&link->source);
	if (r < 0)
		link->channel = channel_free(link->channel);
	return r;
}

void link_close(struct link *link)
{
	if (link->source)
		link->source = loop_remove(link->source);
	link->channel = channel_free(link->channel);
}

int link_update(struct link *link)
{
	uint32_t events = EPOLLIN;
	int r;

	if (!link->channel)
		return 0;
	if (channel_pending(link->channel))
		events |= EPOLLOUT;
	if (events == link->events)
		return 0;
	r = loop_set_events(link->source, events);
	if (!r)
		link->events = events;
	return r;
}
