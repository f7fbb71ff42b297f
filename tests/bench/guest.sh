#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The guest's side of tests/bench/run: figures, as lines "@@FIG NAME VALUE...".
#
# bailiffd runs in enforce mode, where every program is attached. Legs alternate: none, sensors, none, sensors, none; the same program
# warms up before each. The agent gets two seconds after each leg to come to its end, and what it
# spends in them counts as its own, so work that was only put off is not hidden.
# shellcheck source-path=SCRIPTDIR/../vm source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
SPAWNS=100 ROUNDS=9

fig() {
	printf '@@FIG %s\n' "$*"
}

# spawn_in WHERE N ROUNDS: a service of its own, with or without a login session.
spawn_in() {
	local login=()
	[ "$1" = service ] || login=(--uid=alice --property=PAMName=login)
	systemd-run --quiet --pipe --wait --collect "${login[@]}" /t/spawn "$2" "$3"
}

agent_us() {
	local group
	group=$(systemctl show -P ControlGroup bailiffd.service)
	sed -n 's/^usage_usec //p' "/sys/fs/cgroup$group/cpu.stat"
}

counter() {
	bailiffctl status --json >"$OUT/status.json" && jq -r "$1" "$OUT/status.json"
}

warm_up() {
	spawn_in "$1" 100 3 >/dev/null
}

# leg NAME WHERE
leg() {
	local said
	said=$(spawn_in "$2" "$SPAWNS" "$ROUNDS")
	check "$1 was measured" test -n "$said"
	# shellcheck disable=SC2086 # three words
	fig "$1" $said
}

memory() {
	local pid name group
	group=$(systemctl show -P ControlGroup bailiffd.service)
	while read -r pid; do
		name=$(basename "$(readlink "/proc/$pid/exe")")
		awk -v name="memory-$1-$name" '/^Pss:/ { p = $2 } /^Rss:/ { r = $2 }
			END { printf "@@FIG %s %.1f %.1f\n", name, p / 1024, r / 1024 }' \
			"/proc/$pid/smaps_rollup"
	done < <(find "/sys/fs/cgroup$group" -name cgroup.procs -exec cat {} +) | tee "$OUT/memory-$1"
	for name in bailiffd bailiff-analyst bailiff-recorder; do
		check "$name has memory ($1)" grep -qE -- "-$name [1-9]|-$name 0\.[1-9]" "$OUT/memory-$1"
	done
}

# sensors_leg WHERE N: what the agent spends is read around the measured execs only.
sensors_leg() {
	local before after events_before events_after lost
	local execs=$((SPAWNS * ROUNDS))
	start_bailiff mode=enforce || return
	sleep 3
	[ -e "$OUT/memory-start" ] || memory start
	warm_up "$1"
	sleep 2
	events_before=$(counter .events)
	before=$(agent_us)
	leg "$1-sensors-$2" "$1"
	sleep 2
	after=$(agent_us)
	events_after=$(counter .events)
	lost=$(counter .lost)
	# fork, exec and exit of each; a sensor that is not there would cost nothing.
	check "the sensors saw them" test $((events_after - events_before)) -ge $((3 * execs))
	fig "$1-events-$2" $((events_after - events_before))
	fig "$1-execs-$2" "$execs"
	fig "$1-lost-$2" "$lost"
	fig "$1-agent-$2" "$(awk -v a="$before" -v b="$after" -v n="$execs" \
		'BEGIN { printf "%.1f", (b - a) / n }')"
	[ "$1$2" != session2 ] || memory load
	# What is pinned would run on in the leg without.
	wipe_bailiff
	sleep 2
}

fig spawns "$SPAWNS"
fig rounds "$ROUNDS"
if grep -qx exec /t/parts; then
	for where in service session; do
		warm_up "$where"
		leg "$where-none-1" "$where"
		sensors_leg "$where" 1
		warm_up "$where"
		leg "$where-none-2" "$where"
		sensors_leg "$where" 2
		warm_up "$where"
		leg "$where-none-3" "$where"
	done
else
	start_bailiff mode=enforce
	sleep 3
	memory start
fi
