/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of the enums of include/bailiff/ipc.h as they stand in JSON. They are an interface: other
 * people's scripts compare them.
 */
#ifndef RECORDER_NAMES_H
#define RECORDER_NAMES_H

#include <stdint.h>

/* A value outside its enum gives "unknown". */
const char *name_subject(uint32_t kind);
const char *name_action(uint32_t action);
const char *name_trust(uint32_t trust);
const char *name_mode(uint32_t mode);
const char *name_outcome(uint32_t result);
const char *name_record(uint32_t kind);
const char *name_result(uint32_t result);

#endif
