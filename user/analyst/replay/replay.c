/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl replay: the whole pipeline, offline.
 *
 * The pipeline is the live one, unchanged; these files take the place of bailiffd
 * (replay/decisions.c) and of the clock (here): time passes when the input says so.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyst/replay/replay.h"
#include "base/clock.h"

#define STEP_NS NSEC_PER_SEC
#define STEPS 10 /* beyond WITNESS_HOLD_NS nothing waits for time in smaller steps */

static const char usage[] =
	"Usage: bailiffctl replay [--log FILE]... [--events FILE.jsonl] [--rules DIR]...\n"
	"                         [--filter-dir DIR] [--conf FILE]\n"
	"                         [--account NAME=UID]... [--trust claimed|attested|witnessed]\n"
	"                         [--json]\n"
	"\n"
	"  --log FILE        a log file, or journalctl --output=export; - is standard input\n"
	"  --events FILE     kernel events, one JSON object a line\n"
	"  --rules DIR       rule files, instead of the installed ones\n"
	"  --filter-dir DIR  filters, instead of the installed ones\n"
	"  --conf FILE       bailiff.conf: services, exempt addresses, filters of logs\n"
	"  --account NAME=UID  somebody with a login session: rules about users count no other\n"
	"  --trust LEVEL     least trust that counts, instead of the rules' own; without --events\n"
	"                    there are no witnesses and claimed is assumed\n"
	"  --json            one JSON object a line\n"
	"\n"
	"Exit status: 0 done, 1 bad usage, 2 something cannot be read or is wrong.\n";

static void tick(struct replay *replay, uint64_t now_ns)
{
	replay_end_lockouts(replay, now_ns);
	pipeline_tick(replay->pipeline, now_ns);
	replay_take_decisions(replay);
	replay->now_ns = now_ns;
}

static void time_pass(struct replay *replay, uint64_t now_ns)
{
	if (!replay->now_ns) {
		replay->now_ns = now_ns;
		return;
	}
	for (int i = 0; i < STEPS && replay->now_ns + STEP_NS < now_ns; i++)
		tick(replay, replay->now_ns + STEP_NS);
	if (now_ns > replay->now_ns + STEP_NS / 10)
		tick(replay, now_ns);
}

static int run(struct replay *replay)
{
	char error[INI_ERROR_MAX];
	struct replay_item item;
	int r;

	while ((r = replay_input_next(replay->input, &item, error)) > 0) {
		time_pass(replay, item.at_ns);
		if (item.event)
			pipeline_event(replay->pipeline, item.event, item.at_ns);
		else
			pipeline_log_record(replay->pipeline, item.record);
		replay_take_decisions(replay);
	}
	if (r < 0)
		return offline_error("%s", error);
	/* What still waits for a witness when the input ends. */
	if (replay->now_ns)
		for (int i = 0; i < STEPS; i++)
			tick(replay, replay->now_ns + STEP_NS);
	return OFFLINE_OK;
}

static void summary_put(const struct replay *replay)
{
	struct replay_input_stats input;
	struct ipc_heartbeat stats = { .head = { 0 } };

	replay_input_stats(replay->input, &input);
	pipeline_stats(replay->pipeline, &stats);
	if (!replay->options.json)
		printf("%lu decisions from %llu log records and %llu events: %llu claims, %llu "
		       "tries\n",
		       replay->decisions, (unsigned long long)input.records,
		       (unsigned long long)input.events, (unsigned long long)stats.claims,
		       (unsigned long long)stats.attempts);
	if (input.unknown)
		(void)fprintf(stderr,
			      "bailiff-analyst: %llu events of unknown type were passed over\n",
			      (unsigned long long)input.unknown);
	if (input.undated)
		(void)fprintf(
			stderr,
			"bailiff-analyst: %llu log records have no stamp that could be read\n",
			(unsigned long long)input.undated);
	if (replay->refused)
		(void)fprintf(stderr, "bailiff-analyst: %lu decisions found no room\n",
			      replay->refused);
}

static int account_add(struct replay_options *options, const char *text)
{
	struct replay_account *account = &options->account[options->accounts];
	const char *equal = text ? strchr(text, '=') : NULL;
	unsigned long long uid;
	char *end;

	if (options->accounts == REPLAY_ACCOUNTS_MAX || !equal || equal == text ||
	    (size_t)(equal - text) >= sizeof(account->name) || equal[1] < '0' || equal[1] > '9')
		return -EINVAL;
	uid = strtoull(equal + 1, &end, 10);
	if (*end || uid >= BL_UNSET)
		return -EINVAL;
	text_copy_len(account->name, sizeof(account->name), text, (size_t)(equal - text));
	account->uid = (uint32_t)uid;
	options->accounts++;
	return 0;
}

/* 0: go on; 1: done; -EINVAL. */
static int parse(int argc, char **argv, struct replay_options *ret)
{
	static const struct option longs[] = {
		{ "log", required_argument, NULL, 'l' },
		{ "events", required_argument, NULL, 'e' },
		{ "rules", required_argument, NULL, 'r' },
		{ "filter-dir", required_argument, NULL, 'f' },
		{ "conf", required_argument, NULL, 'c' },
		{ "account", required_argument, NULL, 'a' },
		{ "trust", required_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' },
		{ "scores", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
		switch (c) {
		case 'l':
			if (ret->logs == REPLAY_LOGS_MAX)
				return -EINVAL;
			ret->log[ret->logs++] = optarg;
			break;
		case 'e':
			if (ret->events)
				return -EINVAL;
			ret->events = optarg;
			break;
		case 'r':
			if (ret->rule_folders == REPLAY_FOLDERS_MAX)
				return -EINVAL;
			ret->rules[ret->rule_folders++] = optarg;
			break;
		case 'f':
			ret->filters = optarg;
			break;
		case 'c':
			ret->conf = optarg;
			break;
		case 'a':
			if (account_add(ret, optarg) < 0)
				return -EINVAL;
			break;
		case 't':
			if (!optarg || (strcmp(optarg, "claimed") && strcmp(optarg, "attested") &&
					strcmp(optarg, "witnessed")))
				return -EINVAL;
			ret->trust = optarg;
			break;
		case 'j':
			ret->json = true;
			break;
		case 's':
			(void)fputs("bailiff-analyst: this version has no predictor, so --scores "
				    "adds no object\n",
				    stderr);
			break;
		case 'h':
			(void)fputs(usage, stdout);
			return 1;
		default:
			return -EINVAL;
		}
	}
	return optind < argc || (!ret->logs && !ret->events) ? -EINVAL : 0;
}

int replay_main(int argc, char **argv)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	int r;

	if (!replay)
		return OFFLINE_INPUT;
	tzset();
	replay->out = (struct buf)BUF_INIT(65536);
	r = parse(argc, argv, &replay->options);
	if (r) {
		if (r < 0)
			(void)fputs(usage, stderr);
		r = r < 0 ? OFFLINE_USAGE : OFFLINE_OK;
		goto out;
	}
	r = replay_setup(replay);
	if (!r)
		r = run(replay);
	if (!r)
		summary_put(replay);
	if (fflush(stdout) == EOF || ferror(stdout))
		r = offline_error("standard output: %s", strerror(errno));
out:
	pipeline_free(replay->pipeline);
	replay_input_free(replay->input);
	while (replay->lockouts)
		free(replay->lockout[--replay->lockouts]);
	free(replay->lockout);
	buf_done(&replay->out);
	free(replay);
	return r;
}
