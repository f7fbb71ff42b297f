/* SPDX-License-Identifier: GPL-2.0-only */
/* A table of /proc/PID/net of any bytes; the first byte chooses the family and protocol. */
#include <assert.h>
#include <stdint.h>
#include <sys/socket.h>

#include "enforcer/session/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snapshot_sockets sockets = {};

	if (size == 0)
		return 0;
	assert(snapshot_sockets_parse(&sockets, (const char *)data + 1, size - 1,
				      data[0] & 1 ? AF_INET6 : AF_INET, data[0] & 2) == 0);
	assert(sockets.count <= SNAPSHOT_SOCKETS_MAX);
	for (uint32_t i = 0; i < sockets.count; i++)
		assert(sockets.socket[i].inode != 0);
	snapshot_sockets_done(&sockets);
	return 0;
}
