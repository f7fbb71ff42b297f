/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expressions: tags, the dialect, which literals are required, and that no text makes one run long.
 */
#include "filters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "analyst/evidence/filter.h"
#include "analyst/evidence/filter_regex.h"

#define SET_MDWE 65 /* PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN: Debian 12's headers lack them */
#define MDWE_REFUSE_EXEC_GAIN 1UL

static void test_tags(void **state)
{
	static const struct {
		const char *written, *out; /* NULL: refused */
	} rows[] = {
		{ "^x <F-USER>\\S+</F-USER>$", "^x (?P<user>\\S+)$" },
		{ "<F-ID>a</F-ID><F-PORT>b</F-PORT>", "(?P<fid>a)(?P<fport>b)" },
		{ "<F-ID/> <F-PORT/>", "(?P<fid>\\S+) (?P<fport>\\w+)" },
		{ "<F-USER>a|b</F-USER>", "(?P<user>a|b)" },
		{ "<F-ALT_USER1>a</F-ALT_USER1>", "(?P<alt_user1>a)" },
		{ "<F-MLFID>a<F-NOFAIL>b</F-NOFAIL></F-MLFID>", "(?P<mlfid>a(?P<nofail>b))" },
		{ "<CIDR>", "(?P<cidr>[0-9]{1,3})" },
		/* Not tags: they stay. */
		{ "</F-USER> <user> <NOSRV> (?P<x>y) (?<=z) < <F-user>",
		  "</F-USER> <user> <NOSRV> (?P<x>y) (?<=z) < <F-user>" },
		{ "<<F-USER>x</F-USER>>", "<(?P<user>x)>" },
		{ "<F-USER>x", NULL },
		{ "<SKIPLINES>", NULL },
		{ "<F-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA>x", NULL },
	};
	char error[REGEX_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buf out = BUF_INIT(4096);
		int r = regex_tags(rows[i].written, false, &out, error);

		assert_row((r == 0) == (rows[i].out != NULL), rows[i].written);
		if (!r && strcmp(out.data, rows[i].out))
			print_message("# got: %s\n", out.data);
		if (!r)
			assert_string_equal(out.data, rows[i].out);
		buf_done(&out);
	}
}

static void test_dialect(void **state)
{
	static const struct {
		const char *python, *out; /* NULL: refused */
	} rows[] = {
		{ "a{,3}b", "a{0,3}b" },
		{ "[{,3}]\\{,3}", "[{,3}]\\{,3}" },
		{ "a{,}b{2,}c{1,2}", "a{,}b{2,}c{1,2}" },
		{ "x\\Z", "x\\z" },
		{ "[\\]\\Z]", NULL },
		{ "[]a][^]b]", "[]a][^]b]" },
		{ "\\v\\u00e9\\U0001F600", "\\x0b\\x{00e9}\\x{0001F600}" },
		{ "(?i)x(?i:y)(?u)(?iu)", "(?i)x(?i:y)(?)(?i)" },
		{ "(?P<n>a)(?P=n)(?(n)b|c)(?:d)(?=e)(?!f)(?<=g)(?<!h)(?>i)",
		  "(?P<n>a)(?P=n)(?(n)b|c)(?:d)(?=e)(?!f)(?<=g)(?<!h)(?>i)" },
		{ "(?#a [ comment)x", "(?#a [ comment)x" },
		{ "(?:\\[(?:[^\\]\"]*|\"[^\"]*\")*\\])+",
		  "(?:\\[(?:[^\\]\"]++|\"[^\"]*+\")*+\\])+" },
		{ "(?:[^\\]\"]*|\"[^\"]*\")*\\]?a", "(?:[^\\]\"]*|\"[^\"]*\")*\\]?a" },
		{ "\\d\\w\\s\\b\\A\\x41\\\\\\.", "\\d\\w\\s\\b\\A\\x41\\\\\\." },
		{ "\\K", NULL },
		{ "\\G", NULL },
		{ "\\R", NULL },
		{ "\\h", NULL },
		{ "\\Q.\\E", NULL },
		{ "\\X", NULL },
		{ "\\C", NULL },
		{ "\\N", NULL },
		{ "\\pL", NULL },
		{ "\\g1", NULL },
		{ "\\k<n>", NULL },
		{ "\\u12", NULL },
		{ "x\\", NULL },
		{ "[[:alpha:]]", NULL },
		{ "[a", NULL },
		{ "(?a)", NULL },
		{ "(?L)", NULL },
		{ "(?<n>a)", NULL },
		{ "(?P>n)", NULL },
		{ "(?&n)", NULL },
		{ "(?R)", NULL },
		{ "(?1)", NULL },
		{ "(?|a)", NULL },
		{ "(*ACCEPT)", NULL },
		{ "(*LIMIT_MATCH=1)a", NULL },
		{ "(?(R)a)", NULL },
		{ "(?(DEFINE)a)", NULL },
		{ "(?C)", NULL },
	};
	char error[REGEX_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buf out = BUF_INIT(4096);
		int r = regex_dialect(rows[i].python, &out, error);

		assert_row((r == 0) == (rows[i].out != NULL), rows[i].python);
		if (!r && strcmp(out.data, rows[i].out))
			print_message("# got: %s\n", out.data);
		if (!r)
			assert_string_equal(out.data, rows[i].out);
		buf_done(&out);
	}
}

