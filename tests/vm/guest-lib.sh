# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What scenarios say and do inside a guest.
#
# A scenario is tests/vm/scenarios/NAME.sh, bash, run as root in a freshly booted Debian:
#
#     #!/bin/bash
#     # SPDX-License-Identifier: GPL-2.0-only
#     # One line of what it shows.
#     # time: 90                     seconds it may take (default 120), wall clock
#     # kernels: 6.1 6.12            only on these (default: all)
#     # boot: audit=1                kernel arguments; a boot of its own, shared by all who want the same
#     # boot 5.10: lsm=lockdown,yama,apparmor,bpf        the same, for one kernel only
#     . /t/guest-lib.sh
#     scenario_begin
#     start_bailiff mode=enforce
#     check 'alice logs in' attack 198.51.100.11 alice alice-pw
#     check_not 'a wrong password does not' attack 198.51.100.11 alice wrong
#     check 'bailiffd is there' bailiff_pid bailiffd
#
# It passes if it ends with 0, made at least one check, and all checks held. What bailiff left behind
# (processes, pinned maps, state, configuration) is removed at its end, whatever happened.
#
# Checks    check WHAT COMMAND...           holds if the command succeeds; its output is shown if not
#           check_not WHAT COMMAND...       holds if the command fails; not if it cannot be run at all
#           check_eq WHAT WANTED GOT        holds if both are the same text
#           scenario_skip WHY               ends the scenario, counted as skipped, never as passed
#           keep PATH...                    a file or folder of the guest that the scenario changes: at
#                                           its end it is again as it was, or gone if it was not there
#           undo                            a function of this name runs at its end, after that
#           note TEXT...                    a line in the log
#           not COMMAND...                  for wait_for; gone PID: that process has ended
#           wait_for SECONDS COMMAND...     repeats until it succeeds; fails past the wall clock limit
# Network   a namespace "atk" behind a veth, with addresses from documentation prefixes:
#           198.51.100.11 to .19, 203.0.113.11 to .19 (each net's .1 is the guest),
#           2001:db8:N::11 and ::12 for N = 1 to 4 (each N is its own /64; the guest is
#           2001:db8:ff::1)
#           from_atk COMMAND...             runs it in the namespace
#           server_of ADDR                  the guest's address in the net of ADDR
#           connects ADDR                   a TCP connection from it to sshd is answered
# Logins    users root alice bob mallory, passwords USER-pw; alice may sudo
#           attack ADDR USER PASSWORD [COMMAND]   one ssh login from ADDR, one try; ssh's exit code
#           attack_raw ADDR USER PASSWORD         a login with a user name of any bytes but NUL: ssh
#                                   refuses quotes, "$", ";", a newline and a leading "-". A wrong
#                                   password is six tries of one connection, for dropbear's client
#                                   repeats it until sshd hangs up (MaxAuthTries).
#           guess ADDR USER [TRIES]               one connection with TRIES wrong passwords (default 3)
#           session_open NAME ADDR USER [PASSWORD]  a login that stays, with a shell
#           session_run NAME TEXT                 gives that shell a line; output: session_log NAME
#           session_id NAME                       logind's name of it
#           session_alive NAME; session_close NAME
#           logins, guesses and sessions end by themselves after 60, 60 and 600 s
# bailiff   start_bailiff [KEY=VALUE | SECTION.KEY=VALUE]...   writes a drop-in, starts bailiffd, waits
#                                           for it to answer. KEY alone goes to [bailiff].
#           stop_bailiff                    orderly end; lockouts and state stay
#           wipe_bailiff                    stop, then remove state, configuration and pinned objects
#           rule_with_lockout TIME          ssh-guessing with another length of lockout
#           listed SUBJECT                  it is locked out, says bailiffctl list
#           locked none|BUT...              all addresses that are, sorted, in one line; without BUT
#           told SUBJECT JQ                 a record about it (bailiffctl why) for which JQ is true
#           tries_of ADDR                   tries told of it, from the records
#           counted_of ADDR                 those of them that count toward a lockout
#           bailiff_gone                    no process of it runs
#           bailiff_pid PROGRAM             pid of bailiffd, bailiff-analyst or bailiff-recorder
#           bailiff_kill PROGRAM            SIGKILL to it
#           bailiff_log                     what bailiff wrote since the scenario began
#           journal [ARGS]                  the journal since the scenario began
# Audit     audit_set 0|1; audit_is 0|1       the kernel's own switch, by netlink
# Files     $OUT is the scenario's folder; what lies there comes back to the host.

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C.UTF-8 NO_COLOR=1
OUT=${OUT:-/t/out/by-hand}
LOGIN_LIMIT=60
START_LIMIT=150
SESSION_LIMIT=600
# shellcheck disable=SC2034 # for scenarios
ATTACKERS_V4=(198.51.100.{11..19} 203.0.113.{11..19})
# shellcheck disable=SC2034
ATTACKERS_V6=(2001:db8:{1..4}::1{1,2})

