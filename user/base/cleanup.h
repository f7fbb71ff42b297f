/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cleanup attributes: an owning local frees itself, so one function can be read on its own.
 *
 * Fds start at -1, pointers at NULL; ownership leaves a scope only through TAKE_PTR / TAKE_FD.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* DEFINE_CLEANUP(table_free, struct table *) makes table_freep for _cleanup_(table_freep). */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses */
#define DEFINE_CLEANUP(func, type)          \
	static inline void func##p(type *p) \
	{                                   \
		if (*p)                     \
			func(*p);           \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void base_freep(void *p)
{
	free(*(void **)p);
}

static inline void base_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void base_fclosep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static inline void base_closedirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

#define _cleanup_free_ _cleanup_(base_freep)
#define _cleanup_close_ _cleanup_(base_closep)
#define _cleanup_fclose_ _cleanup_(base_fclosep)
#define _cleanup_closedir_ _cleanup_(base_closedirp)

#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) _taken = (p); \
		(p) = NULL;                 \
		_taken;                     \
	})

#define TAKE_FD(fd)                \
	({                         \
		int _taken = (fd); \
		(fd) = -1;         \
		_taken;            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