/* Structured data is found in all texts where it was, of the same length: those of up to eight of
 * its letters. The second spelling is one that is not rewritten. */
static void test_elements(void **state)
{
	static const char *const forms[] = {
		"^.*?(?:\\[(?:[^\\]\"]*|\"[^\"]*\")*\\])+(?P<fid>.*)$",
		"^.*?(?:\\[(?:[^\\]\"]*|[\"][^\"]*\")*\\])+(?P<fid>.*)$",
	};
	static const char letters[] = "a\"[]";
	pcre2_match_data *data = pcre2_match_data_create(8, NULL);
	struct regex_memory memory;
	char error[REGEX_ERROR_MAX];
	struct regex regex[2];
	unsigned int found = 0;

	(void)state;
	assert_non_null(data);
	assert_int_equal(regex_memory_new(&memory), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(regex_compile(&regex[i], forms[i], false, error), 0);
	for (size_t len = 2; len <= 8; len++) {
		for (uint32_t n = 0; n < 1U << 2 * len; n++) {
			PCRE2_SIZE begin[2] = { 0, 0 };
			char text[16] = "";

			for (size_t i = 0; i < len; i++)
				text[i] = letters[n >> 2 * i & 3];
			text[len] = '\n';
			for (int i = 0; i < 2; i++)
				if (regex_match(&regex[i], &memory, text, len + 1, data))
					begin[i] = pcre2_get_ovector_pointer(
						data)[2 * regex[i].group[ROLE_ID]];
			assert_row(begin[0] == begin[1], text);
			found += begin[0] > 0;
		}
	}
	assert_int_equal(regex[0].limit + regex[1].limit, 0);
	assert_true(found > 10000);
	for (int i = 0; i < 2; i++)
		regex_done(&regex[i]);
	regex_memory_done(&memory);
	pcre2_match_data_free(data);
}

static void test_literals(void **state)
{
	static const struct {
		const char *regex, *needs, *prefix; /* needs: joined by | */
	} rows[] = {
		{ "^Failed password for", "Failed password for", "Failed password for" },
		{ "^a$", "a", "a" },
		{ "x", "x", "" },
		{ "^(?:abc) def", "abc def", "abc def" },
		{ "^(?P<n>abc) de*f", "abc d", "abc d" },
		{ "^abc?", "ab", "ab" },
		{ "^abc+d", "abc", "abc" },
		{ "^abc{2}d", "abc", "abc" },
		{ "^abc{0,2}d", "ab", "ab" },
		{ "^abc{,2}d", "ab", "ab" },
		{ "^abc{ 1, 2 }d", "ab", "ab" },
		{ "^a(?:bcd|efg)h", "bcd|efg", "a" },
		{ "^a(?:bcd|efg)?h", "a", "a" },
		{ "^a(?:bcd|)h", "a", "a" },
		{ "^a(?:bcd|e*)h", "a", "a" },
		{ "^abc|def", "abc|def", "" },
		{ "^(?:a|b)cde", "cde", "" },
		{ "\\s*sshd(?:-session|-auth)?(?:\\[\\d+\\])?: ", "sshd", "" },
		{ "^a\\.b\\[c\\]", "a.b[c]", "a.b[c]" },
		{ "^ab\\d+cde", "cde", "ab" },
		{ "^ab.cde", "cde", "ab" },
		{ "^ab[xyz]cde", "cde", "ab" },
		{ "^ab[]x]cde", "cde", "ab" },
		{ "^ab(?=zzzzz)cde", "cde", "ab" },
		{ "^ab(?!zzzzz)c", "ab", "ab" },
		{ "^ab(?(n)zzzzz)c", "ab", "ab" },
		{ "^\\x41\\x42z", "z", "" },
		{ "^\\x{41}bc", "bc", "" },
		{ "^(a)\\1bc", "bc", "a" },
		{ "^abc\\b def", "abc def", "abc def" },
		{ "^caf\xc3\xa9? x", "caf", "caf" },
		{ "^\\d{1,3}x", "x", "" },
		{ "^.{2,5}x", "x", "" },
		{ "^[ab]{2,5}x", "x", "" },
		{ "^\xc3\xa9{2,5}x", "x", "" },
		{ "^\\x41{2,5}x", "x", "" },
		{ "^\\x{41}{2,5}x", "x", "" },
		{ "^\\.{2,5}x", ".", "." },
		{ "^\\.{0,5}x", "x", "" },
		{ "^(?:a|b){2,5}x", "x", "" },
		{ "^(?=a){2,5}x", "x", "" },
		{ "^(?P=n){2,5}x", "x", "" },
		{ "^a{x}b", "x}b", "a" },
		{ "^ab(?:cd){2}e", "ab", "ab" },
		{ "^(?:abc)*de", "de", "" },
		{ "(?i)abc", "", "" },
		{ "^a(?i:bcd)efg", "", "" },
		{ "^a(?#(])bcd", "", "" },
		{ ".*", "", "" },
		{ "", "", "" },
		{ "^abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwx",
		  "abcdefghijklmnopqrstuvwx" },
		{ "^a{2}{0}bc", "bc", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buf needs = BUF_INIT(4096);
		struct literals set;
		struct literal prefix;
		char text[LITERAL_MAX + 1] = "";

		regex_literals(rows[i].regex, &set, &prefix);
		for (unsigned int l = 0; l < set.count; l++) {
			buf_puts(&needs, l ? "|" : "");
			buf_add(&needs, set.literal[l].text, set.literal[l].len);
		}
		memcpy(text, prefix.text, prefix.len);
		if (strcmp(needs.data ? needs.data : "", rows[i].needs) ||
		    strcmp(text, rows[i].prefix))
			print_message("# got: \"%s\", prefix \"%s\"\n",
				      needs.data ? needs.data : "", text);
		assert_row(!strcmp(needs.data ? needs.data : "", rows[i].needs), rows[i].regex);
		assert_row(!strcmp(text, rows[i].prefix), rows[i].regex);
		buf_done(&needs);
	}
}

/* The 16-byte search against memmem, at every place and length; the text ends where its memory
 * does. */
static void test_literal_search(void **state)
{
	struct literals set = { .count = 1, .literal[0] = { .len = 4, .text = "sshd" } };

	(void)state;
	for (size_t len = 0; len < 70; len++) {
		for (size_t at = 0; at <= len; at++) {
			char *text = malloc(len + 1);
			bool there = at + 4 <= len;

			assert_non_null(text);
			memset(text, 's', len);
			if (there)
				memcpy(text + at, "sshd", 4);
			text = realloc(text, len ? len : 1);
			assert_non_null(text);
			assert_int_equal(literals_found(&set, text, len), there);
			free(text);
		}
	}
}

static uint64_t cpu_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * Each of these takes a backtracking engine without limits minutes to hours. The second group may
 * begin at any place; each step of the third does work that grows with the text: with a limit for
 * every place by itself (which is what the library has) one of them took 49 s a line.
 */
static const char *const bombs[] = {
	"^(?:(?:a+)+)+[bc]<ADDR>$",
	"^(a|aa)+[bc]<ADDR>$",
	"^(?:a*)*[bc]<ADDR>$",
	"^(?:.*a){20}[bc]<ADDR>$",
	"^(\\w+\\s?)+[;,]<ADDR>$",
	"^(?:(?:[^:]*: )?)*[xy]<ADDR>$",
	"^.*a.*a.*a[bc]<ADDR>",
	"^(?=(.*a)*[bc])<ADDR>",

	"(?:a|a)*(?:a|a)*(?:a|a)*[bc]<ADDR>$",
	"a.*a.*a.*[bc]<ADDR>",
	"\\w+\\s*\\w*\\s*[bc]<ADDR>",
	"(?:\\S+ ?)+[;,] <ADDR>",
	"(a+)+\\1[bc]<ADDR>",
	"(?i)(?:aa?)+(?:b|<ADDR>)!",
	"[^b]*[^c]*[^d]*[bcd]<ADDR>",

	"^(?:(?=(a+))\\1a|a)*[bc]<ADDR>",
	"(?:(?=(a+))\\1a|a)*[bc]<ADDR>",
	"(?:(?=(a+))\\1a){0,400}[bc]<ADDR>",
	"(?:(?=(.*))\\1|a)*[bc]<ADDR>",
};

#define LINES 3

static void test_blow_up(void **state)
{
	static const char *const units[] = { "a", " ", "a ", "x: ", "(: x)", "1.1.1.1 " };
	const size_t len = EVIDENCE_LINE_MAX;
	struct regex_memory memory;
	pcre2_match_data *data = pcre2_match_data_create(32, NULL);
	char error[REGEX_ERROR_MAX];
	char *text = malloc(len + 1);

	(void)state;
	assert_non_null(data);
	assert_non_null(text);
	assert_int_equal(regex_memory_new(&memory), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bombs); i++) {
		for (size_t u = 0; u < 2 * ARRAY_SIZE(units); u++) {
			const char *unit = units[u / 2];
			struct regex regex;
			uint64_t begin;

			for (size_t at = 0; at < len; at++)
				text[at] = unit[at % strlen(unit)];
			text[len] = '\n';
			assert_int_equal(regex_compile(&regex, bombs[i], false, error), 0);
			/* Both as compiled code and interpreted; no literal spares it the work. */
			regex.jit = regex.jit && u % 2;
			regex.needs.count = 0;
			begin = cpu_ms();
			for (int line = 0; line < LINES; line++)
				assert_false(regex_match(&regex, &memory, text, len + 1, data));
			/* 40 ms a line at most; under a sanitizer and on a busy machine still
			 * below. */
			assert_row(cpu_ms() - begin < LINES * 400, bombs[i]);
			regex_done(&regex);
		}
	}
	regex_memory_done(&memory);
	pcre2_match_data_free(data);
	free(text);
}

/* In a long text all places are looked at in one match: the same one comes out, with its groups. */
static void test_walk(void **state)
{
	static const char *const forms[] = {
		"b (?P<user>\\S+) from <ADDR>",
		"(?:x|y|b) (?P<user>.*) from <ADDR>",
		"(?i)B (?P<user>\\w+)",
		"x b|(?P<user>s\\S*) from",
		"(?x) b \\s (?P<user>\\S+) # end",
		"(?<= )b (?P<user>\\S+) from <ADDR>\\s*$",
		"(?P<q>['\"]?)some(?P=q) (?P<user>f)",
		"from <ADDR>$",
	};
	struct regex_memory memory;
	pcre2_match_data *data = pcre2_match_data_create(32, NULL);
	char error[REGEX_ERROR_MAX], text[REGEX_WALK_BYTES * 2];

	(void)state;
	assert_non_null(data);
	assert_int_equal(regex_memory_new(&memory), 0);
	memset(text, '.', sizeof(text));
	memcpy(text + 600, " b some from 192.0.2.1\n", 23);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		PCRE2_SIZE *at = pcre2_get_ovector_pointer(data), first[64] = { 0 };
		const size_t len = 623;
		struct regex regex;

		assert_int_equal(regex_compile(&regex, forms[i], false, error), 0);
		assert_row(regex.walk != NULL, forms[i]);
		assert_row(regex_match(&regex, &memory, text, len, data), forms[i]);
		memcpy(first, at, 2 * (regex.captures + 1) * sizeof(*at));
		pcre2_code_free(regex.walk);
		regex.walk = NULL;
		assert_row(regex_match(&regex, &memory, text, len, data), forms[i]);
		assert_row(!memcmp(first, at, 2 * (regex.captures + 1) * sizeof(*at)), forms[i]);
		assert_row(at[0] >= 600, forms[i]);
		/* And none where there is none. */
		assert_row(!regex_match(&regex, &memory, text, 600, data), forms[i]);
		regex_done(&regex);
	}
	regex_memory_done(&memory);
	pcre2_match_data_free(data);
}

