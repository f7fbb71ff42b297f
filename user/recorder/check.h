/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a message must hold before the recorder reads it: values within their enums, strings
 * terminated, subjects in the one form in which they compare by memcmp. The channel has already
 * checked kind and length.
 */
#ifndef RECORDER_CHECK_H
#define RECORDER_CHECK_H

#include <stddef.h>

#include <bailiff/control.h>
#include <bailiff/ipc.h>

/* 0, or -EPROTO. */
int check_subject(const struct ipc_subject *subject);
int check_record(const struct ipc_record *record);
int check_outcome(const struct ipc_outcome *outcome);
int check_status(const struct ipc_status *status);

/* A request of a status client, as it came. On -EPROTO *ret_error is a sentence for the client. */
int check_request(const void *bytes, size_t len, struct status_request *ret,
		  const char **ret_error);

#endif
