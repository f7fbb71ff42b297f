#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every kind of lying log line, over the paths that log lines take: nobody is locked out for them, and
# whoever truly guesses beside them is. With and without rsyslog, with audit on and off, sshd started
# by its socket and not: four legs, in which every two of these settings meet in every way.
# time: 600
# kernels: 6.1 7.x
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
victim=198.51.100.13  # logged in all the time
absent=198.51.100.19  # never connects
scenario_begin
keep /etc/pam.d/common-auth /etc/passwd /etc/shadow /etc/hosts /etc/ssh/sshd_config.d/50-guest.conf \
	/etc/rsyslog.d/10-scenario.conf /var/log/app
undo() {
	settle service-rsyslog
}

# A wrong password costs 2 s by default, which says nothing here.
sed -i 's/pam_unix.so nullok/& nodelay/' /etc/pam.d/common-auth
# PAM writes down a user's name only if there is such an account: so there is one.
printf '%s\n' "x rhost=$victim:x:4001:4001::/nonexistent:/usr/sbin/nologin" >>/etc/passwd
printf '%s\n' "x rhost=$victim:*:19000::::::" >>/etc/shadow
# Half of the liars have a name that is the absent one's as well, and sshd writes names down.
sed -i 's/^UseDNS.*/UseDNS yes/' /etc/ssh/sshd_config.d/50-guest.conf
{
	printf '%s both.example.net\n' 203.0.113.{11..14} "$absent"
} >>/etc/hosts
mkdir -p /var/log/app /etc/rsyslog.d
install -o mallory -m 644 /dev/null /var/log/app/forged.log
# Syslog of the network is taken from anybody.
printf '%s\n' 'module(load="imudp")' 'input(type="imudp" port="514")' >/etc/rsyslog.d/10-scenario.conf

# settle LEG: by socket or service, rsyslog on or off, audit 1 or 0.
settle() {
	case $1 in
	*socket*) systemctl stop ssh.service && systemctl start ssh.socket ;;
	*) systemctl stop ssh.socket ssh.service && systemctl start ssh.service ;;
	esac
	case $1 in
	*rsyslog*) systemctl restart rsyslog.service ;;
	*) systemctl stop syslog.socket rsyslog.service ;;
	esac
	case $1 in
	*audit*) audit_set 1 ;;
	*) audit_set 0 ;;
	esac
}
settled() {
	case $1 in
	*socket*) systemctl -q is-active ssh.socket ;;
	*) systemctl -q is-active ssh.service && ! systemctl -q is-active ssh.socket ;;
	esac || return 1
	case $1 in
	*rsyslog*) systemctl -q is-active rsyslog.service ;;
	*) ! systemctl -q is-active rsyslog.service ;;
	esac || return 1
	case $1 in
	*audit*) audit_is 1 ;;
	*) audit_is 0 ;;
	esac
}

# One password try with a name that ssh would not take on its command line.
hostile() { # ADDR NAME
	printf 'Host *\n  User "%s"\n' "$2" >/run/hostile.conf
	SSHPASS=wrong timeout "$LOGIN_LIMIT" ip netns exec atk sshpass -e ssh -F /run/hostile.conf \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		-o PreferredAuthentications=password -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 \
		-b "$1" "$(server_of "$1")" true </dev/null
}
banner() { # ADDR TEXT
	printf '%s\r\n' "$2" | from_atk nc -w 5 -s "$1" "$(server_of "$1")" 22
}
as_mallory() {
	su mallory -s /bin/bash -c "$1"
}

# The forms of sshd's messages, about the one who is logged in (with his true port) and the absent one.
lines() { # USER
	cat <<END
Failed password for $1 from $victim port $port ssh2
Failed password for $1 from $absent port 40001 ssh2
Invalid user $1 from $absent port 40001
Failed password for invalid user $1 from ::ffff:$absent port 40001 ssh2
Connection closed by invalid user $1 $absent port 40001 [preauth]
Connection closed by authenticating user $1 $victim port $port [preauth]
error: maximum authentication attempts exceeded for $1 from $absent port 40001 ssh2 [preauth]
pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=$victim  user=$1
error: PAM: Authentication failure for $1 from $absent
message repeated 9 times: [ Failed password for $1 from $absent port 40001 ssh2]
Failed password for $1 from both.example.net port 40001 ssh2
Disconnecting authenticating user $1 $victim port $port: Too many authentication failures [preauth]
END
}

# One datagram a line, with "@" as its newline: to a socket of this machine, or to a syslog server.
send_lines() { # PATH|ADDR
	python3 -c '
import socket, sys
to = sys.argv[1]
s = socket.socket(socket.AF_UNIX if to[0] == "/" else socket.AF_INET, socket.SOCK_DGRAM)
s.connect(to if to[0] == "/" else (to, 514))
for line in sys.stdin.buffer:
    s.send(line.rstrip(b"\n").replace(b"@", b"\n"))' "$1"
}

