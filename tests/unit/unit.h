/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every unit test includes: cmocka with the headers that it wants first.
 */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Text of a table's row that failed, before the assertion that ends the test. */
#define assert_row(condition, text)                           \
	do {                                                  \
		if (!(condition))                             \
			print_message("# row: %s\n", (text)); \
		assert_true(condition);                       \
	} while (0)

#endif
