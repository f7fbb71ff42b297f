#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kill -9 of each process in turn during an attack: no lockout is lost, the agent is back within 5 s.
# time: 480
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
start_bailiff mode=enforce
back() {
	local new
	new=$(bailiff_pid "$1") && [ "$new" != "$2" ] && timeout 5 bailiffctl status >/dev/null 2>&1
}
# Loading BPF programs is ten times slower where each instruction is emulated.
limit=5
[ "$(systemd-detect-virt)" = kvm ] || limit=90
descriptors() {
	find "/proc/$(bailiff_pid bailiffd)/fd" -mindepth 1 | wc -l
}
n=11
# bailiffd first: the two that die after it must leave nothing behind in the new one.
for program in bailiffd bailiff-analyst bailiff-recorder; do
	addr=198.51.100.$n
	n=$((n + 1))
	for _ in 1 2 3 4 5; do
		attack "$addr" root wrong
	done
	check "$addr is locked out" wait_for 20 listed "$addr"
	old=$(bailiff_pid "$program")
	bailiff_kill "$program"
	check_not "$addr stays out while $program is gone" connects "$addr"
	began=$SECONDS
	check "$program is back within $limit s" wait_for "$limit" back "$program" "$old"
	note "$program was back after $((SECONDS - began)) s"
	[ "$program" != bailiffd ] || descriptors=$(descriptors)
	check "$addr is still listed" wait_for 5 listed "$addr"
	check_not "$addr is still out" connects "$addr"
done
# And it still works afterwards.
for _ in 1 2 3 4 5; do
	attack 198.51.100.14 root wrong
done
check 'a fourth attacker is locked out by the revived agent' wait_for 20 listed 198.51.100.14
check_eq 'four lockouts' 4 "$(bailiffctl list --json | wc -l)"
check_eq 'no cgroup is frozen' '' "$(find /sys/fs/cgroup -name cgroup.freeze -exec grep -lx 1 {} +)"
note "bailiffd held $descriptors descriptors at its start, $(descriptors) after two children died"
check 'no descriptor is left over' test "$(descriptors)" -le $((descriptors + 2))
systemctl restart bailiffd.service
check 'it answers after a restart' wait_for 30 bailiff_answers
check_eq 'four lockouts after a restart' 4 "$(bailiffctl list --json | wc -l)"
