#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The steps of a locked session: quarantine, freeze with its snapshot, hold, thaw, terminate; and a
# session that forks without pause.
# time: 480
# kernels: 6.1
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
start_bailiff mode=enforce session_ladder=quarantine session_next=1h
undo() {
	kill "$listener"
}
from_atk nc -lk 198.51.100.19 4444 >/dev/null 2>&1 &
listener=$!
session_open a 198.51.100.11 alice
session_run a 'shopt -s execfail'
# Forks and writes, but starts no program.
mkfifo -m 666 /tmp/never
session_run a '(while :; do (echo lives); read -rt 0.1 <>/tmp/never; done) >/tmp/loop-a 2>&1 &'
# What the snapshot must find.
session_run a 'cp /bin/sleep /tmp/gone && { /tmp/gone 3600 & rm -f /tmp/gone; }'
# shellcheck disable=SC2016 # perl's; 319 is memfd_create
session_run a 'SECRET_NAME=secret-value perl -e '\''my $n = "hidden"; open(my $h, "+>&=", syscall(319, $n, 0)); syswrite $h, "what-the-memfd-holds"; print "perl-is-there\n"; close STDOUT; sleep 3600'\'' marked-argument &'
session_run a 'exec 9<>/dev/tcp/198.51.100.19/4444 && echo ready-to-go'
grows() {
	local before
	before=$(stat -c %s /tmp/loop-a)
	wait_for 90 bash -c "[ \"\$(stat -c %s /tmp/loop-a)\" -gt $before ]"
}
says() {
	wait_for 90 grep -q "$1" "$OUT/session-a/log"
}
step_is() {
	check_eq "$1" "$2" "$(bailiffctl list --json | jq -r 'select(.subject.kind == "session") | .action + (if .held then ", held" else "" end)')"
}
frozen() {
	find /sys/fs/cgroup -name cgroup.freeze -exec grep -lx 1 {} +
}
at_rest() {
	grep -qx 'frozen 1' "/sys/fs/cgroup/user.slice/user-$(id -u alice).slice/session-$audit.scope/cgroup.events"
}
# What it cannot do in quarantine; $1 is said when it was tried.
tries() {
	session_run a 'exec /bin/echo replaced-it'
	session_run a 'echo >/dev/tcp/198.51.100.19/4444 && echo it-connected'
	session_run a "echo $1"
	check "$1: it was tried" says "$1"
	check_not "$1: it starts no program" grep -q replaced-it "$OUT/session-a/log"
	check_not "$1: it connects nowhere" grep -q it-connected "$OUT/session-a/log"
}
audit=$(session_id a)
id=$(bailiffctl sessions --json | jq -r --argjson n "$audit" 'select(.audit_session == $n) | .session')
check 'it connects before' says ready-to-go
check 'its process runs' grows
check 'its memfd is written' says perl-is-there

check 'it is locked out' bailiffctl lock session "$id" --for 2h --reason 'a step at a time'
step_is 'which is quarantine' quarantine
check_eq 'nothing is frozen' '' "$(frozen)"
check 'its process lives, and forks' grows
tries tried-first
check 'the next step is known' bash -c "bailiffctl list --json | grep -q '\"next\":\"freeze\",\"next_time\"'"

check 'it is frozen' bailiffctl lock session "$id" --action freeze --for 2h
step_is 'which is a step' freeze
check 'it comes to rest' wait_for 90 at_rest
size=$(stat -c %s /tmp/loop-a)
taken() {
	ls /var/lib/bailiff/snapshots/"$1"-*.jsonl 2>/dev/null
}
has() {
	check "in the snapshot: $1" jq -es "any(.[]; $2)" "$OUT/snapshot.jsonl"
}
check 'there is a snapshot' wait_for 90 taken "$id"
snap=$(taken "$id" | tail -n 1)
cp "$snap" "$OUT/snapshot.jsonl"
check_eq 'only root reads it' '400 root' "$(stat -c '%a %U' "$snap")"
has 'its end' '.kind == "end" and .processes >= 4 and .cut == false'
has 'a deleted program, with its hash' ".process.executable_deleted and .process.hash.sha256 == \"$(sha256sum </bin/sleep | cut -d ' ' -f 1)\""
has 'an argument' '.process.args? // [] | index("marked-argument")'
has 'the name of a variable' '.process.env_names? // [] | index("SECRET_NAME")'
check_not 'not its value' grep -q secret-value "$OUT/snapshot.jsonl"
has "a socket's peer" '.kind == "socket" and .peer.ip == "198.51.100.19" and .peer.port == 4444'
has 'what a memfd holds' '.kind == "memfd" and (.content_base64 | @base64d) == "what-the-memfd-holds"'
has 'who it ran as' ".process.credentials.uids? // \"\" | startswith(\"$(id -u alice)\")"
bailiffctl snapshot "$id" >"$OUT/snapshot.txt"
check 'bailiffctl shows it' grep -q '/tmp/gone (deleted), DELETED, sha256' "$OUT/snapshot.txt"
check 'and lists it' bash -c "bailiffctl snapshot | grep -q '^$id '"

