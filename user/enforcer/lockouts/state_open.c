/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening the file of lockouts: is it one, is it whole.
 *
 * Nothing is thrown away unseen: a file that cannot be used is kept under another name, a tail
 * that is cut off is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "enforcer/lockouts/state_record.h"

/* Learns how many records there are and cuts off a damaged tail. */
static int tail_check(struct state *state, off_t size, char message[IPC_TEXT_MAX])
{
	uint32_t whole = (uint32_t)(size / (off_t)sizeof(struct state_record)) - 1;
	struct state_scan scan = {};
	off_t end;
	int r;

	r = state_scan_file(state, whole, &scan);
	if (r < 0)
		return r;
	state->records = scan.last;
	end = state_place(scan.last);
	if (end != size && ftruncate(state->fd, end) < 0)
		return -errno;
	if (scan.bad > 0 || end != size)
		(void)snprintf(message, IPC_TEXT_MAX,
			       "file of lockouts was damaged: %u records kept, %u did not check, "
			       "%lld bytes of its end cut off",
			       scan.last - scan.bad, scan.bad, (long long)(size - end));
	return 0;
}

static int set_aside(struct state *state, const char *why, char message[IPC_TEXT_MAX])
{
	char name[64];

	for (int i = 1; i < 100; i++) {
		(void)snprintf(name, sizeof(name), STATE_FILE ".unusable-%d", i);
		if (renameat2(state->dir_fd, STATE_FILE, state->dir_fd, name,
			      1 /* RENAME_NOREPLACE */) == 0) {
			(void)snprintf(message, IPC_TEXT_MAX,
				       "file of lockouts could not be used (%s) and is now %s", why,
				       name);
			return 0;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int file_new(struct state *state)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (state->dir_fd < 0)
		fd = memfd_create("bailiff-lockouts", MFD_CLOEXEC);
	else
		fd = openat(state->dir_fd, STATE_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	state_header_init(&state->header, state->boot_id);
	r = state_header_write(state, fd);
	if (r < 0)
		return r;
	state->fd = TAKE_FD(fd);
	state->dirty = true;
	return STATE_NEW;
}

/* NULL: the file is fine so far. */
static const char *file_trouble(const struct stat *st, const struct state_header *header, ssize_t n)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_size > state_place(STATE_RECORDS_MAX))
		return "too large";
	if (n < (ssize_t)sizeof(*header) || header->magic != STATE_MAGIC)
		return "not such a file, or its beginning is damaged";
	if (header->version != STATE_VERSION || header->record_size != sizeof(struct state_record))
		return "of another version";
	if (!state_header_valid(header))
		return "its header does not check";
	return NULL;
}

static int file_open(struct state *state, char message[IPC_TEXT_MAX])
{
	const char *trouble;
	struct stat st;
	ssize_t n = 0;
	int r;

	state->fd = openat(state->dir_fd, STATE_FILE, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (state->fd < 0)
		return errno == ENOENT ? file_new(state) : -errno;
	if (fstat(state->fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		n = state_read_at(state->fd, &state->header, sizeof(state->header), 0);
	if (n < 0)
		return (int)n;
	trouble = file_trouble(&st, &state->header, n);
	if (trouble) {
		(void)close(TAKE_FD(state->fd));
		r = set_aside(state, trouble, message);
		return r < 0 ? r : file_new(state);
	}
	r = tail_check(state, st.st_size, message);
	if (r < 0)
		return r;
	return state_of_this_boot(state) ? STATE_SAME_BOOT : STATE_OTHER_BOOT;
}

int state_open(struct state **ret, const char *dir, const uint8_t boot_id[STATE_BOOT_ID],
	       char message[IPC_TEXT_MAX])
{
	_cleanup_(state_freep) struct state *state = calloc(1, sizeof(*state));
	int r;

	if (!state)
		return -ENOMEM;
	message[0] = '\0';
	state->fd = -1;
	state->dir_fd = -1;
	memcpy(state->boot_id, boot_id, STATE_BOOT_ID);
	if (dir) {
		state->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (state->dir_fd < 0)
			return -errno;
	}
	r = dir ? file_open(state, message) : file_new(state);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(state);
	return r;
}
