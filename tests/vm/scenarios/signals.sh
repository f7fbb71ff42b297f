#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a login session does that only the kernel tells of is in the session's record; a rule that counts
# it ends the session; another session does not notice.
# time: 300
# kernels: 5.10 7.x
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
mkdir -p /etc/bailiff/rules.d
cat >/etc/bailiff/rules.d/scenario-signals.conf <<'RULE'
[rule]
id = scenario-hidden
signal = exec-deleted
count = 1
window = 1m
action = terminate
lockout = 10m
RULE
start_bailiff mode=enforce
bailiffctl doctor --json >"$OUT/doctor.json"
check_eq 'every signal has its sensor here' '7 ok' \
	"$(jq -rs '[.[] | select(.name | startswith("signals, ")) | .state] | "\(length) \(unique | join(" "))"' "$OUT/doctor.json")"
session_open a 198.51.100.11 alice
session_open b 198.51.100.12 bob
number_of() {
	bailiffctl sessions --json | jq -r --argjson n "$(session_id "$1")" 'select(.audit_session == $n) | .session'
}
a=$(number_of a) b=$(number_of b)
check 'both sessions have a number' test -n "$a" -a -n "$b"
seen() {
	bailiffctl why session "$a" --json | jq -es --arg text "$1" \
		'any(.[]; .event.action == "signal" and (.message | startswith($text)))' >/dev/null
}
cp -a /home/alice/.bashrc "$OUT/bashrc" 2>/dev/null || : >"$OUT/bashrc"
session_run a 'cat /etc/passwd >/dev/null; echo "# scenario" >>~/.bashrc'
check 'a shell start-up file that is written is in the record' wait_for 30 seen 'startup-file: home/alice/.bashrc'
session_run a 'cp /bin/true /dev/shm/scenario-true && /dev/shm/scenario-true; rm -f /dev/shm/scenario-true'
check 'so is a program from a tmpfs' wait_for 30 seen 'exec-tmpfs: /dev/shm/scenario-true'
session_run a 'cp /bin/true ~/scenario-set; chmod 4755 ~/scenario-set; rm -f ~/scenario-set'
check 'so is a set-user-ID file' wait_for 30 seen 'setuid-file: home/alice/scenario-set'
session_run a 'echo alice-pw | sudo -S -p "" touch /etc/sudoers.d/scenario'
check 'so is a login file that sudo lets be written' wait_for 30 seen 'login-file: etc/sudoers.d/scenario'
check_eq 'sudo itself is none, nor is reading' 4 \
	"$(bailiffctl why session "$a" --json | jq -rs '[.[] | select(.event.action == "signal") | .message | split(":")[0]] | map(select(. != "exec-writable")) | unique | length')"
check 'session b has none' not bash -c "bailiffctl why session $b --json | grep -q '\"action\":\"signal\"'"
check 'nobody was ended so far' session_alive a
session_run b 'cp /bin/sleep ~/scenario-sleep; exec 9<~/scenario-sleep; rm ~/scenario-sleep; /proc/self/fd/9 3009'
check 'a rule ends the session that runs a deleted file' wait_for 60 not session_alive b
check 'the other one goes on' session_alive a
session_close a
rm -f /etc/sudoers.d/scenario /etc/bailiff/rules.d/scenario-signals.conf
cp "$OUT/bashrc" /home/alice/.bashrc
