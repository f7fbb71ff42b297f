#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An exempt address is never locked out and why says so; a release works and is on record with its author.
# time: 360
# kernels: 5.10 7.x
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
scenario_begin
start_bailiff mode=enforce exempt=198.51.100.12/32
for _ in 1 2 3 4 5 6; do
	attack 198.51.100.12 root wrong
done
check 'it was decided not to' wait_for 20 told 198.51.100.12 '.message // "" | test("exempt")'
check_not 'the exempt address is not locked out' listed 198.51.100.12
check 'it still logs in' attack 198.51.100.12 alice alice-pw
check 'why says that it is exempt' bash -c 'bailiffctl why 198.51.100.12 | grep -q exempt'
check_not 'not by an operator either' bailiffctl lock 198.51.100.12
check_not 'nor loopback' bailiffctl lock 127.0.0.1
check_not 'nor an own address' bailiffctl lock 198.51.100.1
check_not 'nor nonsense' bailiffctl lock 198.51.100

check 'an operator locks another' bailiffctl lock 198.51.100.17 --for 10m --reason 'seen too often'
check 'it is listed' listed 198.51.100.17
check_not 'it cannot connect' connects 198.51.100.17
check_not 'out to it is refused too' timeout 5 nc -w 3 -z 198.51.100.17 9
check 'release' bailiffctl release 198.51.100.17
check_not 'it is not listed' listed 198.51.100.17
check 'it connects' connects 198.51.100.17
check 'who released is on record' wait_for 20 told 198.51.100.17 '.bailiff.result == "released" and (.bailiff.who | test("root"))'
check_not 'a second release says that there is none' bailiffctl release 198.51.100.17

# The peer of an active root login.
sed -i 's/^#*PermitRootLogin.*/PermitRootLogin yes/' /etc/ssh/sshd_config
systemctl reload ssh.service
session_open r 198.51.100.18 root
check_not 'the peer of a root login is not locked out' bailiffctl lock 198.51.100.18
session_close r
