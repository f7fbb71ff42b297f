/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Audit records of programs (PAM, sshd, login), as the kernel sends them out:
 *
 *   audit(1795568523.123:456): pid=812 uid=0 auid=4294967295 ses=4294967295 subj=unconfined
 *   msg='op=PAM:authentication grantors=? acct="root" exe="/usr/sbin/sshd" hostname=203.0.113.9
 *   addr=203.0.113.9 terminal=ssh res=failed'
 *
 * What stands before msg= the kernel wrote (audit_log_common_recv_msg), so it is true. The rest is
 * the sending program's text; sending takes CAP_AUDIT_WRITE, which root has, and so has root in
 * many containers.
 */
#ifndef ANALYST_EVIDENCE_AUDIT_H
#define ANALYST_EVIDENCE_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#include "base/addr.h"

enum audit_result {
	AUDIT_SUCCESS = 1,
	AUDIT_FAILED,
	AUDIT_RESULT_MAX,
};

struct audit_record {
	uint64_t said_wall_ns;
	uint32_t pid, uid, auid, ses; /* the kernel's */
	/* The program's: */
	enum audit_result result;
	struct addr addr; /* family 0: none that can be believed to be one */
	char user[IPC_USER_MAX]; /* "" = unknown */
	char exe[128];
};

/* What is not about a login: -ENOMSG (another type), or -EBADMSG (it has another form). */
int audit_parse(uint16_t type, const char *text, size_t len, struct audit_record *ret);
/* "USER_AUTH"; NULL for a type that audit_parse does not take. */
const char *audit_type_name(uint16_t type);

#endif
