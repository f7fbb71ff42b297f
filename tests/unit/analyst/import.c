/* SPDX-License-Identifier: GPL-2.0-only */
/* bailiffctl import fail2ban: what a jail tree becomes, and what its mistakes do to the others. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/import/import.h"
#include "analyst/offline.h"

static bool account(const char *name, void *arg)
{
	(void)arg;
	return !strcmp(name, "postfix");
}

/* A tree of our own: "jail.conf", "filter.d/x.conf"; "shipped/x.conf" are bailiff's filters. */
struct text_file {
	const char *name;
	const char *text;
};

struct tree {
	struct import_files files;
	struct import_host host;
	struct import *import;
};

static const char app_filter[] = "[Definition]\n"
				 "_daemon = appd\n"
				 "failregex = ^refused <ADDR>$\n";
static const char mode_filter[] = "[INCLUDES]\n"
				  "before = head.conf\n"
				  "[Definition]\n"
				  "_more-loud = ^loud <ADDR>$\n"
				  "_more-normal =\n"
				  "failregex = %(_head)srefused <ADDR>$\n"
				  "            <_more-<mode>>\n"
				  "mode = normal\n"
				  "journalmatch = _SYSTEMD_UNIT=door.service\n"
				  "               _COMM=doord\n";
static const char head_include[] = "[DEFAULT]\n_head = ^door: \nlogtype = file\n";
static const char own_sshd[] = "[Definition]\nfailregex = ^no <ADDR>$\n";

static void look(const char *pattern, struct import_look *ret, void *arg)
{
	(void)arg;
	*ret = (struct import_look){ .files = 1 };
	if (strstr(pattern, "absent"))
		ret->files = 0;
	if (strstr(pattern, "owned"))
		text_copy(ret->owner, sizeof(ret->owner), "webuser");
	if (strstr(pattern, "shared"))
		ret->shared = true;
	if (strstr(pattern, "relayed"))
		text_copy(ret->written_by, sizeof(ret->written_by), "/etc/rsyslog.conf:9");
}

/* One folder matches. */
static unsigned int expand(const char *pattern, char (*ret)[IPC_PATH_MAX], unsigned int most,
			   void *arg)
{
	(void)arg;
	if (strncmp(pattern, "/srv/", 5) || !most)
		return 0;
	text_copy(ret[0], IPC_PATH_MAX, "/srv/one/log");
	return 1;
}

static int port(const char *name, uint16_t *ret, void *arg)
{
	long number;

	(void)arg;
	*ret = 22;
	if (!strcmp(name, "ssh"))
		return 0;
	if (import_number(name, &number) < 0)
		return -ENOENT;
	*ret = (uint16_t)number;
	return 0;
}

static int list(const char *path, char **ret, size_t *ret_len, void *arg)
{
	static const char text[] =
		"# the office\n192.0.2.1, 192.0.2.64/26\t2001:db8::/32 # 192.0.2.2\n"
		"192.0.2.3;192.0.2.4 ;192.0.2.5\n\0 198.51.100.7\r\n"
		"host.example.net gw.example.net\n;198.51.100.8\n192.0.2.1";

	(void)arg;
	if (strstr(path, "absent"))
		return -ENOENT;
	*ret = malloc(sizeof(text));
	assert_non_null(*ret);
	memcpy(*ret, text, sizeof(text));
	*ret_len = sizeof(text) - 1;
	return 0;
}

static void tree_new(struct tree *tree, const struct text_file *file, size_t count)
{
	static const struct text_file always[] = {
		{ "filter.d/app.conf", app_filter },	{ "filter.d/door.conf", mode_filter },
		{ "filter.d/head.conf", head_include }, { "shipped/sshd.conf", own_sshd },
		{ "filter.d/sshd.conf", app_filter },
	};

	memset(tree, 0, sizeof(*tree));
	for (size_t i = 0; i < count + ARRAY_SIZE(always); i++) {
		const struct text_file *f = i < count ? &file[i] : &always[i - count];
		struct filter_files *to = &tree->files.jails;
		const char *name = f->name;

		if (!strncmp(name, "filter.d/", 9)) {
			to = &tree->files.filters;
			name += 9;
		} else if (!strncmp(name, "shipped/", 8)) {
			to = &tree->files.shipped;
			name += 8;
		}
		assert_int_equal(import_files_add(to, name, f->text, strlen(f->text)), 0);
	}
	tree->host = (struct import_host){ .look = look,
					   .expand = expand,
					   .port = port,
					   .read = list,
					   .account = account,
					   .journal = true };
	assert_int_equal(import_new(&tree->import, &tree->files, &tree->host), 0);
}

static void tree_run(struct tree *tree)
{
	assert_int_equal(import_read(tree->import), 0);
	assert_int_equal(import_plan(tree->import), 0);
	assert_int_equal(import_texts(tree->import), 0);
}

static void tree_of(struct tree *tree, const char *jails)
{
	const struct text_file file = { "jail.conf", jails };

	tree_new(tree, &file, 1);
	tree_run(tree);
}

static void tree_done(struct tree *tree)
{
	import_free(tree->import);
	import_files_done(&tree->files);
}

static const struct import_jail *jail_of(const struct tree *tree, const char *name)
{
	for (unsigned int i = 0; i < tree->import->jails; i++)
		if (!strcmp(tree->import->jail[i].name, name))
			return &tree->import->jail[i];
	fail_msg("no jail %s", name);
	return NULL;
}

static const char *output_of(const struct tree *tree, const char *name)
{
	for (unsigned int i = 0; i < tree->import->outputs; i++)
		if (!strcmp(tree->import->output[i].name, name))
			return tree->import->output[i].text;
	return NULL;
}

