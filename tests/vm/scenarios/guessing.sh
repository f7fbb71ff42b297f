#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Password guessing over ssh ends in a lockout of that address alone, which explains itself, cuts what
# is open, and expires on time with nobody there to end it.
# time: 480
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
rule_with_lockout 90s
# Nobody may help the expiry along: a killed bailiffd stays dead.
mkdir -p /run/systemd/system/bailiffd.service.d
printf '[Service]\nRestart=no\n' >/run/systemd/system/bailiffd.service.d/dead.conf
systemctl daemon-reload
start_bailiff mode=enforce

# One connection is held open, to see it cut. It counts only once it has ended.
sleep 300 | from_atk nc -s 198.51.100.11 198.51.100.1 22 >"$OUT/held" 2>&1 &
held=$!
check 'a held connection is up' wait_for 20 grep -q SSH- "$OUT/held"
for _ in 1 2 3 4; do
	attack 198.51.100.11 root wrong
done
sleep 1
check_not 'four failures do not lock out' listed 198.51.100.11
attack 198.51.100.11 root wrong
check 'the fifth does' wait_for 20 listed 198.51.100.11
began=$SECONDS
check 'the held connection ended at once' wait_for 5 gone "$held"
check_not 'a new connection is refused' connects 198.51.100.11
check 'another address still logs in' attack 198.51.100.12 alice alice-pw
bailiffctl why 198.51.100.11 >"$OUT/why.txt" 2>&1
cat "$OUT/why.txt"
check 'why names the rule' grep -q ssh-guessing "$OUT/why.txt"
check 'why shows a claim of the log' grep -q 'Failed password for root from 198.51.100.11' "$OUT/why.txt"
check 'why names the witness' grep -q 'the kernel saw' "$OUT/why.txt"
check_eq 'the map holds one entry' 1 \
	"$(bpftool map dump pinned /sys/fs/bpf/bailiff/maps/bl_lock4 | grep -c expires_boot_ns)"

bailiff_kill bailiff-analyst
bailiff_kill bailiffd
check 'bailiffd is dead' wait_for 10 bailiff_gone
check_not 'the lockout holds without it' connects 198.51.100.11
check_not 'still' connects 198.51.100.11
while [ $((SECONDS - began)) -lt 92 ]; do
	sleep 0.5
done
check 'it expires by itself' connects 198.51.100.11
check_not 'and bailiffd is still dead' bailiff_pid bailiffd

rm -rf /run/systemd/system/bailiffd.service.d
systemctl daemon-reload
check 'bailiffd starts again' start_bailiff mode=enforce
check 'the expired lockout is gone from the list' wait_for 10 not listed 198.51.100.11
check 'its expiry is on record' wait_for 20 told 198.51.100.11 '.bailiff.result == "expired"'
