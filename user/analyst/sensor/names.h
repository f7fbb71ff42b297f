/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the sensor stage: the words of a recording, the same for reader and writer. */
#ifndef ANALYST_SENSOR_NAMES_H
#define ANALYST_SENSOR_NAMES_H

#include <stdint.h>

#include "analyst/sensor/sensor.h"

struct sensor_flag {
	const char *name;
	uint16_t bit;
};

extern const char *const sensor_kind_names[BL_EVENT_MAX];
extern const char *const sensor_role_names[BL_ROLE_MAX]; /* [BL_ROLE_NONE] is NULL */
extern const struct sensor_flag sensor_exec_flags[]; /* ends with name NULL */
extern const struct sensor_flag sensor_session_flags[];
extern const struct sensor_flag sensor_auth_flags[];

/* Most elements of args in a line: with them it stays below JSON_TOKENS_MAX. */
#define SENSOR_ARGS_MAX 900

#endif