/* The note that holds the text, of that file (NULL: of any), or NULL. */
static const struct import_note *note_in(const struct import_notes *notes, const char *file,
					 const char *text)
{
	for (unsigned int i = 0; i < notes->count; i++)
		if (strstr(notes->note[i].text, text) &&
		    (!file || !strcmp(notes->note[i].file, file)))
			return &notes->note[i];
	return NULL;
}

static const struct import_note *note_of(const struct import_notes *notes, const char *text)
{
	return note_in(notes, NULL, text);
}

static void assert_note(const struct import_notes *notes, enum import_note_kind kind,
			const char *file, unsigned int line, const char *text)
{
	const struct import_note *note = note_in(notes, file, text);

	for (unsigned int i = 0; !note && i < notes->count; i++)
		print_message("# note: %s:%u: %s\n", notes->note[i].file, notes->note[i].line,
			      notes->note[i].text);
	if (!note)
		fail_msg("no note says: %s", text);
	else
		assert_int_equal(note->kind, kind);
	if (!note)
		return;
	assert_int_equal(note->line, line);
}

/* What is written is what bailiff's own readers take. */
static void assert_valid(const struct tree *tree)
{
	static struct rule_set rules;
	static struct replay_conf conf;
	char error[INI_ERROR_MAX] = "";

	memset(&rules, 0, sizeof(rules));
	replay_conf_init(&conf);
	for (unsigned int i = 0; i < tree->import->outputs; i++) {
		const struct import_output *output = &tree->import->output[i];
		int r = 0;

		if (!strncmp(output->name, "rules.d/", 8))
			r = rules_add(&rules, output->name, output->text, output->len, error);
		else if (!strncmp(output->name, "bailiff.conf.d/", 15))
			r = replay_conf_add(&conf, output->name, output->text, output->len, error);
		assert_row(r == 0, error);
	}
}

static void test_a_jail(void **state)
{
	const struct import_jail *jail;
	struct tree tree;
	const char *text;

	(void)state;
	tree_of(&tree, "[DEFAULT]\n"
		       "maxretry = 4\n"
		       "findtime = 2m\n"
		       "[app]\n"
		       "enabled = true\n"
		       "logpath = /var/log/owned.log\n"
		       "bantime = 1d12h\n"
		       "port = ssh,2222,8000:9000\n"
		       "[off]\n"
		       "logpath = /var/log/off.log\n");
	assert_int_equal(tree.import->jails, 2);
	assert_int_equal(tree.import->enabled, 1);
	jail = jail_of(&tree, "app");
	assert_false(jail->refused);
	assert_int_equal(jail->failures, 4);
	assert_int_equal(jail->window_s, 120);
	assert_int_equal(jail->lockout_s, 36 * 3600);
	assert_int_equal(jail->factor, 1);
	assert_int_equal(jail->trust, TRUST_ATTESTED);
	assert_int_equal(jail->ports, 2);
	assert_int_equal(jail->port[1], 2222);
	text = output_of(&tree, "bailiff.conf.d/fail2ban.conf");
	/* A range, and sshd's port: where it listens is not known. */
	assert_null(strstr(text, "[service"));
	assert_non_null(strstr(text, "# jail app (jail.conf:5)\n"
				     "[source fail2ban-app]\n"
				     "file = /var/log/owned.log\n"
				     "filters = app\n"
				     "service = app\n"
				     "owner = webuser\n"));
	assert_null(strstr(text, "off.log"));
	text = output_of(&tree, "rules.d/fail2ban-app.conf");
	assert_non_null(strstr(text, "service = app\nfailures = 4\nwindow = 2m\nsubject = address\n"
				     "action = lock\nlockout = 1d 12h\ntrust = attested\n"));
	assert_string_equal(output_of(&tree, "filter.d/app.conf"), app_filter);
	assert_valid(&tree);
	tree_done(&tree);
}

