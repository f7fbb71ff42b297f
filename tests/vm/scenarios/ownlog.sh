#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An application's own log and a filter of two lines: whom it complains of is locked out, and its users'
# sessions are ended; the same lines by anybody else do nothing unless the configuration says so.
# time: 300
# kernels: 7.x
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
log=/var/log/app/access.log shared=/var/log/app-shared/access.log bysyslog=/var/log/app/syslog.log
scenario_begin
keep /etc/bailiff/filter.d /etc/bailiff/rules.d /etc/rsyslog.d/30-scenario.conf /var/log/app /var/log/app-shared
undo() {
	userdel app
}
useradd --system --no-create-home app
install -d -o app -m 755 /var/log/app
install -d -m 755 /var/log/app-shared
install -o app -m 644 /dev/null "$log"
install -o app -m 666 /dev/null "$shared"
# Nobody else can write it, but anybody can have syslog do so.
install -o app -m 644 /dev/null "$bysyslog"
mkdir -p /etc/rsyslog.d
printf '# the application\nlocal5.* -%s\n' "$bysyslog" >/etc/rsyslog.d/30-scenario.conf
mkdir -p /etc/bailiff/filter.d /etc/bailiff/rules.d
printf '[Definition]\nfailregex = ^unauthorized access from <ADDR> user <F-USER>\\S+</F-USER>$\n' \
	>/etc/bailiff/filter.d/app.conf
# The same as syslog has it, behind the host's and the program's name.
printf '[Definition]\nfailregex = ^.* app(?:\\[\\d+\\])?: unauthorized access from <ADDR> user <F-USER>\\S+</F-USER>$\n' \
	>/etc/bailiff/filter.d/app-syslog.conf
rule() { # ID KEYS
	printf '[rule]\nid = %s\nwindow = 10m\nlockout = 1h\ntrust = attested\n%b' "$1" "$2" >"/etc/bailiff/rules.d/$1.conf"
}
rule app-address 'service = app\nfailures = 2\n'
rule app-syslog 'filter = app-syslog\nfailures = 2\n'
rule app-user 'service = app\nfailures = 3\nsubject = user\naction = terminate\n'
check 'the rules are good' bailiffctl rules check /etc/bailiff/rules.d
settings=(mode=enforce "source app.file=$log" 'source app.service=app' 'source app.owner=app' 'source app.filters=app'
	"source shared.file=$shared" 'source shared.service=app' 'source shared.owner=app' 'source shared.filters=app'
	"source bysyslog.file=$bysyslog" 'source bysyslog.service=app' 'source bysyslog.owner=app' 'source bysyslog.filters=app'
	'source journal.filters=sshd pam sudo su app-syslog' 'source auth-log.filters=sshd pam sudo su app-syslog')
start_bailiff "${settings[@]}"
app_says() { # ADDR USER TIMES
	setpriv --reuid app --clear-groups bash -c \
		"for i in \$(seq $3); do echo 'unauthorized access from $1 user $2'; done >>$log"
}
mallory_says() { # COMMAND
	setpriv --reuid mallory --clear-groups bash -c "$1"
}
log_says() { # TEXT
	bailiff_log | grep -qF "$1"
}
session_open a 198.51.100.11 alice
session_open b 198.51.100.12 bob

app_says 198.51.100.13 nosuch 1
mallory_says "for i in 1 2 3 4 5; do logger -p auth.info -t app 'unauthorized access from 198.51.100.14 user bob'
	echo 'unauthorized access from 198.51.100.15 user bob' >>$shared; done"
check_not 'somebody else cannot write the log' mallory_says "echo 'unauthorized access from 198.51.100.16 user bob' >>$log"
app_says 198.51.100.13 nosuch 1
check 'whom the application complains of twice is locked out' wait_for 20 listed 198.51.100.13
check 'the record says why it is believed' told 198.51.100.13 '.bailiff.trust == "attested"'
app_says 127.0.0.1 alice 3
check 'the sessions of its user end' wait_for 20 not session_alive a
check 'the record names the account' wait_for 10 bash -c 'bailiffctl why user alice | grep -q "3 failed tries of user alice"'
bailiffctl why user alice | tee "$OUT/alice.txt"

setpriv --reuid app --clear-groups bash -c "for i in 1 2 3; do echo 'unauthorized access from 198.51.100.18 user bob'; done >>$bysyslog"
for address in 198.51.100.14 198.51.100.15 198.51.100.18; do
	check "the lines about $address were read" wait_for 20 told "$address" '.bailiff.trust == "claimed"'
	check_not 'they lock nobody out' listed "$address"
done
check 'the other user did not notice' session_alive b
check 'the log says which file others can write' log_says "source shared: its lines are only claims: $shared"
check 'and which one syslog writes' log_says "source bysyslog: its lines are only claims: syslog writes $bysyslog (/etc/rsyslog.d/30-scenario.conf:2)"
check_eq 'one address is locked out, and no more' 1 "$(bailiffctl list --json | jq -s 'map(select(.subject.kind == "address")) | length')"
check 'doctor says which log is its service'"'"'s own' bash -c 'bailiffctl doctor --json | jq -es "map(select(.name == \"own log\") | .state) == [\"ok\", \"degraded\", \"degraded\"]"'
check_eq 'status names no accepted claims' '[]' "$(bailiffctl status --json | jq -c .accepted_claims)"

# From now on others can write it, too.
chmod 666 "$log"
check 'a mode that changes is noticed' wait_for 20 log_says "source app: its lines are only claims: $log"
mallory_says "for i in 1 2 3; do echo 'unauthorized access from 198.51.100.16 user bob' >>$log; done"
check 'the lines were read' wait_for 20 told 198.51.100.16 '.bailiff.trust == "claimed"'
check_not 'and lock nobody out any more' listed 198.51.100.16

# Unless that is what the administrator wants.
printf '[source shared]\naccept_claims = app\n' >>"$CONF"
check 'a reload' systemctl reload bailiffd.service
accepted() {
	bailiffctl status --json | jq -e '.accepted_claims | length == 1 and (.[0] | startswith("source shared, filter app:"))'
}
check 'status names what is accepted' wait_for 20 accepted
check 'doctor does' bash -c 'bailiffctl doctor --json | jq -es "any(.[]; .name == \"accepted claims\" and (.text | startswith(\"source shared, filter app:\")))"'
check 'the log does' log_says 'accepted claims: source shared, filter app'
sleep 2
mallory_says "for i in 1 2; do echo 'unauthorized access from 198.51.100.17 user nosuch' >>$shared; done"
check 'now the bare claim counts' wait_for 20 listed 198.51.100.17
check 'and is called that' bash -c 'bailiffctl why 198.51.100.17 | grep -q "accepted as configured, no witness"'
