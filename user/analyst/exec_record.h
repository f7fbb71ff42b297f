/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to bailiff-analyst's own files: a program start, told to those who watch. */
#ifndef ANALYST_EXEC_RECORD_H
#define ANALYST_EXEC_RECORD_H

#include <bailiff/event.h>
#include <bailiff/ipc.h>

/* Fills in what is of the event; kind, source and time are the caller's. */
void exec_record(const struct bl_event_exec *exec, struct ipc_record *record);

#endif
