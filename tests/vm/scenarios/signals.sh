#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a login session does that only the kernel tells of is in the session's record; a rule that counts
# it ends the session, with the jobs that it left for at and cron; another session does not notice.
# time: 420
# kernels: 6.1
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
# A cron that believes that the machine has only just started need not wait for the next minute.
systemctl stop cron
rm -f /run/crond.reboot
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
session_run a 'echo "exec sleep 5101" | at now; echo "@reboot exec sleep 5102" | crontab -'
session_run b 'echo "exec sleep 5201" | at now'
check 'a job of at is in the record' wait_for 30 seen 'startup-file: cron/atjobs/'
check 'so is a crontab' wait_for 30 seen 'startup-file: cron/crontabs/alice replaced, by crontab'
systemctl start cron
cp -a /home/alice/.bashrc "$OUT/bashrc" 2>/dev/null || : >"$OUT/bashrc"
session_run a 'cat /etc/passwd >/dev/null; echo "# scenario" >>~/.bashrc'
check 'a shell start-up file that is written is in the record' wait_for 30 seen 'startup-file: home/alice/.bashrc'
session_run a 'cp /bin/true /dev/shm/scenario-true && /dev/shm/scenario-true; rm -f /dev/shm/scenario-true'
check 'so is a program from a tmpfs' wait_for 30 seen 'exec-tmpfs: /dev/shm/scenario-true'
session_run a 'cp /bin/true ~/scenario-set; chmod 4755 ~/scenario-set; rm -f ~/scenario-set'
check 'so is a set-user-ID file' wait_for 30 seen 'setuid-file: home/alice/scenario-set'
session_run a 'echo alice-pw | sudo -S -p "" touch /etc/sudoers.d/scenario'
check 'so is a login file that sudo lets be written' wait_for 30 seen 'login-file: etc/sudoers.d/scenario'
check 'jobs of both begin' wait_for 90 bash -c 'pgrep -f "sleep 5101" && pgrep -f "sleep 5102" && pgrep -f "sleep 5201"'
bailiffctl sessions --json >"$OUT/sessions.json"
joined() {
	jq -rs '[.[] | select(.edge) | "\(.type) \(.parent) \(.edge.reason) \(.edge.strength)"] | unique | sort | .[]' "$OUT/sessions.json"
}
check_eq 'each is joined to the session that left it' \
	"$(printf '%s\n' "at $a at certain" "at $b at certain" "cron $a cron likely" | sort)" "$(joined | sort)"
check_eq 'both sessions are marked for that, no other' "$(printf '%s\n' "$a" "$b" | sort)" \
	"$(jq -rs '.[] | select(.left) | .session' "$OUT/sessions.json" | sort)"
check_eq 'sudo itself is none, nor is reading' 4 \
	"$(bailiffctl why session "$a" --json | jq -rs '[.[] | select(.event.action == "signal") | .message | split(":")[0]] | map(select(. != "exec-writable")) | unique | length')"
check_eq 'session b has what it did itself' startup-file \
	"$(bailiffctl why session "$b" --json | jq -rs '[.[] | select(.event.action == "signal") | .message | split(":")[0]] | unique | join(" ")')"
check 'nobody was ended so far' session_alive a
session_run b 'cp /bin/sleep ~/scenario-sleep; exec 9<~/scenario-sleep; rm ~/scenario-sleep; /proc/self/fd/9 3009'
check 'a rule ends the session that runs a deleted file' wait_for 60 not session_alive b
check 'its job ends with it' wait_for 30 not pgrep -f 'sleep 5201'
check 'the other one goes on' session_alive a
check 'with its job of at' pgrep -f 'sleep 5101'
check 'and of cron' pgrep -f 'sleep 5102'
crontab -u alice -r
check 'lock session' bailiffctl lock session "$a" --reason 'shown in a test'
check 'ends both' wait_for 30 not pgrep -f 'sleep 510[12]'
check 'and the session' wait_for 30 not session_alive a
check 'its record tells that it left files' bash -c "bailiffctl why session $a | grep 'left files to come back by'"
rm -f /etc/sudoers.d/scenario /etc/bailiff/rules.d/scenario-signals.conf
cp "$OUT/bashrc" /home/alice/.bashrc
