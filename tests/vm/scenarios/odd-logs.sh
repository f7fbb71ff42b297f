#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Text logs alone, without the journal: repeated lines that rsyslog folded count one by one, an sshd
# that writes its messages raw into a file is understood, and old lines read again count nothing.
# time: 360
# kernels: 6.1
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
absent=198.51.100.19
raw=/var/log/sshd-raw.log log=/var/log/auth.log
scenario_begin
keep /etc/pam.d/common-auth /etc/rsyslog.d/10-scenario.conf /etc/bailiff/filter.d "$raw" "$log.1"
undo() {
	systemctl stop sshd-raw.service
	systemctl restart rsyslog.service
}
sed -i 's/pam_unix.so nullok/& nodelay/' /etc/pam.d/common-auth
# shellcheck disable=SC2016 # a word of rsyslog's
echo '$RepeatedMsgReduction on' >/etc/rsyslog.d/10-scenario.conf
: >"$log"
systemctl restart rsyslog.service
# Nothing stands before its messages: neither time nor program.
mkdir -p /etc/bailiff/filter.d
printf '[INCLUDES]\nbefore = sshd.conf\n\n[Definition]\n_head = ^\n' >/etc/bailiff/filter.d/sshd-raw.conf
: >"$raw"
chmod 600 "$raw"
systemd-run --quiet --unit=sshd-raw --property=StandardError="append:$raw" /usr/sbin/sshd -D -e -p 2222 -o PidFile=none
start() {
	start_bailiff mode=enforce 'source journal.enabled=no' 'service sshd.ports=22 2222' \
		"source raw.file=$raw" 'source raw.filters=sshd-raw'
}
start
guess_raw() { # PORT ADDR USER: six tries of one connection
	DROPBEAR_PASSWORD=wrong timeout "$LOGIN_LIMIT" ip netns exec atk dbclient -y -y -T -p "$1" -b "$2" \
		-l "$3" "$(server_of "$2")" true </dev/null
}
two_tries() {
	[ "$(counted_of 198.51.100.13)" = 2 ]
}

# Folded.
guess_raw 22 198.51.100.11 root
check 'rsyslog folded equal lines' wait_for 20 \
	grep -q 'message repeated [45] times: \[ Failed password for root from 198.51.100.11 port' "$log"
check 'one connection of six tries is locked out' wait_for 20 listed 198.51.100.11
check_eq 'they are six' 6 "$(counted_of 198.51.100.11)"

# Raw, and with a newline in the name: a whole line about somebody else.
guess_raw 2222 198.51.100.12 "$(printf 'x\nFailed password for root from %s port 40001 ssh2' "$absent")"
check 'the file holds a line that the client made up' wait_for 20 grep -q "^Failed password for root from $absent" "$raw"
check 'who guessed is locked out' wait_for 20 listed 198.51.100.12
check_eq 'for six tries' 6 "$(counted_of 198.51.100.12)"
check_not 'the one in the line is not' listed "$absent"

# Old lines: of who was released, who tried twice, and who never came; read again after a restart, from
# a file that was rotated meanwhile, and from one that somebody restored.
attack 198.51.100.13 nosuch wrong
attack 198.51.100.13 nosuch wrong
check 'two tries are on record' wait_for 20 two_tries
check 'a release' bailiffctl release 198.51.100.11
for i in 1 2 3 4 5 6; do
	logger -p auth.info -t sshd --id=$((4000 + i)) "Failed password for root from $absent port $((40000 + i)) ssh2"
done
check 'the lines are in the file' wait_for 20 grep -q "from $absent port 40006" "$log"
cp "$log" /root/auth.log
stop_bailiff
mv "$log" "$log.1"
systemctl kill --signal=HUP --kill-whom=main rsyslog.service
cat /root/auth.log /root/auth.log >>"$log"
start
cat /root/auth.log >>"$log"
logger -p auth.info -t sshd --id=4242 "Failed password for beyond from $absent port 40001 ssh2"
check 'they were read again' wait_for 30 told "$absent" 'tostring | contains("beyond")'
check 'the released one as well' told 198.51.100.11 '.event.action == "attempt" and .bailiff.trust == "claimed"'
check_not 'he stays released' listed 198.51.100.11
check_not 'two tries do not lock out' listed 198.51.100.13
check_not 'nor six lines about who never came' listed "$absent"
check 'the second lockout held' listed 198.51.100.12
for _ in 1 2 3; do
	attack 198.51.100.13 nosuch wrong
done
check 'three more make five' wait_for 20 listed 198.51.100.13