/* Without Unicode the same matches, of every text that is ASCII; where that is not sure, no such
 * code. */
static void test_ascii(void **state)
{
	static const char *const same[] = {
		"\\w",
		"\\W",
		"\\d",
		"\\D",
		"\\s",
		"\\S",
		".",
		"[^a]",
		"[\\w.-]",
		"[^\\s:]",
		"(?i)[k-s]",
		"(?i)K",
		"^(?P<user>\\S+)\\b",
		"^\\s*(?P<user>.*)\\s$",
		"(?<!\\w)a(?P<user>.)$",
	};
	static const char *const apart[] = { "(?i)\xe2\x84\xaa", "\\x{212a}", "\\u212a", "[^\\xe9]",
					     "\\v" };
	struct regex_memory memory;
	pcre2_match_data *data = pcre2_match_data_create(32, NULL);
	char error[REGEX_ERROR_MAX];
	struct regex regex;

	(void)state;
	assert_non_null(data);
	assert_int_equal(regex_memory_new(&memory), 0);
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		PCRE2_SIZE *at = pcre2_get_ovector_pointer(data), first[4];

		assert_int_equal(regex_compile(&regex, same[i], false, error), 0);
		assert_row(!regex.jit || regex.ascii, same[i]);
		for (unsigned int c = 1; c < 0x80 * 0x80; c++) {
			const char text[] = { (char)(c % 0x80), (char)(c / 0x80), 'a', '\n' };
			bool found = regex_match(&regex, &memory, text, sizeof(text), data);

			memcpy(first, at, 2 * (regex.captures + 1) * sizeof(*at));
			assert_row(regex_match_ascii(&regex, &memory, text, sizeof(text), data) ==
					   found,
				   same[i]);
			assert_row(!found || !memcmp(first, at,
						     2 * (regex.captures + 1) * sizeof(*at)),
				   same[i]);
		}
		regex_done(&regex);
	}
	for (size_t i = 0; i < ARRAY_SIZE(apart); i++) {
		assert_int_equal(regex_compile(&regex, apart[i], false, error), 0);
		assert_row(!regex.ascii, apart[i]);
		regex_done(&regex);
	}
	regex_memory_done(&memory);
	pcre2_match_data_free(data);
}

