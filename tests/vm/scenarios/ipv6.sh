#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Guessing over IPv6 locks out the /64 it comes from, not its neighbours.
# time: 300
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
start_bailiff mode=enforce
for addr in 2001:db8:1::11 2001:db8:1::12 2001:db8:1::11 2001:db8:1::12 2001:db8:1::11; do
	attack "$addr" root wrong
done
check 'the /64 is locked out' wait_for 20 listed 2001:db8:1::/64
check_not 'one of its addresses cannot connect' connects 2001:db8:1::11
check_not 'the other neither' connects 2001:db8:1::12
check 'the next /64 logs in' attack 2001:db8:2::11 alice alice-pw
check 'why works for one of the addresses' bash -c 'bailiffctl why 2001:db8:1::12 | grep -q ssh-guessing'
check 'release by the net' bailiffctl release 2001:db8:1::/64
check 'it connects' connects 2001:db8:1::11
