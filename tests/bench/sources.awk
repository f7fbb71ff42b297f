# SPDX-License-Identifier: GPL-2.0-only
# Writes an auth.log in which a million addresses, half of them IPv6, fail once within an hour, and a
# hundred others once a minute each. usage: awk -f sources.awk
function line(addr) {
	pid = 1000 + n % 60000
	printf "2026-11-01T%02d:%02d:%02d.%06d+00:00 web01 sshd[%d]: Failed password for root from %s port %d ssh2\n", \
		1 + int(second / 3600), int(second / 60) % 60, second % 60, int(part * 1000), pid, addr, 1024 + n % 60000
	n++
}
BEGIN {
	crowd = 1000000
	for (i = 0; i < crowd; i++) {
		at = i * 3600 / crowd
		second = int(at)
		part = (at - second) * 1000
		if (i % 2)
			line(sprintf("2001:db8:%x:%x::%x", int(i / 65536), i % 65536, i % 7))
		else
			line(sprintf("%d.%d.%d.%d", 11 + int(i / 16777216), int(i / 65536) % 256, int(i / 256) % 256, i % 256))
		# Every 600 ms one of the hundred: each comes once a minute.
		if (int(at / 0.6) != turn) {
			turn = int(at / 0.6)
			if (turn % 100 < 50)
				line(sprintf("192.0.2.%d", 1 + turn % 100))
			else
				line(sprintf("2001:db8:ffff:%x::1", turn % 100))
		}
	}
}