check 'no step down by lock' bailiffctl lock session "$id" --action quarantine --for 2h
step_is 'it stays frozen' freeze
check 'it is held' bailiffctl hold "$id"
step_is 'which is told' 'freeze, held'
old=$(bailiff_pid bailiffd)
bailiff_kill bailiffd
back() {
	[ "$(bailiff_pid bailiffd)" != "$old" ] && bailiff_answers
}
check 'bailiffd is killed and back' wait_for 90 back
step_is 'it is still frozen and held' 'freeze, held'
check 'its scope, too' at_rest
check_eq 'its process stood still all the time' "$size" "$(stat -c %s /tmp/loop-a)"

check 'it is thawed' bailiffctl thaw "$id"
step_is 'which is quarantine again' 'quarantine, held'
check_eq 'nothing is left frozen' '' "$(frozen)"
check 'its process runs again' grows
tries tried-again

check 'it is released' bailiffctl release session "$id"
session_run a '/bin/echo a-program-ran'
check 'it starts programs again' says a-program-ran

ended() {
	bailiffctl sessions --json >"$OUT/sessions.json" &&
		! jq -e --argjson n "$audit" 'select(.audit_session == $n)' "$OUT/sessions.json" >/dev/null &&
		! bailiffctl list | grep -q '^session'
}
check 'it is terminated' bailiffctl terminate "$id" --reason 'the last step'
check 'nothing of it is left' wait_for 90 ended
bailiffctl why session "$id" | tee "$OUT/why.txt"
check 'who held it is there' grep -q 'is held in the freezer' "$OUT/why.txt"
check 'who thawed it is there' grep -q 'is thawed and held' "$OUT/why.txt"
check 'that it was written down is there' grep -q 'snapshot of [0-9]* processes in' "$OUT/why.txt"
check_eq 'no cgroup is left frozen' '' "$(frozen)"

# A hundred processes, each of which forks and ends, without pause. (A thousand end as well, but an
# emulated guest takes minutes to begin them.)
session_open b 198.51.100.12 bob
# shellcheck disable=SC2016 # perl's
session_run b 'ulimit -u 300; perl -e '\''$SIG{CHLD} = "IGNORE"; pipe(my $r, my $w); for (1 .. 100) { next if fork; close $w; sysread $r, $_, 1; while (1) { my $p = fork; exit if $p; } } syswrite STDOUT, "storm\n"; close $w; close STDOUT; sleep 3600'\'' &'
check 'it storms' wait_for 90 grep -q storm "$OUT/session-b/log"
audit=$(session_id b)
id=$(bailiffctl sessions --json | jq -r --argjson n "$audit" 'select(.audit_session == $n) | .session')
check 'it is terminated' bailiffctl terminate "$id"
check 'nothing of it is left' wait_for 90 ended
check_not 'not one process' pgrep -u bob perl
bailiffctl why session "$id" --limit 10000 | grep -E 'snapshot of|processes ended,'
check 'it was written down first' taken "$id"
cp "$(taken "$id")" "$OUT/storm-snapshot.jsonl"
tail -n 1 "$OUT/storm-snapshot.jsonl"
check 'with all of it' jq -es 'any(.[]; .kind == "end" and .processes + .left_out >= 100)' "$OUT/storm-snapshot.jsonl"
check_eq 'no cgroup is left frozen' '' "$(frozen)"
