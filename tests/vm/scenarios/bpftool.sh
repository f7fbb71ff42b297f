#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An operator looks into it with bpftool: named fields, readable names.
# time: 240
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
start_bailiff mode=enforce
check 'lock an IPv4 address' bailiffctl lock 203.0.113.11 --for 10m
check 'lock an IPv6 address' bailiffctl lock 2001:db8:4::11 --for 10m
ls -l /sys/fs/bpf/bailiff/maps /sys/fs/bpf/bailiff/links
bpftool map dump pinned /sys/fs/bpf/bailiff/maps/bl_lock4 | tee "$OUT/lock4.txt"
bpftool map dump pinned /sys/fs/bpf/bailiff/maps/bl_lock6 | tee "$OUT/lock6.txt"
check 'the IPv4 map reads as named fields' grep -q expires_boot_ns "$OUT/lock4.txt"
check 'the IPv6 map too' grep -q expires_boot_ns "$OUT/lock6.txt"
check 'sessions too' bash -c 'bpftool map show pinned /sys/fs/bpf/bailiff/maps/bl_sessions | grep -q bl_sessions'
bpftool prog >"$OUT/prog.txt"
grep -E 'name bl_' "$OUT/prog.txt"
for name in bl_exec bl_fork bl_exit bl_lookup bl_connect4 bl_connect6; do
	check "bpftool prog shows $name" grep -q "name $name" "$OUT/prog.txt"
done
bpftool link >"$OUT/link.txt"
check 'bpftool link shows the lookup' grep -q -A 3 netns "$OUT/link.txt"
check 'and the cgroup hooks' grep -q cgroup_inet4_connect "$OUT/link.txt"
systemctl stop bailiffd.service
check_not 'stopping leaves the lockout in force' connects 203.0.113.11
check 'bailiffd --clear removes everything' bailiffd --clear
check 'nothing is pinned' test ! -e /sys/fs/bpf/bailiff/maps
check 'and it connects again' connects 203.0.113.11
# The kernel frees a program that nobody holds from a work queue, a little later.
none_left() {
	[ "$(bpftool prog | grep -c 'name bl_')" = 0 ]
}
check 'no program of ours is left' wait_for 60 none_left
