/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes with what belongs to each below it, children below their parents.
 */
#include "ctl/snapshot_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "ctl/output.h"

#define DEPTH_MAX 32 /* of indentation; deeper ones stand at that */
#define VALUE_MAX 4200
#define FILES_SHOWN 16 /* of one process; the rest is counted */

struct node {
	int64_t pid, parent;
	const char *at; /* its line, and those that follow up to the next process's */
	size_t len;
	bool shown, child; /* its parent is in the file as well */
};

struct tree {
	struct buf *out;
	struct node *node;
	size_t count;
	uint64_t bad; /* lines that do not parse */
	bool cut; /* more than SNAPSHOT_NODES_MAX */
};

static struct json_doc doc; /* too large for the stack */

static int parse_line(const char *at, size_t len)
{
	size_t where;
	int r = json_parse(&doc, at, len, &where);

	return r < 0 || doc.token[0].kind != JSON_OBJECT ? -EINVAL : 0;
}

/* Safe text of a string member; false: there is none. */
static bool put_member(struct buf *out, uint32_t object, const char *key)
{
	char value[VALUE_MAX];
	int at = json_member(&doc, object, key), n;

	if (at < 0 || doc.token[at].kind != JSON_STRING)
		return false;
	n = json_get_string(&doc, (uint32_t)at, value, sizeof(value));
	buf_put_safe(out, value, n >= 0 ? (size_t)n : strlen(value));
	return true;
}

static bool is_kind(const char *kind)
{
	char value[16];
	int at = json_member(&doc, 0, "kind");

	return at >= 0 && json_get_string(&doc, (uint32_t)at, value, sizeof(value)) >= 0 &&
	       !strcmp(value, kind);
}

static uint64_t number(uint32_t object, const char *key)
{
	int at = json_member(&doc, object, key);
	uint64_t value = 0;

	return at >= 0 && json_get_u64(&doc, (uint32_t)at, &value) == 0 ? value : 0;
}

static bool flag(uint32_t object, const char *key)
{
	int at = json_member(&doc, object, key);
	bool value = false;

	return at >= 0 && json_get_bool(&doc, (uint32_t)at, &value) == 0 && value;
}

static void indent(struct buf *out, unsigned int depth)
{
	for (unsigned int i = 0; i < depth && i < DEPTH_MAX; i++)
		buf_puts(out, "  ");
}

/* ---- one process ---- */

static void put_list(struct buf *out, uint32_t object, const char *key)
{
	int list = json_member(&doc, object, key);
	char value[VALUE_MAX];
	uint32_t at;

	if (list < 0 || doc.token[list].kind != JSON_ARRAY)
		return;
	at = (uint32_t)list + 1;
	for (uint32_t i = 0; i < doc.token[list].count; i++) {
		int n = json_get_string(&doc, at, value, sizeof(value));

		buf_putc(out, ' ');
		if (n >= 0 || n == -ENOBUFS)
			buf_put_safe(out, value, n >= 0 ? (size_t)n : strlen(value));
		at = doc.token[at].next;
	}
}

static void put_process(struct buf *out, unsigned int depth)
{
	int at = json_member(&doc, 0, "process"), hash, credentials;
	uint32_t process = (uint32_t)at;

	if (at < 0)
		return;
	indent(out, depth);
	buf_printf(out, "%" PRIu64 " ", number(process, "pid"));
	(void)put_member(out, process, "name");
	buf_putc(out, ':');
	put_list(out, process, "args");
	buf_putc(out, '\n');
	indent(out, depth + 2);
	buf_puts(out, "program ");
	if (!put_member(out, process, "executable"))
		buf_puts(out, "not known");
	if (flag(process, "executable_deleted"))
		buf_puts(out, ", DELETED");
	hash = json_member(&doc, process, "hash");
	if (hash >= 0) {
		buf_puts(out, ", sha256 ");
		(void)put_member(out, (uint32_t)hash, "sha256");
	}
	buf_putc(out, '\n');
	indent(out, depth + 2);
	buf_puts(out, "in ");
	(void)put_member(out, process, "working_directory");
	credentials = json_member(&doc, process, "credentials");
	if (credentials >= 0) {
		buf_puts(out, ", uids ");
		(void)put_member(out, (uint32_t)credentials, "uids");
	}
	buf_puts(out, "\n");
	indent(out, depth + 2);
	buf_puts(out, "variables:");
	put_list(out, process, "env_names");
	buf_putc(out, '\n');
}

static void put_side(struct buf *out, const char *key)
{
	int at = json_member(&doc, 0, key);

	if (at < 0)
		return;
	(void)put_member(out, (uint32_t)at, "ip");
	buf_printf(out, " port %" PRIu64, number((uint32_t)at, "port"));
}

static bool put_socket(struct buf *out, unsigned int depth)
{
	int network = json_member(&doc, 0, "network");

	if (network < 0)
		return false;
	indent(out, depth + 2);
	(void)put_member(out, (uint32_t)network, "transport");
	buf_puts(out, " socket ");
	put_side(out, "local");
	buf_puts(out, ", peer ");
	put_side(out, "peer");
	buf_putc(out, '\n');
	return true;
}

