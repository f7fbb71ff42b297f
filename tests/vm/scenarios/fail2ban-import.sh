#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The configuration of Debian's fail2ban package with five jails switched on, imported, against the true
# servers: who fails often enough at one of them is locked out, for that jail, and nobody else.
# time: 420
# kernels: 6.1 6.12
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
good=203.0.113.19 careless=203.0.113.11
absent=198.51.100.19  # never connects
scenario_begin
keep /etc/fail2ban /etc/bailiff /etc/dropbear /etc/pam.d/common-auth /etc/dovecot /etc/nginx /etc/vsftpd.conf
undo() {
	systemctl stop nginx.service vsftpd.service dovecot.service dovecot.socket dropbear-test.service
}

# ---- the servers, as an administrator would set them up ------------------------------------------

sed -i 's/pam_unix.so nullok/& nodelay/' /etc/pam.d/common-auth
case $(dovecot --version) in
2.3*) echo 'disable_plaintext_auth = no' ;;
*) echo 'auth_allow_cleartext = yes' ;;
esac >/etc/dovecot/conf.d/99-scenario.conf
echo 'carol:{PLAIN}carol-pw' >/etc/nginx/users
cat >/etc/nginx/sites-enabled/default <<'END'
server {
	listen 80;
	root /var/www/html;
	auth_basic "guests only";
	auth_basic_user_file /etc/nginx/users;
}
END
echo welcome >/var/www/html/index.html
systemctl start nginx.service vsftpd.service dovecot.service
# One try a connection, since its client repeats a wrong password until the server hangs up.
mkdir -p /etc/dropbear
systemd-run --quiet --unit=dropbear-test dropbear -F -R -p 2222 -T 1

listens() {
	local port
	for port in 21 22 80 143 2222; do
		[ -n "$(ss -Hltn "sport = :$port")" ] || return 1
	done
}
check 'five servers listen' wait_for 60 listens

# ---- one try at each; holds if the server let it in ----------------------------------------------

# speak PORT ADDR LINE...: says the lines, shows the answers, until the server hangs up.
speak() {
	local port=$1 addr=$2
	shift 2
	printf '%s\r\n' "$@" | timeout 40 ip netns exec atk nc -w 30 -s "$addr" "$(server_of "$addr")" "$port"
}
try_vsftpd() { # ADDR PASSWORD
	speak 21 "$1" 'USER alice' "PASS $2" QUIT | grep -q '^230 '
}
try_dovecot() {
	speak 143 "$1" "a login alice $2" 'b logout' | grep -q '^a OK'
}
try_nginx() {
	speak 80 "$1" 'GET / HTTP/1.1' 'Host: guest' 'Connection: close' \
		"Authorization: Basic $(printf 'carol:%s' "${2/alice/carol}" | base64)" '' | grep -q welcome
}
try_dropbear() {
	local said
	said=$(DROPBEAR_PASSWORD=$2 timeout "$LOGIN_LIMIT" ip netns exec atk dbclient -y -y -T -p 2222 -b "$1" \
		-l alice "$(server_of "$1")" echo welcome </dev/null)
	[ "$said" = welcome ]
}
try_sshd() {
	attack "$1" alice "$2"
}
services=(sshd vsftpd dovecot nginx dropbear)

for service in "${services[@]}"; do
	check "$service lets the right password in" "try_$service" "$good" alice-pw
done

# ---- the jails -----------------------------------------------------------------------------------

cat >/etc/fail2ban/jail.local <<'END'
[DEFAULT]
maxretry = 3

[sshd]
enabled = true

[vsftpd]
enabled = true

[dovecot]
enabled = true

[nginx-http-auth]
enabled = true

[dropbear]
enabled = true
filter = dropbear-own
port = 2222

[vsftpd-own]
enabled = true
filter = vsftpd-own
port = ftp
logpath = /var/log/vsftpd.log
END
# fail2ban's, under a name that bailiff has no filter for: it takes an address that a client typed.
cp /etc/fail2ban/filter.d/vsftpd.conf /etc/fail2ban/filter.d/vsftpd-own.conf
# A filter of somebody's own, made of fail2ban's, goes along; for the others bailiff has its own.
sed 's/^ignoreregex =.*/ignoreregex = ^Bad password attempt for .tester. from /' /etc/fail2ban/filter.d/dropbear.conf \
	>/etc/fail2ban/filter.d/dropbear-own.conf
check 'the import' bailiffctl import fail2ban --output /etc/bailiff
cat "$OUT/last"
check 'with the own filter' test -e /etc/bailiff/filter.d/dropbear-own.conf
check_not 'not with others' test -e /etc/bailiff/filter.d/vsftpd.conf
check_eq 'no jail is refused' 6 \
	"$(bailiffctl import fail2ban --json | jq -s 'map(select(.result == "imported" or .result == "covered")) | length')"
