/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filter files: what options come to, where they are said to stand, and what is refused.
 */
#include "filters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

#define FILES 5

struct row {
	struct file file[FILES]; /* up to the first without a name */
	const char *spec;
	const char *forms; /* "FILE:LINE TEXT\n" of each failregex, or */
	const char *error; /* what the error begins with */
};

static size_t files_of(const struct row *row)
{
	size_t count = 0;

	while (count < FILES && row->file[count].name)
		count++;
	return count;
}

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct filter_set *set = set_of(rows[i].file, files_of(&rows[i]));
		char error[EVIDENCE_ERROR_MAX] = "";
		struct buf forms = BUF_INIT(65536);
		struct filter_form form;
		uint16_t index = 0;
		int r = filter_set_load(set, rows[i].spec, &index, error);

		if (rows[i].error) {
			assert_row(r < 0, rows[i].error);
			if (strncmp(error, rows[i].error, strlen(rows[i].error)))
				print_message("# got: %s\n", error);
			assert_row(!strncmp(error, rows[i].error, strlen(rows[i].error)),
				   rows[i].error);
		} else {
			assert_row(!r, error);
			for (unsigned int f = 0; f < filter_expressions(set, index); f++) {
				assert_int_equal(filter_form(set, index, (uint16_t)f, &form), 0);
				buf_printf(&forms, "%s:%u %s\n", form.file, form.line, form.text);
			}
			if (strcmp(forms.data, rows[i].forms))
				print_message("# got: %s\n", forms.data);
			assert_string_equal(forms.data, rows[i].forms);
		}
		buf_done(&forms);
		filter_set_free(set);
	}
}

#define D "[Definition]\n"