/* Where an address has to be connected, all ports are named or none. */
static void test_ports(void **state)
{
	static const char begin[] = "[DEFAULT]\nenabled = true\nlogpath = /var/log/owned.log\n";
	static const struct {
		const char *jails, *ports; /* NULL: none */
	} cases[] = {
		{ "[app]\nport = 80,8443\n[door]\n", "[service app]\nports = 80 8443\n" },
		{ "[app]\nport = 80,8443\n[door]\n[two]\nfilter = app\nport = 8443,8080\n",
		  "[service app]\nports = 80 8443 8080\n" },
		{ "[app]\nport = 80\n[door]\nport = 80\n", "[service door]\nports = 80\n" },
		{ "[app]\nport = 80,8000:9000\n", NULL },
		{ "[app]\nport = 80,nosuch\n", NULL },
		{ "[app]\nport = 80\nprotocol = udp\n", NULL },
		{ "[app]\nport = 80\nprotocol = all\n", NULL },
		{ "[app]\nport = 1,2,3,4,5,6,7,8,9\n", NULL },
		/* sshd's own, as built in. */
		{ "[app]\nport = ssh,80\n", NULL },
		{ "[app]\nport = 80\n[two]\nfilter = app\nport = 80:90\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char jails[512];
		struct tree tree;
		const char *text;

		(void)snprintf(jails, sizeof(jails), "%s%s", begin, cases[i].jails);
		tree_of(&tree, jails);
		text = output_of(&tree, "bailiff.conf.d/fail2ban.conf");
		assert_non_null(text);
		assert_row(cases[i].ports ? strstr(text, cases[i].ports) != NULL
					  : strstr(text, "[service") == NULL,
			   text);
		assert_valid(&tree);
		tree_done(&tree);
	}
}

static void test_layers(void **state)
{
	static const struct text_file files[] = {
		{ "jail.conf", "[INCLUDES]\nbefore = paths.conf\n[app]\nlogpath = %(app_log)s\n"
			       "maxretry = 1\n" },
		{ "paths.conf", "[DEFAULT]\napp_log = /var/log/one.log\n" },
		{ "paths.local", "[DEFAULT]\napp_log = /var/log/two.log\n" },
		{ "jail.d/b.conf", "[app]\nmaxretry = 3\nignoreip = 192.0.2.1\n" },
		{ "jail.d/a.conf", "[app]\nmaxretry = 2\nenabled = yes\n" },
		{ "jail.d/z.local", "[app]\nignoreip = %(known/ignoreip)s 192.0.2.2\n" },
		{ "jail.local", "[app]\nmaxretry = 4\n" },
	};
	struct tree tree;

	(void)state;
	tree_new(&tree, files, ARRAY_SIZE(files));
	tree_run(&tree);
	assert_int_equal(jail_of(&tree, "app")->failures, 4);
	assert_string_equal(jail_of(&tree, "app")->source[0].path, "/var/log/two.log");
	assert_int_equal(tree.import->exempts, 2);
	tree_done(&tree);
}

/* The files that ignoreip names are read, once; what they hold besides addresses is told. */
static void test_exempt_files(void **state)
{
	static const char jails[] =
		"[DEFAULT]\nenabled = true\nlogpath = /var/log/owned.log\n"
		"ignoreip = file:/etc/office 203.0.113.1 file:///etc/office file:lists/office\n"
		"           file:/etc/absent\n"
		"[app]\nport = 1\n[door]\nport = 1\n"
		"[two]\nfilter = app\nignoreip = file:/etc/shared\n";
	static const char *const nets[] = {
		"192.0.2.1", "192.0.2.64/26", "2001:db8::/32", "198.51.100.7", "203.0.113.1",
	};
	struct import_notes *notes;
	struct tree tree;

	(void)state;
	tree_of(&tree, jails);
	notes = &tree.import->notes;
	assert_int_equal(tree.import->exempts, ARRAY_SIZE(nets));
	for (size_t i = 0; i < ARRAY_SIZE(nets); i++) {
		char text[ADDR_TEXT_MAX];

		addr_format(&tree.import->exempt[i].net, text);
		assert_string_equal(text, nets[i]);
	}
	assert_string_equal(tree.import->exempt[1].place.file, "/etc/office");
	assert_int_equal(tree.import->exempt[1].place.line, 2);
	assert_int_equal(tree.import->exempt[3].place.line, 4);
	assert_note(
		notes, NOTE_DECIDE, "jail.conf", 4,
		"ignoreip file:/etc/office: its 5 addresses and nets are exempt as they are now");
	assert_note(notes, NOTE_DECIDE, "/etc/office", 3,
		    "192.0.2.3;192.0.2.4 is a name, or no address, and so are 2 more");
	assert_note(notes, NOTE_DECIDE, "jail.conf", 4, "lists/office is no absolute path");
	assert_note(notes, NOTE_DECIDE, "jail.conf", 4,
		    "file:/etc/absent cannot be read (No such file");
	notes = &tree.import->jail[2].notes;
	assert_note(notes, NOTE_DECIDE, "jail.conf", 12, "others than root can write /etc/shared");
	assert_non_null(strstr(output_of(&tree, "bailiff.conf.d/fail2ban.conf"),
			       "# ignoreip (/etc/office:2)\nexempt = 192.0.2.64/26\n"));
	assert_valid(&tree);
	tree_done(&tree);
}

/* An include that bailiff ships another of is fail2ban's, under a name of its own. */
static void test_includes(void **state)
{
	static const char jails[] =
		"[DEFAULT]\nenabled = true\nlogpath = /var/log/owned.log\n"
		"[near]\nport = 1\n[far]\nport = 1\n[same]\nport = 1\n[again]\nfilter = near\n";
	static const char near_filter[] = "# before = sshd.conf\n"
					  "[INCLUDES]\n"
					  "before:head.conf\n"
					  "         ./sshd.conf ; the usual\r\n"
					  "after:head.conf\n"
					  "# before = sshd.conf\n"
					  "[Definition]\n"
					  "before = sshd.conf\n"
					  "failregex = ^near <ADDR>$\n"
					  "            %(known/failregex)s";
	static const char near_written[] = "# before = sshd.conf\n"
					   "[INCLUDES]\n"
					   "before:head.conf\n"
					   "         ./fail2ban-sshd.conf ; the usual\r\n"
					   "after:head.conf\n"
					   "# before = sshd.conf\n"
					   "[Definition]\n"
					   "before = sshd.conf\n"
					   "failregex = ^near <ADDR>$\n"
					   "            %(known/failregex)s";
	static const char same[] = "[INCLUDES]\nbefore = both.conf\n[Definition]\n"
				   "failregex = ^same <ADDR>$\n";
	static const struct text_file files[] = {
		{ "jail.conf", jails },
		{ "filter.d/near.conf", near_filter },
		{ "filter.d/far.conf", "[INCLUDES]\nbefore = near.conf\n[Definition]\nx = 1\n" },
		{ "filter.d/sshd.local", "[Definition]\n_more = x\n" },
		{ "filter.d/same.conf", same },
		{ "filter.d/both.conf", app_filter },
		{ "shipped/both.conf", app_filter },
	};
	struct tree tree;
	uint16_t index;
	char error[EVIDENCE_ERROR_MAX];

	(void)state;
	tree_new(&tree, files, ARRAY_SIZE(files));
	tree_run(&tree);
	assert_false(jail_of(&tree, "near")->refused);
	assert_false(jail_of(&tree, "far")->refused);
	assert_false(jail_of(&tree, "same")->refused);
	assert_false(jail_of(&tree, "again")->refused);
	assert_string_equal(output_of(&tree, "filter.d/near.conf"), near_written);
	assert_string_equal(output_of(&tree, "filter.d/far.conf"), files[2].text);
	assert_string_equal(output_of(&tree, "filter.d/fail2ban-sshd.conf"), app_filter);
	assert_string_equal(output_of(&tree, "filter.d/fail2ban-sshd.local"), files[3].text);
	assert_string_equal(output_of(&tree, "filter.d/head.conf"), head_include);
	/* What is the same may stay what it is called. */
	assert_string_equal(output_of(&tree, "filter.d/same.conf"), same);
	assert_string_equal(output_of(&tree, "filter.d/both.conf"), app_filter);
	/* bailiff's own is not touched. */
	assert_null(output_of(&tree, "filter.d/sshd.conf"));
	assert_null(output_of(&tree, "filter.d/sshd.local"));
	assert_note(&jail_of(&tree, "near")->notes, NOTE_INFO, "filter.d/sshd.conf", 1,
		    "is copied as fail2ban-sshd.conf");
	assert_int_equal(filter_set_load(tree.import->set, "far", &index, error), 0);
	assert_int_equal(filter_expressions(tree.import->set, index), 2);
	assert_valid(&tree);
	tree_done(&tree);
}

/* One that cannot be: the name is taken, or nobody asks for it in a way that is known. */
static void test_includes_refused(void **state)
{
	static const char jails[] = "[DEFAULT]\nenabled = true\nlogpath = "
				    "/var/log/owned.log\n[near]\nport = 1\n[app]\nport = 1\n";
	static const struct text_file taken[] = {
		{ "jail.conf", jails },
		{ "filter.d/near.conf", "[INCLUDES]\nbefore = sshd.conf\n[Definition]\nx = 1\n" },
		{ "filter.d/fail2ban-sshd.conf", app_filter },
	};
	struct tree tree;

	(void)state;
	tree_new(&tree, taken, ARRAY_SIZE(taken));
	tree_run(&tree);
	assert_true(jail_of(&tree, "near")->refused);
	assert_false(jail_of(&tree, "app")->refused);
	assert_note(&jail_of(&tree, "near")->notes, NOTE_REFUSED, "filter.d/fail2ban-sshd.conf", 1,
		    "its name is wanted");
	assert_null(output_of(&tree, "filter.d/near.conf"));
	tree_done(&tree);
}

static void test_filter_with_parameters(void **state)
{
	const struct import_jail *jail;
	struct tree tree;

	(void)state;
	tree_of(&tree, "[DEFAULT]\n"
		       "mode = normal\n"
		       "filter = %(__name__)s[mode=%(mode)s]\n"
		       "enabled = true\n"
		       "logpath = /var/log/x.log\n"
		       "[door]\n"
		       "maxretry = 1\n"
		       "[loud]\n"
		       "filter = door[mode=loud]\n"
		       "[app]\n"
		       "backend = systemd\n"
		       "[journal]\n"
		       "filter = door[mode=\"loud\"]\n"
		       "backend = systemd\n");
	assert_string_equal(jail_of(&tree, "door")->source[0].filter, "door");
	assert_string_equal(jail_of(&tree, "loud")->source[0].filter, "door[mode=loud]");
	/* No journalmatch: the program's name is one, and no expression. */
	assert_string_equal(jail_of(&tree, "app")->source[0].match, "SYSLOG_IDENTIFIER=appd");
	jail = jail_of(&tree, "journal");
	assert_string_equal(jail->source[0].match, "_SYSTEMD_UNIT=door.service + _COMM=doord");
	assert_string_equal(jail->source[0].filter, "door[mode=loud,logtype=journal]");
	assert_string_equal(output_of(&tree, "filter.d/head.conf"), head_include);
	tree_done(&tree);
}

static void test_time_zone(void **state)
{
	struct tree tree;

	(void)state;
	tree_of(&tree, "[DEFAULT]\n"
		       "enabled = true\n"
		       "logpath = /var/log/x.log\n"
		       "[door]\n"
		       "logtimezone = UTC+0200\n"
		       "[loud]\n"
		       "filter = door[mode=loud]\n"
		       "logtimezone = CET\n"
		       "[here]\n"
		       "filter = door\n"
		       "logtimezone = auto\n"
		       "[nowhere]\n"
		       "filter = door\n"
		       "logtimezone = QQQ\n");
	assert_string_equal(jail_of(&tree, "door")->source[0].filter, "door[logtimezone=UTC+0200]");
	assert_string_equal(jail_of(&tree, "loud")->source[0].filter,
			    "door[mode=loud,logtimezone=CET]");
	assert_string_equal(jail_of(&tree, "here")->source[0].filter, "door");
	assert_string_equal(jail_of(&tree, "nowhere")->source[0].filter, "door");
	assert_note(&jail_of(&tree, "nowhere")->notes, NOTE_LOST, "jail.conf", 14,
		    "\"QQQ\" is no time zone");
	tree_done(&tree);
}

static void test_writer(void **state)
{
	const struct text_file files[] = {
		{ "jail.conf", "[DEFAULT]\nenabled = true\nbackend = systemd\n"
			       "[postfix]\nmaxretry = 1\n"
			       "[rbl]\nfilter = postfix[mode=rbl]\n"
			       "[slapd]\nmaxretry = 1\n"
			       "[app]\nmaxretry = 1\n" },
		{ "filter.d/postfix.conf", app_filter },
		{ "filter.d/slapd.conf", app_filter },
	};
	struct tree tree;
	const char *text;

	(void)state;
	tree_new(&tree, files, ARRAY_SIZE(files));
	tree_run(&tree);
	text = strstr(output_of(&tree, "bailiff.conf.d/fail2ban.conf"), "[service postfix]\n");
	assert_non_null(text);
	assert_int_equal(strncmp(text, "[service postfix]\nwriter = postfix\n", 35), 0);
	assert_null(strstr(text + 1, "[service "));
	assert_note(&jail_of(&tree, "slapd")->notes, NOTE_DECIDE, "jail.conf", 9,
		    "no such account");
	assert_note(&jail_of(&tree, "app")->notes, NOTE_DECIDE, "jail.conf", 11, "that root wrote");
	assert_null(note_of(&jail_of(&tree, "postfix")->notes, "that root wrote"));
	assert_valid(&tree);
	tree_done(&tree);
}

/* Two jails over one filter count each by its own source, where it has one. */
static void test_shared_filter(void **state)
{
	struct tree tree;

	(void)state;
	tree_of(&tree, "[DEFAULT]\nenabled = true\nfilter = app\n"
		       "[one]\nlogpath = /var/log/one.log\n"
		       "[two]\nlogpath = /var/log/two.log\n"
		       "[many]\nlogpath = /var/log/a.log\n  /var/log/b.log\n");
	assert_non_null(strstr(output_of(&tree, "rules.d/fail2ban-one.conf"),
			       "service = app\nsource = fail2ban-one\n"));
	assert_non_null(
		strstr(output_of(&tree, "rules.d/fail2ban-two.conf"), "source = fail2ban-two\n"));
	assert_null(strstr(output_of(&tree, "rules.d/fail2ban-many.conf"), "source ="));
	assert_note(&jail_of(&tree, "many")->notes, NOTE_INFO, "jail.conf", 9, "all their sources");
	assert_valid(&tree);
	tree_done(&tree);
}

static void test_own_expressions(void **state)
{
	static const char wanted[] = "[INCLUDES]\n"
				     "before = app.conf\n"
				     "[Definition]\n"
				     "# jail.conf:4\n"
				     "failregex = %(known/failregex)s\n"
				     "    ^also 100%% <ADDR>$\n";
	struct claim claim;
	struct tree tree;
	uint16_t index;
	char error[EVIDENCE_ERROR_MAX];
	const char *text;
	const struct log_record records[] = {
		{ .text = "refused 192.0.2.1", .len = 17 },
		{ .text = "also 100% 192.0.2.1", .len = 19 },
		{ .text = "also 192.0.2.1", .len = 14 },
	};

	(void)state;
	tree_of(&tree,
		"[app]\nenabled = true\nlogpath = /var/log/x.log\n"
		"failregex = %(known/failregex)s\n"
		"            ^also 100%% <ADDR>$\n"
		"[alone]\nenabled = true\nlogpath = /var/log/x.log\n"
		"filter =\nfailregex = ^x <ADDR>$\n"
		"[nothing]\nenabled = true\nlogpath = /var/log/x.log\nfilter =\n"
		"[bad]\nenabled = true\nlogpath = /var/log/x.log\nfilter =\nfailregex = (\n");
	text = output_of(&tree, "filter.d/fail2ban-app.conf");
	assert_non_null(text);
	assert_non_null(strstr(text, wanted));
	assert_string_equal(jail_of(&tree, "app")->source[0].filter, "fail2ban-app");
	assert_string_equal(jail_of(&tree, "alone")->service, "fail2ban-alone");
	assert_note(&jail_of(&tree, "nothing")->notes, NOTE_REFUSED, "jail.conf", 12, "neither a");
	assert_note(&jail_of(&tree, "bad")->notes, NOTE_REFUSED, "jail.conf", 16, "refuses the");
	assert_int_equal(filter_set_load(tree.import->set, "fail2ban-app", &index, error), 0);
	assert_int_equal(filter_match(tree.import->set, index, &records[0], &claim),
			 FILTER_FAILURE);
	assert_int_equal(filter_match(tree.import->set, index, &records[1], &claim),
			 FILTER_FAILURE);
	assert_int_equal(filter_match(tree.import->set, index, &records[2], &claim),
			 FILTER_NOMATCH);
	assert_valid(&tree);
	tree_done(&tree);
}

static void test_own_filter_and_sensor(void **state)
{
	static struct rule_set rules;
	static const char rule[] = "[rule]\nid = ssh-guessing\nservice = sshd\nfailures = 5\n"
				   "window = 10m\nlockout = 1h\n";
	static const struct text_file files[] = {
		{ "jail.conf", "[sshd]\nenabled = 1\nport = ssh,2200\nlogpath = /var/log/auth.log\n"
			       "filter = sshd[mode=aggressive]\n" },
		{ "filter.d/sshd.local", "[Definition]\nmode = x\n" },
	};
	const struct import_jail *jail;
	char error[RULES_ERROR_MAX];
	struct tree tree;

	(void)state;
	memset(&rules, 0, sizeof(rules));
	assert_int_equal(rules_add(&rules, "r.conf", rule, sizeof(rule) - 1, error), 0);
	tree_new(&tree, files, ARRAY_SIZE(files));
	tree.import->shipped_rules = &rules;
	tree_run(&tree);
	jail = jail_of(&tree, "sshd");
	assert_true(jail->shipped);
	assert_int_equal(jail->sources, 2);
	assert_true(jail->source[0].builtin && jail->source[1].builtin);
	assert_int_equal(jail->trust, TRUST_WITNESSED);
	assert_string_equal(jail->rule, "ssh-guessing");
	assert_note(&jail->notes, NOTE_DECIDE, "", 0, "sshd.local");
	assert_note(&jail->notes, NOTE_INFO, "jail.conf", 2, "mode=aggressive is not needed");
	assert_null(output_of(&tree, "filter.d/sshd.conf"));
	assert_non_null(
		strstr(output_of(&tree, "rules.d/fail2ban-sshd.conf"), "id = ssh-guessing\n"));
	assert_non_null(strstr(output_of(&tree, "bailiff.conf.d/fail2ban.conf"),
			       "[service sshd]\nports = 22 2200\n"));
	assert_valid(&tree);
	tree_done(&tree);
}

static void test_text_of_syslog(void **state)
{
	static const char jails[] = "[DEFAULT]\nfilter = app\nenabled = true\n"
				    "[mail]\nlogpath = /var/log/mail.log\nmaxretry = 1\n"
				    "[own]\nlogpath = /var/log/relayed.log\n"
				    "[late]\nlogpath = /var/log/absent.log\n"
				    "[open]\nlogpath = /var/log/shared.log\n";
	const struct text_file file = { "jail.conf", jails };
	const struct import_jail *jail;
	struct tree tree;

	(void)state;
	tree_of(&tree, jails);
	jail = jail_of(&tree, "mail");
	assert_true(jail->source[0].journal);
	assert_note(&jail->notes, NOTE_INFO, "jail.conf", 5, "is read instead");
	assert_note(&jail_of(&tree, "own")->notes, NOTE_INFO, "jail.conf", 8,
		    "/etc/rsyslog.conf:9");
	assert_note(&jail_of(&tree, "late")->notes, NOTE_DECIDE, "jail.conf", 10, "not there yet");
	assert_note(&jail_of(&tree, "open")->notes, NOTE_DECIDE, "jail.conf", 12, "can write");
	tree_done(&tree);

	/* Without a journal there is only text, and nothing is accepted silently. */
	tree_new(&tree, &file, 1);
	tree.host.journal = false;
	tree_run(&tree);
	jail = jail_of(&tree, "mail");
	assert_false(jail->source[0].journal);
	assert_string_equal(jail->source[0].service, "");
	assert_int_equal(jail->trust, TRUST_ATTESTED);
	assert_note(&jail->notes, NOTE_DECIDE, "jail.conf", 5, "lock nobody out");
	assert_non_null(strstr(output_of(&tree, "bailiff.conf.d/fail2ban.conf"),
			       "\n#accept_claims = app\n"));
	tree_done(&tree);
}

static void test_paths(void **state)
{
	const struct import_jail *jail;
	struct tree tree;

	(void)state;
	tree_of(&tree, "[app]\nenabled = true\n"
		       "logpath = /var/log/a*.log tail\n"
		       "\n"
		       "          /var/log/b c.log head\n"
		       "          relative.log\n"
		       "          /srv/*/log\n"
		       "          /none/*/log\n"
		       "          /srv/folder/\n"
		       "          /srv/bell\f.log\n"
		       "[none]\nenabled = true\nfilter = app\nlogpath =\n"
		       "[missing]\nenabled = true\nfilter = app\n");
	jail = jail_of(&tree, "app");
	assert_int_equal(jail->sources, 3);
	assert_string_equal(jail->source[0].path, "/var/log/a*.log");
	assert_string_equal(jail->source[1].path, "/var/log/b c.log");
	assert_string_equal(jail->source[1].name, "fail2ban-app-2");
	assert_note(&jail->notes, NOTE_LOST, "jail.conf", 3, "relative.log is not an absolute");
	assert_string_equal(jail->source[2].path, "/srv/one/log");
	assert_note(&jail->notes, NOTE_DECIDE, "jail.conf", 3, "each named by itself: 1");
	assert_note(&jail->notes, NOTE_LOST, "jail.conf", 3, "each named by itself: 0");
	assert_note(&jail->notes, NOTE_LOST, "jail.conf", 3, "is a folder");
	assert_note(&jail->notes, NOTE_LOST, "jail.conf", 3, "holds a control character");
	assert_true(jail_of(&tree, "none")->refused);
	assert_note(&jail_of(&tree, "missing")->notes, NOTE_REFUSED, "jail.conf", 16,
		    "neither logpath");
	assert_valid(&tree);
	tree_done(&tree);
}

static const struct {
	const char *text; /* lines of a jail */
	uint64_t lockout, longest;
	uint32_t factor;
	const char *note; /* that has to be there, or NULL */
} growths[] = {
	{ "bantime = 10m", 600, 600, 1, NULL },
	{ "bantime = -1", 2592000, 2592000, 1, "every lockout of bailiff expires" },
	{ "bantime = 60 * 60", 3600, 3600, 1, NULL },
	{ "bantime = soon", 600, 600, 1, "no length of time" },
	{ "bantime = 2 months", 5259600, 5259600, 1, "longest_lockout" },
	{ "bantime.increment = true", 600, 2592000, 2, NULL },
	{ "bantime.increment = true\nbantime.maxtime = 5w", 600, 3024000, 2, NULL },
	{ "bantime.increment = true\nbantime.maxtime = 1m", 600, 600, 2, NULL },
	{ "bantime.increment = true\nbantime.multipliers = 1 4 16", 600, 9600, 4, NULL },
	{ "bantime.increment = true\nbantime.multipliers = 1 5 30 60", 600, 36000, 5,
	  "same factor each time" },
	{ "bantime.increment = true\nbantime.factor = 3", 600, 2592000, 2, "bantime.factor = 3" },
	{ "bantime.increment = true\nbantime.formula = ban.Time * "
	  "math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)\nbantime.factor = 2",
	  600, 2592000, 7, NULL },
	{ "bantime.increment = true\nbantime.formula = ban.Time + 5", 600, 2592000, 2,
	  "not understood" },
	{ "bantime.increment = true\nbantime.rndtime = 5m", 600, 2592000, 2, "random" },
};

static void test_growth(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(growths); i++) {
		const struct import_jail *jail;
		char text[1024];
		struct tree tree;

		(void)snprintf(text, sizeof(text),
			       "[app]\nenabled = true\nlogpath = /var/log/x.log\n%s\n",
			       growths[i].text);
		tree_of(&tree, text);
		jail = jail_of(&tree, "app");
		assert_row(jail->lockout_s == growths[i].lockout, growths[i].text);
		assert_row(jail->longest_s == growths[i].longest, growths[i].text);
		assert_row(jail->factor == growths[i].factor, growths[i].text);
		assert_row(growths[i].note ? note_of(&jail->notes, growths[i].note) != NULL
					   : !jail->notes.count,
			   growths[i].text);
		assert_valid(&tree);
		tree_done(&tree);
	}
}

