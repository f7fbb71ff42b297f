/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Results in TAP: one line a check, and a plan at the end, so that a test program that died half
 * way is not taken for a good one.
 */
#ifndef TESTS_BPF_TAP_H
#define TESTS_BPF_TAP_H

#include <stdbool.h>

/* Prefix of the following checks, e.g. the configuration under test. */
void tap_group(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Returns ok. */
bool check(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
void skip(const char *what, const char *reason);
/* Detail for a person, shown below the check before it. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints the plan; 0 good, 1 a check failed, 77 nothing but skips. */
int tap_end(void);

#endif
