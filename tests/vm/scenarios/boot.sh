#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The guest itself: systemd, sshd, logins that work and that fail, attackers with many addresses.
# time: 120
# kernels: 5.10 7.x
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin

pings() {
	from_atk ping -q -c 1 -W 10 -I "$1" "$(server_of "$1")"
}

check 'multi-user.target is reached' systemctl is-active multi-user.target
check_eq 'no unit failed' '' "$(systemctl list-units --failed --no-legend --plain)"
check 'cgroup v2 is mounted' test -e /sys/fs/cgroup/cgroup.controllers
check 'the kernel has BTF' test -s /sys/kernel/btf/vmlinux
check 'sshd listens' wait_for 30 sh -c 'ss -Hltn "sport = :22" | grep -q .'

check_eq 'attackers have 18 v4 addresses' 18 "$(ip -n atk -4 -o addr show dev atk0 | wc -l)"
check_eq 'attackers have 8 v6 addresses' 8 \
	"$(ip -n atk -6 -o addr show dev atk0 scope global | wc -l)"
for addr in 198.51.100.11 203.0.113.19 2001:db8:1::11 2001:db8:4::12; do
	check "$addr reaches the guest" pings "$addr"
done

check 'alice logs in over v4' attack 198.51.100.11 alice alice-pw
check 'bob logs in over v6' attack 2001:db8:2::11 bob bob-pw
check_not 'a wrong password does not' attack 203.0.113.12 alice wrong
check 'and sshd says from where' wait_for 10 sh -c \
	'journalctl -q --no-pager | grep -q "Failed password for alice from 203.0.113.12 port"'
check_not 'nor do two wrong ones on a connection' guess 203.0.113.13 bob 2
check_eq 'which sshd counts as two' 2 \
	"$(journal | grep -c 'Failed password for bob from 203.0.113.13 port')"

name=$'q"\'$;\nroot from 192.0.2.1 port 22 ssh2'
check_not 'a hostile user name does not' attack_raw 203.0.113.14 "$name" x
check 'and reaches sshd whole' wait_for 10 sh -c \
	'journalctl -q --no-pager | grep -qF "root from 192.0.2.1 port 22 ssh2 from 203.0.113.14 port"'
check_eq 'with six tries of one connection' 6 "$(journal | grep -c 'Failed password .* from 203.0.113.14 port')"
check 'the same client logs in' attack_raw 203.0.113.15 bob bob-pw

check 'a session stays open' session_open s1 198.51.100.12 mallory
check 'logind knows it' loginctl show-session "$(session_id s1)"
# shellcheck disable=SC2016 # the session's shell expands it
session_run s1 'echo answer $((6 * 7))'
check 'its shell takes commands' wait_for 20 sh -c "grep -qx 'answer 42' '$OUT/session-s1/log'"
check 'it is alive' session_alive s1
session_close s1