/* A prefregex finds what it would find if its content were gone through to the end. */
static void test_prefix(void **state)
{
	static const struct {
		const char *text;
		bool to_end;
	} rows[] = {
		{ "^a+ <F-CONTENT>.+</F-CONTENT>$", true },
		{ "^.*?: <F-CONTENT>.*b.+</F-CONTENT>$", true },
		{ "<F-CONTENT>b..+</F-CONTENT>$", true },
		{ "^c$|^a+<F-CONTENT>.+</F-CONTENT>$", true },
		{ "^(?!aab)(?P<user>a+?)(?(user)a|b)<F-CONTENT>.+</F-CONTENT>$", false },
		{ "(?s)^a+<F-CONTENT>.+</F-CONTENT>$", false },
		{ "^a+(?s:<F-CONTENT>.+</F-CONTENT>)$", false },
		{ "^<F-CONTENT>a|b.+</F-CONTENT>$", false },
		{ "^<F-CONTENT>a+</F-CONTENT>(b.+)$", false },
		{ "^a+ (?:<F-CONTENT>.+</F-CONTENT>|(.+)$)", false },
		{ "^a+<F-CONTENT>.+</F-CONTENT>", false },
		{ "^a+<F-CONTENT>.*</F-CONTENT>$", false },
		{ "^a+<F-CONTENT>[.+]\\.+</F-CONTENT>$", false },
		{ "^a+<F-CONTENT>\\.+</F-CONTENT>$", false },
	};
	static const char *const texts[] = {
		"\n",	      "a\n",	     "aa\n",  "a \n",	 "a b\n",	 "aaa: b\n",
		"aa: xb y\n", "c: b\n",	     "bb\n",  "a b..\n", "aab b.\n",	 "a...\n",
		"c\n",	      "b: b: bbb\n", "a.+\n", "aaa.\n",	 "a \xc3\xa9\n", "a: b\xc3\xa9\n",
	};
	struct regex_memory memory;
	pcre2_match_data *data = pcre2_match_data_create(32, NULL);
	PCRE2_SIZE *at = pcre2_get_ovector_pointer(data), all[64];
	char error[REGEX_ERROR_MAX];
	struct regex whole, cut;

	(void)state;
	assert_non_null(data);
	assert_int_equal(regex_memory_new(&memory), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned int matches = 0;

		assert_int_equal(regex_compile(&whole, rows[i].text, false, error), 0);
		assert_int_equal(regex_compile_prefix(&cut, rows[i].text, error), 0);
		assert_row(cut.to_end == rows[i].to_end, rows[i].text);
		for (size_t t = 0; t < ARRAY_SIZE(texts); t++) {
			const size_t len = strlen(texts[t]);
			bool found = regex_match(&whole, &memory, texts[t], len, data);

			memcpy(all, at, 2 * (whole.captures + 1) * sizeof(*at));
			matches += found;
			assert_row(regex_match(&cut, &memory, texts[t], len, data) == found,
				   rows[i].text);
			assert_row(!found ||
					   !memcmp(all, at, 2 * (whole.captures + 1) * sizeof(*at)),
				   rows[i].text);
		}
		assert_row(matches, rows[i].text);
		regex_done(&whole);
		regex_done(&cut);
	}
	regex_memory_done(&memory);
	pcre2_match_data_free(data);
}

