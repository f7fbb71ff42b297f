#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A recording of an attack leads to the same decision when it is replayed; only root may make one; what
# sessions start is shown to who watches, and a decision stands behind what led to it.
# time: 240
# kernels: 7.x
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
start_bailiff mode=enforce

recorded() {
	[ "$(wc -l <"$OUT/events.jsonl")" -ge "$1" ]
}

check_eq 'another user may not record' 2 \
	"$(su -s /bin/sh alice -c "bailiffctl record - >/dev/null 2>&1; echo \$?")"
bailiffctl record "$OUT/events.jsonl" 2>"$OUT/record.log" &
recorder=$!
check 'a file is there' wait_for 20 test -e "$OUT/events.jsonl"
check_eq 'for root alone' 600 "$(stat -c %a "$OUT/events.jsonl")"
check_not 'it is not overwritten' bailiffctl record "$OUT/events.jsonl"
bailiffctl watch >"$OUT/watch.txt" 2>&1 &
watcher=$!

for _ in 1 2 3 4 5; do
	attack 198.51.100.11 root wrong
done
check 'the attacker is locked out' wait_for 20 listed 198.51.100.11
check 'alice logs in' attack 198.51.100.12 alice alice-pw 'id -u; true'
check 'what her session starts is shown' wait_for 20 grep -qE 'exec .*session [0-9]+ uid 1000 .*/id -u' "$OUT/watch.txt"
check 'nothing that is no claim has trust' sh -c "! grep -E ' (source|exec) .*\[' '$OUT/watch.txt'"
kill "$watcher"
check_not 'and is kept nowhere' grep -r '/id -u' /var/lib/bailiff/recorder

check 'events are in the file' recorded 50
kill -INT "$recorder"
wait "$recorder"
check_eq 'an interrupted recording ends well' 0 $?
cat "$OUT/record.log"
check 'it tells how many there were' grep -qx "$(wc -l <"$OUT/events.jsonl") events recorded, 0 lost" \
	"$OUT/record.log"
check 'every line is whole' jq -es 'all(.boot_ns > 0 and (.type | length) > 0)' "$OUT/events.jsonl"
check 'bailiffctl replay reads it' bailiffctl replay --json --events "$OUT/events.jsonl"
bailiffctl replay --json --events "$OUT/events.jsonl" >"$OUT/decisions.jsonl"
cat "$OUT/decisions.jsonl"
lock='select(.action == "lock" and .rule == "ssh-guessing" and .subject.value == "198.51.100.11")'
check_eq 'one lock decision for that address' 1 "$(jq -c "$lock" "$OUT/decisions.jsonl" | wc -l)"
check_eq 'and none for another' 1 "$(jq -c 'select(.action == "lock")' "$OUT/decisions.jsonl" | wc -l)"
why_json 198.51.100.11
# The live one came when the event was read, the other when it happened.
seconds='.["@timestamp"][:19] + "Z" | fromdate'
live=$(jq "select(.event.action == \"decision\") | $seconds" "$OUT/why.json")
replayed=$(jq "$lock | $seconds" "$OUT/decisions.jsonl")
check 'at the time of the live one' test $((live - replayed)) -ge 0 -a $((live - replayed)) -le 1

bailiffctl why 198.51.100.11 | tee "$OUT/why.txt"
# The lines of what led to it, of the decision, of what was done.
check_eq 'why tells it in its order' 'attempt attempt attempt attempt attempt decision outcome' \
	"$(awk '$3 ~ /^(attempt|decision|outcome)$/ { print $3 }' "$OUT/why.txt" | head -n 7 | xargs)"

# There is one at a time.
bailiffctl record - >"$OUT/first.jsonl" 2>"$OUT/first.log" &
check 'a recording goes to standard output' wait_for 60 test -s "$OUT/first.jsonl"
bailiffctl record "$OUT/second.jsonl" 2>"$OUT/second.log" &
second=$!
check 'a second recording ends the first' wait_for 20 grep -q 'somebody else records now' "$OUT/first.log"
check 'and gets events' wait_for 60 test -s "$OUT/second.jsonl"
stop_bailiff
wait "$second"
check_eq 'the end of bailiffd is told' 2 $?
check 'in a sentence' grep -q 'bailiffd ended the recording' "$OUT/second.log"
