/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the sensor stage: members of a JSON object, with errors that name the key. */
#ifndef ANALYST_SENSOR_VALUES_H
#define ANALYST_SENSOR_VALUES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyst/sensor/sensor.h"
#include "base/json.h"

#define READING_TEXT_MAX 8192

struct reading {
	const struct json_doc *doc;
	const struct sensor_names *names;
	char *error; /* SENSOR_ERROR_MAX */
};

enum keep { KEEP_BEGIN, KEEP_END };

/* "KEY wants WHAT" to error; -EINVAL. */
int value_wants(const struct reading *r, const char *key, const char *what);
/* Index of a member that is there and not null, else 0 (the whole object, never a member). */
uint32_t value_member(const struct reading *r, uint32_t object, const char *key);

/* 1: *ret is set; 0: no such member; -EINVAL. */
int value_u64(const struct reading *r, uint32_t object, const char *key, uint64_t most, __u64 *ret);
int value_u32(const struct reading *r, uint32_t object, const char *key, uint32_t *ret);
int value_u16(const struct reading *r, uint32_t object, const char *key, uint16_t *ret);
/* As above; 2: it was cut to size. */
int value_text(const struct reading *r, const char *key, enum keep keep, char *to, size_t size);
/* The most of len bytes of a longer text that does not end within a character. */
size_t value_cut(const char *text, size_t len);
/* Of the token at index; *family 0 takes any, else it has to agree. */
int value_address(const struct reading *r, uint32_t index, const char *key, uint16_t *family,
		  uint8_t bytes[16]);

#endif
