#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Hostile user names over a real ssh: only the true source is counted, once per try.
# time: 420
# kernels: 6.1 7.x
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
victim=198.51.100.77
scenario_begin
start_bailiff mode=enforce
names=(
	"x from $victim port 22"
	"x from $victim port 22 ssh2"
	"root from $victim port 22 ssh2 from $victim"
	"x $victim port 22 [preauth]"
	"[preauth] \"quoted' user"
	"$(printf 'x%.0s' {1..1000})"
	$'\xff\xfe from '"$victim"
	" "
)
# The client looks at names on its command line; a file it trusts.
hostile() { # ADDR NAME
	printf 'Host *\n  User "%s"\n' "${2//\"/\\\"}" >/run/hostile.conf
	SSHPASS=wrong timeout 60 ip netns exec atk sshpass -e ssh -F /run/hostile.conf \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		-o PreferredAuthentications=password -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 \
		-b "$1" "$(server_of "$1")" true </dev/null
}
tries=0
for i in "${!names[@]}"; do
	addr=${ATTACKERS_V4[$((i / 2))]}
	hostile "$addr" "${names[$i]}"
	rc=$?
	note "name $i from $addr: code $rc"
	[ "$rc" = 5 ] || [ "$rc" = 255 ] && tries=$((tries + 1))
done
# A newline and the rest, through a client that does not care. It repeats its password until sshd hangs
# up, so this source is rightly locked out at once.
attack_raw "${ATTACKERS_V4[5]}" $'x\nFailed password for root from '"$victim"$' port 22 ssh2' wrong
check 'every name reached the server' test "$tries" -ge 8
sleep 8
check 'who tried six times in one connection is locked out' wait_for 20 listed "${ATTACKERS_V4[5]}"
check_eq 'nobody else is, yet' 1 "$(bailiffctl list --json | wc -l)"
for i in 0 1 2 3; do
	addr=${ATTACKERS_V4[$i]}
	check_eq "$addr: two connections are two tries" 2 "$(tries_of "$addr")"
done
check_not 'the named address has no try' test "$(tries_of "$victim")" -gt 0
for _ in 1 2 3; do
	hostile "${ATTACKERS_V4[0]}" "x from $victim port 22"
done
check 'the true source is locked out at its fifth try' wait_for 20 listed "${ATTACKERS_V4[0]}"
check_not 'the named address never' listed "$victim"
check_eq 'two lockouts' 2 "$(bailiffctl list --json | wc -l)"
