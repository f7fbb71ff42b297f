/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The snapshot of the past for the analyst.
 */
#include "recorder/history.h"

int history_begin(struct history *history, struct store *store, uint64_t now_wall_ns)
{
	history_end(history);
	history->active = true;
	return store_history(store, now_wall_ns, &history->list, &history->count);
}

int history_send(struct history *history, struct channel *channel)
{
	struct ipc_plain end = { .head = { 0 } };
	int r;

	while (history->active && !channel_pending(channel)) {
		for (size_t i = 0; i < HISTORY_TURN_MAX && history->next < history->count; i++) {
			struct ipc_history *item = &history->list[history->next++];

			r = channel_send(channel, IPC_HISTORY, item, sizeof(*item), -1);
			if (r < 0)
				return r;
		}
		if (history->next < history->count)
			continue;
		r = channel_send(channel, IPC_HISTORY_END, &end, sizeof(end), -1);
		if (r < 0)
			return r;
		history_end(history);
	}
	return 0;
}

void history_end(struct history *history)
{
	free(history->list);
	*history = (struct history){ 0 };
}
