# SPDX-License-Identifier: GPL-2.0-only
# Writes an auth.log of MB megabytes in which FAILURES percent of the lines tell of a failed login.
# The same arguments give the same bytes. usage: awk -v MB=64 -v FAILURES=1 -v SOURCES=4400 -f authlog.awk
function next_random(n) {
	seed = (seed * 16807) % 2147483647
	return seed % n
}
function address(i) {
	return sprintf("198.%d.%d.%d", 18 + int(i / 65536) % 2, int(i / 256) % 256, i % 256)
}
BEGIN {
	seed = 42
	split("root admin oracle test ubuntu git postgres pi guest ftp", users, " ")
	limit = MB * 1024 * 1024
	for (n = 0; bytes < limit; n++) {
		second = int(n / 50)
		stamp = sprintf("2026-11-%02dT%02d:%02d:%02d.%06d+00:00 web01 ", 1 + int(second / 86400) % 28,
			int(second / 3600) % 24, int(second / 60) % 60, second % 60, (n % 50) * 20000)
		pid = 1000 + n % 60000
		if (next_random(1000) < FAILURES * 10) {
			a = address(next_random(SOURCES))
			u = users[1 + next_random(10)]
			port = 1024 + next_random(60000)
			form = next_random(4)
			if (form == 0)
				line = sprintf("sshd[%d]: Invalid user %s from %s port %d", pid, u, a, port)
			else if (form == 1)
				line = sprintf("sshd[%d]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=%s  user=%s", pid, a, u)
			else
				line = sprintf("sshd[%d]: Failed password for %s from %s port %d ssh2", pid, u, a, port)
		} else {
			form = next_random(6)
			if (form == 0)
				line = sprintf("CRON[%d]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)", pid)
			else if (form == 1)
				line = sprintf("CRON[%d]: pam_unix(cron:session): session closed for user root", pid)
			else if (form == 2)
				line = sprintf("systemd-logind[512]: New session %d of user alice.", n)
			else if (form == 3)
				line = sprintf("sudo: alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/apt update %d", n)
			else if (form == 4)
				line = sprintf("sshd[%d]: Accepted publickey for alice from 192.0.2.%d port %d ssh2: ED25519 SHA256:abcdefghijklmnopqrstuvwxyz0123456789abcdefg", pid, next_random(250), 1024 + next_random(60000))
			else
				line = sprintf("sshd[%d]: pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)", pid)
		}
		print stamp line
		bytes += length(stamp line) + 1
	}
}
