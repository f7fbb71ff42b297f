# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Where guests' kernels and root images lie, and under which names. Sourced; needs $here.
#
# manifest-RECIPE   which kernel package each entry of tests/vm/kernels stood for: NAME PACKAGE VERSION
# kernel-PACKAGE_VERSION-HASH/   vmlinuz, config, release, modules
# root-SUITE-HASH.img            the hash covers the recipe and the kernels inside
# busybox                        static, for tests/vm/initramfs
# Every entry appears by a rename, so what is there is complete.

: "${here:?the folder tests/vm}"
CACHE=${BAILIFF_CACHE:-/var/cache/bailiff-tests}

# cache_hash FILE...: of the contents, in the order given.
cache_hash() {
	cat "$@" | sha256sum | cut -c1-16
}

kernel_table() {
	sed -e 's/#.*//' "$here/kernels" | awk 'NF'
}

# kernel_names: all names of the list, in its order.
kernel_names() {
	kernel_table | awk '{ print $1 }'
}

# kernel_field NAME N: column N of the list.
kernel_field() {
	kernel_table | awk -v k="$1" -v n="$2" '$1 == k { print $n }'
}

# kernel_suite NAME: suite of the userland for that kernel on this host. A host newer than Debian 12
# has a glibc that bookworm's programs cannot replace.
kernel_suite() {
	local both major
	# shellcheck source=/dev/null
	major=$(. /etc/os-release && printf %s "${VERSION_ID:-99}")
	both=$(kernel_field "$1" 2)
	if [ "${major%%.*}" -le 12 ]; then
		printf '%s\n' "${both%|*}"
	else
		printf '%s\n' "${both#*|}"
	fi
}

manifest_path() {
	printf '%s/manifest-%s\n' "$CACHE" "$(cache_hash "$here/kernels")"
}

# kernel_dir NAME: from the manifest; fails when it is not resolved yet.
kernel_dir() {
	local package version
	read -r package version < <(awk -v k="$1" '$1 == k { print $2, $3 }' "$(manifest_path)" 2>/dev/null)
	[ -n "${version:-}" ] || return 1
	printf '%s/kernel-%s_%s-%s\n' "$CACHE" "$package" "${version//[^A-Za-z0-9.+-]/_}" \
		"$(cache_hash "$here/modules" "$here/fetch-kernel")"
}

# suite_kernels SUITE: names of the kernels that run with that userland.
suite_kernels() {
	local name
	for name in $(kernel_names); do
		if [ "$(kernel_suite "$name")" = "$1" ]; then echo "$name"; fi
	done
}

# root_image SUITE
root_image() {
	local name kernels=''
	for name in $(suite_kernels "$1"); do
		kernels+="$(kernel_dir "$name") " || return 1
	done
	printf '%s/root-%s-%s.img\n' "$CACHE" "$1" "$({
		echo "$1" "${kernels//"$CACHE"/}"
		cat "$here/root-packages" "$here/build-root" "$here/root-setup" "$here/pack-image"
		cd "$here/root" && find . -type f | LC_ALL=C sort | xargs cat
	} | sha256sum | cut -c1-16)"
}