static void on_warning(const char *text, void *arg)
{
	struct buf *all = arg;

	buf_printf(all, "%s\n", text);
}

/* A filter that is given up on many lines is named, once. */
static void test_limit_is_told(void **state)
{
	static const struct file files[] = {
		{ "a.conf", "[Definition]\nfailregex = ^(?:(?:a+)+)+[bc]<ADDR>$\n  ^x <ADDR>$\n" },
	};
	static const char line[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 192.0.2.1";
	struct filter_set *set = set_of(files, 1);
	struct buf all = BUF_INIT(4096);
	struct filter_stats stats;
	struct claim claim;

	(void)state;
	filter_set_on_warning(set, on_warning, &all);
	(void)load(set, "a");
	for (int i = 0; i < 100; i++)
		assert_int_equal(match(set, 0, line, &claim), FILTER_NOMATCH);
	assert_string_equal(all.data, "a.conf:2: filter a was given up on 10 lines, for it tries "
				      "too many ways: what it does not see is not counted\n");
	filter_stats(set, &stats);
	assert_int_equal(stats.regex_limit, 100);
	buf_done(&all);
	filter_set_free(set);
}

/* A limit that was hit is no match and is counted, in the expression and in the set. */
static void test_limit_is_counted(void **state)
{
	static const struct file files[] = {
		{ "a.conf", "[Definition]\nfailregex = ^(?:(?:a+)+)+[bc]<ADDR>$\n  ^a+ <ADDR>$\n" },
	};
	struct filter_set *set = set_of(files, 1);
	uint16_t filter = load(set, "a");
	struct filter_stats stats;
	struct filter_form form;
	struct claim claim;

	(void)state;
	assert_int_equal(
		match(set, filter, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 192.0.2.1", &claim),
		FILTER_FAILURE);
	assert_int_equal(claim.form, 1);
	filter_stats(set, &stats);
	assert_int_equal(stats.regex_limit, 1);
	assert_int_equal(stats.records, 1);
	assert_int_equal(stats.matches, 1);
	assert_int_equal(filter_form(set, filter, 0, &form), 0);
	assert_int_equal(form.limit, 1);
	assert_int_equal(form.matches, 0);
	assert_int_equal(filter_form(set, filter, 2, &form), -ENOENT);
	filter_set_free(set);
}

/* fail2ban joins <F-TUPLE_X> to X; an address that is a part of more is not who is locked out. */
static void test_parts(void **state)
{
	static const struct file files[] = {
		{ "a.conf",
		  "[Definition]\n"
		  "failregex = ^u <F-USER>\\S*</F-USER>@<F-TUPLE_USER>\\S*</F-TUPLE_USER> <ADDR>$\n"
		  " ^r <F-TUPLE_USER_1>\\S*</F-TUPLE_USER_1>/<F-TUPLE_USER>\\S*</F-TUPLE_USER> "
		  "<ADDR>$\n"
		  " ^a <F-ALT_USER>\\S*</F-ALT_USER>@<F-TUPLE_USER>\\S*</F-TUPLE_USER> <ADDR>$\n"
		  " ^i <F-ID>\\S+</F-ID> as <F-TUPLE_ID>\\S*</F-TUPLE_ID>$\n"
		  " ^j <F-ID>\\S+</F-ID> as <F-TUPLE_ID>\\S*</F-TUPLE_ID> by <ADDR>$\n" },
		{ "bad.conf",
		  "[Definition]\nfailregex = ^<ADDR> <F-TUPLE_PORT>\\d+</F-TUPLE_PORT>$\n" },
		{ "alone.conf", "[Definition]\nfailregex = ^<F-TUPLE_ID>\\S+</F-TUPLE_ID>$\n" },
		{ "many.conf",
		  "[Definition]\nfailregex = ^<ADDR>(?P<alt_user_1>a)(?P<alt_user_2>a)"
		  "(?P<alt_user_3>a)(?P<alt_user_4>a)(?P<alt_user_5>a)(?P<alt_user_6>a)"
		  "(?P<alt_user_7>a)(?P<alt_user_8>a)(?P<alt_user_9>a)$\n" },
	};
	static const struct {
		const char *line, *user, *addr;
	} rows[] = {
		{ "u bob@example 192.0.2.1", "bob, example", "192.0.2.1" },
		{ "u bob@ 192.0.2.1", "bob", "192.0.2.1" },
		{ "u @example 192.0.2.1", "example", "192.0.2.1" },
		{ "u @ 192.0.2.1", "", "192.0.2.1" },
		/* By name, not by place. */
		{ "r bob/example 192.0.2.1", "example, bob", "192.0.2.1" },
		{ "a bob@example 192.0.2.1", "bob, example", "192.0.2.1" },
		{ "i 192.0.2.1 as bob", "", "-" },
		{ "i 192.0.2.1 as ", "", "192.0.2.1" },
		{ "j 198.51.100.7 as bob by 192.0.2.1", "", "192.0.2.1" },
	};
	struct filter_set *set = set_of(files, ARRAY_SIZE(files));
	struct buf all = BUF_INIT(4096);
	char error[EVIDENCE_ERROR_MAX];
	uint16_t filter, index;
	struct claim claim;

	(void)state;
	filter_set_on_warning(set, on_warning, &all);
	filter = load(set, "a");
	assert_non_null(strstr(all.data,
			       "a.conf:5: failregex: tries are counted by address, not by "
			       "all that <F-TUPLE_ID> joins"));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_row(match(set, filter, rows[i].line, &claim) == FILTER_FAILURE,
			   rows[i].line);
		assert_row(!strcmp(claim.user, rows[i].user), rows[i].line);
		assert_row(addr_is(&claim.addr, rows[i].addr), rows[i].line);
	}
	assert_int_equal(filter_set_load(set, "bad", &index, error), -EINVAL);
	assert_string_equal(error, "bad.conf:2: failregex: tuple_port: only ID, USER and MLFID can "
				   "be made of parts");
	assert_int_equal(filter_set_load(set, "alone", &index, error), -EINVAL);
	assert_int_equal(filter_set_load(set, "many", &index, error), -EINVAL);
	assert_string_equal(error, "many.conf:2: failregex: more than 8 alternatives and parts");
	buf_done(&all);
	filter_set_free(set);
}

/* Lines are of one connection if all parts of the key are equal, not if they only read alike. */
static void test_key_parts(void **state)
{
	static const struct file files[] = {
		{ "a.conf",
		  "[Definition]\nprefregex = ^<F-MLFID>\\S+</F-MLFID> <F-TUPLE_MLFID>[^:]*"
		  "</F-TUPLE_MLFID>: <F-CONTENT>.+</F-CONTENT>$\n"
		  "failregex = ^<F-NOFAIL>from</F-NOFAIL> <ADDR>$\n ^bad$\n" },
	};
	static char line[COMPOUND_MAX + 64];
	struct filter_set *set = set_of(files, 1);
	uint16_t filter = load(set, "a");
	struct claim claim;

	(void)state;
	assert_int_equal(match(set, filter, "7 x: from 192.0.2.1", &claim), FILTER_NOFAIL);
	assert_int_equal(match(set, filter, "7 y: bad", &claim), FILTER_NOFAIL);
	assert_int_equal(match(set, filter, "7, x : bad", &claim), FILTER_NOFAIL);
	assert_int_equal(match(set, filter, "7 x: bad", &claim), FILTER_FAILURE);
	assert_true(addr_is(&claim.addr, "192.0.2.1"));
	/* Longer than a key can be: joined with nothing. */
	(void)snprintf(line, sizeof(line), "7 %0*d: from 192.0.2.2", COMPOUND_MAX, 0);
	assert_int_equal(match(set, filter, line, &claim), FILTER_NOFAIL);
	(void)snprintf(line, sizeof(line), "7 %0*d: bad", COMPOUND_MAX, 0);
	assert_int_equal(match(set, filter, line, &claim), FILTER_NOFAIL);
	filter_set_free(set);
}

static void test_addresses(void **state)
{
	static const struct file files[] = {
		{ "a.conf",
		  "[Definition]\nfailregex = ^a <ADDR>$\n ^h <HOST>(?: |$)\n ^s <SUBNET>$\n"
		  " ^i <F-ID>.+</F-ID>$\n ^b <F-ID>\\w+</F-ID> <ADDR>$\n ^d <DNS>$\n"
		  " ^u <F-USER>\\S*</F-USER> <F-ALT_USER>\\S*</F-ALT_USER> <ADDR>$\n"
		  " ^n <F-ALT_USER1>1</F-ALT_USER1> <F-ALT_USER_1>2</F-ALT_USER_1> <ADDR>$\n" },
	};
	static const struct {
		const char *line;
		enum filter_outcome outcome;
		const char *addr;
		uint8_t prefix;
	} rows[] = {
		{ "a 192.0.2.1", FILTER_FAILURE, "192.0.2.1", 32 },
		{ "a [192.0.2.1]", FILTER_FAILURE, "192.0.2.1", 32 },
		{ "a ::ffff:192.0.2.1", FILTER_FAILURE, "192.0.2.1", 32 },
		{ "a 2001:DB8::9", FILTER_FAILURE, "2001:db8::9", 128 },
		{ "a 2001:db8:0:0:0:0:0:9", FILTER_FAILURE, "2001:db8::9", 128 },
		{ "a [::1]", FILTER_FAILURE, "::1", 128 },
		{ "a ::ffff:c000:201", FILTER_FAILURE, "192.0.2.1", 32 },
		/* Shaped like one, but none. */
		{ "a 192.0.2.256", FILTER_NOFAIL, "-", 0 },
		{ "a 192.00.2.1", FILTER_NOFAIL, "-", 0 },
		{ "a 1:2:3:4:5:6:7", FILTER_NOFAIL, "-", 0 },
		{ "a 192.0.2.1.5", FILTER_NOMATCH, "-", 0 },
		{ "a host.example.net", FILTER_NOMATCH, "-", 0 },
		{ "h 192.0.2.1", FILTER_FAILURE, "192.0.2.1", 32 },
		{ "h host.example.net", FILTER_NOMATCH, "-", 0 },
		{ "d host.example.net", FILTER_NOFAIL, "-", 0 },
		{ "s 192.0.2.0/24", FILTER_FAILURE, "192.0.2.0/24", 24 },
		{ "s 192.0.2.1/24", FILTER_NOFAIL, "-", 0 },
		{ "s 192.0.2.1", FILTER_FAILURE, "192.0.2.1", 32 },
		{ "i 192.0.2.1", FILTER_FAILURE, "192.0.2.1", 32 },
		{ "i anything", FILTER_FAILURE, "-", 0 },
		{ "b card 192.0.2.1", FILTER_FAILURE, "192.0.2.1", 32 },
	};
	struct filter_set *set = set_of(files, 1);
	uint16_t filter = load(set, "a");
	struct claim claim;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum filter_outcome outcome = match(set, filter, rows[i].line, &claim);

		assert_row(outcome == rows[i].outcome, rows[i].line);
		if (outcome == FILTER_NOMATCH)
			continue;
		assert_row(addr_is(&claim.addr, rows[i].addr), rows[i].line);
		assert_row(claim.addr.prefix == rows[i].prefix, rows[i].line);
	}
	assert_int_equal(match(set, filter, "u x y 192.0.2.1", &claim), FILTER_FAILURE);
	assert_string_equal(claim.user, "x");
	assert_int_equal(match(set, filter, "u  y 192.0.2.1", &claim), FILTER_FAILURE);
	assert_string_equal(claim.user, "y");
	/* A number without its _ makes another name of it, as in fail2ban. */
	assert_int_equal(match(set, filter, "n 1 2 192.0.2.1", &claim), FILTER_FAILURE);
	assert_string_equal(claim.user, "2");
	filter_set_free(set);
}

