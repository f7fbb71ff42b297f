#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Log sources in the running agent: sockets, audit, and whatever a log can do that is odd. Nothing of it
# takes more than bounded time and memory, nothing that could be read is lost, and status names each.
# time: 360
# kernels: 6.12
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
keep /etc/pam.d/common-auth /etc/bailiff/filter.d
clock_back=0
undo() {
	audit_set 0
	[ "$clock_back" = 0 ] || date -s "@$(($(date +%s) - clock_back))" >/dev/null
}
sed -i 's/pam_unix.so nullok/& nodelay/' /etc/pam.d/common-auth
mkdir -p /etc/bailiff/filter.d
# Doubles its ways with each a.
printf '[Definition]\nfailregex = ^(?:(?:a+)+)+ from <ADDR>$\n' >/etc/bailiff/filter.d/bomb.conf
for log in odd bomb flood gone; do
	: >/var/log/$log.log
done
settings=(mode=enforce 'source sock.syslog=/run/bailiff/log' 'source sock.filters=sshd'
	'source kernel.audit=yes' 'source odd.file=/var/log/odd.log' 'source odd.filters=sshd'
	'source bomb.file=/var/log/bomb.log' 'source bomb.filters=bomb'
	'source flood.file=/var/log/flood.log' 'source flood.filters=bomb sshd'
	'source gone.file=/var/log/gone.log' 'source gone.filters=sshd')
audit_set 0
start_bailiff "${settings[@]}"

# status_of PATH JQ: a member of the source with that path
status_of() {
	bailiffctl status --json | jq -r --arg p "$1" ".sources[] | select(.path == \$p) | $2"
}
status_is() {
	[ "$(status_of "$1" "$2")" = "$3" ]
}

check 'the socket is there' test -S /run/bailiff/log
check_eq 'anybody may write into it' 666 "$(stat -c %a /run/bailiff/log)"
line='<38>Nov 25 01:02:03 sshd[1]: Failed password for root from 198.51.100.13 port 4 ssh2'
su mallory -s /bin/bash -c "for i in 1 2 3 4 5 6; do printf '%s' '$line' | nc -uU -w0 /run/bailiff/log; done"
check 'datagrams are read' wait_for 20 status_is /run/bailiff/log .records 6
check_not 'a forged datagram locks nobody out' listed 198.51.100.13
check 'audit is off, and that is said' grep -q 'audit is off, so there are no records' <(status_of audit .text)
check 'nobody switched it on' audit_is 0
{ head -c 1048576 /dev/zero | tr '\0' x; echo; head -c 512 /dev/zero; echo; echo last; } >>/var/log/odd.log
check 'odd lines are read' wait_for 20 status_is /var/log/odd.log .records 3
check_eq 'the long one was cut' 1 "$(status_of /var/log/odd.log .cut)"
check_eq 'the one of NULs was replaced' 1 "$(status_of /var/log/odd.log .replaced)"
printf 'unread\n' >>/var/log/odd.log
mv /var/log/odd.log /var/log/odd.log.1
printf 'new\n' >/var/log/odd.log
check 'no line of a rotation is lost' wait_for 20 status_is /var/log/odd.log .records 5

# An expression that tries too many ways is given up on, line by line; the others are not held up.
for _ in 1 2 3; do
	printf 'a%.0s' {1..60} && echo ' from nobody'
done >>/var/log/bomb.log
echo 'a from 198.51.100.12' >>/var/log/bomb.log
check 'the slow lines are read' wait_for 20 status_is /var/log/bomb.log .records 4
bomb() {
	bailiffctl status --json | jq -e '.filters == [{"filter": "bomb", "regex_limit": 3, "file": "bomb.conf", "line": 2}]'
}
check 'status names the filter' wait_for 20 bomb
check 'in words, too' grep -q '^filter      bomb: too slow, 3 lines given up on, last at bomb.conf:2$' <(bailiffctl status)

# More than can be read for a while: written until it is behind, then read to its end.
# What a line costs is the filter's doing, so fewer and longer ones make the same flood.
for ((i = 0; i < 3000; i++)); do
	printf 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa from nobody%240s\n' ''
