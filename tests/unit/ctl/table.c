/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table against what is made of it and what is written about it.
 */
#include "helpers.h"

#include <libgen.h>
#include <limits.h>
#include <sys/wait.h>

#include "base/file.h"

/* The whole word: --for is not in --force. */
static bool has_option(const char *synopsis, const char *name)
{
	for (const char *at = synopsis; (at = strstr(at, name)); at++)
		if (at[strlen(name)] < 'a' || at[strlen(name)] > 'z')
			return true;
	return false;
}

static void test_table(void **state)
{
	(void)state;
	for (const struct ctl_command *command = ctl_commands; command->name; command++) {
		assert_ptr_equal(command_find(command->name), command);
		assert_non_null(command->synopsis);
		assert_non_null(command->summary);
		assert_true(!command->run != !command->hand_over);
		assert_true(command->words_min <= command->words_max);
		/* What the usage line says of options is what is taken. --socket is for tests. */
		for (int i = 0; command->run && i < OPTION_MAX; i++) {
			char name[32];
			bool said, taken = command->options & OPTION_BIT(i);

			(void)snprintf(name, sizeof(name), "--%s", ctl_options[i].name);
			said = has_option(command->synopsis, name);
			if (i != OPTION_SOCKET)
				assert_int_equal(said, taken);
		}
	}
	assert_null(command_find("top"));
	assert_null(command_find(""));
}

/* This file is at tests/unit/ctl; the tree's root three up. */
static void read_manual(char **ret)
{
	char here[] = __FILE__, path[PATH_MAX];
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/../../../user/ctl/bailiffctl.1.scd", dirname(here));
	assert_int_equal(file_read(path, 1 << 20, ret, &len), 0);
}

static void test_manual(void **state)
{
	_cleanup_free_ char *manual = NULL;
	const char *described;
	unsigned int lines = 0;

	(void)state;
	read_manual(&manual);
	assert_non_null(manual);
	described = strstr(manual, "# COMMANDS");
	assert_non_null(described);
	/* Each command's synopsis, and no other. */
	for (const struct ctl_command *command = ctl_commands; command->name; command++) {
		char line[512], head[64];

		(void)snprintf(line, sizeof(line), "*bailiffctl* %s %s", command->name,
			       command->synopsis);
		if (!strstr(manual, line))
			fail_msg("bailiffctl.1.scd has no line: %s", line);
		(void)snprintf(head, sizeof(head), "*%s*", command->name);
		if (!strstr(described, head))
			fail_msg("bailiffctl.1.scd does not describe %s", command->name);
		lines++;
	}
	for (const char *at = manual; (at = strstr(at, "\n*bailiffctl* ")); at++)
		lines--;
	assert_int_equal(lines, 0);
	for (int i = 0; i < OPTION_MAX; i++) {
		char head[64];

		(void)snprintf(head, sizeof(head), "\n*--%s*", ctl_options[i].name);
		if (i != OPTION_HELP && !strstr(manual, head))
			fail_msg("bailiffctl.1.scd does not describe --%s", ctl_options[i].name);
	}
	for (int code = 0; code < CTL_EXIT_MAX; code++) {
		char head[16];

		(void)snprintf(head, sizeof(head), "\n*%d*\n", code);
		if (!strstr(manual, head))
			fail_msg("bailiffctl.1.scd does not describe exit status %d", code);
	}
}

static void test_help(void **state)
{
	static char out[65536], err[65536];
	struct ctl_args args = { 0 };
	struct caught caught;

	(void)state;
	catch_begin(&caught);
	assert_int_equal(help_main(&args), CTL_OK);
	catch_end(&caught, out, err);
	for (const struct ctl_command *command = ctl_commands; command->name; command++) {
		assert_non_null(strstr(out, command->name));
		assert_non_null(strstr(out, command->summary));
	}
	args.words = 1;
	args.word = (char *[]){ (char[]){ "lock" }, NULL };
	catch_begin(&caught);
	assert_int_equal(help_main(&args), CTL_OK);
	catch_end(&caught, out, err);
	assert_non_null(strstr(out, "--action ACTION"));
	args.word = (char *[]){ (char[]){ "top\033[2J" }, NULL };
	catch_begin(&caught);
	assert_int_equal(help_main(&args), CTL_USAGE);
	catch_end(&caught, out, err);
	assert_null(strchr(err, '\033'));
	assert_non_null(strstr(err, "there is no command"));
}

/* What bash makes of the script: words offered at a place of the line. */
static void complete(const char *script, const char *line, char *out)
{
	char command[512];
	size_t n;
	FILE *pipe;

	(void)snprintf(command, sizeof(command),
		       "bash -c '. %s; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
		       "_bailiffctl; printf \"%%s \" \"${COMPREPLY[@]}\"'",
		       script, line);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	n = fread(out, 1, 4095, pipe);
	out[n] = '\0';
	assert_int_equal(pclose(pipe), 0);
}

static void test_completion(void **state)
{
	static char out[65536], err[65536];
	char path[] = "/tmp/bailiffctl-completion-XXXXXX", words[4096];
	struct ctl_args args = { .words = 1 };
	struct caught caught;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	args.word = (char *[]){ (char[]){ "bash" }, NULL };
	catch_begin(&caught);
	assert_int_equal(completion_main(&args), CTL_OK);
	catch_end(&caught, out, err);
	assert_int_equal(write(fd, out, strlen(out)), strlen(out));
	close(fd);
	complete(path, "bailiffctl \"\"", words);
	for (const struct ctl_command *command = ctl_commands; command->name; command++)
		assert_non_null(strstr(words, command->name));
	complete(path, "bailiffctl rel", words);
	assert_string_equal(words, "release ");
	complete(path, "bailiffctl lock \"\"", words);
	assert_string_equal(words, "session user --json --socket --for --reason --force --action ");
	complete(path, "bailiffctl lock --action \"\"", words);
	assert_string_equal(words, "quarantine freeze terminate ");
	complete(path, "bailiffctl lock --for \"\"", words);
	assert_string_equal(words, " ");
	complete(path, "bailiffctl list a", words);
	assert_string_equal(words, "addresses ");
	complete(path, "bailiffctl help wh", words);
	assert_string_equal(words, "why ");
	complete(path, "bailiffctl record --f", words);
	assert_string_equal(words, "--force ");
	complete(path, "bailiffctl record /etc/passw", words);
	assert_non_null(strstr(words, "/etc/passwd "));
	(void)unlink(path);
	args.word = (char *[]){ (char[]){ "fish" }, NULL };
	catch_begin(&caught);
	assert_int_equal(completion_main(&args), CTL_USAGE);
	catch_end(&caught, out, err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_completion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
