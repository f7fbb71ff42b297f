/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as rtnetlink messages: nothing is read past them, the list stays within its bound.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "enforcer/lockouts/exempt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf *conf;
	static struct exempt *exempt;
	size_t count;

	if (!exempt && (conf_new(&conf) < 0 || exempt_new(&exempt, conf) < 0))
		abort();
	(void)exempt_parse(exempt, data, size);
	(void)exempt_list(exempt, &count);
	if (count > EXEMPT_MAX)
		abort();
	return 0;
}
