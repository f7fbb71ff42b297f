#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Perfect sshd failure lines, written by an unprivileged user in every way there is, lock nobody out.
# time: 360
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
victim=198.51.100.13
scenario_begin
mkdir -p /var/log/app
install -o mallory -m 644 /dev/null /var/log/app/forged.log
start_bailiff mode=enforce 'source forged.file=/var/log/app/forged.log' 'source forged.filters=sshd pam'

line="Failed password for root from $victim port 40001 ssh2"
as_mallory() {
	su mallory -s /bin/bash -c "$1"
}
# A true pid of a true sshd, which mallory can see in ps.
listener=$(systemctl show -P MainPID ssh.service)

# One program call for many lines: a hundred starts would cost minutes.
as_mallory "mkdir -p ~/bin; yes '$line' | head -n 100 >~/lines
	cp /usr/bin/logger ~/bin/sshd; cp /usr/bin/logger ~/bin/sshd-session"
as_mallory "logger -p auth.info -t sshd --id=9001 -f ~/lines"
as_mallory "logger -p auth.info -t sshd --id=$listener -f ~/lines"
as_mallory "for i in \$(seq 100); do printf '<38>sshd[%d]: %s' \$((8000 + i)) '$line'; done >~/raw
	nc -uU -w0 /dev/log <~/raw; for i in 1 2 3 4 5; do head -c 90 ~/raw | nc -uU -w0 /dev/log; done"
as_mallory "cd; bin/sshd -p auth.info -t sshd -i -f lines
	bin/sshd-session -p auth.info -t sshd-session -i -f lines"
as_mallory "for i in \$(seq 100); do
	echo \"\$(printf '%(%b %d %T)T') web01 sshd[\$((7000 + i))]: $line\"; done >>/var/log/app/forged.log"

# About a connection that is there: pid and port are those of a true session that is open.
session_open victim "$victim" alice
check 'the victim is logged in' session_alive victim
port=$(ss -Htn "src 198.51.100.1 and dst $victim" | awk '{ sub(/.*:/, "", $5); print $5; exit }')
pid=$(ss -Htnp "src 198.51.100.1 and dst $victim" | sed -n 's/.*pid=\([0-9]*\).*/\1/p;q')
as_mallory "yes 'Failed password for alice from $victim port $port ssh2' | head -n 50 >~/lines
	logger -p auth.info -t sshd-session --id=$pid -f ~/lines"
# About one that fails by itself: one try is one try, however often mallory says it.
attack "$victim" alice wrong

check 'the lines were read' wait_for 30 told "$victim" '.bailiff.trust == "claimed" or .bailiff.trust == "forged"'
sleep 8
check_not 'the victim is not locked out' listed "$victim"
check 'the victim still connects' connects "$victim"
check 'the victim still logs in' attack "$victim" alice alice-pw
check 'the session lives' session_alive victim
check_eq 'no lockout at all' 0 "$(bailiffctl list --json | wc -l)"
bailiffctl why "$victim" >"$OUT/why.txt" 2>&1
tail -n 40 "$OUT/why.txt"
check 'why calls them forged or without witness' grep -qE 'forged|no witness|unwitnessed' "$OUT/why.txt"
check 'why names who wrote them' grep -q 'uid 100[0-9]' "$OUT/why.txt"

# And a true attacker meanwhile is found.
for _ in 1 2 3 4 5; do
	attack 198.51.100.14 root wrong
done
check 'a true attacker is locked out' wait_for 20 listed 198.51.100.14