static void test_recidive(void **state)
{
	struct tree tree;

	(void)state;
	tree_of(&tree, "[DEFAULT]\nenabled = true\nlogpath = /var/log/x.log\n"
		       "[app]\nbantime = 10m\n"
		       "[recidive]\nbantime = 1w\n");
	assert_int_equal(jail_of(&tree, "app")->factor, 2);
	assert_int_equal(jail_of(&tree, "app")->longest_s, 7 * 86400);
	assert_true(jail_of(&tree, "recidive")->covered);
	assert_null(output_of(&tree, "rules.d/fail2ban-recidive.conf"));
	tree_done(&tree);
}

static void test_exempt(void **state)
{
	static const char *const nets[] = { "192.0.2.9", "198.51.100.0/24", "203.0.113.0/25",
					    "2001:db8::/32" };
	char text[ADDR_TEXT_MAX];
	struct tree tree;

	(void)state;
	tree_of(&tree, "[DEFAULT]\n"
		       "ignoreip = 127.0.0.1/8 ::1, 192.0.2.9 198.51.100.7/24\n"
		       "           home.example.org file:/etc/absent\n"
		       "enabled = true\nlogpath = /var/log/x.log\n"
		       "[app]\nignoreip = %(known/ignoreip)s 203.0.113.5/255.255.255.128\n"
		       "           2001:db8::1/32 300.1.1.1 192.0.2.0/33\n"
		       "ignoreself = false\n"
		       "ignorecommand = /bin/sh -c x\n");
	assert_int_equal(tree.import->exempts, ARRAY_SIZE(nets));
	for (size_t i = 0; i < ARRAY_SIZE(nets); i++) {
		addr_format(&tree.import->exempt[i].net, text);
		assert_string_equal(text, nets[i]);
	}
	assert_note(&jail_of(&tree, "app")->notes, NOTE_DECIDE, "jail.conf", 7,
		    "home.example.org is a name");
	assert_note(&jail_of(&tree, "app")->notes, NOTE_DECIDE, "jail.conf", 7, "192.0.2.0/33");
	assert_note(&jail_of(&tree, "app")->notes, NOTE_DECIDE, "jail.conf", 7, "file:/etc/absent");
	assert_note(&jail_of(&tree, "app")->notes, NOTE_LOST, "jail.conf", 9, "ignoreself");
	assert_note(&jail_of(&tree, "app")->notes, NOTE_DECIDE, "jail.conf", 10, "ignorecommand");
	assert_valid(&tree);
	tree_done(&tree);
}