failures=0
skipped=no

# ---- checks --------------------------------------------------------------------------------------

note() {
	printf '  .... %s\n' "$*"
}

# verdict ok|FAIL WHAT
verdict() {
	printf '%s\t%s\n' "$1" "$2" >>"$OUT/checks"
	printf '  %-4s %s\n' "$1" "$2"
	[ "$1" = ok ] || failures=$((failures + 1))
}

# run_quietly COMMAND...: output to $OUT/last, shown by show_last.
run_quietly() {
	"$@" >"$OUT/last" 2>&1
}

show_last() {
	tail -n 20 "$OUT/last" | cut -c1-400 | sed 's/^/       | /'
}

check() {
	local what=$1 rc=0
	shift
	run_quietly "$@" || rc=$?
	if [ "$rc" -eq 0 ]; then
		verdict ok "$what"
	else
		verdict FAIL "$what"
		note "code $rc from: $*"
		show_last
	fi
}

check_not() {
	local what=$1 rc=0
	shift
	run_quietly "$@" || rc=$?
	case $rc in
	0) verdict FAIL "$what"
	   note "succeeded, but should not: $*"
	   show_last ;;
	# Of a command that does not exist nothing was learned.
	126 | 127) verdict FAIL "$what"
		   note "cannot be run: $*"
		   show_last ;;
	*) verdict ok "$what" ;;
	esac
}

check_eq() {
	if [ "$2" = "$3" ]; then
		verdict ok "$1"
	else
		verdict FAIL "$1"
		note "wanted '$2', got '$3'"
	fi
}

not() {
	! "$@"
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

# An emulated guest has one slow CPU, and what is waited for needs it: so no process for a pause, and
# longer ones the longer it takes.
pause_ms() {
	read -rt "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))" -u "$PAUSE" || :
}

wait_for() {
	local end=$((SECONDS + $1)) ms=200
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		pause_ms "$ms"
		[ "$ms" -ge 1000 ] || ms=$((ms + 100))
	done
}

scenario_skip() {
	skipped=yes
	echo "$*" >"$OUT/skipped"
	note "skipped: $*"
	exit 77
}

scenario_begin() {
	mkdir -p "$OUT"
	: >"$OUT/checks"
	BEGAN=$(date +%s.%N)
	trap scenario_end EXIT
	# Read from, it gives nothing and has no end.
	mkfifo "$OUT/pause"
	exec {PAUSE}<>"$OUT/pause"
	rm "$OUT/pause"
	network_up
}

KEPT=/run/kept

keep() {
	local path
	mkdir -p "$KEPT"
	for path in "$@"; do
		printf '%s\n' "$path" >>"$KEPT/list"
		[ ! -e "$path" ] || cp -a "$path" "$KEPT/${path//\//_}"
	done
}

put_back() {
	local path
	[ -e "$KEPT/list" ] || return 0
	while read -r path; do
		rm -rf "$path"
		[ ! -e "$KEPT/${path//\//_}" ] || cp -a "$KEPT/${path//\//_}" "$path"
	done <"$KEPT/list"
	rm -rf "$KEPT"
}

# The exit trap. A scenario that stops half-way keeps its own code.
scenario_end() {
	local rc=$? dir
	trap - EXIT
	for dir in "$OUT"/session-*; do
		[ -d "$dir" ] && session_close "${dir##*/session-}"
	done
	journal >"$OUT/journal.log" 2>&1
	if [ "$rc" -ne 0 ] && [ "$skipped" = no ] || [ "$failures" -gt 0 ]; then
		note 'end of the journal:'
		tail -n 30 "$OUT/journal.log" | cut -c1-300 | sed 's/^/       | /'
	fi
	wipe_bailiff
	put_back
	declare -F undo >/dev/null && undo
	[ "$failures" -eq 0 ] || exit 1
	exit "$rc"
}

journal() {
	journalctl --no-pager --quiet --output=short-iso-precise --since="@${BEGAN%.*}" "$@"
}

# ---- network -------------------------------------------------------------------------------------

from_atk() {
	ip netns exec atk "$@"
}

# network_up: once a boot.
network_up() {
	local n
	[ -e /run/netns/atk ] && return 0
	ip netns add atk
	ip link add srv0 type veth peer name atk0 netns atk
	ip link set srv0 up
	ip -n atk link set lo up
	ip -n atk link set atk0 up
	for n in 198.51.100 203.0.113; do
		ip addr add "$n.1/24" dev srv0
	done
	for n in "${ATTACKERS_V4[@]}"; do
		ip -n atk addr add "$n/24" dev atk0
	done
	# Without duplicate address detection, which would cost seconds. The guest's own address is in a
	# net of its own: the /64 of an own address is never locked out.
	ip addr add 2001:db8:ff::1/64 dev srv0 nodad
	ip -n atk -6 route add 2001:db8:ff::/64 dev atk0
	for n in 1 2 3 4; do
		ip -6 route add "2001:db8:$n::/64" dev srv0
	done
	for n in "${ATTACKERS_V6[@]}"; do
		ip -n atk addr add "$n/64" dev atk0 nodad
	done
}

server_of() {
	case $1 in
	*:*) echo 2001:db8:ff::1 ;;
	*) echo "${1%.*}.1" ;;
	esac
}

