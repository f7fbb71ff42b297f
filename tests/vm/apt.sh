# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Asks the Debian mirror that this host's apt uses about other suites, in lists of its own.
#
# Nothing below /etc/apt or /var/lib/apt is changed; the host's apt.conf (proxies) stays in force.
# Signatures are always checked, with Debian's own keyring. Sourced; needs DEBIAN_KEYRING unset or set.

DEBIAN_KEYRING=${DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

# apt_mirror [SUFFIX]: address of the archive that holds this release, or RELEASE-security with
# SUFFIX=-security. Empty when apt knows none.
apt_mirror() {
	local codename
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && printf %s "${VERSION_CODENAME:-}")
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(CODENAME)' 'Identifier: Packages' |
		awk -v want="$codename${1:-}" '$2 == want || $3 == want { sub("/*$", "", $1); print $1; exit }'
}

# apt_source SUITE: the sources.list line for SUITE; fails when the host has no archive for it.
apt_source() {
	local uri

	case $1 in
	*-security) uri=$(apt_mirror -security) ;;
	*) uri=$(apt_mirror) ;;
	esac
	[ -n "$uri" ] || return 1
	printf 'deb [arch=amd64 signed-by=%s] %s %s main\n' "$DEBIAN_KEYRING" "$uri" "$1"
}

# apt_open DIR SUITES: prepares DIR so that apt_newest and apt_download see SUITES (comma separated).
# A security suite that the host has no archive for is left out with a remark.
apt_open() {
	local dir=$1 suite

	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/none"
	: >"$dir/sources.list"
	: >"$dir/status"
	for suite in ${2//,/ }; do
		apt_source "$suite" >>"$dir/sources.list" && continue
		case $suite in
		*-security) echo "apt: no archive configured for $suite, left out" >&2 ;;
		*) echo "apt: this host's apt has no Debian archive to take $suite from" >&2
		   return 1 ;;
		esac
	done
	apt_run "$dir" apt-get -qq update
}

# apt_run DIR COMMAND...: runs an apt command on the lists of DIR.
apt_run() {
	local dir=$1 tool=$2
	shift 2
	"$tool" -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts="$dir/none" \
		-o Dir::Etc::preferences="$dir/none/x" -o Dir::Etc::preferencesparts="$dir/none" \
		-o Dir::State::lists="$dir/lists" -o Dir::State::status="$dir/status" \
		-o Dir::Cache="$dir/cache" \
		-o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User=root \
		-o Acquire::Retries=3 -o Acquire::Languages=none "$@"
}

# apt_newest DIR REGEX: "PACKAGE VERSION" of the newest package whose whole name matches.
apt_newest() {
	local best='' best_version='' name version

	while read -r name version; do
		if [ -z "$best" ] || dpkg --compare-versions "$version" gt "$best_version"; then
			best=$name best_version=$version
		fi
	done < <(apt_run "$1" apt-cache dumpavail | awk -v re="^($2)\$" '
		/^Package: / { name = $2 }
		/^Version: / { if (name ~ re) print name, $2 }')
	[ -n "$best" ] && printf '%s %s\n' "$best" "$best_version"
}

# apt_has DIR PACKAGE VERSION
apt_has() {
	apt_run "$1" apt-cache show "$2=$3" >/dev/null 2>&1
}

# apt_download DIR INTO PACKAGE=VERSION...
apt_download() {
	local dir=$1 into=$2
	shift 2
	mkdir -p "$into" && (cd "$into" && apt_run "$dir" apt-get -qq download "$@")
}