static void test_actions(void **state)
{
	const struct import_jail *jail;
	struct tree tree;

	(void)state;
	tree_of(&tree, "[DEFAULT]\nenabled = true\nlogpath = /var/log/x.log\nfilter = app\n"
		       "action = iptables-multiport[name=a, port=\"1,2\"]\n"
		       "         tell-somebody[to=\"a b\",\n"
		       "             from=c] nftables\n"
		       "[one]\nmaxretry = 1\n"
		       "[opens]\nblocktype = RETURN\n"
		       "[broken]\naction = %(no_such)s\n");
	/* [DEFAULT]'s is told once. */
	assert_note(&tree.import->notes, NOTE_LOST, "jail.conf", 5, "action tell-somebody");
	assert_int_equal(tree.import->notes.count, 1);
	assert_true(jail_of(&tree, "opens")->refused);
	assert_note(&jail_of(&tree, "opens")->notes, NOTE_REFUSED, "jail.conf", 11,
		    "lets addresses");
	assert_null(output_of(&tree, "rules.d/fail2ban-opens.conf"));
	jail = jail_of(&tree, "broken");
	assert_false(jail->refused);
	assert_note(&jail->notes, NOTE_LOST, "jail.conf", 13, "unknown option no_such");
	tree_done(&tree);
}

