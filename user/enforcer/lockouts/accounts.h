/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Administrators, as far as the local account files tell.
 *
 * An administrator is uid 0, a member of the groups sudo, wheel or admin, or an account that the
 * configuration exempts. One with a way in has a shell that is not nologin or false, and a password
 * that is not locked or a file of authorized keys that is not empty. Accounts of a directory
 * service do not count: whether they can log in is known elsewhere.
 */
#ifndef ENFORCER_ACCOUNTS_H
#define ENFORCER_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

typedef bool (*account_fn)(uint32_t uid, void *arg);

struct accounts_ask {
	int root_fd; /* of "/", or of a test's folder */
	uint32_t uid; /* the account that shall be locked out */
	account_fn exempt; /* true: an administrator by configuration */
	account_fn locked; /* true: locked out already, so no way in */
	void *arg;
};

/*
 * 1: locking uid out leaves an administrator with a way in, or takes none away, because uid is no
 * administrator. 0: it would take the last one. -errno: the files cannot be read.
 */
int accounts_other_admin(const struct accounts_ask *ask);

#endif
