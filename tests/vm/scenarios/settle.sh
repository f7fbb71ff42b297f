#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bailiffd dies and does not come back: what it had frozen is settled, as on_failure says.
# time: 420
# kernels: 5.10 6.1
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
drop=/run/systemd/system/bailiffd.service.d
keep "$drop/norestart.conf"
undo() {
	systemctl stop bailiff-settle.service
	systemctl daemon-reload
	systemctl reset-failed bailiffd.service
}
mkdir -p "$drop"
printf '[Service]\nRestart=no\n' >"$drop/norestart.conf"
systemctl daemon-reload
start_bailiff mode=enforce

# A file grows as long as the session moves. Nothing but built-in commands: a session is contained
# before it is frozen, and a shell whose fork was refused ends.
mkfifo -m 666 /tmp/pause-a /tmp/pause-b
ticker() {
	# shellcheck disable=SC2016 # the session's shell expands it
	printf 'exec 3<>/tmp/pause-%s; while :; do echo x >>/tmp/tick-%s; read -t 0.1 -u 3 -r; done' "$1" "$1"
}
size() {
	stat -c %s "/tmp/tick-$1"
}
still() {
	local before
	before=$(size "$1") && sleep 2 && [ "$before" = "$(size "$1")" ]
}
beyond() {
	[ "$(size "$1")" -gt "$2" ]
}
number() {
	local audit
	audit=$(session_id "$1")
	bailiffctl sessions --json | jq -r --argjson n "$audit" 'select(.audit_session == $n) | .session'
}
ended() {
	! pgrep -f "tick-$1" >/dev/null
}
settle_is() {
	[ "$(systemctl is-active bailiff-settle.service)" = "$1" ]
}
session_open a 198.51.100.11 alice
session_open b 198.51.100.12 bob
session_run a "bash -c '$(ticker a)' &"
session_run b "bash -c '$(ticker b)' &"
check 'both sessions move' wait_for 20 test -s /tmp/tick-a -a -s /tmp/tick-b
check_not 'the second has a process' ended b
check 'one is frozen for a minute' bailiffctl lock session "$(number a)" --action freeze --for 60s
check 'one for an hour' bailiffctl lock session "$(number b)" --action freeze --for 1h
check 'the first stands still' still a
bailiff_kill bailiffd
check 'the settling begins' wait_for 60 settle_is active
count=$(size a)
check 'the first goes on when its lockout ends' wait_for 120 beyond a "$count"
check 'the second stands still' still b
check 'and is waited for' settle_is active
printf '[bailiff]\non_failure = terminate\n' >>"$CONF"
check 'settling anew with on_failure = terminate' systemctl restart bailiff-settle.service
check 'the second has ended' wait_for 60 ended b
check_not 'the first has not' ended a
check 'the settling ends by itself' wait_for 60 settle_is inactive
check_eq 'nothing is left frozen' '' "$(find /sys/fs/cgroup -name cgroup.freeze -exec grep -lx 1 {} +)"