/* Each mistake stays with its own jail or file. */
static void test_mistakes(void **state)
{
	static char large[200 * 1024];
	static const struct text_file files[] = {
		{ "jail.conf", "[DEFAULT]\nenabled = true\nlogpath = /var/log/x.log\n"
			       "[app]\nmaxretry = 2\n"
			       "[cycle]\nfilter = app\nlogpath = %(a)s\na = %(b)s\nb = %(a)s\n"
			       "[nofilter]\nport = 1\n"
			       "[bad]\nport = 1\n"
			       "[spec]\nfilter = app[mode\n"
			       "[maybe]\nenabled = perhaps\n"
			       "[many]\nfilter = app\nmaxretry = 1000\n"
			       "[words]\nfilter = app\nmaxretry = five\n" },
		{ "jail.d/broken.conf", "[app]\nmaxretry = 9\nno equals sign\n" },
		{ "jail.d/empty.conf", "" },
		{ "jail.d/noise.conf", "[app]\nx = \x80\xff\n" },
		{ "jail.d/large.conf", large },
		{ "filter.d/bad.conf", "[Definition]\nfailregex = ^(<ADDR>$\n" },
	};
	struct tree tree;

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	tree_new(&tree, files, ARRAY_SIZE(files));
	tree_run(&tree);
	assert_int_equal(jail_of(&tree, "app")->failures, 2);
	assert_false(jail_of(&tree, "app")->refused);
	assert_note(&tree.import->notes, NOTE_REFUSED, "jail.d/broken.conf", 3, "left out");
	assert_note(&tree.import->notes, NOTE_REFUSED, "jail.d/noise.conf", 2, "not UTF-8");
	assert_note(&tree.import->notes, NOTE_REFUSED, "jail.d/large.conf", 1, "left out");
	assert_note(&jail_of(&tree, "cycle")->notes, NOTE_REFUSED, "jail.conf", 10,
		    "refers to itself");
	assert_true(jail_of(&tree, "cycle")->refused);
	assert_true(jail_of(&tree, "nofilter")->refused);
	assert_true(jail_of(&tree, "bad")->refused);
	assert_note(&jail_of(&tree, "bad")->notes, NOTE_REFUSED, "filter.d/bad.conf", 2,
		    "bailiff refuses the filter");
	assert_null(output_of(&tree, "filter.d/bad.conf"));
	assert_note(&jail_of(&tree, "spec")->notes, NOTE_REFUSED, "jail.conf", 16, "is expected");
	assert_note(&jail_of(&tree, "maybe")->notes, NOTE_REFUSED, "jail.conf", 18, "neither true");
	assert_int_equal(jail_of(&tree, "many")->failures, RULE_FAILURES_MAX);
	assert_note(&jail_of(&tree, "words")->notes, NOTE_LOST, "jail.conf", 24, "is no number");
	assert_valid(&tree);
	tree_done(&tree);
}

