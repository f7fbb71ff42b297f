/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiff.conf: what holds without a file, what a file changes, and what each mistake is told as.
 */
#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "enforcer/conf/conf.h"

static int read_text(const char *text, struct conf **ret, char error[INI_ERROR_MAX])
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	int r;

	assert_int_equal(conf_new(&conf), 0);
	r = conf_add_text(conf, "t.conf", text, strlen(text), error);
	if (!r)
		r = conf_finish(conf, error);
	if (!r)
		*ret = TAKE_PTR(conf);
	return r;
}

static struct conf *good(const char *text)
{
	char error[INI_ERROR_MAX] = "";
	struct conf *conf = NULL;

	if (read_text(text, &conf, error))
		fail_msg("refused: %s", error);
	return conf;
}

static void test_builtin(void **state)
{
	_cleanup_(conf_freep) struct conf *conf = good("");

	(void)state;
	assert_int_equal(conf->mode, MODE_OBSERVE);
	assert_int_equal(conf->exempts, 0);
	assert_int_equal(conf->max_lockouts, 100000);
	assert_int_equal(conf->lockouts_per_minute, 600);
	assert_int_equal(conf->longest_lockout_s, 30 * 86400);
	assert_int_equal(conf->operator_lockout_s, 3600);
	assert_int_equal(conf->session_ladder, LADDER_TERMINATE);
	assert_int_equal(conf->session_next_s, 0);
	assert_true(conf->snapshot);
	assert_true(conf->snapshot_max_bytes == 256ULL << 20);
	assert_string_equal(conf->state_dir, "/var/lib/bailiff");
	assert_int_equal(conf->services, 3);
	assert_string_equal(conf->service[0].name, "sshd");
	assert_int_equal(conf->service[0].id, 1);
	assert_int_equal(conf->service[0].ports[0], 22);
	assert_int_equal(conf->service[0].ports[1], 0);
	assert_int_equal(conf->service[0].files[BL_ROLE_SESSION], 3);
	assert_int_equal(conf->service[2].id, 3);
	assert_int_equal(conf->sources, 2);
	assert_string_equal(conf->source[0].path, "/var/log/auth.log");
	assert_int_equal(conf->source[0].filters, 4);
	assert_true(conf->source[1].journal);
}

static void same_text(const char *a, const char *b)
{
	if (!a || !b)
		assert_true(a == b);
	else
		assert_string_equal(a, b);
}

static void same_conf(const struct conf *a, const struct conf *b)
{
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->exempts, b->exempts);
	assert_int_equal(a->exempt_users, b->exempt_users);
	assert_int_equal(a->session_ladder, b->session_ladder);
	assert_int_equal(a->session_next_s, b->session_next_s);
	assert_int_equal(a->snapshot, b->snapshot);
	assert_int_equal(a->snapshot_max_bytes, b->snapshot_max_bytes);
	assert_int_equal(a->operator_lockout_s, b->operator_lockout_s);
	assert_int_equal(a->longest_lockout_s, b->longest_lockout_s);
	assert_int_equal(a->max_lockouts, b->max_lockouts);
	assert_int_equal(a->lockouts_per_minute, b->lockouts_per_minute);
	assert_int_equal(a->fallback_uid, b->fallback_uid);
	same_text(a->state_dir, b->state_dir);
	same_text(a->run_dir, b->run_dir);
	same_text(a->analyst_user, b->analyst_user);
	same_text(a->recorder_user, b->recorder_user);
	same_text(a->journal_user, b->journal_user);
	assert_int_equal(a->services, b->services);
	for (size_t i = 0; i < a->services; i++) {
		const struct conf_service *s = &a->service[i], *t = &b->service[i];

		same_text(s->name, t->name);
		assert_int_equal(s->max_tries, t->max_tries);
		assert_memory_equal(s->ports, t->ports, sizeof(s->ports));
		assert_memory_equal(s->files, t->files, sizeof(s->files));
		for (int role = 0; role < BL_ROLE_MAX; role++)
			for (uint32_t f = 0; f < s->files[role]; f++)
				same_text(s->file[role][f], t->file[role][f]);
	}
	assert_int_equal(a->sources, b->sources);
	for (size_t i = 0; i < a->sources; i++) {
		const struct conf_source *s = &a->source[i], *t = &b->source[i];

		same_text(s->name, t->name);
		assert_int_equal(s->journal, t->journal);
		same_text(s->path, t->path);
		same_text(s->match, t->match);
		assert_int_equal(s->filters, t->filters);
		assert_memory_equal(s->filter, t->filter, sizeof(s->filter));
	}
}

