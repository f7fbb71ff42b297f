#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An address is refused in a container's network namespace too, and in silence where that is asked for.
# time: 240
# kernels: 5.10 7.x
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
visit=()
scenario_begin
keep /etc/bailiff/filter.d /var/log/boxd

# A box is a namespace behind the host with an sshd of its own; NAME N: its net is 10.77.N.0/24.
box_up() {
	ip netns add "$1"
	ip link add "$1" type veth peer name eth0 netns "$1"
	ip addr add "10.77.$2.1/24" dev "$1"
	ip link set "$1" up
	ip -n "$1" link set lo up
	ip -n "$1" addr add "10.77.$2.2/24" dev eth0
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via "10.77.$2.1"
	ip -n atk route add "10.77.$2.0/24" via 198.51.100.1
	mkdir -p /run/sshd
	ip netns exec "$1" /usr/sbin/sshd -o "PidFile=/run/$1.pid"
	wait_for 10 test -s "/run/$1.pid"
}
box_down() {
	[ ! -s "/run/$1.pid" ] || kill "$(cat "/run/$1.pid")"
	ip netns del "$1"
	ip link del "$1" 2>/dev/null
	return 0
}
undo() {
	sysctl -qw net.ipv4.ip_forward=0
	kill "${visit[@]}" 2>/dev/null
	userdel boxd
	box_down near 2>/dev/null
	box_down later 2>/dev/null
}
# reaches ADDR TO: what nc says goes to $OUT/nc, for "refused" is an answer.
reaches() {
	from_atk nc -v -n -z -w 4 -s "$1" "$2" 22 >"$OUT/nc" 2>&1
}
is_refused() {
	! reaches "$@" && grep -q refused "$OUT/nc"
}
is_silent() {
	! reaches "$@" && ! grep -q refused "$OUT/nc"
}
pins() {
	find /sys/fs/bpf/bailiff/links -name 'bl_lookup_*' | wc -l
}

sysctl -qw net.ipv4.ip_forward=1
box_up near 1
check 'the box is reached' reaches 198.51.100.11 10.77.1.2
# A service in the box with a log of its own, and who was connected to it before bailiffd came.
useradd --system --no-create-home boxd
install -d -o boxd -m 755 /var/log/boxd
install -o boxd -m 644 /dev/null /var/log/boxd/log
mkdir -p /etc/bailiff/filter.d
printf '[Definition]\nfailregex = ^wrong <ADDR>$\n' >/etc/bailiff/filter.d/boxd.conf
ip netns exec near nc -d -l 2121 &
visit=($!)
box_listens() {
	[ -n "$(ip netns exec near ss -Hltn 'sport = :2121')" ]
}
check 'a service listens in the box' wait_for 20 box_listens
from_atk nc -d -s 198.51.100.13 10.77.1.2 2121 &
visit+=($!)
box_has_visitor() {
	[ -n "$(ip netns exec near ss -Htn 'sport = :2121')" ]
}
check 'it has a visitor' wait_for 20 box_has_visitor
start_bailiff mode=enforce 'service boxd.ports=2121' 'source boxd.file=/var/log/boxd/log' 'source boxd.service=boxd' \
	'source boxd.owner=boxd' 'source boxd.filters=boxd'
setpriv --reuid boxd --clear-groups bash -c 'echo "wrong 198.51.100.13" >>/var/log/boxd/log'
check 'who was connected in the box before is known' wait_for 40 told 198.51.100.13 '.bailiff.trust == "witnessed"'
check 'lock' bailiffctl lock 198.51.100.11 --for 1h --reason 'shown in a test'
check 'it is refused in the box' is_refused 198.51.100.11 10.77.1.2
check 'as on the host' is_refused 198.51.100.11 198.51.100.1
check 'another reaches the box' reaches 198.51.100.12 10.77.1.2
box_up later 2
check 'a box that comes later refuses it, too' wait_for 40 is_refused 198.51.100.11 10.77.2.2
before=$(pins)
box_down later
fewer() {
	[ "$(pins)" -lt "$before" ]
}
check 'what was pinned for it is gone after it' wait_for 40 fewer
stop_bailiff
check 'with bailiffd gone the box refuses' is_refused 198.51.100.11 10.77.1.2
start_bailiff mode=enforce style=silent
check 'asked to be silent, the box does not answer' wait_for 20 is_silent 198.51.100.11 10.77.1.2
check 'nor does the host' is_silent 198.51.100.11 198.51.100.1
check 'another is answered by the box' reaches 198.51.100.12 10.77.1.2
check 'and by the host' reaches 198.51.100.12 198.51.100.1
check_eq 'doctor says that both work' 'ok ok' \
	"$(bailiffctl doctor --json | jq -r '(if type == "array" then .[] else . end) | .. | objects
		| select(.name? == "lockout, silent" or .name? == "lockout, namespaces") | .state' | xargs)"
sed -i 's/^style=.*/style=refuse/' "$CONF"
check 'reload' systemctl reload bailiffd.service
check 'it answers again' wait_for 20 is_refused 198.51.100.11 10.77.1.2
check 'release' bailiffctl release 198.51.100.11
check 'the box is reached again' reaches 198.51.100.11 10.77.1.2
