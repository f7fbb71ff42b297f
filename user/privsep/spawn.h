/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Closing what a child must not inherit; apart from spawn.c's job so that both ways can be tested.
 */
#ifndef PRIVSEP_SPAWN_H
#define PRIVSEP_SPAWN_H

#include <stdbool.h>

/* Closes every fd from first on. by_hand: as on kernels without close_range (before 5.9). */
int spawn_close_from(int first, bool by_hand);

#endif