static void test_ignoreregex(void **state)
{
	/* With few of them they see the whole line first, with many the content afterwards. */
	static const struct file files[] = {
		{ "few.conf", "[Definition]\nprefregex = ^p <F-CONTENT>.*</F-CONTENT>$\n"
			      "failregex = ^a <ADDR>\n ^b <ADDR>\n ^c <ADDR>\n ^d <ADDR>\n"
			      "ignoreregex = ^p . 192\\.0\\.2\\.\n" },
		{ "many.conf", "[Definition]\nprefregex = ^p <F-CONTENT>.*</F-CONTENT>$\n"
			       "failregex = ^a <ADDR>\n ^b <ADDR>\n"
			       "ignoreregex = ^. 192\\.0\\.2\\.\n" },
	};
	struct filter_set *set = set_of(files, ARRAY_SIZE(files));
	uint16_t few = load(set, "few"), many = load(set, "many");
	struct filter_stats stats;
	struct claim claim;

	(void)state;
	assert_int_equal(match(set, few, "p a 192.0.2.1", &claim), FILTER_IGNORED);
	assert_int_equal(match(set, few, "p x 192.0.2.1", &claim), FILTER_IGNORED);
	assert_int_equal(match(set, few, "p a 198.51.100.1", &claim), FILTER_FAILURE);
	assert_int_equal(match(set, many, "p a 192.0.2.1", &claim), FILTER_IGNORED);
	assert_int_equal(match(set, many, "p x 192.0.2.1", &claim), FILTER_NOMATCH);
	assert_int_equal(match(set, many, "p a 198.51.100.1", &claim), FILTER_FAILURE);
	filter_stats(set, &stats);
	assert_int_equal(stats.ignored, 3);
	filter_set_free(set);
}