/* Every commented-out setting ("#key", no blank after the #) is made a real one. */
static char *uncomment(const char *text, unsigned int *ret_settings)
{
	char *out = strdup(text), *to = out;

	assert_non_null(out);
	for (const char *from = text; *from;) {
		size_t line = strcspn(from, "\n") + 1;

		if (from[0] == '#' && from[1] != ' ' && from[1] != '\n') {
			from++;
			line--;
			(*ret_settings)++;
		}
		memcpy(to, from, line);
		to += line;
		from += line;
	}
	*to = '\0';
	return out;
}

static void test_shipped_file_shows_builtin(void **state)
{
	_cleanup_free_ char *shipped = NULL, *active = NULL;
	_cleanup_(conf_freep) struct conf *builtin = good(""), *as_is = NULL, *uncommented = NULL;
	unsigned int settings = 0;
	size_t len;

	(void)state;
	assert_int_equal(file_read("user/enforcer/bailiff.conf", 65536, &shipped, &len), 0);
	as_is = good(shipped);
	same_conf(as_is, builtin);
	active = uncomment(shipped, &settings);
	uncommented = good(active);
	same_conf(uncommented, builtin);
	/* As many settings as the built-in text has lines with content, but for [bailiff]. */
	for (const char *at = conf_builtin; (at = strchr(at, '\n')); at++)
		settings -= at[1] && at[1] != '\n';
	assert_int_equal(settings, 0);
}

static void test_first_value_replaces_then_adds(void **state)
{
	_cleanup_(conf_freep) struct conf *conf =
		good("[service sshd]\nports = 2222\nports = 2200 2222\nsession = /opt/sshd\n"
		     "[bailiff]\nexempt = 192.0.2.0/24 2001:db8::/32\nexempt = 198.51.100.7\n");

	(void)state;
	assert_int_equal(conf->service[0].ports[0], 2222);
	assert_int_equal(conf->service[0].ports[1], 2200);
	assert_int_equal(conf->service[0].ports[2], 0);
	assert_int_equal(conf->service[0].files[BL_ROLE_SESSION], 1);
	assert_int_equal(conf->service[0].files[BL_ROLE_PREAUTH], 2);
	assert_int_equal(conf->exempts, 3);
	assert_int_equal(conf->exempt[0].prefix, 24);
	assert_int_equal(conf->exempt[2].prefix, 32);
}

static void test_empty_clears(void **state)
{
	_cleanup_(conf_freep) struct conf *conf =
		good("[bailiff]\nexempt = 192.0.2.1\nexempt =\nexempt = 192.0.2.2\n"
		     "exempt_users = a b\nexempt_users =\n");

	(void)state;
	assert_int_equal(conf->exempts, 1);
	assert_int_equal(conf->exempt[0].bytes[3], 2);
	assert_int_equal(conf->exempt_users, 0);
}

static void test_disabled_is_dropped_and_ids_close_up(void **state)
{
	_cleanup_(conf_freep) struct conf *conf =
		good("[service sudo]\nenabled = no\n[source journal]\nenabled = no\n");

	(void)state;
	assert_int_equal(conf->services, 2);
	assert_string_equal(conf->service[1].name, "su");
	assert_int_equal(conf->service[1].id, 2);
	assert_int_equal(conf->sources, 1);
	assert_string_equal(conf->source[0].name, "auth-log");
}

static void test_filters_with_blanks_in_brackets(void **state)
{
	_cleanup_(conf_freep) struct conf *conf =
		good("[source a]\nfile = /srv/*.log\nfilters = sshd[mode=x, port=22] su\nservice = "
		     "sshd\n");

	(void)state;
	assert_int_equal(conf->source[2].filters, 2);
	assert_string_equal(conf->source[2].filter[0], "sshd[mode=x, port=22]");
}

static void test_exempt_user_by_number(void **state)
{
	_cleanup_(conf_freep) struct conf *conf =
		good("[bailiff]\nexempt_users = root 4242 no-such-account-here\n");

	(void)state;
	assert_int_equal(conf->exempt_uid[0], 0);
	assert_int_equal(conf->exempt_uid[1], 4242);
	assert_int_equal(conf->exempt_uid[2], (uid_t)-1);
}

