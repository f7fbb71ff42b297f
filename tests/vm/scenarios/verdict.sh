#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A locked session or account starts nothing any more, also while bailiffd is dead.
# time: 600
# kernels: 5.10 6.1
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
keep /etc/shadow /etc/group /etc/gshadow
start_bailiff mode=enforce session_ladder=freeze exempt_users=mallory
bailiffctl doctor >"$OUT/doctor.txt" 2>&1
grep -i contain "$OUT/doctor.txt"
way=fmod_ret
grep -q bpf /sys/kernel/security/lsm && way=LSM
for what in exec fork connect socket 'user ids' ptrace; do
	check "containment, $what: by $way, says doctor" grep -q "containment, $what .*$way, tried" "$OUT/doctor.txt"
done
pins=$(find /sys/fs/bpf/bailiff/links -name 'bl_*_lsm' -o -name 'bl_*_mod' -o -name 'bl_*_kill' -o -name bl_keep)
check_eq 'one program of each kind is pinned, and bl_keep' 7 "$(wc -l <<<"$pins")"

session_open a 198.51.100.11 alice
session_open b 198.51.100.12 bob
session_run a 'shopt -s execfail'
session_run a '(while :; do /bin/true && echo ran; done) >/tmp/loop-a 2>&1 &'
session_run b '(while :; do /bin/true && echo ran && sleep 0.1; done) >/tmp/loop-b 2>&1 &'
grows() {
	local before
	before=$(stat -c %s "$1")
	wait_for 4 bash -c "[ \"\$(stat -c %s '$1')\" -gt $before ]"
}
check 'both sessions start programs' wait_for 120 grows /tmp/loop-a
check 'both sessions start programs' wait_for 120 grows /tmp/loop-b
id=$(bailiffctl sessions --json | jq -r --argjson n "$(session_id a)" 'select(.audit_session == $n) | .session')
check 'the session is locked out' bailiffctl lock session "$id" --for 1h --reason 'contained in a test'
check_not 'it starts nothing any more' grows /tmp/loop-a
check 'another session does' wait_for 120 grows /tmp/loop-b
old=$(bailiff_pid bailiffd)
bailiff_kill bailiffd
# What is left is the kernel's: the freezer is opened, so the shell runs.
thaw() {
	find /sys/fs/cgroup -name cgroup.freeze -exec grep -lx 1 {} + | while read -r file; do
		echo 0 >"$file"
	done
}
thaw
session_run a 'echo shell-runs'
check 'bailiffd killed, scope thawed: its shell runs' wait_for 90 grep -q shell-runs "$OUT/session-a/log"
# A fork that fails would end such a shell, so it is asked for what it does itself.
tries() {
	session_run a 'exec /bin/echo replaced-it'
	session_run a 'echo >/dev/tcp/198.51.100.1/22 && echo it-connected'
	session_run a "echo $1"
	check "$2: it was tried" wait_for 90 grep -q "$1" "$OUT/session-a/log"
	check_not "$2: it does not become a program" grep -q replaced-it "$OUT/session-a/log"
	check_not "$2: it connects nowhere" grep -q it-connected "$OUT/session-a/log"
}
tries first-end 'bailiffd killed'
check 'another session goes on' wait_for 120 grows /tmp/loop-b
back() {
	[ "$(bailiff_pid bailiffd)" != "$old" ] && bailiff_answers
}
check 'bailiffd is back' wait_for 200 back
# It is frozen again now, so nothing can be asked of its shell; what contains it is there.
verdicts() {
	bpftool -j map dump pinned /sys/fs/bpf/bailiff/maps/bl_verdicts | jq length
}
check_eq 'after a restart: the verdict is there' 1 "$(verdicts)"
check 'another session still goes on' wait_for 120 grows /tmp/loop-b
bailiffctl list --json | tee "$OUT/list-session.json"
refused=$(jq -s 'map([.. | objects | .refused? // empty] | max // 0) | max' "$OUT/list-session.json")
check "what was refused is counted ($refused)" test "${refused:-0}" -ge 4
check 'released' bailiffctl release session "$id"
check_eq 'then it is not' 0 "$(verdicts)"
session_run a '/bin/echo program-ran-again >/tmp/ran-a'
check 'it runs programs again' wait_for 90 grep -q program-ran-again /tmp/ran-a

check 'bob can log in' attack 198.51.100.13 bob bob-pw
check 'user bob is locked out' bailiffctl lock user bob --for 1h --reason 'an account in a test'
bailiffctl list | tee "$OUT/list.txt"
check 'he is listed' grep -q "^user $(id -u bob) " "$OUT/list.txt"
check_not 'he starts nothing any more' grows /tmp/loop-b
check_not 'he cannot log in again' attack 198.51.100.13 bob bob-pw
becomes() {
	setpriv --reuid "$1" --regid "$1" --clear-groups true || return 1
}
check_not 'root cannot become him' becomes bob
check 'root becomes alice' becomes alice
check 'alice can log in' attack 198.51.100.14 alice alice-pw
systemctl restart bailiffd.service
check 'bailiffd is restarted' wait_for 200 bailiff_answers
check_not 'he still cannot' attack 198.51.100.13 bob bob-pw
check 'he is still listed' bash -c "bailiffctl list | grep -q '^user $(id -u bob) '"
check 'he is released' bailiffctl release user bob
check 'he can log in again' wait_for 90 attack 198.51.100.13 bob bob-pw

refused_with() {
	local text=$1
	shift
	! bailiffctl "$@" >"$OUT/refusal.txt" 2>&1 && grep -q "$text" "$OUT/refusal.txt"
}
check 'root is never locked out' refused_with 'is root' lock user root --force
check 'nor is who is exempt' refused_with 'exempt account' lock user mallory --force
# Who is exempt counts as an administrator.
usermod -L root
usermod -L mallory
usermod -aG sudo alice
rm -f /root/.ssh/authorized_keys
check 'nor the last administrator with a way in' refused_with 'last administrator' lock user alice
check 'but by force' bailiffctl lock user alice --force
check_not 'then alice cannot log in' attack 198.51.100.15 alice alice-pw
check 'why tells who did it, and that it took force' bash -c 'bailiffctl why user alice | grep -q "root.*--force\|--force.*root"'
check 'and is released' bailiffctl release user alice
check_eq 'no cgroup is left frozen' '' "$(find /sys/fs/cgroup -name cgroup.freeze -exec grep -lx 1 {} +)"