/* failregex sees the content and a newline, wherever the content ends. */
static void test_content(void **state)
{
	static const struct file files[] = {
		{ "a.conf",
		  "[Definition]\nprefregex = ^<F-USER>\\w+</F-USER>: <F-CONTENT>.*</F-CONTENT> "
		  "end\n"
		  "failregex = ^a <ADDR>$\n ^b <ADDR>\\s$\n ^<F-USER>c</F-USER> <ADDR>$\n" },
	};
	struct filter_set *set = set_of(files, 1);
	uint16_t filter = load(set, "a");
	struct claim claim;

	(void)state;
	assert_int_equal(match(set, filter, "x: a 192.0.2.1 end of it", &claim), FILTER_FAILURE);
	assert_string_equal(claim.user, "x");
	assert_string_equal(claim.line, "x: a 192.0.2.1 end of it");
	assert_int_equal(match(set, filter, "x: b 192.0.2.1 end", &claim), FILTER_FAILURE);
	/* Where both have a group, failregex's counts. */
	assert_int_equal(match(set, filter, "x: c 192.0.2.1 end", &claim), FILTER_FAILURE);
	assert_string_equal(claim.user, "c");
	assert_int_equal(match(set, filter, "x: a 192.0.2.1", &claim), FILTER_NOMATCH);
	assert_int_equal(match(set, filter, "x: a 192.0.2.1 end end", &claim), FILTER_NOMATCH);
	filter_set_free(set);
}

