/* SPDX-License-Identifier: GPL-2.0-only */
/* Single values of a recording's line: their type and range are checked here and nowhere else. */
#include "analyst/sensor/values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"

int value_wants(const struct reading *r, const char *key, const char *what)
{
	(void)snprintf(r->error, SENSOR_ERROR_MAX, "%.40s wants %.100s", key, what);
	return -EINVAL;
}

uint32_t value_member(const struct reading *r, uint32_t object, const char *key)
{
	int index = json_member(r->doc, object, key);

	return index > 0 && r->doc->token[index].kind != JSON_NULL ? (uint32_t)index : 0;
}

int value_u64(const struct reading *r, uint32_t object, const char *key, uint64_t most, __u64 *ret)
{
	uint32_t index = value_member(r, object, key);
	uint64_t value;
	char what[64];

	if (!index)
		return 0;
	if (json_get_u64(r->doc, index, &value) < 0 || value > most) {
		(void)snprintf(what, sizeof(what), "a number from 0 to %" PRIu64, most);
		return value_wants(r, key, what);
	}
	*ret = value;
	return 1;
}

int value_u32(const struct reading *r, uint32_t object, const char *key, uint32_t *ret)
{
	__u64 value;
	int found = value_u64(r, object, key, UINT32_MAX, &value);

	if (found > 0)
		*ret = (uint32_t)value;
	return found;
}

int value_u16(const struct reading *r, uint32_t object, const char *key, uint16_t *ret)
{
	__u64 value;
	int found = value_u64(r, object, key, UINT16_MAX, &value);

	if (found > 0)
		*ret = (uint16_t)value;
	return found;
}

size_t value_cut(const char *text, size_t len)
{
	while (len && (text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

int value_text(const struct reading *r, const char *key, enum keep keep, char *to, size_t size)
{
	uint32_t index = value_member(r, 0, key);
	char text[READING_TEXT_MAX];
	size_t len;
	int n;

	if (!index)
		return 0;
	n = json_get_string(r->doc, index, text, sizeof(text));
	if (n == -ENOBUFS)
		return value_wants(r, key, "a shorter text");
	if (n < 0)
		return value_wants(r, key, "a text");
	len = strlen(text);
	if (len < size) {
		memcpy(to, text, len + 1);
		return 1;
	}
	memset(to, 0, size);
	if (keep == KEEP_BEGIN) {
		memcpy(to, text, value_cut(text, size - 1));
	} else {
		const char *from = text + len - (size - 1);

		while ((*from & 0xc0) == 0x80)
			from++;
		memcpy(to, from, strlen(from));
	}
	return 2;
}

int value_address(const struct reading *r, uint32_t index, const char *key, uint16_t *family,
		  uint8_t bytes[16])
{
	char text[ADDR_TEXT_MAX];
	struct addr addr;
	int n;

	n = json_get_string(r->doc, index, text, sizeof(text));
	if (n < 0 || addr_parse(text, (size_t)n, &addr) < 0)
		return value_wants(r, key, "a numeric address");
	if (*family && *family != addr.family)
		return value_wants(r, key, "an address of the same family as peer");
	*family = addr.family;
	memcpy(bytes, addr.bytes, sizeof(addr.bytes));
	return 1;
}
