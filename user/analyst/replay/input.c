/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads logs and one recording side by side and gives their items in order of time.
 *
 * There is one time scale, wall time: a recording's boot times are moved onto it by the difference
 * that its first event shows, all of it by the same amount, because start times of processes are
 * compared for equality. Time never goes back: a stamp that does takes the time reached so far.
 *
 * Memory is bounded: a piece of each log, one event.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyst/offline.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define LOGS_MAX 64
#define PIECE (16 * 1024) /* its records, of 700 bytes each, stay in the cache */
#define SPARE_ROOM 256 /* so that memory fits the next, a little longer line */
#define EVENT_LINE_MAX (64 * 1024)

/* A record that waits for its turn; text follows. */
struct waiting {
	struct waiting *next;
	bool dated; /* at_ns is known */
	size_t room; /* of text */
	uint64_t at_ns;
	struct log_record record;
	char text[];
};

struct log_input {
	struct replay_input *input;
	char *name;
	int fd;
	struct log_reader *reader;
	struct waiting *first, **end;
	uint64_t near_ns; /* a stamp without a year is in the year before this */
	uint64_t last_ns;
	bool at_end;
};

struct replay_input {
	struct log_input log[LOGS_MAX];
	unsigned int logs;
	struct waiting *given; /* the record that was given last */
	struct waiting *spare; /* memory of those before it, for the next */
	FILE *events;
	char *events_name;
	const struct sensor_names *names;
	unsigned long line;
	bool shifted;
	uint64_t shift; /* wall - boot; may wrap below zero */
	bool have_event;
	union bl_event event;
	uint64_t event_ns;
	uint64_t now_ns;
	uint64_t (*stamp)(const struct log_record *record, uint64_t near_wall_ns,
			  uint64_t last_wall_ns, void *arg);
	void *stamp_arg;
	struct replay_input_stats stats;
	char text[EVENT_LINE_MAX];
};

int replay_input_new(struct replay_input **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static void waiting_free(struct waiting *w)
{
	while (w) {
		struct waiting *next = w->next;

		free(w);
		w = next;
	}
}

struct replay_input *replay_input_free(struct replay_input *input)
{
	if (!input)
		return NULL;
	for (unsigned int i = 0; i < input->logs; i++) {
		struct log_input *log = &input->log[i];

		waiting_free(log->first);
		log_reader_free(log->reader);
		base_closep(&log->fd);
		free(log->name);
	}
	free(input->given);
	waiting_free(input->spare);
	base_fclosep(&input->events);
	free(input->events_name);
	free(input);
	return NULL;
}

/* ---- logs ---- */

static int open_input(const char *path, char error[INI_ERROR_MAX])
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC)
				   : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd >= 0)
		return fd;
	(void)snprintf(error, INI_ERROR_MAX, "%.200s: %s", path, strerror(errno));
	return -errno;
}

void replay_input_on_stamp(struct replay_input *input,
			   uint64_t (*fn)(const struct log_record *record, uint64_t near_wall_ns,
					  uint64_t last_wall_ns, void *arg),
			   void *arg)
{
	input->stamp = fn;
	input->stamp_arg = arg;
}

/* 0: it has none. */
static uint64_t stamp_of(const struct log_input *log, const struct log_record *record)
{
	const struct replay_input *input = log->input;

	if (record->said_wall_ns)
		return record->said_wall_ns;
	return input->stamp ? input->stamp(record, log->near_ns, log->last_ns, input->stamp_arg)
			    : log_stamp(record->text, record->len, log->near_ns);
}

/* The memory of records that were given is used again. */
static struct waiting *waiting_new(struct replay_input *input, size_t size)
{
	struct waiting *w = input->spare;

	if (w && w->room >= size) {
		input->spare = w->next;
		return w;
	}
	w = malloc(sizeof(*w) + size + SPARE_ROOM);
	if (w)
		w->room = size + SPARE_ROOM;
	return w;
}