/* Names are the administrator's, but they become file and section names. */
static void test_names(void **state)
{
	struct tree tree;

	(void)state;
	tree_of(&tree, "[DEFAULT]\nenabled = true\nlogpath = /var/log/x.log\nfilter = app\n"
		       "[../../etc/x]\nport = 1\n"
		       "[a b]\nport = 1\n"
		       "[a_rather_long_name_of_a_jail_one]\nport = 1\n"
		       "[a_rather_long_name_of_a_jail_two]\nport = 1\n");
	assert_valid(&tree);
	for (unsigned int i = 0; i < tree.import->jails; i++) {
		const struct import_jail *jail = &tree.import->jail[i];

		assert_false(jail->refused);
		assert_null(strpbrk(jail->own, "/ "));
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(jail->own, tree.import->jail[j].own);
	}
	tree_done(&tree);
}

static const struct {
	const char *text;
	double seconds; /* -2: refused */
} lengths[] = {
	{ "600", 600 },
	{ "10m", 600 },
	{ "1h 30m", 5400 },
	{ "1d12h", 129600 },
	{ "-1", -1 },
	{ "1.5h", 5400 },
	{ "2 * 60", 120 },
	{ "1mo", 2629800 },
	{ "1 month", 2629800 },
	{ "1M", 60 },
	{ "1year-6mo", 15778800 },
	{ "1 week", 604800 },
	{ "", -2 },
	{ "x", -2 },
	{ "1 fortnight", -2 },
	{ "11y", -2 },
	{ "0x10", -2 },
	{ "inf", -2 },
	{ "1e400", -2 },
	{ "1**2", -2 },
	{ "1;2", -2 },
	{ "(1)", -2 },
};