/* Text, and what the message must hold: place first, then the sentence. */
static const struct {
	const char *text, *place, *says;
} mistakes[] = {
	{ "[bailiff]\n\nexemt = 192.0.2.1\n", "t.conf:3: ", "did you mean 'exempt'" },
	{ "[bailiff]\nzzzzzzzz = 1\n", "t.conf:2: ", "known are mode, exempt" },
	{ "[service sshd]\nport = 22\n", "t.conf:2: ", "did you mean 'ports'" },
	{ "[sources x]\nfile = /x\n", "t.conf:2: ", "unknown section [sources x]" },
	{ "mode = observe\n", "t.conf:1: ", "before any section" },
	{ "[bailiff]\nmode = on\n", "t.conf:2: ", "'observe' or 'enforce'" },
	{ "[bailiff]\nexempt = 192.0.2.1/24\n", "t.conf:2: ", "'192.0.2.1/24' is not a numeric" },
	{ "[bailiff]\nexempt = example.org\n", "t.conf:2: ", "not a numeric address" },
	{ "[bailiff]\nmax_lockouts = 1048577\n", "t.conf:2: ", "outside 1 to 1048576" },
	{ "[bailiff]\nmax_lockouts = -1\n", "t.conf:2: ", "is not a number" },
	{ "[bailiff]\nmax_lockouts = 99999999999999999999\n", "t.conf:2: ", "is not a number" },
	{ "[bailiff]\nlongest_lockout = soon\n", "t.conf:2: ", "not a length of time" },
	{ "[bailiff]\nlongest_lockout = 5\n", "t.conf:2: ", "one minute" },
	{ "[bailiff]\nlongest_lockout = 30m\n", "t.conf:2: ", "longer than longest_lockout" },
	{ "[bailiff]\nstate_dir = var\n", "t.conf:2: ", "not an absolute path" },
	{ "[bailiff]\nanalyst_user = root\n", "t.conf:2: ", "never runs as root" },
	{ "[bailiff]\nanalyst_user = bailiff-recorder\n", "t.conf:2: ", "different accounts" },
	{ "[service web]\nmax_tries = 3\n", "t.conf:2: ", "neither a program file nor a port" },
	{ "[service web]\nports = 22\n", "t.conf:2: ", "port 22 belongs to [service sshd]" },
	{ "[service a]\nports = 80\n[service b]\nports = 80\nbehind = proxy\n",
	  "t.conf:5: ", "port 80 belongs to [service a]" },
	{ "[service web]\nports = 0\n", "t.conf:2: ", "outside 1 to 65535" },
	{ "[service a b]\nports = 1\n", "t.conf:2: ", "is not a name" },
	{ "[service web]\nports = 1 2 3 4 5 6 7 8 9\n", "t.conf:2: ", "more than 8 ports" },
	{ "[source a]\nfilters = sshd\n", "t.conf:2: ", "needs one of file" },
	{ "[source a]\nfile = /x\n", "t.conf:2: ", "no filters" },
	{ "[source a]\nfile = /x\njournal = yes\nfilters = a\n",
	  "t.conf:4: ", "needs one of file" },
	{ "[source a]\nfile = /v*r/x\nfilters = a\n", "t.conf:2: ", "only the last part" },
	{ "[source a]\nfile = /var/\nfilters = a\n", "t.conf:2: ", "is a folder" },
	{ "[source a]\nfile = /x\nfilters = ../a\n", "t.conf:3: ", "not a filter's name" },
	{ "[source a]\nfile = /x\nfilters = a\nservice = b\n", "t.conf:4: ", "neither a [service" },
	{ "[source a]\nfile = /x\nfilters = ab[m=a]\nservice = a\n", "t.conf:4: ", "neither a" },
	{ "[source a]\nfile = /x\nfilters = a\nservice = b c\n",
	  "t.conf:4: ", "not one service's name" },
	{ "[source a]\nfile = /x\nfilters = a\nservice = a\nrelayed = yes\n",
	  "t.conf:5: ", "another host's lines" },
	{ "[source a]\nfile = /x\nfilters = sshd\naccept_claims = sshd\nfile = /y\n",
	  "t.conf:4: ", "the kernel tells how sshd's" },
	{ "[source a]\nfile = /x\nfilters = a\naccept_claims = b\n",
	  "t.conf:4: ", "none of the filters of [source a]" },
	{ "[source a]\nfile = /x\nfilters = a[mode=x]\naccept_claims = a[mode=x]\n",
	  "t.conf:4: ", "not a filter's bare name" },
	{ "[service web]\nports = 80\nbehind = nginx\n", "t.conf:3: ", "behind is proxy" },
	{ "[service web]\nwriter = no-such-account-here\n", "t.conf:2: ", "no account" },
	{ "[source a]\nfile = /x\nfilters = a\nowner = no-such-account-here\n",
	  "t.conf:4: ", "no account" },
	{ "[source a]\naudit = yes\nfilters = a\n", "t.conf:3: ", "without filters" },
	{ "[source a]\nsyslog = log\nfilters = a\n", "t.conf:2: ", "" },
	{ "[source a]\nsyslog = /run/x\n", "t.conf:2: ", "has no filters" },
	{ "[source a]\nsyslog = /run/x\nfilters = a\nservice = sshd\n",
	  "t.conf:4: ", "is for files" },
	{ "[source journal]\nmatch = --root=/x\n", "t.conf:2: ", "neither FIELD=VALUE nor +" },
	{ "[source journal]\nservice = sshd\n", "t.conf:2: ", "is for files" },
	{ "[bailiff]\nmode\n", "t.conf:2: ", "" },
};

