/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl filter test: what a filter makes of each line of a log.
 *
 * The lines pass through the same reader and filter as live ones; only time is the log's own. With
 * --json exactly one object a line comes out, empty lines included, so that output and log can be
 * put side by side.
 */
#include "analyst/filter_test.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "analyst/evidence/evidence.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#define PIECE 65536
#define SHOWN_MAX 2000 /* bytes of a line or expression that are shown */
#define SLOW_NS 5000 /* a line, on average; usual is below 500 */

enum { EXIT_DONE, EXIT_USAGE, EXIT_INPUT };

struct options {
	const char *filter, *folder, *mode, *log;
	bool json, journal, quiet, help;
};

struct test {
	const struct options *options;
	struct filter_set *set;
	uint16_t index;
	uint64_t line; /* from 1 */
	bool answered; /* the line made a record */
	uint64_t now_ns; /* the log's */
	uint64_t spent_ns, records, count[FILTER_SUCCESS + 1];
	struct buf out;
};

static const char *const results[] = {
	[FILTER_NOMATCH] = "nomatch", [FILTER_IGNORED] = "ignored", [FILTER_NOFAIL] = "nofail",
	[FILTER_FAILURE] = "failure", [FILTER_SUCCESS] = "success",
};
_Static_assert(sizeof(results) / sizeof(results[0]) == FILTER_SUCCESS + 1, "a word each");

static int usage(FILE *to)
{
	(void)fprintf(to, "usage: bailiffctl filter test --filter NAME|FILE [--filter-dir DIR] "
			  "[--mode MODE]\n"
			  "           [--journal] [--json | --quiet] LOG\n"
			  "LOG may be - (standard input). --filter takes parameters: "
			  "'sshd[mode=aggressive]'.\n"
			  "--journal: LOG is output of journalctl --output=export.\n"
			  "--quiet: only the summary.\n"
			  "exit: 0 done, 1 usage, 2 filter does not load or log cannot be read\n");
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
	struct buf safe = BUF_INIT(SHOWN_MAX);

	(void)arg;
	buf_put_safe(&safe, text, strlen(text));
	(void)fprintf(stderr, "warning: %s\n", safe.data ? safe.data : "");
	buf_done(&safe);
}

static void print_json(struct test *t, enum filter_outcome outcome, const struct claim *claim)
{
	char addr[ADDR_TEXT_MAX];
	struct json_writer w;

	buf_clear(&t->out);
	json_begin(&w, &t->out);
	json_object(&w, NULL);
	json_u64(&w, "line", t->line);
	json_string(&w, "result", results[outcome]);
	if (claim && claim->addr.family) {
		addr_format(&claim->addr, addr);
		json_string(&w, "addr", addr);
	} else {
		json_null(&w, "addr");
	}
	if (claim && claim->user[0])
		json_string(&w, "user", claim->user);
	else
		json_null(&w, "user");
	if (claim && claim->pid)
		json_u64(&w, "pid", claim->pid);
	else
		json_null(&w, "pid");
	json_end_object(&w);
	(void)printf("%s\n", t->out.data);
}

/* What the line says, in words. */
static void print_claim(const struct claim *claim)
{
	char addr[ADDR_TEXT_MAX] = "no address";
	struct buf user = BUF_INIT(SHOWN_MAX);

	if (claim->addr.family)
		addr_format(&claim->addr, addr);
	(void)printf("form %u, %s", claim->form + 1U, addr);
	if (claim->port)
		(void)printf(" port %u", claim->port);
	if (claim->user[0]) {
		buf_put_safe(&user, claim->user, strlen(claim->user));
		(void)printf(", user \"%s\"", user.data);
	}
	if (claim->pid)
		(void)printf(", pid %u", claim->pid);
	if (claim->count > 1)
		(void)printf(", %u times", claim->count);
	(void)printf("\n%16s", "");
	buf_done(&user);
}

static void print_line(struct test *t, enum filter_outcome outcome, const struct claim *claim,
		       const struct log_record *record)
{
	buf_clear(&t->out);
	buf_put_safe(&t->out, record ? record->text : "", record ? record->len : 0);
	(void)printf("%6llu %-8s ", (unsigned long long)t->line,
		     outcome == FILTER_NOMATCH ? "-" : results[outcome]);
	if (claim)
		print_claim(claim);
	(void)printf("%s\n", t->out.data ? t->out.data : "");
}

static void print_result(struct test *t, enum filter_outcome outcome, const struct claim *claim,
			 const struct log_record *record)
{
	bool has_claim = outcome != FILTER_NOMATCH && outcome != FILTER_IGNORED;

	t->count[outcome]++;
	if (t->options->json)
		print_json(t, outcome, has_claim ? claim : NULL);
	else if (!t->options->quiet)
		print_line(t, outcome, has_claim ? claim : NULL, record);
}

