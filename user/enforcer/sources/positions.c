/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How far each log file was read, kept across restarts of bailiffd.
 */
#include "enforcer/sources/positions.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/table.h"

#define POSITIONS_MAGIC 0x32736f706c696162ULL /* "bailpos2" */

struct block_head {
	uint64_t magic;
	uint64_t sum; /* of what follows the head */
	uint64_t saved_wall_ns;
	uint64_t count;
};

/* Not against an adversary (the file is root's own): against half-written and old ones. */
static uint64_t sum_of(const struct block_head *head, const struct position *position)
{
	const uint64_t seed[2] = { head->saved_wall_ns, head->count };

	return table_hash(seed, position, (size_t)head->count * sizeof(*position));
}

int positions_load(const char *path, struct positions *ret)
{
	_cleanup_free_ char *text = NULL;
	struct block_head head;
	size_t len;
	int r;

	r = file_read(path, sizeof(head) + sizeof(ret->position), &text, &len);
	if (r == -EFBIG)
		return -EBADMSG;
	if (r < 0)
		return r;
	if (len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, text, sizeof(head));
	if (head.magic != POSITIONS_MAGIC || head.count > POSITIONS_MAX ||
	    len != sizeof(head) + head.count * sizeof(struct position))
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->position, text + sizeof(head), len - sizeof(head));
	if (sum_of(&head, ret->position) != head.sum) {
		memset(ret, 0, sizeof(*ret));
		return -EBADMSG;
	}
	ret->saved_wall_ns = head.saved_wall_ns;
	ret->count = (size_t)head.count;
	for (size_t i = 0; i < ret->count; i++)
		ret->position[i].path[IPC_PATH_MAX - 1] = '\0';
	return 0;
}

int positions_save(const char *path, const struct positions *positions)
{
	struct block_head head = {
		.magic = POSITIONS_MAGIC,
		.saved_wall_ns = positions->saved_wall_ns,
		.count = positions->count,
	};
	size_t len = positions->count * sizeof(struct position);
	_cleanup_free_ char *block = malloc(sizeof(head) + len);

	if (!block)
		return -ENOMEM;
	head.sum = sum_of(&head, positions->position);
	memcpy(block, &head, sizeof(head));
	memcpy(block + sizeof(head), positions->position, len);
	return file_write_atomic(path, block, sizeof(head) + len, 0600);
}

const struct position *positions_find(const struct positions *positions, const char *path)
{
	for (size_t i = 0; i < positions->count; i++)
		if (!strcmp(positions->position[i].path, path))
			return &positions->position[i];
	return NULL;
}