static void test_service_without_a_section(void **state)
{
	struct conf *conf = NULL;
	char error[INI_ERROR_MAX] = "";
	static const char text[] =
		"[source a]\nfile = /x\nfilters = b app[mode=x]\nservice = app\n";

	(void)state;
	assert_int_equal(conf_new(&conf), 0);
	assert_int_equal(conf_add_text(conf, "t.conf", text, sizeof(text) - 1, error), 0);
	assert_int_equal(conf_finish(conf, error), 0);
	assert_string_equal(conf->source[conf->sources - 1].service, "app");
	conf_free(conf);
}

static void test_services_share_a_port(void **state)
{
	_cleanup_(conf_freep) struct conf *conf =
		good("[service a]\nports = 80 443\n[service b]\nports = 443 8080\n");

	(void)state;
	assert_int_equal(conf->service[3].ports[1], 443);
	assert_int_equal(conf->service[4].ports[0], 443);
}

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		char error[INI_ERROR_MAX] = "";
		struct conf *conf = NULL;

		if (read_text(mistakes[i].text, &conf, error) != -EINVAL)
			fail_msg("not refused: %s", mistakes[i].text);
		if (strncmp(error, mistakes[i].place, strlen(mistakes[i].place)) ||
		    !strstr(error, mistakes[i].says))
			fail_msg("'%s' was told as '%s'", mistakes[i].text, error);
		assert_null(conf);
	}
}

static void test_accepted_claims_are_bits_of_filters(void **state)
{
	_cleanup_(conf_freep) struct conf *conf =
		good("[source a]\nfile = /x\nfilters = one two[mode=x] three\n"
		     "accept_claims = two\naccept_claims = three\n");
	_cleanup_(conf_freep) struct conf *cleared =
		good("[source a]\nfile = /x\nfilters = one\naccept_claims = one\n"
		     "accept_claims =\n");

	(void)state;
	assert_int_equal(conf->source[conf->sources - 1].accepted, 6);
	assert_int_equal(cleared->source[cleared->sources - 1].accepted, 0);
}

static void test_service_of_a_source_needs_no_section(void **state)
{
	_cleanup_(conf_freep) struct conf *conf =
		good("[source a]\nfile = /x\nfilters = f app\nservice = app\n"
		     "[source b]\nfile = /y\nfilters = app[mode=x]\nservice = app\n"
		     "[source c]\nfile = /z\nfilters = f\nservice = sshd\n"
		     "[service web]\nports = 8080\nbehind = proxy\nwriter = nobody\n");

	(void)state;
	assert_int_equal(conf->services, 5);
	assert_string_equal(conf->service[4].name, "app");
	assert_true(conf->service[3].proxied);
	assert_int_equal(conf->service[3].writer_uid, getpwnam("nobody")->pw_uid);
	assert_int_equal(conf->service[4].writer_uid, 0);
	assert_false(conf->service[4].proxied);
	assert_int_equal(conf->source[conf->sources - 3].service_id, 5);
	assert_int_equal(conf->source[conf->sources - 2].service_id, 5);
	assert_int_equal(conf->source[conf->sources - 1].service_id, 1);
}

static void test_bounds(void **state)
{
	char text[32768] = "[bailiff]\n", error[INI_ERROR_MAX];
	struct conf *conf = NULL;
	size_t len = strlen(text);

	(void)state;
	for (int i = 0; i <= CONF_EXEMPT_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "exempt=10.0.%d.%d\n",
					i / 256, i % 256);
	assert_int_equal(read_text(text, &conf, error), -EINVAL);
	assert_non_null(strstr(error, "more than 1024 exempt nets"));

	len = 0;
	for (int i = 0; i <= CONF_SOURCES_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"[source s%d]\nfile=/x\nfilters=a\n", i);
	assert_int_equal(read_text(text, &conf, error), -EINVAL);
	assert_non_null(strstr(error, "more than 128 sources"));
}