static int on_record(const struct log_record *given, void *arg)
{
	struct log_record record = *given;
	enum filter_outcome outcome;
	struct test *t = arg;
	struct claim claim;
	uint64_t said, begin;

	t->answered = true;
	t->records++;
	if (t->options->journal)
		t->line = record.number;
	/* Lines are joined, and grow old, by the log's own time. */
	if (record.said_wall_ns)
		t->now_ns = record.said_wall_ns;
	else if (log_stamp(record.text, record.len, clock_wall_ns(), &said))
		t->now_ns = said;
	record.arrived_ns = t->now_ns;
	begin = t->options->json ? 0 : timer_ns();
	outcome = filter_match(t->set, t->index, &record, &claim);
	if (!t->options->json)
		t->spent_ns += timer_ns() - begin;
	print_result(t, outcome, &claim, &record);
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
			t->line++;
		r = log_reader_feed(reader, bytes, piece, 0, on_record, t);
		if (r < 0)
			return r;
		if (newline && !t->answered)
			print_result(t, FILTER_NOMATCH, NULL, NULL);
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

/* Backslashes stay single, unlike in log text: here they are the administrator's own. */
static void put_expression(struct buf *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\\");

		buf_put_safe(out, text, len);
		text += len;
		for (; *text == '\\'; text++)
			buf_putc(out, '\\');
	}
}

static void print_form(const struct test *t, uint16_t form)
{
	struct buf text = BUF_INIT(SHOWN_MAX);
	struct filter_form info;

	if (filter_form(t->set, t->index, form, &info) < 0)
		return;
	put_expression(&text, info.text);
	(void)printf("%6u %9llu %7llu  %s:%u  %.100s%s\n", form + 1U,
		     (unsigned long long)info.matches,
		     (unsigned long long)(info.tried ? info.spent_ns / info.tried : 0), info.file,
		     info.line, text.data ? text.data : "", text.len > 100 ? "..." : "");
	if (info.limit)
		(void)printf("        given up %llu times: it tries too many ways; make it say "
			     "where things end\n",
			     (unsigned long long)info.limit);
	else if (info.tried && info.spent_ns / info.tried > SLOW_NS)
		(void)printf("        slow: begin it with ^ and fixed text\n");
	if (!info.anchored)
		(void)printf("        not anchored with ^: text from outside can stand where it "
			     "looks\n");
	if (!info.jit)
		(void)printf("        runs interpreted, about ten times slower\n");
	buf_done(&text);
}

static void print_summary(const struct test *t, const struct log_reader *reader)
{
	struct log_reader_stats stats;

	log_reader_stats(reader, &stats);
	(void)printf("\n%6s %9s %7s  expression\n", "form", "matches", "ns/try");
	for (unsigned int i = 0; i < filter_expressions(t->set, t->index); i++)
		print_form(t, (uint16_t)i);
	(void)printf("\n%llu lines:", (unsigned long long)t->line);
	for (unsigned int i = FILTER_SUCCESS; i; i--)
		(void)printf(" %llu %s%s", (unsigned long long)t->count[i], results[i],
			     i > 1 ? "," : "\n");
	(void)printf("%llu ns per line in the filter",
		     (unsigned long long)(t->records ? t->spent_ns / t->records : 0));
	if (stats.cut || stats.replaced || stats.malformed)
		(void)printf("; %llu lines cut, %llu with broken text, %llu broken entries",
			     (unsigned long long)stats.cut, (unsigned long long)stats.replaced,
			     (unsigned long long)stats.malformed);
	(void)printf("\n");
}

/* ---- set-up ---- */

