/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl filter test: what a filter makes of each line of a log.
 *
 * The lines pass through the same reader and filter as live ones; only time is the log's own.
 */
#include "analyst/filter_test.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyst/filter_report.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define PIECE 65536
#define TEXTS_MAX 64 /* --line, --failregex, --ignoreregex: so many of each */
#define MISSED_MAX 1000000
#define WARNING_MAX 2000

enum { EXIT_DONE, EXIT_USAGE, EXIT_INPUT };

struct texts {
	const char *text[TEXTS_MAX];
	unsigned int count;
};

struct options {
	struct filter_source source;
	struct texts line, failregex, ignoreregex;
	const char *log;
	unsigned int missed;
	bool json, journal, quiet, verbose, help;
};

struct test {
	const struct options *options;
	struct filter_set *set;
	bool answered; /* the line made a record */
	uint64_t now_ns; /* the log's */
	struct filter_trace trace;
	struct filter_report report;
};

static const char usage_text[] =
	"usage: bailiffctl filter test --filter NAME|FILE [--filter-dir DIR] [--mode MODE]\n"
	"           [--journal] [--json | --verbose | --quiet] [--missed N] LOG | --line TEXT...\n"
	"       bailiffctl filter test --failregex TEXT... [--ignoreregex TEXT]... ... LOG\n"
	"LOG may be - (standard input); --line TEXT is a log of one line. --filter takes "
	"parameters:\n"
	"'sshd[mode=aggressive]'. --failregex, --ignoreregex: expressions in place of a filter.\n"
	"--datepattern TEXT: in place of the filter's.\n"
	"--journal: LOG is output of journalctl --output=export.\n"
	"--json: an object a line. --verbose: each line, and which part of it was taken for what.\n"
	"--missed N: list N lines that nothing matched (20). --quiet: do not list them.\n"
	"exit: 0 done, 1 usage, 2 filter does not load or log cannot be read\n";

static int usage(FILE *to)
{
	(void)fputs(usage_text, to);
	return to == stdout ? EXIT_DONE : EXIT_USAGE;
}

/* Read in user space, unlike CPU time: it costs less than what it measures. */
static uint64_t timer_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static void on_warning(const char *text, void *arg)
{
	struct buf safe = BUF_INIT(WARNING_MAX);

	(void)arg;
	buf_put_safe(&safe, text, strlen(text));
	(void)fprintf(stderr, "warning: %s\n", safe.data ? safe.data : "");
	buf_done(&safe);
}

static int on_record(const struct log_record *given, void *arg)
{
	struct log_record record = *given;
	enum filter_outcome outcome;
	struct test *t = arg;
	struct claim claim;
	uint64_t begin;

	t->answered = true;
	t->report.records++;
	if (t->options->journal)
		t->report.lines = t->report.records;
	/* Lines are joined, and grow old, by the log's own time. */
	t->report.said_wall_ns =
		filter_stamp(t->set, t->report.index, &record, clock_wall_ns(), t->now_ns);
	if (t->report.said_wall_ns)
		t->now_ns = t->report.said_wall_ns;
	else
		t->report.undated++;
	record.arrived_ns = t->now_ns;
	begin = t->options->json ? 0 : timer_ns();
	outcome = filter_match(t->set, t->report.index, &record, &claim);
	if (!t->options->json)
		t->report.spent_ns += timer_ns() - begin;
	filter_report_line(&t->report, outcome, &claim, &record, &t->trace);
	return 0;
}

/* Line by line, so that empty lines, which make no record, are counted too. */
static int feed(struct test *t, struct log_reader *reader, const char *bytes, size_t len)
{
	int r;

	while (len) {
		const char *newline = t->options->journal ? NULL : memchr(bytes, '\n', len);
		size_t piece = newline ? (size_t)(newline - bytes) + 1 : len;

		if (newline)
			t->report.lines++;
		r = log_reader_feed(reader, bytes, piece, 0, on_record, t);
		if (r < 0)
			return r;
		if (newline && !t->answered) {
			t->report.said_wall_ns = 0;
			filter_report_line(&t->report, FILTER_NOMATCH, NULL, NULL, NULL);
		}
		t->answered = false;
		bytes += piece;
		len -= piece;
	}
	return 0;
}

static int read_log(struct test *t, struct log_reader *reader, int fd)
{
	char piece[PIECE];
	bool open_line = false;
	ssize_t n;
	int r;

	for (;;) {
		n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		open_line = piece[n - 1] != '\n';
		r = feed(t, reader, piece, (size_t)n);
		if (r < 0)
			return r;
	}
	/* What live reading would wait for will not come; an entry of the journal ends likewise. */
	return open_line || t->options->journal ? feed(t, reader, "\n", 1) : 0;
}

static int read_lines(struct test *t, struct log_reader *reader)
{
	int r = 0;

	for (unsigned int i = 0; i < t->options->line.count && !r; i++) {
		r = feed(t, reader, t->options->line.text[i], strlen(t->options->line.text[i]));
		if (!r)
			r = feed(t, reader, "\n", 1);
	}
	return r;
}