static void test_lengths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		double seconds = -2;

		(void)import_seconds(lengths[i].text, &seconds);
		assert_row(seconds == lengths[i].seconds, lengths[i].text);
	}
}

static void test_shown(void **state)
{
	struct import_show show = { .all = true };
	struct buf out = BUF_INIT(65536);
	struct tree tree;

	(void)state;
	tree_of(&tree, "[app]\nenabled = true\nlogpath = /var/log/x.log\nusedns = "
		       "\x7f\n[off]\nport = 1\n");
	import_show(tree.import, &show, &out);
	assert_null(strchr(out.data, '\x7f'));
	assert_non_null(strstr(out.data, "off  (jail.conf:6)  disabled\n"));
	assert_non_null(strstr(out.data, "  rule     5 attested failures of app in 10m"));
	buf_clear(&out);
	show.json = true;
	import_show(tree.import, &show, &out);
	assert_non_null(strstr(out.data, "{\"jail\":\"app\",\"result\":\"imported\""));
	assert_non_null(strstr(out.data, "{\"jail\":\"off\",\"result\":\"disabled\""));
	buf_done(&out);
	tree_done(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_jail),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_exempt_files),
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_includes_refused),
		cmocka_unit_test(test_filter_with_parameters),
		cmocka_unit_test(test_time_zone),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_shared_filter),
		cmocka_unit_test(test_own_expressions),
		cmocka_unit_test(test_own_filter_and_sensor),
		cmocka_unit_test(test_text_of_syslog),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_recidive),
		cmocka_unit_test(test_exempt),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