/* DIR/NAME.conf to its folder and NAME; a name stays one. */
static int filter_split(const char *filter, char **ret_folder, char **ret_name)
{
	size_t path_len = strcspn(filter, "[");
	const char *slash = memrchr(filter, '/', path_len);
	size_t name_len;

	*ret_folder = NULL;
	if (!slash && (path_len < 5 || memcmp(filter + path_len - 5, ".conf", 5))) {
		*ret_name = strdup(filter);
		return *ret_name ? 0 : -ENOMEM;
	}
	*ret_folder = slash ? strndup(filter, slash == filter ? 1 : (size_t)(slash - filter))
			    : strdup(".");
	name_len = path_len - (slash ? (size_t)(slash + 1 - filter) : 0);
	if (name_len > 5 && !memcmp(filter + path_len - 5, ".conf", 5))
		name_len -= 5;
	if (!*ret_folder || asprintf(ret_name, "%.*s%s", (int)name_len, slash ? slash + 1 : filter,
				     filter + path_len) < 0) {
		*ret_name = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int folder_load(struct filter_set *set, const char *folder, bool optional)
{
	int r = filter_folder_add(set, folder);

	if (r < 0 && !(optional && r == -ENOENT)) {
		(void)fprintf(stderr, "%s: %s\n", folder, strerror(-r));
		return r;
	}
	return 0;
}

static int folders_load(struct filter_set *set, const struct options *options, const char *own)
{
	int r = 0;

	if (options->folder)
		r = folder_load(set, options->folder, false);
	if (!options->folder && !own) {
		r = folder_load(set, BAILIFF_LIBEXECDIR "/filter.d", true);
		if (!r)
			r = folder_load(set, BAILIFF_SYSCONFDIR "/bailiff/filter.d", true);
	}
	if (!r && own)
		r = folder_load(set, own, false);
	return r;
}

static int filter_load(struct test *t)
{
	_cleanup_free_ char *own = NULL, *name = NULL, *spec = NULL;
	char error[EVIDENCE_ERROR_MAX];
	struct buf safe = BUF_INIT(SHOWN_MAX);
	int r;

	r = filter_split(t->options->filter, &own, &name);
	if (r < 0)
		return r;
	r = folders_load(t->set, t->options, own);
	if (r < 0)
		return r;
	if (asprintf(&spec, "%s%s%s%s", name, t->options->mode ? "[mode=\"" : "",
		     t->options->mode ? t->options->mode : "", t->options->mode ? "\"]" : "") < 0) {
		spec = NULL;
		return -ENOMEM;
	}
	r = filter_set_load(t->set, spec, &t->index, error);
	if (r < 0) {
		buf_put_safe(&safe, error, strlen(error));
		(void)fprintf(stderr, "%s\n", safe.data ? safe.data : "");
	}
	buf_done(&safe);
	return r;
}

static int options_read(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{ "filter", required_argument, NULL, 'f' },
		{ "filter-dir", required_argument, NULL, 'd' },
		{ "mode", required_argument, NULL, 'm' },
		{ "json", no_argument, NULL, 'j' },
		{ "journal", no_argument, NULL, 'J' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		switch (c) {
		case 'f':
			ret->filter = optarg;
			break;
		case 'd':
			ret->folder = optarg;
			break;
		case 'm':
			ret->mode = optarg;
			break;
		case 'j':
			ret->json = true;
			break;
		case 'J':
			ret->journal = true;
			break;
		case 'q':
			ret->quiet = true;
			break;
		case 'h':
			ret->help = true;
			return 0;
		default:
			return -EINVAL;
		}
	}
	if (!ret->filter || optind + 1 != argc)
		return -EINVAL;
	ret->log = argv[optind];
	return 0;
}

static int run(struct test *t)
{
	_cleanup_(log_reader_freep) struct log_reader *reader = NULL;
	_cleanup_close_ int opened = -1;
	int fd = STDIN_FILENO, r;

	r = filter_set_new(&t->set);
	if (r < 0)
		return r;
	filter_set_on_warning(t->set, on_warning, NULL);
	if (!t->options->json)
		filter_set_timer(t->set, timer_ns);
	r = filter_load(t);
	if (r < 0)
		return r;
	if (strcmp(t->options->log, "-")) {
		fd = opened = open(t->options->log, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			r = -errno;
			(void)fprintf(stderr, "%s: %s\n", t->options->log, strerror(-r));
			return r;
		}
	}
	r = log_reader_new(&reader, 1, t->options->journal ? LOG_JOURNAL_EXPORT : LOG_LINES);
	if (r < 0)
		return r;
	r = read_log(t, reader, fd);
	if (r < 0) {
		(void)fprintf(stderr, "%s: %s\n", t->options->log, strerror(-r));
		return r;
	}
	if (!t->options->json)
		print_summary(t, reader);
	if (fflush(stdout) || ferror(stdout)) {
		(void)fprintf(stderr, "standard output: %s\n", strerror(errno));
		return -EIO;
	}
	return 0;
}

int filter_test_main(int argc, char **argv)
{
	struct options options = { 0 };
	struct test test = { .options = &options, .out = BUF_INIT((size_t)EVIDENCE_LINE_MAX * 8) };
	int r;

	if (options_read(argc, argv, &options) < 0)
		return usage(stderr);
	if (options.help)
		return usage(stdout);
	r = run(&test);
	if (r == -ENOMEM)
		(void)fprintf(stderr, "out of memory\n");
	filter_set_free(test.set);
	buf_done(&test.out);
	return r < 0 ? EXIT_INPUT : EXIT_DONE;
}