static void put_node(struct tree *tree, const struct node *node, unsigned int depth)
{
	const char *end = node->at + node->len;
	uint64_t files = 0, sockets = 0;

	for (const char *line = node->at; line < end;) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));
		const char *stop = eol ? eol : end;

		if (parse_line(line, (size_t)(stop - line)) == 0) {
			if (is_kind("process")) {
				put_process(tree->out, depth);
			} else if (is_kind("memfd")) {
				indent(tree->out, depth + 2);
				buf_puts(tree->out, "memory file ");
				(void)put_member(tree->out, 0, "name");
				buf_printf(tree->out, ", %" PRIu64 " bytes%s\n", number(0, "size"),
					   flag(0, "cut") ? ", not all of it kept" : "");
			} else if (is_kind("socket")) {
				sockets += !put_socket(tree->out, depth);
			} else if (is_kind("file") && files++ < FILES_SHOWN) {
				indent(tree->out, depth + 2);
				buf_puts(tree->out, "open ");
				(void)put_member(tree->out, 0, "path");
				buf_putc(tree->out, '\n');
			}
		}
		line = stop + 1;
	}
	if (files <= FILES_SHOWN && !sockets)
		return;
	indent(tree->out, depth + 2);
	buf_printf(tree->out, "%" PRIu64 " more open files, %" PRIu64 " other sockets\n",
		   files > FILES_SHOWN ? files - FILES_SHOWN : 0, sockets);
}

static void put_below(struct tree *tree, struct node *node, unsigned int depth)
{
	node->shown = true;
	put_node(tree, node, depth);
	/* Deeper ones are shown as if they had no parent: the stack is finite. */
	for (size_t i = 0; i < tree->count && depth < DEPTH_MAX; i++)
		if (!tree->node[i].shown && tree->node[i].parent == node->pid)
			put_below(tree, &tree->node[i], depth + 1);
}

/* ---- the file ---- */

static void add_line(struct tree *tree, const char *line, size_t len)
{
	struct node *node = tree->count ? &tree->node[tree->count - 1] : NULL;
	int process, parent;

	if (parse_line(line, len) < 0) {
		tree->bad++;
		return;
	}
	if (!is_kind("process")) {
		if (node && !tree->cut)
			node->len = (size_t)(line + len - node->at);
		return;
	}
	if (tree->count == SNAPSHOT_NODES_MAX) {
		tree->cut = true;
		return;
	}
	process = json_member(&doc, 0, "process");
	if (process < 0)
		return;
	node = &tree->node[tree->count++];
	*node = (struct node){ .at = line, .len = len };
	node->pid = (int64_t)number((uint32_t)process, "pid");
	parent = json_member(&doc, (uint32_t)process, "parent");
	node->parent = parent < 0 ? 0 : (int64_t)number((uint32_t)parent, "pid");
}

static void put_head(struct buf *out)
{
	char taken[OUTPUT_TIME_MAX];

	output_time(number(0, "taken_wall_ns"), taken);
	buf_puts(out, "session ");
	(void)put_member(out, 0, "session");
	buf_printf(out, " of uid %" PRIu64 ", %" PRIu64 " processes, %s, by ", number(0, "auid"),
		   number(0, "processes"), taken);
	(void)put_member(out, 0, "origin");
	buf_puts(out, ": ");
	(void)put_member(out, 0, "reason");
	buf_puts(out, "\n\n");
}

static void put_end(struct tree *tree, bool ended)
{
	if (ended && flag(0, "cut"))
		buf_printf(tree->out,
			   "\nnot all of it: a bound was reached, %" PRIu64 " processes left out\n",
			   number(0, "left_out"));
	else if (!ended)
		buf_puts(tree->out, "\nnot all of it: its end is missing\n");
	if (tree->bad)
		buf_printf(tree->out, "\n%" PRIu64 " lines cannot be shown here\n", tree->bad);
	if (tree->cut)
		buf_printf(tree->out, "\nonly %d processes are shown\n", SNAPSHOT_NODES_MAX);
}

int snapshot_put_text(struct buf *out, const char *text, size_t len)
{
	struct tree tree = { .out = out };
	const char *end = text + len, *last = NULL;
	_cleanup_free_ struct node *node = NULL;
	size_t last_len = 0;

	node = calloc(SNAPSHOT_NODES_MAX, sizeof(*node));
	if (!node)
		return -ENOMEM;
	tree.node = node;
	for (const char *line = text; line < end;) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));
		const char *stop = eol ? eol : end;

		if (last) {
			add_line(&tree, line, (size_t)(stop - line));
		} else if (parse_line(line, (size_t)(stop - line)) < 0 || !is_kind("snapshot")) {
			return -EINVAL;
		} else {
			put_head(out);
		}
		last = line;
		last_len = (size_t)(stop - line);
		line = stop + 1;
	}
	if (!last)
		return -EINVAL;
	for (size_t i = 0; i < tree.count; i++)
		for (size_t k = 0; k < tree.count && !node[i].child; k++)
			node[i].child = k != i && node[k].pid == node[i].parent;
	for (size_t i = 0; i < tree.count; i++)
		if (!node[i].child && !node[i].shown)
			put_below(&tree, &node[i], 0);
	/* Their own ancestors, or too deep. */
	for (size_t i = 0; i < tree.count; i++)
		if (!node[i].shown)
			put_below(&tree, &node[i], 0);
	put_end(&tree, parse_line(last, last_len) == 0 && is_kind("end"));
	return 0;
}
