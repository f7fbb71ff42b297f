#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# With syslog and journal stopped, guessing is noticed and locked out from kernel events alone.
# time: 360
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
start_bailiff mode=enforce
systemctl stop rsyslog.service syslog.socket 2>/dev/null
systemctl stop systemd-journald.socket systemd-journald-dev-log.socket \
	systemd-journald-audit.socket systemd-journald.service 2>/dev/null
check_not 'nothing takes log lines' logger -t test 'does anybody hear me'
before=$(wc -c </var/log/auth.log 2>/dev/null || echo 0)
for _ in 1 2 3 4 5; do
	attack 198.51.100.15 root wrong
done
check 'the address is locked out' wait_for 20 listed 198.51.100.15
check_not 'it cannot connect' connects 198.51.100.15
check_eq 'auth.log has not grown' "$before" "$(wc -c </var/log/auth.log 2>/dev/null || echo 0)"
bailiffctl why 198.51.100.15 >"$OUT/why.txt" 2>&1
cat "$OUT/why.txt"
check 'why says that there was no log line' grep -q 'no log line' "$OUT/why.txt"
check 'another address logs in' attack 198.51.100.16 alice alice-pw
systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service
systemctl start rsyslog.service
