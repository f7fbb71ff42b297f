/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal as a log source: journalctl --output=export --follow, run without rights.
 */
#include "enforcer/sources/journalctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#define ARGUMENTS_MAX 64
#define WORDS_MAX 2048
#define PAUSE_MAX_S 30
#define STEADY_NS (60 * NSEC_PER_SEC) /* one that ran as long is started at once again */

struct reader {
	uint32_t id;
	struct conf_source source; /* own copy: a reader outlives a configuration */
	struct helper helper;
	int pipe;
	struct loop_source *watch;
	uint64_t started_ns, due_ns;
	unsigned int failures;
};

struct journalctl {
	struct loop *loop;
	journalctl_switch_fn fn;
	void *arg;
	struct helper_ids ids;
	struct reader reader[CONF_SOURCES_MAX];
	uint32_t count;
	uint32_t restarts;
	bool told; /* of missing accounts */
};

const char *journalctl_program(void)
{
	static const char *const paths[] = { "/usr/bin/journalctl", "/bin/journalctl" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

int journalctl_new(struct journalctl **ret, struct loop *loop, journalctl_switch_fn fn, void *arg)
{
	struct journalctl *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return -ENOMEM;
	journal->loop = loop;
	journal->fn = fn;
	journal->arg = arg;
	*ret = journal;
	return 0;
}

static void reader_end(struct reader *reader)
{
	reader->watch = loop_remove(reader->watch);
	if (reader->helper.pid > 0)
		(void)helper_end(&reader->helper);
	if (reader->pipe >= 0)
		(void)close(TAKE_FD(reader->pipe));
	free(reader->source.match);
}

static void end_readers(struct journalctl *journal)
{
	for (uint32_t i = 0; i < journal->count; i++)
		reader_end(&journal->reader[i]);
	journal->count = 0;
}

struct journalctl *journalctl_free(struct journalctl *journal)
{
	if (!journal)
		return NULL;
	end_readers(journal);
	free(journal);
	return NULL;
}

uint32_t journalctl_restarts(const struct journalctl *journal)
{
	return journal->restarts;
}

uint32_t journalctl_count(const struct journalctl *journal)
{
	return journal->count;
}

int journalctl_arguments(const struct conf_source *source, uint64_t since_wall_ns,
			 uint64_t now_wall_ns, char *words, size_t size, const char **argv,
			 size_t max)
{
	size_t count = 0, used;
	char *word, *rest = NULL;
	int n;

	if (max < 8)
		return -E2BIG;
	argv[count++] = journalctl_program() ? journalctl_program() : "/usr/bin/journalctl";
	argv[count++] = "--output=export";
	argv[count++] = "--follow";
	argv[count++] = "--quiet";
	/* Later than now: the clock was set back. */
	if (!since_wall_ns || since_wall_ns > now_wall_ns)
		since_wall_ns = now_wall_ns;
	if (now_wall_ns - since_wall_ns > JOURNAL_CATCHUP_MAX_NS)
		since_wall_ns = now_wall_ns - JOURNAL_CATCHUP_MAX_NS;
	/* --follow alone would begin with the last ten lines, however old. */
	n = snprintf(words, size, "--since=@%llu.%06u",
		     (unsigned long long)(since_wall_ns / NSEC_PER_SEC),
		     (unsigned int)(since_wall_ns % NSEC_PER_SEC / 1000));
	if (n < 0 || (size_t)n >= size)
		return -E2BIG;
	argv[count++] = words;
	argv[count++] = "--no-tail";
	used = (size_t)n + 1;
	if (source->match) {
		if (strlen(source->match) >= size - used)
			return -E2BIG;
		text_copy(words + used, size - used, source->match);
		/* conf/source.c has seen to it that no word looks like an option. */
		for (word = strtok_r(words + used, " \t", &rest); word;
		     word = strtok_r(NULL, " \t", &rest)) {
			if (count + 1 >= max)
				return -E2BIG;
			argv[count++] = word;
		}
	}
	argv[count] = NULL;
	return 0;
}

static int on_end(struct loop_source *watch, int fd, uint32_t events, void *arg)
{
	struct reader *reader = arg;
	uint64_t now = clock_boot_ns();
	unsigned int pause;
	int status;

	(void)watch;
	(void)fd;
	(void)events;
	reader->watch = loop_remove(reader->watch);
	status = helper_end(&reader->helper);
	if (now - reader->started_ns > STEADY_NS)
		reader->failures = 0;
	pause = reader->failures ? 1U << (reader->failures < 6 ? reader->failures - 1 : 5) : 0;
	if (pause > PAUSE_MAX_S)
		pause = PAUSE_MAX_S;
	reader->failures++;
	reader->due_ns = now + pause * NSEC_PER_SEC;
	log_warning("source %s: journalctl ended with %s %d; it is started again after %u s",
		    reader->source.name, WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), pause);
	return 0;
}

static int reader_start(struct journalctl *journal, struct reader *reader, uint64_t since_wall_ns,
			uint64_t now_wall_ns, uint64_t now_boot_ns)
{
	const char *argv[ARGUMENTS_MAX];
	char words[WORDS_MAX];
	_cleanup_close_ int read_end = -1, write_end = -1;
	int ends[2];
	int r = journalctl_arguments(&reader->source, since_wall_ns, now_wall_ns, words,
				     sizeof(words), argv, ARGUMENTS_MAX);

	if (r < 0)
		return r;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	read_end = ends[0];
	write_end = ends[1];
	r = helper_spawn(argv, &journal->ids, write_end, &reader->helper);
	if (r < 0)
		return r;
	reader->started_ns = now_boot_ns;
	reader->due_ns = 0;
	r = loop_add_io(journal->loop, reader->helper.pidfd, EPOLLIN, on_end, reader,
			&reader->watch);
	if (r < 0) {
		(void)helper_end(&reader->helper);
		return r;
	}
	/* The analyst must never wait for it. */
	(void)fcntl(read_end, F_SETFL, O_NONBLOCK);
	if (reader->pipe >= 0)
		(void)close(reader->pipe);
	reader->pipe = TAKE_FD(read_end);
	return 0;
}

/* Who may read the journal: journal_user, with group systemd-journal and nothing else. */
static void find_ids(struct journalctl *journal, const struct conf *conf)
{
	int missing = helper_account(conf->journal_user, conf->fallback_uid + 2, &journal->ids);

	if (missing && !journal->told)
		log_info("account %s does not exist: journalctl runs as uid %u", conf->journal_user,
			 journal->ids.uid);
	if (helper_group("systemd-journal", &journal->ids.group) < 0 && !journal->told)
		log_warning("group systemd-journal does not exist: the journal may show nothing");
	journal->told = true;
}

int journalctl_setup(struct journalctl *journal, const struct conf *conf, uint32_t first_id,
		     uint64_t since_wall_ns, uint64_t now_wall_ns,
		     int (*fn)(const struct ipc_source *source, int fd, void *arg), void *arg)
{
	end_readers(journal);
	find_ids(journal, conf);
	for (size_t i = 0; i < conf->sources; i++) {
		const struct conf_source *source = &conf->source[i];
		struct reader *reader = &journal->reader[journal->count];
		struct ipc_source message = {
			.id = first_id + journal->count,
			.kind = IPC_SOURCE_JOURNAL,
			.filters = source->filters,
			.accepted = source->accepted,
			.relayed = source->relayed,
			.service = source->service_id,
		};
		int r;

		if (!source->journal)
			continue;
		*reader = (struct reader){ .id = message.id,
					   .source = { .match = NULL },
					   .pipe = -1 };
		text_copy(reader->source.name, sizeof(reader->source.name), source->name);
		if (source->match) {
			reader->source.match = strdup(source->match);
			if (!reader->source.match)
				return -ENOMEM;
		}
		r = reader_start(journal, reader, since_wall_ns, now_wall_ns, clock_boot_ns());
		journal->count++;
		if (r < 0)
			return log_error_errno(r, "source %s: journalctl cannot be started",
					       source->name);
		text_copy(message.path, sizeof(message.path), "journal");
		memcpy(message.filter, source->filter, sizeof(message.filter));
		r = fn(&message, reader->pipe, arg);
		if (r)
			return r;
	}
	return 0;
}

void journalctl_tick(struct journalctl *journal, uint64_t since_wall_ns, uint64_t now_wall_ns,
		     uint64_t now_boot_ns)
{
	for (uint32_t i = 0; i < journal->count; i++) {
		struct reader *reader = &journal->reader[i];

		if (!reader->due_ns || reader->due_ns > now_boot_ns)
			continue;
		journal->restarts++;
		if (reader_start(journal, reader, since_wall_ns, now_wall_ns, now_boot_ns) < 0)
			reader->due_ns = now_boot_ns + PAUSE_MAX_S * NSEC_PER_SEC;
		else
			journal->fn(reader->id, reader->pipe, journal->arg);
	}
}
