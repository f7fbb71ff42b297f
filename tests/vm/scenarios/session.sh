#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# lock session ends everything that descends from one login, wherever it went, and nothing else.
# time: 360
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
start_bailiff mode=enforce
session_open a 198.51.100.11 alice
session_open b 198.51.100.12 bob
session_run a 'sleep 3001 & nohup sleep 3002 >/dev/null 2>&1 &'
session_run a 'setsid sleep 3003 </dev/null >/dev/null 2>&1 &'
session_run a '( ( setsid sh -c "exec sleep 3004" </dev/null >/dev/null 2>&1 & ) & )'
session_run a 'tmux new-session -d "exec sleep 3005"'
session_run a 'echo alice-pw | sudo -S -p "" sleep 3006 </dev/stdin >/dev/null 2>&1 &'
session_run a '(echo alice-pw; sleep 3) | sudo -S -p "" setsid sleep 3007 >/dev/null 2>&1 &'
session_run b 'sleep 4001 &'
all_there() {
	local n
	for n in 3001 3002 3003 3004 3005 3007 4001; do
		pgrep -f "sleep $n" >/dev/null || return 1
	done
}
check 'all of them run' wait_for 30 all_there
bailiffctl sessions | tee "$OUT/sessions.txt"
audit=$(session_id a)
id=$(bailiffctl sessions --json | jq -r --argjson n "$audit" 'select(.audit_session == $n) | .session')
check 'the session has a number' test -n "$id"
knows_its_peer() {
	bailiffctl sessions --json | jq -e -s --arg id "$id" \
		'any(.[]; (.session | tostring) == $id and ([.. | strings] | index("198.51.100.11") != null))'
}
check 'it knows its peer' knows_its_peer
check 'lock session' bailiffctl lock session "$id" --reason 'shown in a test'
none_left() {
	local n
	for n in 3001 3002 3003 3004 3005 3006 3007; do
		pgrep -f "sleep $n" >/dev/null && return 1
	done
	return 0
}
check 'everything of it ended' wait_for 15 none_left
check 'its client was told' wait_for 15 not session_alive a
check 'the other session did not notice' session_alive b
check 'its process runs' pgrep -f 'sleep 4001'
session_run b 'echo still-here'
check 'its shell answers' wait_for 10 bash -c "grep -q still-here '$OUT/session-b/log'"
check_eq 'no cgroup is left frozen' '' "$(find /sys/fs/cgroup -name cgroup.freeze -exec grep -lx 1 {} +)"
bailiffctl why session "$id" >"$OUT/why.txt" 2>&1
cat "$OUT/why.txt"
for what in sleep bash tmux; do
	check "the record names $what" grep -q "$what" "$OUT/why.txt"
done
ended=$(bailiffctl why session "$id" --json | jq -s 'map(select(.bailiff.result == "process-ended" or .bailiff.result == "process_ended" or .bailiff.result == "ended")) | length')
check 'at least nine processes are named' test "${ended:-0}" -ge 9
check 'alice can log in again' attack 198.51.100.11 alice alice-pw