/* Which expressions are asked depends on the text's first byte; the first in order still wins. */
static void test_begins(void **state)
{
	struct buf text = BUF_INIT(65536);
	struct filter_set *set;
	struct file file;
	uint16_t filter;

	(void)state;
	buf_puts(&text, "[Definition]\nfailregex =");
	for (unsigned int i = 0; i < 150; i++)
		buf_printf(&text,
			   i % 50 == 49 ? " ^(?:\\w\\d{1,3}|\\+) any%u <ADDR>$\n"
					: " ^%2$c%1$u is <ADDR>$\n",
			   i, 'a' + i % 26);
	file = (struct file){ "a.conf", text.data };
	set = set_of(&file, 1);
	filter = load(set, "a");
	for (unsigned int i = 0; i < 150; i++) {
		struct claim claim = { 0 };
		char line[64];

		(void)snprintf(line, sizeof(line),
			       i % 50 == 49 ? "%2$c%1$u any%1$u 192.0.2.1"
					    : "%2$c%1$u is 192.0.2.1",
			       i, 'a' + i % 26);
		assert_row(match(set, filter, line, &claim) == FILTER_FAILURE, line);
		assert_int_equal(claim.form, i);
		line[0] = '+';
		assert_row(match(set, filter, line, &claim) == FILTER_NOMATCH, line);
	}
	assert_int_equal(match(set, filter, "+ any99 192.0.2.1", &(struct claim){ 0 }),
			 FILTER_FAILURE);
	filter_set_free(set);
	buf_done(&text);
}

/*
 * Where the kernel refuses writable memory that becomes executable (PR_SET_MDWE, since 6.3,
 * b507808ebce2), expressions run interpreted: slower, with the same results and the same limits.
 */
static int match_without_jit(void)
{
	static const struct file files[] = {
		{ "a.conf", "[Definition]\nfailregex = ^(?:(?:a+)+)+[bc]<ADDR>$\n  ^a+ <ADDR>$\n"
			    "datepattern = ^%%Y\n" },
	};
	struct filter_set *set = set_of(files, 1);
	uint16_t filter = load(set, "a");
	struct filter_stats stats;
	struct claim claim;
	enum filter_outcome outcome =
		match(set, filter, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 192.0.2.1", &claim);

	filter_stats(set, &stats);
	filter_set_free(set);
	return outcome == FILTER_FAILURE && stats.interpreted == 3 && stats.regex_limit == 1 ? 0
											     : 1;
}

static void test_without_jit(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	assert_true(child >= 0);
	if (!child)
		_exit(prctl(SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0L, 0L, 0L) ? 77
									 : match_without_jit());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_jit), /* first: memory got before stays executable */
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_dialect),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_literal_search),
		cmocka_unit_test(test_blow_up),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_limit_is_told),
		cmocka_unit_test(test_limit_is_counted),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_key_parts),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ignoreregex),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
