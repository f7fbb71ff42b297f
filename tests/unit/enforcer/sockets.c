/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines of /proc/net/tcp and tcp6. */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "enforcer/sockets/sockets.h"

#define REST                                                                                      \
	" 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 20 4 30 " \
	"10 -1\n"

#define NONE { 0 }, { 0 }, 0, 0, 0

static void test_lines(void **state)
{
	static const struct {
		const char *line;
		int family, r;
		uint8_t peer[16], local[16];
		uint16_t found_family, peer_port, local_port;
	} rows[] = {
		{ "   0: 020000CB:0015 097100CB:9C41 01" REST,
		  AF_INET,
		  1,
		  { 203, 0, 113, 9 },
		  { 203, 0, 0, 2 },
		  AF_INET,
		  40001,
		  21 },
		{ "  17: B80D0120000000000000000001000000:0015 "
		  "B80D0120000000000000000009000000:9C41 01" REST,
		  AF_INET6,
		  1,
		  { 0x20, 0x01, 0x0d, 0xb8, [15] = 9 },
		  { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
		  AF_INET6,
		  40001,
		  21 },
		{ "  17: 0000000000000000FFFF00000100007F:0015 "
		  "0000000000000000FFFF0000097100CB:9C41 01" REST,
		  AF_INET6,
		  1,
		  { 203, 0, 113, 9 },
		  { 127, 0, 0, 1 },
		  AF_INET,
		  40001,
		  21 },
		/* Listening, on its way out. */
		{ "   0: 00000000:0015 00000000:0000 0A" REST, AF_INET, 0, NONE },
		{ "   0: 0100007F:0015 0100007F:9C41 06" REST, AF_INET, 0, NONE },
		/* Of the other family, cut, or none. */
		{ "   0: 0100007F:0015 0100007F:9C41 01" REST, AF_INET6, -EINVAL, NONE },
		{ "   0: 0100007F:0015 0100007F:9C41 01", AF_INET, -EINVAL, NONE },
		{ "   0: 0100007G:0015 0100007F:9C41 01" REST, AF_INET, -EINVAL, NONE },
		{ "  sl  local_address rem_address   st tx_queue\n", AF_INET, -EINVAL, NONE },
		{ "", AF_INET, -EINVAL, NONE },
	};

	(void)state;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct socket_found found = { 0 };

		assert_row(sockets_parse_line(rows[i].line, rows[i].family, &found) == rows[i].r,
			   rows[i].line);
		if (rows[i].r <= 0)
			continue;
		assert_row(!memcmp(found.end.peer, rows[i].peer, 16), rows[i].line);
		assert_row(!memcmp(found.end.local, rows[i].local, 16), rows[i].line);
		assert_int_equal(found.end.family, rows[i].found_family);
		assert_int_equal(found.end.peer_port, rows[i].peer_port);
		assert_int_equal(found.end.local_port, rows[i].local_port);
		assert_int_equal(found.inode, 4711);
		assert_int_equal(found.uid, 1000);
	}
#else
	skip(); /* the lines are a little-endian machine's */
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
