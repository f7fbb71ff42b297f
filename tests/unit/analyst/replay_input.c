/* SPDX-License-Identifier: GPL-2.0-only */
/* Inputs of replay: one time scale, nothing out of order, every mistake with its place. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "analyst/offline.h"
#include "base/clock.h"

#define T0 1795568523000000000ULL /* 2026-11-25T01:02:03Z */

static const char *const services[] = { NULL, "sshd" };
static const struct sensor_names names = { .service = services, .services = 2 };

struct scene {
	struct replay_input *input;
	char path[4][40];
	unsigned int paths;
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	assert_int_equal(replay_input_new(&scene->input), 0);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	replay_input_free(scene->input);
	for (unsigned int i = 0; i < scene->paths; i++)
		(void)unlink(scene->path[i]);
	free(scene);
	return 0;
}

static const char *file_with(struct scene *scene, const char *text, size_t len)
{
	char *path = scene->path[scene->paths++];
	int fd;

	(void)snprintf(path, sizeof(scene->path[0]), "/tmp/bailiff-replay-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	(void)close(fd);
	return path;
}

static void add_log(struct scene *scene, const char *text, uint32_t source, bool wanted_journal)
{
	char error[INI_ERROR_MAX];
	bool journal;

	assert_int_equal(replay_input_log(scene->input, file_with(scene, text, strlen(text)),
					  source, &journal, error),
			 0);
	assert_int_equal(journal, wanted_journal);
}

static void add_events(struct scene *scene, const char *text, size_t len)
{
	char error[INI_ERROR_MAX];

	assert_int_equal(
		replay_input_events(scene->input, file_with(scene, text, len), &names, error), 0);
}

static int next(struct scene *scene, struct replay_item *ret)
{
	char error[INI_ERROR_MAX] = "";
	int r = replay_input_next(scene->input, ret, error);

	if (r < 0)
		print_message("# %s\n", error);
	return r;
}

static void expect_record(struct scene *scene, uint64_t at_ns, uint32_t source, const char *end)
{
	struct replay_item item;
	size_t len = strlen(end);

	assert_int_equal(next(scene, &item), 1);
	assert_non_null(item.record);
	assert_int_equal(item.at_ns, at_ns);
	assert_int_equal(item.record->arrived_ns, at_ns);
	assert_int_equal(item.record->source, source);
	assert_true(item.record->len >= len);
	assert_string_equal(item.record->text + item.record->len - len, end);
}

static const struct bl_task *expect_exec(struct scene *scene, uint64_t at_ns)
{
	struct replay_item item;

	assert_int_equal(next(scene, &item), 1);
	assert_non_null(item.event);
	assert_int_equal(item.at_ns, at_ns);
	assert_int_equal(item.event->head.boot_ns, at_ns);
	assert_int_equal(item.event->head.kind, BL_EVENT_EXEC);
	return &item.event->exec.task;
}

static void expect_end(struct scene *scene)
{
	struct replay_item item;

	assert_int_equal(next(scene, &item), 0);
	assert_int_equal(next(scene, &item), 0);
}

#define EXEC(stamp, boot, pid)                                                                    \
	"{\"@timestamp\":\"2026-11-25T01:02:" stamp "Z\",\"boot_ns\":" boot ",\"type\":\"exec\"," \
	"\"pid\":" pid ",\"start\":" boot "}\n"

static void merges(void **state)
{
	struct scene *scene = *state;
	static const char events[] =
		EXEC("03.000", "5000000000", "7") "\n" EXEC("05.500", "7500000000", "8");
	const struct bl_task *task;

	add_log(scene, "2026-11-25T01:02:04Z a: one\n2026-11-25T01:02:05Z a: three\n", 1, false);
	add_log(scene, "2026-11-25T01:02:04.5Z b: two\n2026-11-25T01:02:06Z b: four", 2, false);
	add_events(scene, events, strlen(events));
	task = expect_exec(scene, T0);
	assert_int_equal(task->start_ns, T0);
	assert_int_equal(task->parent_start_ns, 0);
	expect_record(scene, T0 + NSEC_PER_SEC, 1, "one");
	expect_record(scene, T0 + 1500 * NSEC_PER_MSEC, 2, "two");
	expect_record(scene, T0 + 2 * NSEC_PER_SEC, 1, "three");
	task = expect_exec(scene, T0 + 2500 * NSEC_PER_MSEC);
	assert_int_equal(task->pid, 8);
	expect_record(scene, T0 + 3 * NSEC_PER_SEC, 2, "four");
	expect_end(scene);
}

/* The wall clock was set back during the recording: boot time goes on, start times stay equal. */
static void clock_step(void **state)
{
	struct scene *scene = *state;
	static const char events[] = EXEC("03", "5000000000", "7") EXEC("01", "6000000000", "8");

	add_events(scene, events, strlen(events));
	(void)expect_exec(scene, T0);
	(void)expect_exec(scene, T0 + NSEC_PER_SEC);
	expect_end(scene);
}

static void time_never_goes_back(void **state)
{
	struct scene *scene = *state;
	struct replay_input_stats stats;

	add_log(scene,
		"2026-11-25T01:02:05Z a: one\n2026-11-25T01:02:03Z a: two\n a: no stamp\n"
		"2026-11-25T01:02:06Z a: four\n",
		1, false);
	expect_record(scene, T0 + 2 * NSEC_PER_SEC, 1, "one");
	expect_record(scene, T0 + 2 * NSEC_PER_SEC, 1, "two");
	expect_record(scene, T0 + 2 * NSEC_PER_SEC, 1, "no stamp");
	expect_record(scene, T0 + 3 * NSEC_PER_SEC, 1, "four");
	replay_input_stats(scene->input, &stats);
	assert_int_equal(stats.undated, 1);
	assert_int_equal(stats.records, 4);
}

static void reads_the_journal(void **state)
{
	struct scene *scene = *state;
	struct replay_item item;

	add_log(scene,
		"__CURSOR=x\n__REALTIME_TIMESTAMP=1795568524000000\n_PID=77\n_UID=0\n"
		"SYSLOG_IDENTIFIER=sshd\nMESSAGE=hello\n\n",
		1, true);
	assert_int_equal(next(scene, &item), 1);
	assert_int_equal(item.at_ns, T0 + NSEC_PER_SEC);
	assert_true(item.record->origin.trusted);
	assert_int_equal(item.record->origin.pid, 77);
	expect_end(scene);
}

static void mistakes_have_a_place(void **state)
{
	struct scene *scene = *state;
	static const char events[] =
		EXEC("03", "5000000000",
		     "7") "{\"@timestamp\":\"2026-11-25T01:02:03Z\",\"type\":\"dance\"}\n"
			  "{\"type\":\"exec\"}\n";
	struct replay_input_stats stats;
	struct replay_item item;
	char error[INI_ERROR_MAX], place[64];

	add_events(scene, events, strlen(events));
	(void)expect_exec(scene, T0);
	assert_int_equal(replay_input_next(scene->input, &item, error), -EINVAL);
	(void)snprintf(place, sizeof(place), "%s:3: @timestamp", scene->path[0]);
	assert_non_null(strstr(error, place));
	replay_input_stats(scene->input, &stats);
	assert_int_equal(stats.unknown, 1);
	assert_int_equal(replay_input_events(scene->input, scene->path[0], &names, error), -EINVAL);
}

static void refuses_what_is_no_file(void **state)
{
	struct scene *scene = *state;
	char error[INI_ERROR_MAX] = "";
	bool journal;

	assert_int_equal(replay_input_log(scene->input, "/nonexistent", 1, &journal, error),
			 -ENOENT);
	assert_non_null(strstr(error, "/nonexistent"));
	assert_int_equal(replay_input_log(scene->input, "/tmp", 1, &journal, error), -EISDIR);
	assert_int_equal(replay_input_events(scene->input, "/nonexistent", &names, error), -ENOENT);
	expect_end(scene);
}

static void endless_line(void **state)
{
	struct scene *scene = *state;
	size_t len = 200000;
	char *text = malloc(len);
	struct replay_item item;
	char error[INI_ERROR_MAX];

	assert_non_null(text);
	memset(text, ' ', len);
	add_events(scene, text, len);
	free(text);
	assert_int_equal(replay_input_next(scene->input, &item, error), -EINVAL);
	assert_non_null(strstr(error, ":1: a line of more than"));
}

/* ---- bailiff.conf ---- */

static int conf_add(struct replay_conf *conf, const char *text, char error[INI_ERROR_MAX])
{
	return replay_conf_add(conf, "x.conf", text, strlen(text), error);
}

static void conf_is_read(void **state)
{
	static struct replay_conf conf;
	char error[INI_ERROR_MAX];
	const struct replay_source *source;

	(void)state;
	replay_conf_init(&conf);
	assert_int_equal(conf.services, 3);
	assert_int_equal(
		conf_add(&conf,
			 "[bailiff]\nmode = enforce\nexempt = 192.0.2.0/24 2001:db8::/32\n"
			 "exempt =\nexempt = 198.51.100.7\n"
			 "[service sshd]\nports = 22 2222\nmax_tries = 3\n"
			 "[service ftp]\nports = 21\nsession = /usr/sbin/ftpd\n"
			 "[source app]\nfile = /var/log/app/*.log\nfilters = sshd app[mode=x]\n"
			 "[source j]\njournal = yes\nfilters = pam\n",
			 error),
		0);
	assert_int_equal(conf.exempts, 1);
	assert_int_equal(conf.service[0].ports[1], 2222);
	assert_int_equal(conf.service[0].max_tries, 3);
	assert_int_equal(conf.services, 4);
	assert_true(conf.service[3].programs);
	source = replay_conf_source(&conf, "/home/me/copy/web.log", false);
	assert_non_null(source);
	assert_int_equal(source->filters, 2);
	assert_string_equal(source->filter[1], "app[mode=x]");
	assert_null(replay_conf_source(&conf, "/home/me/messages", false));
	assert_string_equal(replay_conf_source(&conf, "-", true)->name, "j");
}

static void conf_mistakes(void **state)
{
	static const struct {
		const char *text, *error;
	} wrong[] = {
		{ "[bailiff]\nexempt = example.org\n", "x.conf:2: exempt wants numeric" },
		{ "[bailiff]\n\nexempt = 192.0.2.1/24\n", "x.conf:3: exempt wants numeric" },
		{ "[service sshd]\nports = 0\n", "x.conf:2: ports wants" },
		{ "[service sshd]\nports = 65536\n", "x.conf:2: ports wants" },
		{ "[service sshd]\nports = 1 2 3 4 5 6 7 8 9\n", "x.conf:2: ports wants" },
		{ "[service sshd]\nmax_tries = many\n", "x.conf:2: max_tries wants" },
		{ "[source a]\nfilters = a b c d e f g h i\n", "x.conf:2: filters wants" },
		{ "[jail]\na = b\n", "x.conf:2: unknown section [jail]" },
	};
	static struct replay_conf conf;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char error[INI_ERROR_MAX] = "";

		replay_conf_init(&conf);
		assert_row(conf_add(&conf, wrong[i].text, error) == -EINVAL, wrong[i].text);
		assert_row(!strncmp(error, wrong[i].error, strlen(wrong[i].error)), error);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(merges),
		TEST(clock_step),
		TEST(time_never_goes_back),
		TEST(reads_the_journal),
		TEST(mistakes_have_a_place),
		TEST(refuses_what_is_no_file),
		TEST(endless_line),
		cmocka_unit_test(conf_is_read),
		cmocka_unit_test(conf_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
