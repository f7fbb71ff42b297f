#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A web server behind a proxy, both nginx, and another host's log: who guesses through the proxy is locked
# out, as attested; the proxy never is, whatever is said of it; and what another host says is a claim.
# time: 180
# kernels: 7.x
# shellcheck source-path=SCRIPTDIR/.. source=guest-lib.sh
. /t/guest-lib.sh
proxy=198.51.100.18 server=198.51.100.1
log=/var/log/web/error.log relay=/var/log/relay.log
scenario_begin
keep /etc/nginx /etc/bailiff/rules.d /var/log/web "$relay" "$relay.1"
undo() {
	systemctl stop nginx.service front.service
}
mkdir -p /var/log/web /etc/bailiff/rules.d /run/front
: >"$relay"
echo 'carol:{PLAIN}carol-pw' >/etc/nginx/users
echo welcome >/var/www/html/index.html
cat >/etc/nginx/sites-enabled/default <<END
server {
	listen 80;
	root /var/www/html;
	error_log $log;
	set_real_ip_from $proxy;
	real_ip_header X-Forwarded-For;
	auth_basic "guests only";
	auth_basic_user_file /etc/nginx/users;
}
END
cat >/run/front/nginx.conf <<END
daemon off;
pid /run/front/pid;
error_log /run/front/error.log;
events {}
http {
	access_log off;
	server {
		listen $proxy:8080;
		location / {
			proxy_pass http://$server:80;
			proxy_bind $proxy;
			proxy_set_header X-Forwarded-For \$remote_addr;
		}
	}
}
END
printf '[rule]\nid = web\nservice = nginx-http-auth\nfailures = 3\nwindow = 10m\nlockout = 1h\ntrust = attested\n' \
	>/etc/bailiff/rules.d/web.conf
systemctl start nginx.service
systemd-run --quiet --unit=front ip netns exec atk nginx -c /run/front/nginx.conf
start_bailiff mode=enforce 'service nginx-http-auth.ports=80' 'service nginx-http-auth.behind=proxy' \
	"source web.file=$log" 'source web.service=nginx-http-auth' 'source web.filters=nginx-http-auth' \
	"source relay.file=$relay" 'source relay.relayed=yes' 'source relay.filters=sshd'

listens() {
	[ -n "$(ss -Hltn 'sport = :80')" ] && [ -n "$(from_atk ss -Hltn 'sport = :8080')" ]
}
check 'both servers listen' wait_for 30 listens
try_web() { # ADDR PASSWORD: through the proxy
	printf '%s\r\n' 'GET / HTTP/1.1' 'Host: guest' 'Connection: close' \
		"Authorization: Basic $(printf 'carol:%s' "$2" | base64)" '' |
		timeout 40 ip netns exec atk nc -w 20 -s "$1" "$proxy" 8080 | grep -q welcome
}
told_by_proxy() { # ADDR COUNT
	told "$1" '.event.action == "attempt" and .bailiff.trust == "attested"' && [ "$(counted_of "$1")" = "$2" ]
}

check 'who knows the password is let in' try_web 198.51.100.11 carol-pw
for _ in 1 2 3; do
	check_not 'who does not is not' try_web 198.51.100.13 wrong
done
check 'the server wrote down whom the proxy named' grep -q 'client: 198.51.100.13, server' "$log"
check 'who guesses through the proxy is locked out' wait_for 20 listed 198.51.100.13
check 'for three tries, attested' told_by_proxy 198.51.100.13 3
check 'and the record says who told the address, and who vouches for the line' grep -q \
	"address as nginx-http-auth's proxy told it; only the service can write its log" <(bailiffctl why 198.51.100.13)
bailiffctl why 198.51.100.13
check 'doctor calls the log its own' bash -c 'bailiffctl doctor --json | jq -es "map(select(.name == \"own log\") | .state) == [\"ok\"]"'

# The proxy guesses, too, and the log names it; all the connections were its own anyway.
for _ in 1 2 3 4; do
	try_web "$proxy" wrong
done
check 'the server wrote that down' grep -q "client: $proxy, server" "$log"
check_not 'one more does not guess right' try_web 198.51.100.12 wrong
check 'later lines were read' wait_for 20 told_by_proxy 198.51.100.12 1
check_not 'the proxy is not locked out' listed "$proxy"
check_eq 'nothing counts against it' 0 "$(counted_of "$proxy")"
check 'who knows the password is still let in' try_web 198.51.100.11 carol-pw

# Another host's sshd, whose ports and processes are not those of here.
session_open a 198.51.100.14 alice
port=$(ss -Htn "src $server and dst 198.51.100.14" | awk '{ sub(/.*:/, "", $5); print $5; exit }')
for i in 1 2 3 4 5 6; do
	for peer in "198.51.100.14 port $port" "198.51.100.15 port $((40000 + i))"; do
		echo "$(date '+%b %e %H:%M:%S') other sshd[$((4000 + i))]: Failed password for root from $peer ssh2"
	done
done >>"$relay"
for address in 198.51.100.14 198.51.100.15; do
	check "lines of another host about $address are claims" wait_for 20 told "$address" \
		'.event.provider == "relay.log" and .bailiff.trust == "claimed"'
	check_not 'and not held against this kernel' told "$address" '.bailiff.trust == "forged"'
	check_not 'they lock nobody out' listed "$address"
done
check 'the session lives' session_alive a
check_eq 'one address is locked out, and no more' 198.51.100.13 "$(locked none)"
