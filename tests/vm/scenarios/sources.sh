#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Sockets as log sources in the running agent; status tells how each source does.
# time: 180
# kernels: 6.1 6.12
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
: >/var/log/odd.log
start_bailiff mode=enforce 'source sock.syslog=/run/bailiff/log' 'source sock.filters=sshd' \
	'source kernel.audit=yes' 'source odd.file=/var/log/odd.log' 'source odd.filters=sshd'

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
check 'audit says what it is' test -n "$(status_of audit .state)"
{ head -c 1048576 /dev/zero | tr '\0' x; echo; head -c 512 /dev/zero; echo; echo last; } >>/var/log/odd.log
check 'odd lines are read' wait_for 20 status_is /var/log/odd.log .records 3
check_eq 'the long one was cut' 1 "$(status_of /var/log/odd.log .cut)"
check_eq 'the one of NULs was replaced' 1 "$(status_of /var/log/odd.log .replaced)"
printf 'unread\n' >>/var/log/odd.log
mv /var/log/odd.log /var/log/odd.log.1
printf 'new\n' >/var/log/odd.log
check 'no line of a rotation is lost' wait_for 20 status_is /var/log/odd.log .records 5
bailiffctl status
for _ in 1 2 3 4 5; do
	attack 198.51.100.14 root wrong
done
check 'an attacker is locked out' wait_for 20 listed 198.51.100.14
