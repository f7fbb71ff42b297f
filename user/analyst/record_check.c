/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiff-analyst record-check: is a recording sound, and what is in it? Each line is also written
 * again and read back: a recording that replay reads otherwise than it was meant is found here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyst/offline.h"

#define LINE_MAX_BYTES (1024 * 1024)

static const char usage[] = "Usage: bailiff-analyst record-check FILE.jsonl...\n"
			    "Exit status: 0 sound, 1 bad usage, 2 not.\n";

static int round_trip(const union bl_event *event, const struct sensor_names *names)
{
	static union bl_event back;
	_cleanup_(buf_done) struct buf first = BUF_INIT(LINE_MAX_BYTES);
	_cleanup_(buf_done) struct buf second = BUF_INIT(LINE_MAX_BYTES);
	char error[SENSOR_ERROR_MAX];
	uint64_t wall_ns;

	sensor_to_json(event, names, 0, &first);
	if (first.cut || sensor_from_json(first.data, first.len, names, &back, &wall_ns, error) < 0)
		return -EINVAL;
	sensor_to_json(&back, names, 0, &second);
	return second.cut || first.len != second.len ||
			       memcmp(first.data, second.data, first.len) != 0
		       ? -EINVAL
		       : 0;
}

static int file_check(const char *path, struct replay_input *input)
{
	static const char *const services[] = { NULL, "sshd", "sudo", "su" };
	static const struct sensor_names names = { .service = services, .services = 4 };
	unsigned long kinds[BL_EVENT_MAX] = { 0 };
	char error[INI_ERROR_MAX];
	struct replay_input_stats stats;
	struct replay_item item;
	int r;

	r = replay_input_events(input, path, &names, error);
	if (r < 0)
		return offline_error("%s", error);
	while ((r = replay_input_next(input, &item, error)) > 0) {
		kinds[item.event->head.kind]++;
		if (round_trip(item.event, &names) < 0)
			return offline_error("%s: event %lu is not the same when written again",
					     path, kinds[item.event->head.kind]);
	}
	if (r < 0)
		return offline_error("%s", error);
	replay_input_stats(input, &stats);
	printf("%s: %lu exec, %lu fork, %lu exit, %lu session, %lu connection, %lu auth, "
	       "%lu signal, %llu "
	       "unknown\n",
	       path, kinds[BL_EVENT_EXEC], kinds[BL_EVENT_FORK], kinds[BL_EVENT_EXIT],
	       kinds[BL_EVENT_SESSION], kinds[BL_EVENT_CONNECTION], kinds[BL_EVENT_AUTH],
	       kinds[BL_EVENT_SIGNAL], (unsigned long long)stats.unknown);
	return OFFLINE_OK;
}

int record_check_main(int argc, char **argv)
{
	int worst = OFFLINE_OK;

	if (argc < 2 || argv[1][0] == '-') {
		(void)fputs(usage, stderr);
		return OFFLINE_USAGE;
	}
	for (int i = 1; i < argc; i++) {
		_cleanup_(replay_input_freep) struct replay_input *input = NULL;

		if (replay_input_new(&input) < 0)
			return OFFLINE_INPUT;
		if (file_check(argv[i], input))
			worst = OFFLINE_INPUT;
	}
	return worst;
}