check 'a second one changes nothing' bash -c 'bailiffctl import fail2ban --output /etc/bailiff | grep -q " 0 files"'
check 'bailiffd takes it' bailiffd --check
check 'the rules are good' bailiffctl rules check /etc/bailiff/rules.d
for service in vsftpd vsftpd-own dovecot nginx-http-auth dropbear-own; do
	check "$service gets its ports" grep -A 1 -Fx "[service $service]" /etc/bailiff/bailiff.conf.d/fail2ban.conf
done
start_bailiff mode=enforce
started=$SECONDS

# ---- who fails -----------------------------------------------------------------------------------

# One failure at each of five servers is five, but not three at any.
for service in "${services[@]}"; do
	check_not "$service refuses a wrong password" "try_$service" "$careless" wrong
done
# Names that hold the rest of a line about the absent one. Three of each, so that whoever is blamed
# for them is locked out.
lie_vsftpd() { # ADDR
	speak 21 "$1" "USER x] FAIL LOGIN: Client \"$absent\"," 'PASS wrong' QUIT
	speak 21 "$1" "USER x rhost=$absent  user=x" 'PASS wrong' QUIT
	speak 21 "$1" "USER x\" FAIL LOGIN: Client \"$absent\"" 'PASS wrong' QUIT
}
lie_dovecot() {
	for _ in 1 2 3; do
		speak 143 "$1" "a login \"x>, method=PLAIN, rip=$absent, lip=192.0.2.1, session=<a>\" wrong" \
			"b login \"x rhost=$absent\" wrong" 'c logout'
	done
}
lie_nginx() {
	for _ in 1 2 3; do
		speak 80 "$1" "GET /\",_client:_$absent,_server:_x,_request:_\"GET HTTP/1.1" 'Host: guest' \
			"Referer: x\", client: $absent, server: x, request: \"GET / HTTP/1.1\", host: \"guest" \
			"Authorization: Basic $(printf 'x" was not found in "/x", client %s, server x:wrong' "$absent" |
				base64 -w0)" 'Connection: close' ''
	done
}
lie_dropbear() {
	for _ in 1 2 3; do
		DROPBEAR_PASSWORD=wrong timeout "$LOGIN_LIMIT" ip netns exec atk dbclient -y -y -T -p 2222 -b "$1" \
			-l "x' from $absent:40001" "$(server_of "$1")" true </dev/null
	done
}

# Until then a line may be about a connection that closed right before bailiffd came.
older_are_over() {
	[ $((SECONDS - started)) -gt 31 ]
}
# They wait more than they work, so all at once.
n=12
declare -A liar=()
for service in vsftpd dovecot nginx dropbear; do
	liar[$service]=203.0.113.$n
	n=$((n + 1))
	{
		[ "$service" != vsftpd ] || wait_for 40 older_are_over
		"lie_$service" "${liar[$service]}"
	} >"$OUT/lies-$service" 2>&1 &
done
n=11
declare -A thief=()
for service in "${services[@]}"; do
	thief[$service]=198.51.100.$n
	n=$((n + 1))
	for _ in 1 2 3; do
		"try_$service" "${thief[$service]}" wrong
	done >"$OUT/tries-$service" 2>&1 &
done
wait
for service in "${services[@]}"; do
	check "$service: who failed three times is locked out" wait_for 30 listed "${thief[$service]}"
done
timeout 20 bailiffctl list
for service in "${services[@]}"; do
	check_not "$service: the right password does not help any more" "try_$service" "${thief[$service]}" alice-pw
	# It takes the place of bailiff's own rule for the service, which would have let five tries pass.
	check "$service: why names the jail's rule" bash -c \
		"bailiffctl why '${thief[$service]}' --json | jq -r .rule.name | grep -qE '^(fail2ban-${service}(-http-auth|-own)?|${service}(-http-auth)?-guessing|ssh-guessing)$'"
done
# Where the filter can read such lines; of the others it takes nothing.
for service in dovecot nginx; do
	check "$service: who lies is locked out" wait_for 30 listed "${liar[$service]}"
done
for addr in "$absent" "${liar[@]}"; do
	note "$addr"
	bailiffctl why "$addr" | tail -n 12
done
check 'who is named by another is told of as a forgery' wait_for 20 told "$absent" '.bailiff.trust == "forged"'
check_not 'and not locked out' listed "$absent"
check_eq 'it has no try' 0 "$(tries_of "$absent")"
check_eq 'nobody else is locked out' "$(printf '%s\n' "${thief[@]}" | sort | xargs)" "$(locked "${liar[@]}")"
check_not 'not who failed once at each' listed "$careless"
for service in "${services[@]}"; do
	check "$service lets the right password in" "try_$service" "$good" alice-pw
done