connects() {
	from_atk nc -z -w 5 -s "$1" "$(server_of "$1")" 22
}

# ---- logins --------------------------------------------------------------------------------------

SSH_OPTIONS=(-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
	-o PreferredAuthentications=password -o PubkeyAuthentication=no -o ConnectTimeout=20)

attack() {
	local addr=$1 user=$2 password=$3
	shift 3
	SSHPASS=$password timeout "$LOGIN_LIMIT" ip netns exec atk sshpass -e ssh "${SSH_OPTIONS[@]}" \
		-o NumberOfPasswordPrompts=1 -b "$addr" -l "$user" "$(server_of "$addr")" \
		"${@:-true}" </dev/null
}

# Dropbear's client hands the name on as it is. It ends with 0 also when the server hung up, so the
# command must be heard.
attack_raw() {
	local said
	said=$(DROPBEAR_PASSWORD=$3 timeout "$LOGIN_LIMIT" ip netns exec atk dbclient -y -y -T -b "$1" \
		-l "$2" "$(server_of "$1")" echo raw-login-works </dev/null)
	[ "$said" = raw-login-works ]
}

# sshpass gives up at the second question, so the tries of one connection come from an askpass program.
guess() {
	local addr=$1 user=$2 tries=${3:-3}
	printf '#!/bin/sh\necho not-the-password\n' >/run/guess-askpass
	chmod 755 /run/guess-askpass
	SSH_ASKPASS=/run/guess-askpass SSH_ASKPASS_REQUIRE=force DISPLAY=none \
		timeout "$LOGIN_LIMIT" ip netns exec atk ssh "${SSH_OPTIONS[@]}" \
		-o NumberOfPasswordPrompts="$tries" -b "$addr" -l "$user" "$(server_of "$addr")" \
		true </dev/null
}

session_log() {
	cat "$OUT/session-$1/log"
}

session_up() {
	grep -q '^session-up ' "$OUT/session-$1/log"
}

session_open() {
	local name=$1 addr=$2 user=$3 password=${4:-$3-pw} dir=$OUT/session-$1

	mkdir -p "$dir"
	rm -f "$dir/in"
	mkfifo "$dir/in"
	: >"$dir/log"
	# shellcheck disable=SC2016 # the guest's shell expands it
	local command='echo session-up $XDG_SESSION_ID; exec bash'

	# Both ends, so that neither side waits for the other to open it.
	exec {session_fd}<>"$dir/in"
	SSHPASS=$password timeout "$SESSION_LIMIT" ip netns exec atk sshpass -e ssh \
		"${SSH_OPTIONS[@]}" -o NumberOfPasswordPrompts=1 -b "$addr" -l "$user" \
		"$(server_of "$addr")" "$command" \
		<&"$session_fd" >"$dir/log" 2>&1 {session_fd}>&- &
	echo $! >"$dir/pid"
	printf '%s\n' "$session_fd" >"$dir/fd"
	wait_for "$LOGIN_LIMIT" session_up "$name"
}

session_run() {
	printf '%s\n' "$2" >"$OUT/session-$1/in"
}

session_id() {
	sed -n 's/^session-up //p' "$OUT/session-$1/log"
}

session_alive() {
	kill -0 "$(cat "$OUT/session-$1/pid")" 2>/dev/null
}

session_close() {
	local dir=$OUT/session-$1 pid fd
	pid=$(cat "$dir/pid")
	fd=$(cat "$dir/fd")
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	{ exec {fd}>&-; } 2>/dev/null
	rm -f "$dir/in"
	mv "$dir" "$OUT/closed-$1-$pid"
}

# ---- bailiff -------------------------------------------------------------------------------------

CONF=/etc/bailiff/bailiff.conf.d/90-scenario.conf

bailiff_answers() {
	systemctl -q is-active bailiffd.service && timeout 10 bailiffctl status >/dev/null 2>&1
}

