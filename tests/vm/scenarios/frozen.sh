#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A frozen session stands still, whatever becomes of bailiffd, and goes on when it is released.
# time: 420
# kernels: 5.10 6.12
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
start_bailiff mode=enforce

# shellcheck disable=SC2016 # the session's shell expands it
tick='n=0; while :; do n=$((n + 1)); echo $n >/tmp/tick-NAME; sleep 0.05; done'
ticker() {
	printf '%s' "${tick/NAME/$1}"
}
# still NAME...: none of these files changes for a while; moves: all do.
stamps() { # by time, for who is caught writing leaves an empty file
	stat -c %y "${@/#//tmp/tick-}" 2>/dev/null
}
still() {
	local before
	before=$(stamps "$@")
	sleep 2
	[ -n "$before" ] && [ "$before" = "$(stamps "$@")" ]
}
moves() {
	local name before
	for name in "$@"; do
		before=$(stamps "$name")
		wait_for 20 sh -c "[ '$before' != \"\$(stat -c %y /tmp/tick-$name 2>/dev/null)\" ]" || return 1
	done
}
frozen_groups() {
	find /sys/fs/cgroup -name cgroup.freeze -exec grep -lx 1 {} +
}
revived() {
	local new
	new=$(bailiff_pid bailiffd) && [ "$new" != "$old" ] && timeout 5 bailiffctl status >/dev/null 2>&1
}
killed_and_back() {
	old=$(bailiff_pid bailiffd)
	bailiff_kill bailiffd
	wait_for 60 revived
}

# Forks and ends without pause, in a cgroup that its user owns.
cat >/tmp/hop <<'END'
#!/bin/bash
echo $$ >/tmp/tick-hop
setsid /tmp/hop </dev/null >/dev/null 2>&1 &
END
chmod 755 /tmp/hop

session_open a 198.51.100.11 alice
session_open b 198.51.100.12 bob
session_run a "$(ticker plain) &"
session_run a "setsid bash -c '$(ticker setsid)' </dev/null >/dev/null 2>&1 &"
session_run a "systemd-run --quiet --user --scope bash -c '$(ticker moved)' </dev/null >/dev/null 2>&1 &"
session_run a 'systemd-run --quiet --user --scope /tmp/hop </dev/null >/dev/null 2>&1 &'
session_run b "$(ticker other) &"
check 'everything moves' moves plain setsid moved hop other
audit=$(session_id a)
id=$(bailiffctl sessions --json | jq -r --argjson n "$audit" 'select(.audit_session == $n) | .session')
check 'the session has a number' test -n "$id"
cat "/proc/$(pgrep -f 'tick-moved' | head -n 1)/cgroup"

check 'freeze' bailiffctl lock session "$id" --action freeze --reason 'shown in a test'
check 'all of it stands still, also what left its scope' still plain setsid moved hop
check 'another session does not' moves other
check 'alice logs in beside it' attack 198.51.100.13 alice alice-pw
check 'it is listed' bash -c "bailiffctl list | grep -q 'session.*$id'"

check 'bailiffd is killed and comes back' killed_and_back
check 'it is still frozen' still plain setsid moved hop
check 'and still listed' bash -c "bailiffctl list | grep -q 'session.*$id'"
check 'release' bailiffctl release session "$id"
check 'it goes on' moves plain setsid moved hop other
check_eq 'nothing is frozen' '' "$(frozen_groups)"

# Again and again at another moment of its life, which is mostly execve.
again() {
	for _ in 1 2 3 4 5; do
		bailiffctl lock session "$id" --action freeze && still plain hop && bailiffctl release session "$id" || return
		moves hop || return
	done
}
check 'freezing costs it no program' again

check 'freeze for ten seconds' bailiffctl lock session "$id" --action freeze --for 10s
check 'it stands still' still plain setsid hop
check 'and goes on by itself' wait_for 30 moves plain setsid moved hop
check_eq 'nothing is frozen' '' "$(frozen_groups)"

check 'freeze again' bailiffctl lock session "$id" --action freeze
check 'bailiffd ends' stop_bailiff
check 'it stands still without bailiffd' still plain setsid moved hop
check 'clear' bailiffd --clear
check 'what was frozen goes on' moves plain setsid moved hop
check_eq 'nothing is frozen' '' "$(frozen_groups)"

start_bailiff mode=enforce
taken_over() {
	id=$(bailiffctl sessions --json | jq -r --argjson n "$audit" 'select(.audit_session == $n) | .session')
	[ -n "$id" ]
}
check 'the session is taken over from before' wait_for 10 taken_over
check 'with its peer' bash -c "bailiffctl sessions --json | jq -c 'select((.session | tostring) == \"$id\")' | grep -q '198.51.100.11'"
check 'freeze' bailiffctl lock session "$id" --action freeze
check 'bailiffd is killed and comes back' killed_and_back
check 'terminate what an earlier life had frozen' bailiffctl lock session "$id" --action terminate
none_left() {
	! pgrep -f 'tick-(plain|setsid|moved)|/tmp/hop' >/dev/null
}
check 'everything of it ended' wait_for 20 none_left
check 'and does not come back' still hop
check 'another session did not notice' moves other
check_eq 'nothing is left frozen' '' "$(frozen_groups)"
check 'alice logs in again' attack 198.51.100.13 alice alice-pw
