/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program start, told to those who watch.
 *
 * One line of text, as it would be typed: the file that runs and its arguments, but for the name it
 * goes by. Blanks within arguments stay as they are; it is to be read, not to be run. Whatever the
 * sensor or the length of the text left out is told by "..." at the end.
 */
#include "analyst/exec_record.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static const char more[] = "...";

static void text_fill(const struct bl_event_exec *exec, char *text, size_t size)
{
	size_t room = size - sizeof(more);
	size_t used, at = strnlen(exec->args, exec->args_kept) + 1;
	bool cut = exec->args_len > exec->args_kept || strlen(exec->exe) > room;

	text_copy(text, room + 1, exec->exe);
	used = strlen(text);
	while (at < exec->args_kept && used < room) {
		size_t len = strnlen(exec->args + at, exec->args_kept - at);

		text[used++] = ' ';
		text_copy_len(text + used, room + 1 - used, exec->args + at, len);
		cut = cut || strlen(text + used) < len;
		used += strlen(text + used);
		at += len + 1;
	}
	cut = cut || at < exec->args_kept;
	text_copy(text + used, size - used, cut ? more : "");
}

void exec_record(const struct bl_event_exec *exec, struct ipc_record *record)
{
	record->subject = (struct ipc_subject){ .kind = SUBJECT_SESSION, .id = exec->task.session };
	record->trust = TRUST_WITNESSED;
	record->session = exec->task.session;
	record->pid = exec->task.pid;
	(void)snprintf(record->user, sizeof(record->user), "%u", exec->task.uid);
	text_fill(exec, record->text, sizeof(record->text));
}