static int on_record(const struct log_record *record, void *arg)
{
	struct log_input *log = arg;
	struct waiting *w = waiting_new(log->input, record->len + 1);

	if (!w)
		return -ENOMEM;
	w->next = NULL;
	w->dated = false;
	w->record = *record;
	memcpy(w->text, record->text, record->len);
	w->text[record->len] = '\0';
	w->record.text = w->text;
	/* Time is the log's own: whatever comes next is written now. */
	w->record.age = LOG_FRESH;
	*log->end = w;
	log->end = &w->next;
	return 0;
}

/* Only of the one that is next, so that the filter that sees it then need not look for it again. */
static void first_date(struct log_input *log)
{
	struct waiting *w = log->first;
	uint64_t stamp_ns;

	if (!w || w->dated)
		return;
	w->dated = true;
	stamp_ns = stamp_of(log, &w->record);
	log->input->stats.undated += !stamp_ns;
	if (stamp_ns > log->last_ns)
		log->last_ns = stamp_ns;
	w->at_ns = log->last_ns;
}

/* Until a record waits or the log ends. */
static int log_fill(struct log_input *log, char error[INI_ERROR_MAX])
{
	char piece[PIECE];

	while (!log->first && !log->at_end) {
		ssize_t n = read(log->fd, piece, sizeof(piece));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			(void)snprintf(error, INI_ERROR_MAX, "%.200s: %s", log->name,
				       strerror(errno));
			return -errno;
		}
		log->at_end = n == 0;
		/* The last line counts without a newline, too. */
		r = log_reader_feed(log->reader, n ? piece : "\n", n ? (size_t)n : 1, 0, on_record,
				    log);
		if (r < 0) {
			(void)snprintf(error, INI_ERROR_MAX, "%.200s: %s", log->name, strerror(-r));
			return r;
		}
	}
	return 0;
}

int replay_input_log(struct replay_input *input, const char *path, uint32_t source,
		     bool *ret_journal, char error[INI_ERROR_MAX])
{
	static const char begin[] = "__";
	_cleanup_close_ int fd = -1;
	struct log_input *log;
	char head[sizeof(begin)] = "";
	struct stat st;
	bool journal;
	int r;

	if (input->logs == LOGS_MAX) {
		(void)snprintf(error, INI_ERROR_MAX, "%d logs are the most", LOGS_MAX);
		return -E2BIG;
	}
	fd = open_input(path, error);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
		(void)snprintf(error, INI_ERROR_MAX, "%.200s is no file", path);
		return -EISDIR;
	}
	/* journalctl --output=export begins each entry with __CURSOR=; no syslog line does. */
	journal = pread(fd, head, sizeof(begin) - 1, 0) == sizeof(begin) - 1 &&
		  !memcmp(head, begin, sizeof(begin) - 1);

	log = &input->log[input->logs];
	*log = (struct log_input){ .input = input, .fd = -1, .end = &log->first };
	log->near_ns = st.st_mtim.tv_sec > 0 ? (uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC : 0;
	log->name = strdup(path);
	if (!log->name)
		return -ENOMEM;
	input->logs++;
	r = log_reader_new(&log->reader, source, journal ? LOG_JOURNAL_EXPORT : LOG_LINES);
	if (r < 0)
		return r;
	log->fd = TAKE_FD(fd);
	*ret_journal = journal;
	return 0;
}

/* ---- the recording ---- */

int replay_input_events(struct replay_input *input, const char *path,
			const struct sensor_names *names, char error[INI_ERROR_MAX])
{
	_cleanup_close_ int fd = -1;

	if (input->events) {
		(void)snprintf(error, INI_ERROR_MAX, "one recording is the most");
		return -EINVAL;
	}
	fd = open_input(path, error);
	if (fd < 0)
		return fd;
	input->events_name = strdup(path);
	input->events = fdopen(fd, "r");
	if (!input->events || !input->events_name)
		return -ENOMEM;
	(void)TAKE_FD(fd);
	input->names = names;
	return 0;
}

static void time_shift(const struct replay_input *input, __u64 *time_ns)
{
	if (*time_ns)
		*time_ns += input->shift;
}

