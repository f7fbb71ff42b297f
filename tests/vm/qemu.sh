# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What both kinds of guest share: acceleration, the time-stamped log, the exit code. Sourced.
#
# No guest has a network card. The exit code is what the guest printed as "@@RC n", 124 when the wall
# clock limit ended it, 125 when it ended without a code.

: "${here:?the folder tests/vm}"
command -v qemu-system-x86_64 >/dev/null ||
	{ echo 'qemu-system-x86_64 is missing; run scripts/setup test' >&2; exit 125; }

# accel_opens: runs 7 bytes of guest code under KVM, which leave through the debug exit port with code
# (42 << 1) | 1. Costs a tenth of a second.
accel_opens() {
	local bios rc=0
	bios=$(mktemp)
	{
		head -c 65520 /dev/zero
		printf '\260\052\346\364\364\353\375'
		head -c 9 /dev/zero
	} >"$bios"
	timeout -k 1 5 qemu-system-x86_64 -accel kvm -machine q35 -cpu max -m 16 -display none \
		-nodefaults -no-user-config -no-reboot -bios "$bios" \
		-device isa-debug-exit,iobase=0xf4,iosize=4 </dev/null >/dev/null 2>&1 || rc=$?
	rm -f "$bios"
	[ "$rc" -eq 85 ]
}

# accel_boots KERNEL: a whole kernel must reach its init under KVM within 15 s. Seen: a /dev/kvm that
# runs simple code and stops with "KVM internal error" at the first cmpxchg16b of the kernel.
accel_boots() {
	local probe rc=0
	probe=$(mktemp -d)
	printf '#!/bin/sh\nexit 42\n' >"$probe/run"
	chmod +x "$probe/run"
	BAILIFF_ACCEL=kvm "$here/initramfs" --kernel "$1" --init-dir "$probe" --timeout 15 \
		--out "$probe/out" >/dev/null 2>&1 || rc=$?
	rm -rf "$probe"
	[ "$rc" -eq 42 ]
}

# accel_choose KERNEL: kvm or tcg; BAILIFF_ACCEL overrides. What was found holds until the next boot
# of this host. icount is only ever asked for: one instruction is one nanosecond of the guest's clock,
# and idle time costs nothing; it needs --smp 1.
accel_choose() {
	local memo
	case ${BAILIFF_ACCEL:-auto} in
	kvm | tcg | icount) echo "$BAILIFF_ACCEL" && return ;;
	auto) ;;
	*) echo "BAILIFF_ACCEL=$BAILIFF_ACCEL is none of kvm, tcg, icount, auto" >&2
	   return 1 ;;
	esac
	memo=$CACHE/accel-$(cat /proc/sys/kernel/random/boot_id)
	if [ ! -s "$memo" ]; then
		rm -f "$CACHE"/accel-*
		if [ -w /dev/kvm ] && accel_opens && accel_boots "$1"; then
			echo kvm >"$memo.tmp.$$"
		else
			echo tcg >"$memo.tmp.$$"
		fi
		mv "$memo.tmp.$$" "$memo"
	fi
	cat "$memo"
}

# accel_args NAME: words for QEMU.
accel_args() {
	case $1 in
	kvm) echo -accel kvm ;;
	tcg) echo -accel tcg,thread=multi,tb-size=512 ;;
	icount) echo -accel tcg,thread=single,tb-size=512 -icount shift=0,sleep=off ;;
	esac
}

# Kernel arguments for both kinds. tsc=reliable and no_timer_check: without them 7.3.4 under TCG with
# two CPUs panicked once in ktime_get at the change of the clock source.
# 5.10 measures the TSC's speed while it boots; on a busy host it was once five times off, and so was
# every time limit in the guest. It keeps time by the HPET instead.
# kernel_args KERNEL
kernel_args() {
	local args='console=ttyS0,115200 panic=-1 oops=panic quiet loglevel=4 mitigations=off nokaslr'
	args+=' tsc=reliable no_timer_check random.trust_cpu=on'
	[ "$1" != 5.10 ] || args+=' clocksource=hpet'
	echo "$args"
}

# stamp_lines FILE: copies lines to stdout and FILE, each with the seconds since now.
stamp_lines() {
	local LC_ALL=C start=${EPOCHREALTIME/./} now line
	while IFS= read -r line || [ -n "$line" ]; do
		now=$((${EPOCHREALTIME/./} - start))
		printf '%5d.%02d %s\n' $((now / 1000000)) $((now / 10000 % 100)) "$line"
	done | tee "$1"
}

# run_qemu SECONDS OUT ARGS...: console.log, test.log and qemu.log in OUT; returns the guest's code.
# QEMU runs in the background, because a shell runs no trap while it waits for a foreground command.
run_qemu() {
	local limit=$1 out=$2 rc
	shift 2
	rm -f "$out/console.log" "$out/test.log" "$out/qemu.code"
	{
		timeout --foreground -k 5 "$limit" qemu-system-x86_64 -machine q35 -cpu max \
			-nodefaults -no-user-config -display none -no-reboot -nic none "$@" \
			-serial "file:$out/console.log" -serial stdio </dev/null 2>"$out/qemu.log" &
		echo $! >"$out/qemu.pid"
		wait $!
		echo $? >"$out/qemu.code"
	} | stamp_lines "$out/test.log" &
	wait $!
	rc=$(cat "$out/qemu.code")
	rm -f "$out/qemu.pid" "$out/qemu.code"
	if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
		echo "guest: not done after $limit s of wall time" >&2
		return 124
	fi
	rc=$(sed -n 's/.*@@RC \([0-9]\{1,3\}\)$/\1/p' "$out/test.log" | tail -n 1)
	return "${rc:-125}"
}

# stop_qemu OUT: for the trap of whoever is told to end.
stop_qemu() {
	[ -s "$1/qemu.pid" ] && kill -TERM "$(cat "$1/qemu.pid")"
	rm -f "$1/qemu.pid"
}

# show_death OUT: the end of what a guest without a code left behind.
show_death() {
	local file
	for file in qemu.log console.log; do
		[ -s "$1/$file" ] || continue
		echo "guest: end of $1/$file" >&2
		tail -n 40 "$1/$file" | tr -d '\r' | sed 's/^/  | /' >&2
	done
}
