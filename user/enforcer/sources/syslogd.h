/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether the host's syslog daemon writes a file, as far as its configuration tells. Private to
 * sources*.c.
 *
 * Anybody can have syslog write a line, so such a file is no service's own, whoever owns it.
 */
#ifndef ENFORCER_SYSLOGD_H
#define ENFORCER_SYSLOGD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct syslogd; /* texts of configuration files, all together bounded */

/* root: "" or a folder to look in instead of /. -errno only for want of memory; what cannot be read
 * is left out. */
int syslogd_new(struct syslogd **ret, const char *root);
struct syslogd *syslogd_free(struct syslogd *syslogd);
DEFINE_CLEANUP(syslogd_free, struct syslogd *)

/* "FILE:LINE" of the configuration that names it as written. */
bool syslogd_writes(const struct syslogd *syslogd, const char *path, char *where, size_t size);

#endif
