/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any packet on the control socket: refused with a sentence, or a request whose fields are in
 * range.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "enforcer/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_request request;

	if (control_check(data, size))
		return 0;
	if (size != sizeof(request))
		abort();
	memcpy(&request, data, sizeof(request));
	if (request.version != CONTROL_VERSION || request.op < CONTROL_STATUS ||
	    request.op >= CONTROL_OP_MAX || request.subject.kind >= SUBJECT_MAX ||
	    strnlen(request.reason, sizeof(request.reason)) == sizeof(request.reason))
		abort();
	return 0;
}