done >/run/chunk
flood() {
	local said end=$((SECONDS + 60))
	while [ "$SECONDS" -lt "$end" ]; do
		said=$(status_of /var/log/flood.log '"\(.floods) \(.behind)"')
		[ "${said% *}" = 0 ] || return 0
		[ "${said#* }" -gt 2500000 ] || cat /run/chunk >>/var/log/flood.log
	done
	return 1
}
check 'a flood is noticed' flood
echo 'a from 198.51.100.15' >>/var/log/flood.log
check 'it is read to its end' wait_for 120 status_is /var/log/flood.log '"\(.state) \(.behind)"' 'ok 0'
check_eq 'all of it' "$(wc -l </var/log/flood.log) 0 0" "$(status_of /var/log/flood.log '"\(.records) \(.skipped) \(.gaps)"')"
check 'its last line was judged' wait_for 20 told 198.51.100.15 '.event.provider == "flood.log"'
check 'the log told of it' grep -q 'flood.log: floods: it grows faster than it is read' <(bailiff_log)
rm -f /run/chunk

# Audit, once it is on.
audit_set 1
attack 198.51.100.14 root wrong
audit_ok() {
	[ "$(status_of audit .state)" = ok ] && told 198.51.100.14 '.event.provider == "audit" and .bailiff.trust == "witnessed"'
}
check 'what audit says of a login is read, and has its witness' wait_for 20 audit_ok
for _ in 1 2 3; do
	attack 198.51.100.14 root wrong
done
four() {
	[ "$(counted_of 198.51.100.14)" = 4 ]
}
check 'four tries are four, whoever tells of them' wait_for 20 four
bailiffctl status

# The clock is set to New Year, and a line of the last year comes.
next=$(($(date +%Y) + 1))
clock_back=$(($(date -d "$next-01-01 00:10" +%s) - $(date +%s)))
date -s "$next-01-01 00:10" >/dev/null
printf 'Dec 31 23:59:59 host sshd[1]: Failed password for root from 198.51.100.16 port 4 ssh2\n' >>/var/log/odd.log
check 'the line is of last year' wait_for 20 status_is /var/log/odd.log .past_years 1
clock_is() { # STEPS COMPARISON
	bailiffctl status --json | jq -e ".analyst | .clock_steps == $1 and (.clock_step_ns / 1e9 $2)"
}
check 'status tells of the step' wait_for 20 clock_is 1 "| . > $((clock_back - 60)) and . < $((clock_back + 60))"
check 'in words, too' grep -q '^clock       set 1 time, last by +' <(bailiffctl status)
attack 198.51.100.14 root wrong
check 'four tries before and one after are five within the window' wait_for 20 listed 198.51.100.14
date -s "@$(($(date +%s) - clock_back))" >/dev/null
clock_back=0
check 'back again, that is told as well' wait_for 20 clock_is 2 '< -60'
check 'the lockout is in force' listed 198.51.100.14
left() { # the end of the lockout, in seconds from now
	bailiffctl list --json | jq -r 'select(.subject.value == "198.51.100.14") | .until[:19] + "Z" | fromdate - now | floor'
}
check 'and its end has not moved' test "$(left)" -gt 0 -a "$(left)" -le 3600

peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$(bailiff_pid bailiff-analyst)/status")
check "all of it took at most 40 MB of the analyst's memory ($peak kB)" test "$peak" -le 40000

# Rotated twice while nobody reads; and one that nobody kept.
stop_bailiff
echo tail >>/var/log/odd.log
mv /var/log/odd.log /var/log/odd.log.3
echo middle >/var/log/odd.log.2
echo head >/var/log/odd.log
echo 'never read' >>/var/log/gone.log
mv /var/log/gone.log /var/log/gone.log.1.gz
echo fresh >/var/log/gone.log
start_bailiff "${settings[@]}"
check 'three files are read, one after the other' wait_for 40 status_is /var/log/odd.log '"\(.records) \(.gaps)"' '3 0'
check 'what is gone is a gap' wait_for 20 status_is /var/log/gone.log '"\(.records) \(.gaps)"' '1 1'
check 'the log told of it' grep -q 'gone.log: lines may be missing' <(bailiff_log)
check 'the lockout outlived all of it' listed 198.51.100.14
bailiffctl status