start_bailiff() {
	local setting key
	command -v bailiffd >/dev/null || { verdict FAIL 'bailiffd is installed'; return 1; }
	mkdir -p "${CONF%/*}"
	: >"$CONF"
	for setting in "$@"; do
		key=${setting%%=*}
		case $key in
		*.*) printf '[%s]\n%s=%s\n' "${key%.*}" "${key##*.}" "${setting#*=}" ;;
		*) printf '[bailiff]\n%s\n' "$setting" ;;
		esac >>"$CONF"
	done
	[ -d /var/lib/bailiff ] || systemd-tmpfiles --create bailiff.conf
	systemctl reset-failed bailiffd.service 2>/dev/null
	# Whoever asks again and again takes the time that the start needs: it tells when it is done.
	if ! timeout "$START_LIMIT" systemctl start bailiffd.service || ! wait_for 10 bailiff_answers; then
		verdict FAIL "bailiffd answers within $START_LIMIT s"
		timeout 10 bailiffctl status 2>&1 | sed 's/^/       | /'
		bailiff_log | tail -n 30 | sed 's/^/       | /'
		return 1
	fi
}

stop_bailiff() {
	systemctl stop bailiffd.service
}

wipe_bailiff() {
	local file
	systemctl -q is-active bailiffd.service 2>/dev/null && stop_bailiff
	rm -rf /sys/fs/bpf/bailiff /var/lib/bailiff /etc/bailiff/rules.d/ssh-guessing.conf "$CONF"
	# A frozen cgroup would hang every later login of its user.
	while read -r file; do
		echo 0 >"$file" 2>/dev/null
	done < <(find /sys/fs/cgroup -name cgroup.freeze -exec grep -lx 1 {} + 2>/dev/null)
}

rule_with_lockout() {
	mkdir -p /etc/bailiff/rules.d
	sed "s/^lockout = .*/lockout = $1/" /usr/lib/bailiff/rules.d/ssh-guessing.conf \
		>/etc/bailiff/rules.d/ssh-guessing.conf
}

# A bailiffctl that fails says nothing of the list: it must neither be "listed" nor "not listed".
listed() {
	timeout 20 bailiffctl list --json >"$OUT/list.json" || return 126
	grep -qF "\"$1\"" "$OUT/list.json"
}

locked() {
	timeout 20 bailiffctl list --json >"$OUT/list.json" || { echo '(no list)'; return 1; }
	jq -r '.. | strings' "$OUT/list.json" | grep -xE '[0-9.]+|[0-9a-f:]+/64' |
		grep -vxF "$(printf '%s\n' "$@")" | sort | xargs
}

why_json() {
	timeout 20 bailiffctl why "$1" --json >"$OUT/why.json" || return 126
}

told() {
	why_json "$1" && jq -e -s "map(select($2)) | length > 0" "$OUT/why.json" >/dev/null
}

tries_of() {
	why_json "$1" || : >"$OUT/why.json"
	jq -s 'map(select(.event.action == "attempt") | .bailiff.count // 0) | add // 0' "$OUT/why.json"
}

counted_of() {
	why_json "$1" || : >"$OUT/why.json"
	jq -s 'map(select(.event.action == "attempt" and (.bailiff.trust == "witnessed" or .bailiff.trust == "attested"))
		| .bailiff.count // 0) | add // 0' "$OUT/why.json"
}

bailiff_gone() {
	! bailiff_pid bailiffd && ! bailiff_pid bailiff-analyst && ! bailiff_pid bailiff-recorder
}

bailiff_pid() {
	local pid exe group=/sys/fs/cgroup/system.slice/bailiffd.service
	[ -d "$group" ] || return 1
	while read -r pid; do
		exe=$(readlink "/proc/$pid/exe") && [ "${exe##*/}" = "$1" ] && echo "$pid" && return 0
	done < <(cat "$group"/cgroup.procs "$group"/*/cgroup.procs 2>/dev/null)
	return 1
}

bailiff_kill() {
	local pid
	pid=$(bailiff_pid "$1") && kill -KILL "$pid"
}

bailiff_log() {
	journal -u bailiffd.service --output=cat
}

# ---- audit ---------------------------------------------------------------------------------------

audit_set() {
	python3 - "$1" <<'END'
import socket, struct, sys
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
body = struct.pack("10I", 1, int(sys.argv[1]), *[0] * 8)
s.send(struct.pack("IHHII", 16 + len(body), 1001, 5, 1, 0) + body)
sys.exit(struct.unpack_from("i", s.recv(8192), 16)[0] != 0)
END
}
audit_is() {
	[ "$(python3 - <<'END'
import socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
s.send(struct.pack("IHHII", 16, 1000, 1, 1, 0))
print(struct.unpack_from("II", s.recv(8192), 16)[1])
END
	)" = "$1" ]
}