static void test_layout(void **state)
{
	static const struct row rows[] = {
		{ { { "a.conf", D "failregex = ^x <ADDR>\n" } },
		  "a",
		  "a.conf:2 ^x <ADDR>\n",
		  NULL },
		{ { { "a.conf",
		      D "FailRegex: ^x <ADDR>\n\n   ^y <ADDR>\n# c\n\t; c\n\t^z <ADDR>\n\n\n" } },
		  "a",
		  "a.conf:2 ^x <ADDR>\na.conf:4 ^y <ADDR>\na.conf:7 ^z <ADDR>\n",
		  NULL },
		{ { { "a.conf", "\xef\xbb\xbf# c\r\n" D "failregex =\r\n  ^x <ADDR>\r\n" } },
		  "a",
		  "a.conf:4 ^x <ADDR>\n",
		  NULL },
		/* A blank and ';' end the line; without the blank, or with '#', they do not. */
		{ { { "a.conf", D "failregex = ^x;y <ADDR> #z ; comment\n  ^u\\s;v <ADDR>\n" } },
		  "a",
		  "a.conf:2 ^x;y <ADDR> #z\na.conf:3 ^u\\s;v <ADDR>\n",
		  NULL },
		/* Split at the first of = and :, names trimmed, sections with blanks behind. */
		{ { { "a.conf", "[Definition] \nfailregex   = ^x: = <ADDR>\n" } },
		  "a",
		  "a.conf:2 ^x: = <ADDR>\n",
		  NULL },
		{ { { "a.conf", D "failregex : ^x = <ADDR>\nother = \n" } },
		  "a",
		  "a.conf:2 ^x = <ADDR>\n",
		  NULL },
		/* An option that is indented like the one before begins anew. */
		{ { { "a.conf", D "  failregex = ^x <ADDR>\n  other = 1\n   ^y <ADDR>\n" } },
		  "a",
		  "a.conf:2 ^x <ADDR>\n",
		  NULL },
		{ { { "a.conf", "failregex = ^x <ADDR>\n" } },
		  "a",
		  NULL,
		  "a.conf:1: an option before" },
		{ { { "a.conf", D "failregex\n" } }, "a", NULL, "a.conf:2: neither a section" },
		{ { { "a.conf", D "= x\n" } }, "a", NULL, "a.conf:2: option without a name" },
		{ { { "a.conf", D "[]\n" } }, "a", NULL, "a.conf:2: a section is [NAME]" },
		{ { { "a.conf", D "[Open\n" } }, "a", NULL, "a.conf:2: a section is [NAME]" },
		{ { { "a.conf", D "x = 1\nX = 2\n" } },
		  "a",
		  NULL,
		  "a.conf:3: option x is in [Definition] twice" },
		{ { { "a.conf", D "x = 1\n" D } },
		  "a",
		  NULL,
		  "a.conf:3: section [Definition] is there twice" },
		{ { { "a.conf", D "x = \xff\n" } }, "a", NULL, "a.conf:2: not UTF-8" },
		{ { { "a.conf", D "x = \x01@@@@\n" } }, "a", NULL, "a.conf:2: control character" },
		{ { { "a.conf", D "x = 1\n" } }, "a", NULL, "a:0: failregex: there is none" },
		{ { { "a.conf", "" } }, "a", NULL, "a:0: failregex: there is none" },
		{ { { "a.conf", D } }, "b", NULL, "b: there is no such filter" },
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

static void test_files(void **state)
{
	static const struct row rows[] = {
		/* Later files change option by option; known/ is what was there before. */
		{ { { "a.conf", D "failregex = ^x <ADDR>\nv = 1\n" },
		    { "a.local", D "failregex = %(known/failregex)s\n  ^%(v)s <ADDR>\n" },
		    { "a.d/2.conf", D "v = 2\n" },
		    { "a.d/1.conf", D "v = 3\n" },
		    { "a.d/x.txt", D "v = 4\n" } },
		  "a",
		  "a.conf:2 ^x <ADDR>\na.local:3 ^2 <ADDR>\n",
		  NULL },
		/* Twice extended. */
		{ { { "a.conf", D "failregex = ^x <ADDR>\n" },
		    { "a.local", D "failregex = %(known/failregex)s\n  ^y <ADDR>\n" },
		    { "a.d/1.local", D "failregex = %(known/failregex)s\n  ^z <ADDR>\n" } },
		  "a",
		  "a.conf:2 ^x <ADDR>\na.local:3 ^y <ADDR>\na.d/1.local:3 ^z <ADDR>\n",
		  NULL },
		{ { { "a.conf", "[INCLUDES]\nbefore = b.conf\nafter = c.conf\n   missing.conf\n" D
				"failregex = ^%(b)s%(c)s%(d)s <ADDR>\nb = a\nc = a\n" },
		    { "b.conf", "[DEFAULT]\nd = d\n" D "b = b\nc = b\n" },
		    { "b.local", "[DEFAULT]\nd = D\n" },
		    { "c.conf", D "c = c\n" } },
		  "a",
		  "a.conf:6 ^acD <ADDR>\n",
		  NULL },
		/* In a circle: each once. */
		{ { { "a.conf", "[INCLUDES]\nbefore = b.conf\n" D "failregex = ^%(b)s <ADDR>\n" },
		    { "b.conf", "[INCLUDES]\nbefore = a.conf\nafter = b.conf\n" D "b = b\n" } },
		  "a",
		  "a.conf:4 ^b <ADDR>\n",
		  NULL },
		/* Relative to the including file. */
		{ { { "a.d/1.conf",
		      "[INCLUDES]\nbefore = ./x.inc\n" D "failregex = ^%(b)s <ADDR>\n" },
		    { "a.d/x.inc", D "b = b\n" },
		    { "x.inc", D "b = wrong\n" } },
		  "a",
		  "a.d/1.conf:4 ^b <ADDR>\n",
		  NULL },
		{ { { "a.conf", "[INCLUDES]\nbefore = b.conf\n" D "failregex = ^x <ADDR>\n" },
		    { "b.conf", "oops\n" } },
		  "a",
		  NULL,
		  "b.conf:1: an option before" },
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

static void test_percent(void **state)
{
	static const struct row rows[] = {
		{ { { "a.conf",
		      "[DEFAULT]\nd = %(x)s\n" D "x = X\nfailregex = ^%(d)s%%%(X)s <ADDR>\n" } },
		  "a",
		  "a.conf:5 ^X%X <ADDR>\n",
		  NULL },
		{ { { "a.conf",
		      "[o]\nx = %(y)s\ny = o\n" D "y = D\nfailregex = ^%(o/x)s <ADDR>\n" } },
		  "a",
		  "a.conf:6 ^o <ADDR>\n",
		  NULL },
		/* The source's parameters come first, in this step too. */
		{ { { "a.conf", D "x = X\nfailregex = ^%(x)s <ADDR>\n" } },
		  "a[x=Y]",
		  "a.conf:3 ^Y <ADDR>\n",
		  NULL },
		/* ... but not in what is reached as <y>. */
		{ { { "a.conf", D "x = X\ny = %(x)s\nfailregex = ^<y><x> <ADDR>\n" } },
		  "a[x=Y]",
		  "a.conf:4 ^XY <ADDR>\n",
		  NULL },
		{ { { "a.conf", D "failregex = ^%(x)s <ADDR>\n" } },
		  "a",
		  NULL,
		  "a.conf:2: failregex: unknown option x" },
		{ { { "a.conf", D "failregex = ^x%y <ADDR>\n" } },
		  "a",
		  NULL,
		  "a.conf:2: failregex: a single %" },
		{ { { "a.conf", D "failregex = ^x\n   %(y <ADDR>\n" } },
		  "a",
		  NULL,
		  "a.conf:3: failregex: %( without )s" },
		{ { { "a.conf", D "failregex = ^%(failregex)s <ADDR>\n" } },
		  "a",
		  NULL,
		  "a.conf:2: failregex: refers to itself" },
		{ { { "a.conf", D "failregex = ^%(known/failregex)s <ADDR>\n" } },
		  "a",
		  NULL,
		  "a.conf:2: failregex: nothing was known" },
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

static void test_tags(void **state)
{
	static const struct row rows[] = {
		/* Innermost first; names in any case; unknown ones stay. */
		{ { { "a.conf", D
		      "mo-x = 1\nmo-y = 2\nn = x\nfailregex = ^<mo-<N>>(?P<u>x)<USER> <ADDR>\n" } },
		  "a",
		  "a.conf:5 ^1(?P<u>x)<USER> <ADDR>\n",
		  NULL },
		{ { { "a.conf",
		      D "mo-x = 1\nmo-y =\nn = x\nfailregex = ^a <ADDR>\n  <mo-<n>>\n" } },
		  "a[n=y]",
		  "a.conf:5 ^a <ADDR>\n",
		  NULL },
		/* [Init] before [Definition] before [DEFAULT]; the source's before all. */
		{ { { "a.conf", "[DEFAULT]\nx = 1\ny = 1\nz = 1\n" D
				"y = 2\nz = 2\nfailregex = ^<x><y><z> <ADDR>\n"
				"[Init]\nz = 3\n" } },
		  "a",
		  "a.conf:8 ^123 <ADDR>\n",
		  NULL },
		{ { { "a.conf", D "failregex = ^<z><known/z> <ADDR>\n[Init]\nz = 3\n" } },
		  "a[z='4,]']",
		  "a.conf:2 ^4,]3 <ADDR>\n",
		  NULL },
		{ { { "a.conf", "[lt_file]\np = F\n[lt_short]\np = S\n" D
				"logtype = file\nfailregex = ^<lt_<logtype>/p> <ADDR>\n" } },
		  "a[logtype=short]",
		  "a.conf:7 ^S <ADDR>\n",
		  NULL },
		{ { { "a.conf", D "x = <y>\ny = <x>\nfailregex = ^<x> <ADDR>\n" } },
		  "a",
		  NULL,
		  "a.conf:3: failregex: refers to itself, or too deep" },
		{ { { "a.conf", D "failregex = ^<failregex> <ADDR>\n" } },
		  "a",
		  NULL,
		  "a.conf:2: failregex: refers to itself" },
		{ { { "a.conf", D "mo-x = 1\nfailregex = ^<mo-<n>> <ADDR>\nn = x\n" } },
		  "a[n=z]",
		  NULL,
		  "a.conf:3: failregex: the filter has no mo-z" },
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

static void test_spec(void **state)
{
	static const char A[] = D "a-b = 0\nfailregex = ^<a-b> <ADDR>\n";
	static const struct row rows[] = {
		{ { { "a.conf", A } }, "a[a-b=1]", "a.conf:3 ^1 <ADDR>\n", NULL },
		{ { { "a.conf", A } },
		  " a [ A-B = 1 , c=2 ] [ d = \"x,]\" ] ",
		  "a.conf:3 ^1 <ADDR>\n",
		  NULL },
		{ { { "a.conf", A } }, "a[a-b=1, a-b='2']", "a.conf:3 ^2 <ADDR>\n", NULL },
		{ { { "a.conf", A } }, "a[]", "a.conf:3 ^0 <ADDR>\n", NULL },
		{ { { "a.conf", A } }, "", NULL, "filter \"\", character 1: a filter's name" },
		{ { { "a.conf", A } },
		  "../a",
		  NULL,
		  "filter \"../a\", character 3: a filter's name" },
		{ { { "a.conf", A } }, "a/b", NULL, "filter \"a/b\", character 2: '[' or the end" },
		{ { { "a.conf", A } }, "a[x", NULL, "filter \"a[x\", character 4: '='" },
		{ { { "a.conf", A } }, "a[x=1", NULL, "filter \"a[x=1\", character 6: ','" },
		{ { { "a.conf", A } },
		  "a[x=\"1]",
		  NULL,
		  "filter \"a[x=\"1]\", character 5: a value" },
		{ { { "a.conf", A } },
		  "a[=1]",
		  NULL,
		  "filter \"a[=1]\", character 3: a parameter's" },
		{ { { "a.conf", A } },
		  "a[x=\x01@@]",
		  NULL,
		  "filter \"a[x=\x01@@]\", character 5: control" },
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

static void test_refusals(void **state)
{
	static const struct row rows[] = {
		{ { { "a.conf", D "failregex = ^x\n" } },
		  "a",
		  NULL,
		  "a.conf:2: failregex: names nobody" },
		{ { { "a.conf", D "failregex = ^x <ADDR>\n  ^(x <ADDR>\n" } },
		  "a",
		  NULL,
		  "a.conf:3: failregex: missing closing parenthesis" },
		{ { { "a.conf", D "failregex = ^x <ADDR> <ADDR>\n" } },
		  "a",
		  NULL,
		  "a.conf:2: failregex: two named subpatterns have the same name" },
		{ { { "a.conf", D "failregex = ^x <F-USER>y <ADDR>\n" } },
		  "a",
		  NULL,
		  "a.conf:2: failregex: <F-...> of user has no end" },
		{ { { "a.conf",
		      D "failregex = ^x <ADDR>\nprefregex = ^[a<F-CONTENT>x</F-CONTENT>\n" } },
		  "a",
		  NULL,
		  "a.conf:3: prefregex: class without end" },
		{ { { "a.conf", D "failregex = ^x <ADDR>\nignoreregex = ^a\n  ^\\K\n" } },
		  "a",
		  NULL,
		  "a.conf:4: ignoreregex: \\K is not Python's" },
		{ { { "a.conf", D "failregex = ^x <ADDR><SKIPLINES>y\n" } },
		  "a",
		  NULL,
		  "a.conf:2: failregex: <SKIPLINES> needs maxlines above 1" },
		{ { { "a.conf", D "failregex = ^x <ADDR>\n\nmaxlines = 51\n" } },
		  "a",
		  NULL,
		  "a.conf:4: maxlines: is a number from 1 to 50" },
		{ { { "a.conf", D "failregex = ^x <ADDR>\nmaxlines = 2x\n" } },
		  "a",
		  NULL,
		  "a.conf:3: maxlines: is a number from 1 to 50" },
		{ { { "a.conf", D "failregex = ^x <ADDR>\nmaxlines = 0\n" } },
		  "a",
		  NULL,
		  "a.conf:3: maxlines: is a number from 1 to 50" },
		{ { { "a.conf", D "prefregex = ^p <F-CONTENT>.*</F-CONTENT>$\n"
				  "failregex = ^x <ADDR>\\ny\nmaxlines = 2\n" } },
		  "a",
		  NULL,
		  "a.conf:2: prefregex: does not go together with a failregex over several" },
		{ { { "a.conf",
		      D "failregex = ^a <ADDR><SKIPLINES>b<SKIPLINES>c<SKIPLINES>d<SKIPLINES>"
			"e<SKIPLINES>f\nmaxlines = 9\n" } },
		  "a",
		  NULL,
		  "a.conf:2: failregex: more than 4 <SKIPLINES>" },
		{ { { "a.conf", D "failregex = ^x <ADDR>\\n\n  ^y[^\\n] <ADDR>\nmaxlines = 2\n" } },
		  "a",
		  "a.conf:2 ^x <ADDR>\\n\na.conf:3 ^y[^\\n] <ADDR>\n",
		  NULL },
		{ { { "a.conf", D
		      "failregex = ^x <ADDR>\nmaxlines = 1\nusedns = yes\ndatepattern = %%Y\n" } },
		  "a",
		  "a.conf:2 ^x <ADDR>\n",
		  NULL },
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

static void on_warning(const char *text, void *arg)
{
	struct buf *all = arg;

	buf_printf(all, "%s\n", text);
}

static void test_warnings(void **state)
{
	static const struct file files[] = { { "a.conf",
					       D "mo-x = 1\nn = z\nfailregex = ^<mo-<n>> <ADDR>\n"
						 "  x <ADDR>\n  ^y <DNS>\n" } };
	struct filter_set *set = set_of(files, 1);
	struct buf all = BUF_INIT(4096);

	(void)state;
	filter_set_on_warning(set, on_warning, &all);
	(void)load(set, "a");
	assert_non_null(strstr(all.data, "a.conf:4: failregex: <mo-z> names nothing"));
	assert_non_null(strstr(all.data, "a.conf:5: failregex: is not anchored"));
	assert_non_null(strstr(all.data, "a.conf:6: failregex: names are not resolved"));
	buf_done(&all);
	filter_set_free(set);
}

/* Nothing a file says makes loading slow or big. */
static void test_bounds(void **state)
{
	struct buf text = BUF_INIT(1024 * 1024);
	struct filter_set *set;
	char error[EVIDENCE_ERROR_MAX];
	uint16_t index;

	(void)state;
	/* Ten options, each naming the next fifty times: 50^10 empty values. */
	buf_puts(&text, D "failregex = ^%(x0)s <ADDR>\n");
	for (int i = 0; i < 9; i++) {
		buf_printf(&text, "x%d = ", i);
		for (int j = 0; j < 50; j++)
			buf_printf(&text, "%%(x%d)s", i + 1);
		buf_puts(&text, "\n");
	}
	buf_puts(&text, "x9 =\n");
	set = set_of(&(struct file){ "a.conf", text.data }, 1);
	assert_true(filter_set_load(set, "a", &index, error) < 0);
	filter_set_free(set);

	/* Doubling: 2^30 bytes. */
	buf_clear(&text);
	buf_puts(&text, D "failregex = ^<x0> <ADDR>\n");
	for (int i = 0; i < 30; i++)
		buf_printf(&text, "x%d = <x%d><x%d>\n", i, i + 1, i + 1);
	buf_puts(&text, "x30 = y\n");
	set = set_of(&(struct file){ "a.conf", text.data }, 1);
	assert_true(filter_set_load(set, "a", &index, error) < 0);
	filter_set_free(set);

	/* More options, more expressions than anybody has. */
	buf_clear(&text);
	buf_puts(&text, D "failregex = ^x <ADDR>\n");
	for (int i = 0; i < 600; i++)
		buf_puts(&text, " ^x <ADDR>\n");
	set = set_of(&(struct file){ "a.conf", text.data }, 1);
	assert_true(filter_set_load(set, "a", &index, error) < 0);
	assert_non_null(strstr(error, "too many expressions"));
	filter_set_free(set);
	buf_clear(&text);
	buf_puts(&text, D);
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "x%d = 1\n", i);
	set = set_of(&(struct file){ "a.conf", text.data }, 1);
	assert_true(filter_set_load(set, "a", &index, error) < 0);
	assert_non_null(strstr(error, "too many options"));

	/* A file that is too big is not taken at all. */
	assert_int_equal(filter_set_add_file(set, "b.conf", text.data, 256 * 1024 + 1), -EFBIG);
	filter_set_free(set);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),	 cmocka_unit_test(test_files),
		cmocka_unit_test(test_percent),	 cmocka_unit_test(test_tags),
		cmocka_unit_test(test_spec),	 cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_warnings), cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
