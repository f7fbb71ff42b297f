#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What others do to lockouts in the kernel: put right; with guard = yes refused, but never to systemctl.
# time: 420
# kernels: 6.1 7.x
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
pins=/sys/fs/bpf/bailiff
start_bailiff mode=enforce
check 'an address is locked out' bailiffctl lock 203.0.113.11 --for 10m
check_not 'it does not connect' connects 203.0.113.11
check 'bpftool takes its entry out' bpftool map delete pinned $pins/maps/bl_lock4 key 203 0 113 11
check 'somebody removes a pin' rm $pins/links/bl_lookup
in_force_again() {
	bpftool map lookup pinned $pins/maps/bl_lock4 key 203 0 113 11 && [ -e $pins/links/bl_lookup ]
}
check 'both are there again' wait_for 60 in_force_again
check_not 'and it does not connect' connects 203.0.113.11
told_of() {
	bailiffctl doctor --json | jq -es "any(.[]; .name == \"$1\" and .state == \"$2\")"
}
check 'it is told' told_of tampering degraded

printf '[bailiff]\nguard = yes\n' >>"$CONF"
systemctl restart bailiffd.service
check 'it runs again, with a guard' wait_for 60 bailiff_answers
check 'which was tried out' told_of guard ok
main=$(bailiff_pid bailiffd)
analyst=$(bailiff_pid bailiff-analyst)
check_not 'bpftool cannot take an entry out' bpftool map delete pinned $pins/maps/bl_lock4 key 203 0 113 11
check_not 'nor detach a program' bpftool link detach pinned $pins/links/bl_lookup
check_not 'a pin stays' rm $pins/links/bl_lookup
check_not 'bailiffd cannot be stopped' kill -STOP "$main"
check_not 'nor be killed' kill -KILL "$main"
check_not 'nor its analyst' kill -KILL "$analyst"
check_eq 'both still run' "$main $analyst" "$(bailiff_pid bailiffd) $(bailiff_pid bailiff-analyst)"
check 'nothing had to be put right' told_of tampering ok
check 'an operator locks' bailiffctl lock 203.0.113.12 --for 10m
check 'and releases' bailiffctl release 203.0.113.12
check 'systemctl kills' systemctl kill -s KILL bailiffd.service
revived() {
	local new
	new=$(bailiff_pid bailiffd) && [ "$new" != "$main" ] && bailiff_answers
}
check 'it comes back' wait_for 60 revived
check_not 'the lockout is in force' connects 203.0.113.11
check 'systemctl stops it' systemctl stop bailiffd.service
check 'bailiffd --clear meets no guard' bailiffd --clear
check_not 'nothing is pinned' test -e $pins
check 'the address connects' wait_for 30 connects 203.0.113.11
