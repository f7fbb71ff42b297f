/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's audit: whether it is on, and a socket that its records come to.
 *
 * Nothing here switches it on: that would mark the kernel until a reboot (every new task gets an
 * audit context), and is the administrator's to decide.
 */
#ifndef ENFORCER_AUDIT_H
#define ENFORCER_AUDIT_H

#include <stddef.h>

/* 0 or 1; -EPERM without CAP_AUDIT_CONTROL, -ECONNREFUSED in a container, -EPROTONOSUPPORT where
 * the kernel has none. */
int audit_enabled(void);

/* A non-blocking socket in the multicast group of audit records (3.16). It needs CAP_AUDIT_READ in
 * the first user namespace; it reads, nothing else. Does not take auditd's place. */
int audit_open(int *ret_fd);

/* Why there will be no records: of what the two above returned. "" = there is no reason known. */
void audit_trouble(int opened, int enabled, char *to, size_t size);

#endif
