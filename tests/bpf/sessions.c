/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the checks of sessions share: looking up session events, tables, login uids.
 */
#include "tests.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct bl_event_session *session_nth(const struct fixture *f, bool end, unsigned int nth)
{
	const struct event *ev;

	for (unsigned int i = 0; (ev = events_find(&f->events, BL_EVENT_SESSION, 0, i)); i++)
		if (!(ev->e->head.flags & BL_SESSION_END) == !end && nth-- == 0)
			return &ev->e->session;
	return NULL;
}

unsigned int sessions_count(const struct fixture *f, bool end)
{
	unsigned int n = 0;

	while (session_nth(f, end, n))
		n++;
	return n;
}

void wait_ends(struct fixture *f, unsigned int n)
{
	events_drain(&f->events);
	for (int i = 0; i < LONGEST_WAIT_MS / 10 && sessions_count(f, true) < n; i++) {
		usleep(10000);
		events_drain(&f->events);
	}
}

unsigned int table_entries(const struct fixture *f, const char *name)
{
	char key[64], next[64];
	unsigned int n = 0;
	int fd = sensors_map(&f->sensors, name);

	if (bpf_map_get_next_key(fd, NULL, next))
		return 0;
	do {
		n++;
		memcpy(key, next, sizeof(key));
	} while (bpf_map_get_next_key(fd, key, next) == 0);
	return n;
}

bool wait_loginuid(pid_t pid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/loginuid", pid);
	for (int i = 0; i < LONGEST_WAIT_MS / 10; i++) {
		if (proc_number(path) == 1000)
			return true;
		usleep(10000);
	}
	return false;
}