static int read_input(struct test *t)
{
	_cleanup_(log_reader_freep) struct log_reader *reader = NULL;
	const char *log = t->options->log;
	_cleanup_close_ int opened = -1;
	struct log_reader_stats stats;
	int fd = STDIN_FILENO, r;

	r = log_reader_new(&reader, 1, t->options->journal ? LOG_JOURNAL_EXPORT : LOG_LINES);
	if (r < 0)
		return r;
	if (log && strcmp(log, "-")) {
		fd = opened = open(log, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? -errno : 0;
	}
	if (!r)
		r = log ? read_log(t, reader, fd) : read_lines(t, reader);
	if (r < 0) {
		(void)fprintf(stderr, "%s: %s\n", log ? log : "--line", strerror(-r));
		return r;
	}
	log_reader_stats(reader, &stats);
	filter_report_end(&t->report, &stats);
	return 0;
}

static int run(struct test *t)
{
	int r;

	r = filter_set_new(&t->set);
	if (r < 0)
		return r;
	t->report.set = t->set;
	filter_set_on_warning(t->set, on_warning, NULL);
	if (!t->options->json)
		filter_set_timer(t->set, timer_ns);
	if (t->options->verbose)
		filter_set_trace(t->set, &t->trace);
	r = filter_source_load(t->set, &t->options->source, &t->report.index);
	if (!r)
		r = read_input(t);
	if (fflush(stdout) || ferror(stdout)) {
		(void)fprintf(stderr, "standard output: %s\n", strerror(errno));
		return -EIO;
	}
	return r;
}

/* ---- options ---- */

static int text_add(struct texts *texts, const char *text)
{
	if (texts->count == TEXTS_MAX)
		return -E2BIG;
	texts->text[texts->count++] = text;
	return 0;
}

static int missed_read(const char *text, unsigned int *ret)
{
	unsigned long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || value > MISSED_MAX)
		return -EINVAL;
	*ret = (unsigned int)value;
	return 0;
}

static int option_read(struct options *o, int c, const char *text)
{
	switch (c) {
	case 'f':
		o->source.filter = text;
		return 0;
	case 'd':
		o->source.folder = text;
		return 0;
	case 'm':
		o->source.mode = text;
		return 0;
	case 'p':
		o->source.datepattern = text;
		return 0;
	case 'l':
		return text_add(&o->line, text);
	case 'r':
		return text_add(&o->failregex, text);
	case 'i':
		return text_add(&o->ignoreregex, text);
	case 'n':
		return missed_read(text, &o->missed);
	case 'j':
		o->json = true;
		return 0;
	case 'J':
		o->journal = true;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	default:
		return -EINVAL;
	}
}

/* One filter or some expressions, one log or some lines, one way of saying it. */
static bool options_fit(const struct options *o, int logs)
{
	return !o->source.filter == (o->failregex.count > 0) &&
	       !(o->ignoreregex.count && o->source.filter) &&
	       !(o->source.mode && !o->source.filter) && logs == (o->line.count ? 0 : 1) &&
	       !(o->journal && o->line.count) && o->json + o->quiet + o->verbose <= 1;
}

static int options_read(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{ "filter", required_argument, NULL, 'f' },
		{ "filter-dir", required_argument, NULL, 'd' },
		{ "mode", required_argument, NULL, 'm' },
		{ "datepattern", required_argument, NULL, 'p' },
		{ "line", required_argument, NULL, 'l' },
		{ "failregex", required_argument, NULL, 'r' },
		{ "ignoreregex", required_argument, NULL, 'i' },
		{ "missed", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "journal", no_argument, NULL, 'J' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, r;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		r = option_read(ret, c, optarg);
		if (r < 0)
			return r;
		if (ret->help)
			return 0;
	}
	if (!options_fit(ret, argc - optind))
		return -EINVAL;
	ret->log = argv[optind];
	ret->source.failregex = ret->failregex.text;
	ret->source.failregexes = ret->failregex.count;
	ret->source.ignoreregex = ret->ignoreregex.text;
	ret->source.ignoreregexes = ret->ignoreregex.count;
	return 0;
}

int filter_test_main(int argc, char **argv)
{
	struct options options = { .missed = FILTER_MISSED_DEFAULT };
	struct test test = { .options = &options };
	int r;

	if (options_read(argc, argv, &options) < 0)
		return usage(stderr);
	if (options.help)
		return usage(stdout);
	filter_report_init(&test.report);
	test.report.json = options.json;
	test.report.verbose = options.verbose;
	test.report.quiet = options.quiet;
	test.report.missed_max = options.quiet ? 0 : options.missed;
	test.report.colour = filter_colour_wanted();
	r = run(&test);
	if (r == -ENOMEM)
		(void)fprintf(stderr, "out of memory\n");
	filter_set_free(test.set);
	filter_report_done(&test.report);
	return r < 0 ? EXIT_INPUT : EXIT_DONE;
}