static void test_reload_of_what_needs_a_restart(void **state)
{
	_cleanup_(conf_freep) struct conf *a = good(""), *b = good("[bailiff]\nmode = enforce\n"),
					  *c = good("[bailiff]\nexempt = 192.0.2.1\n");
	char error[INI_ERROR_MAX];

	(void)state;
	assert_false(conf_reloadable(a, b, error));
	assert_non_null(strstr(error, "a new mode needs a restart"));
	assert_true(conf_reloadable(a, c, error));
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), 0);
}

static void test_files_in_order(void **state)
{
	char dir[] = "/tmp/bailiff-conf-XXXXXX", path[128], dropins[128], error[INI_ERROR_MAX];
	_cleanup_(conf_freep) struct conf *conf = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/b.conf", dir);
	(void)snprintf(dropins, sizeof(dropins), "%s/b.conf.d", dir);
	assert_int_equal(conf_load(path, true, &conf, error), -ENOENT);
	assert_int_equal(conf_load(path, false, &conf, error), 0);
	conf = conf_free(conf);

	write_file(dir, "b.conf", "[bailiff]\nmax_lockouts = 1\nexempt = 192.0.2.1\n");
	assert_int_equal(mkdir(dropins, 0700), 0);
	write_file(dropins, "20.conf", "[bailiff]\nmax_lockouts = 20\n");
	write_file(dropins, "10.conf", "[bailiff]\nmax_lockouts = 10\nexempt = 192.0.2.2\n");
	write_file(dropins, "30.conf.bak", "nonsense\n");
	assert_int_equal(conf_load(path, true, &conf, error), 0);
	assert_int_equal(conf->max_lockouts, 20);
	assert_int_equal(conf->exempts, 2);

	write_file(dropins, "15.conf", "[bailiff]\nmax_lockouts = x\n");
	conf = conf_free(conf);
	assert_int_equal(conf_load(path, true, &conf, error), -EINVAL);
	assert_non_null(strstr(error, "/15.conf:2: "));
	(void)snprintf(path, sizeof(path), "rm -r %s", dir);
	assert_int_equal(system(path), 0);
}

/* The services' accounts need not be on this host. */
static void accounts_here(char *text)
{
	static const char *const keys[] = { "\nowner = ", "\nwriter = " };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		char *value = strstr(text, keys[i]);

		if (!value)
			continue;
		value += strlen(keys[i]);
		memset(value, ' ', strcspn(value, "\n"));
		memcpy(value, "root", 4);
	}
}

/* What an administrator copies into bailiff.conf.d is read as it is, and no file of it reads
 * nothing. */
static void test_examples(void **state)
{
	static const char *const names[] = {
		"apache", "cockpit", "dovecot", "dropbear", "exim",	 "login",
		"logind", "nginx",   "postfix", "proftpd",  "pure-ftpd", "vsftpd",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		_cleanup_(conf_freep) struct conf *conf = NULL;
		_cleanup_free_ char *text = NULL;
		const struct conf_source *source;
		char path[128];
		size_t len;

		(void)snprintf(path, sizeof(path), "user/enforcer/examples/%s.conf", names[i]);
		assert_int_equal(file_read(path, 65536, &text, &len), 0);
		accounts_here(text);
		conf = good(text);
		assert_int_equal(conf->sources, 3);
		source = &conf->source[2];
		assert_true(source->filters > 0);
		assert_true(source->journal ? source->match != NULL : source->service[0] != 0);
		for (uint32_t f = 0; f < source->filters; f++) {
			(void)snprintf(path, sizeof(path), "user/analyst/filters/%s.conf",
				       source->filter[f]);
			assert_int_equal(access(path, R_OK), 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_shipped_file_shows_builtin),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_first_value_replaces_then_adds),
		cmocka_unit_test(test_empty_clears),
		cmocka_unit_test(test_disabled_is_dropped_and_ids_close_up),
		cmocka_unit_test(test_filters_with_blanks_in_brackets),
		cmocka_unit_test(test_exempt_user_by_number),
		cmocka_unit_test(test_service_without_a_section),
		cmocka_unit_test(test_services_share_a_port),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_accepted_claims_are_bits_of_filters),
		cmocka_unit_test(test_service_of_a_source_needs_no_section),
		cmocka_unit_test(test_reload_of_what_needs_a_restart),
		cmocka_unit_test(test_files_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