static void event_shift(struct replay_input *input, union bl_event *event, uint64_t wall_ns)
{
	struct bl_task *task = NULL;

	if (!input->shifted && event->head.boot_ns) {
		input->shift = wall_ns - event->head.boot_ns;
		input->shifted = true;
	}
	if (event->head.boot_ns)
		time_shift(input, &event->head.boot_ns);
	else
		event->head.boot_ns = wall_ns;
	switch ((enum bl_event_kind)event->head.kind) {
	case BL_EVENT_EXEC:
		task = &event->exec.task;
		break;
	case BL_EVENT_FORK:
		task = &event->fork.task;
		break;
	case BL_EVENT_EXIT:
		task = &event->exit.task;
		break;
	case BL_EVENT_SESSION:
		task = &event->session.task;
		break;
	case BL_EVENT_AUTH:
		task = &event->auth.task;
		break;
	case BL_EVENT_SIGNAL:
		task = &event->signal.task;
		time_shift(input, &event->signal.other_start_ns);
		break;
	case BL_EVENT_CONNECTION:
	case BL_EVENT_MAX:
		break;
	}
	if (!task)
		return;
	time_shift(input, &task->start_ns);
	time_shift(input, &task->parent_start_ns);
}

static int line_error(const struct replay_input *input, const char *what, char error[INI_ERROR_MAX])
{
	(void)snprintf(error, INI_ERROR_MAX, "%.80s:%lu: %.160s", input->events_name, input->line,
		       what);
	return -EINVAL;
}

/* 1: a line; 0: the end; negative. */
static int line_read(struct replay_input *input, size_t *ret_len, char error[INI_ERROR_MAX])
{
	size_t len;

	if (!fgets(input->text, sizeof(input->text), input->events)) {
		if (ferror(input->events))
			return line_error(input, strerror(errno), error);
		return 0;
	}
	input->line++;
	len = strlen(input->text);
	if (len == sizeof(input->text) - 1 && input->text[len - 1] != '\n')
		return line_error(input, "a line of more than 64 KiB", error);
	*ret_len = len;
	return 1;
}

static int events_fill(struct replay_input *input, char error[INI_ERROR_MAX])
{
	char why[SENSOR_ERROR_MAX];
	uint64_t wall_ns;
	size_t len;
	int r;

	while (input->events && !input->have_event) {
		r = line_read(input, &len, error);
		if (r <= 0) {
			base_fclosep(&input->events);
			input->events = NULL;
			return r;
		}
		if (strspn(input->text, " \t\r\n") == len)
			continue;
		r = sensor_from_json(input->text, len, input->names, &input->event, &wall_ns, why);
		if (r == -ENOTSUP) {
			input->stats.unknown++;
			continue;
		}
		if (r < 0)
			return line_error(input, why, error);
		event_shift(input, &input->event, wall_ns);
		input->event_ns = input->event.head.boot_ns;
		input->have_event = true;
	}
	return 0;
}

/* ---- merging ---- */

int replay_input_next(struct replay_input *input, struct replay_item *ret,
		      char error[INI_ERROR_MAX])
{
	struct log_input *next = NULL;
	int r;

	if (input->given) {
		input->given->next = input->spare;
		input->spare = input->given;
		input->given = NULL;
	}
	r = events_fill(input, error);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < input->logs; i++) {
		struct log_input *log = &input->log[i];

		r = log_fill(log, error);
		if (r < 0)
			return r;
		first_date(log);
		if (log->first && (!next || log->first->at_ns < next->first->at_ns))
			next = log;
	}
	*ret = (struct replay_item){ 0 };
	if (input->have_event && (!next || input->event_ns <= next->first->at_ns)) {
		input->have_event = false;
		input->stats.events++;
		ret->at_ns = input->event_ns;
		ret->event = &input->event;
	} else if (next) {
		input->given = next->first;
		next->first = input->given->next;
		if (!next->first)
			next->end = &next->first;
		input->stats.records++;
		ret->at_ns = input->given->at_ns;
		ret->record = &input->given->record;
	} else {
		return 0;
	}
	if (ret->at_ns < input->now_ns)
		ret->at_ns = input->now_ns;
	input->now_ns = ret->at_ns;
	if (input->given)
		input->given->record.arrived_ns = ret->at_ns;
	return 1;
}

void replay_input_stats(const struct replay_input *input, struct replay_input_stats *ret)
{
	*ret = input->stats;
}