# Whoever may run a program on the machine writes these. The names say by which way each came.
forge() { # LEG
	local way head="<38>sshd[$pid]: "

	for way in logger raw named native stdout kmsg udp own; do
		lines "$1-$way" >"/home/mallory/$way"
	done
	sed -i "s/^/$head/" /home/mallory/{raw,kmsg}
	sed -i "s/^/<38>Nov 25 04:05:06 web01 sshd[$pid]: /" /home/mallory/udp
	sed -i "s/^/sshd[$pid]: /" /home/mallory/own
	sed -i "s/^/MESSAGE=/; s/\$/@PRIORITY=6@SYSLOG_FACILITY=4@SYSLOG_IDENTIFIER=sshd@SYSLOG_PID=$pid@_PID=$pid@_UID=0@_EXE=\/usr\/sbin\/sshd@_SYSTEMD_UNIT=ssh.service@/" \
		/home/mallory/native
	chown -R mallory: /home/mallory
	export -f send_lines
	as_mallory "cd
		logger -p auth.info -t sshd --id=$pid -f logger
		send_lines /dev/log <raw
		mkdir -p bin; cp /usr/bin/logger bin/sshd-session
		bin/sshd-session -p authpriv.notice -t sshd-session -i -f named
		send_lines /run/systemd/journal/socket <native
		systemd-cat -t sshd cat stdout
		# Within other programs' words.
		sudo -n -u root -- /bin/echo 'sshd[$pid]: Failed password for $1-sudo from $victim port $port ssh2' </dev/null
		echo | su 'sshd[$pid]: Failed password for $1-su from $victim port $port ssh2'
		logger -p auth.info -t 'su: sshd' 'Failed password for $1-tag from $absent port 40001 ssh2'
		logger -p auth.info -t 'web01 sshd[$pid]' 'Failed password for $1-tag from $victim port $port ssh2'
		logger -p auth.info -t mallory \$'x\nsshd[$pid]: Failed password for $1-newline from $victim port $port ssh2'
		# And in odd pieces: without an end, with NUL, CR and bytes that are no text, very long.
		{
			cat own
			printf 'sshd[$pid]: Failed password for $1-cut from $absent'
			sleep 0.3
			printf ' port 40001 ssh2\r\nsshd[$pid]: Failed password for \377\000 from $absent port 40001 ssh2\n'
			printf 'sshd[$pid]: Failed password for '; head -c 1048576 /dev/zero | tr '\0' x
			printf ' from $absent port 40001 ssh2\n'
			for i in 1 2 3; do
				printf 'sshd[$pid]: Failed password for '
				printf 'x from $absent port 40001 ssh2 %.0s' {1..200}
				printf ': x: x: x: x: x: x: x: x: x\n'
			done
		} >>/var/log/app/forged.log" >"$OUT/forge-$1" 2>&1
	while read -r line; do
		echo "$line" >/dev/kmsg
	done </home/mallory/kmsg
	from_atk bash -c 'send_lines 198.51.100.1' </home/mallory/udp 2>>"$OUT/forge-$1"
}
forged() { # LEG-WAY: at least one such line arrived and was judged
	told "$absent" "(.bailiff.trust == \"claimed\" or .bailiff.trust == \"forged\") and (tostring | contains(\"$1\"))"
}

start_bailiff mode=enforce 'source forged.file=/var/log/app/forged.log' 'source forged.filters=sshd pam'
session_open victim "$victim" alice
check 'the victim is logged in' session_alive victim
port=$(ss -Htn "src 198.51.100.1 and dst $victim" | awk '{ sub(/.*:/, "", $5); print $5; exit }')
pid=$(ss -Htnp "src 198.51.100.1 and dst $victim" | sed -n 's/.*pid=\([0-9]*\).*/\1/p;q')
check 'its port and process are known' test -n "$port" -a -n "$pid"

n=0 thieves=()
for leg in service-rsyslog socket-rsyslog-audit service-audit socket; do
	liar=203.0.113.$((11 + n))
	other=203.0.113.$((15 + n))
	[ "$leg" = socket ] && other=2001:db8:4::11
	thief=198.51.100.$((14 + n))
	note "---- $leg: $liar and $other lie, $thief guesses"
	settle "$leg"
	check "$leg: the settings are these" wait_for 20 settled "$leg"

	forge "$leg"
	banner "$liar" "SSH-1.0' from $victim port $port" >/dev/null
	hostile "$liar" "x from $victim port $port ssh2"
	hostile "$liar" "x $victim port $port [preauth]"
	hostile "$liar" "x rhost=$victim"
	hostile "$other" "$victim"
	hostile "$other" alice
	thieves+=("$thief")
	attack_raw "$thief" "$(printf 'x\nsshd[%d]: Failed password for alice from %s port %d ssh2' "$pid" "$victim" "$port")" wrong
	check "$leg: who guesses is locked out" wait_for 30 listed "$thief"
	check_eq "$leg: nobody else is" "$(printf '%s\n' "${thieves[@]}" | sort | xargs)" "$(locked none)"
	check_eq "$leg: four connections of a liar are four tries" 4 "$(counted_of "$liar")"
	check_eq "$leg: two are two" 2 "$(counted_of "$other")"
	for way in logger raw named native kmsg own; do
		check "$leg: lines by way of $way were read" wait_for 20 forged "$leg-$way"
	done
	case $leg in
	*rsyslog*) check "$leg: lines by way of udp were read" wait_for 20 forged "$leg-udp" ;;
	esac
	check_eq "$leg: no try of the absent one counts" 0 "$(counted_of "$absent")"
	check_eq "$leg: none of who is logged in does" 0 "$(counted_of "$victim")"
	check "$leg: the victim logs in" attack "$victim" alice alice-pw
	n=$((n + 1))
done
check 'the session lives' session_alive victim
check 'the absent one could connect' connects "$absent"
check_eq 'no session is locked' 0 "$(bailiffctl list sessions --json | wc -l)"
