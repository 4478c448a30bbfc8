# SPDX-License-Identifier: GPL-2.0
#
# make package-check, in the virtual machine: one service of systemd on xtcp, by xtcp service,
# with the module and without it; a static one, by xtcp_run; what lockdown takes from a module that is loaded.

. /root/check/check-lib-vm.sh
units=/etc/systemd/system

# begin: systemd is the first process of a namespace; a service of its says when it is up
begin()
{
	mkfifo up
	printf '%s\n' '[Unit]' 'Requires=basic.target' 'Wants=up.service' >$units/up.target
	printf '%s\n' '[Service]' 'Type=oneshot' "ExecStart=/bin/sh -c 'echo up >/root/check/up'" >$units/up.service
	container=other setsid unshare --pid --mount --cgroup --propagation private --fork --kill-child --mount-proc \
		/lib/systemd/systemd --system --unit=up.target --show-status=no >systemd.log 2>&1 </dev/null &
	timeout 120 grep -q up up || { tail -n 20 systemd.log; return 1; }
	read -r first <"/proc/$!/task/$!/children"
	echo "$first" >first
}

in_it()
{
	nsenter -t "$(cat first)" -m -p -C timeout 120 "$@"
}

# restricted: nginx, to the families that most units have
restricted()
{
	mkdir -p $units/nginx.service.d
	printf '%s\n' '[Service]' "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6" >$units/nginx.service.d/families.conf
	in_it systemctl daemon-reload && in_it systemctl restart nginx
}

# journal_says WORDS: of nginx
journal_says()
{
	in_it journalctl --sync
	in_it journalctl --no-pager -u nginx | tee /dev/stderr | grep -q "xtcp_run: .*$1.*Kernel TCP takes its place"
}

# status_says STATUS WORDS
status_says()
{
	local said

	said=$(in_it xtcp service status)
	[ $? = "$1" ] && [[ $said == "nginx.service: "$2 ]] || { echo "$said"; return 1; }
}

# without_module NAME: as after an update to a kernel for which nobody has built it; the service is stopped then
without_module()
{
	in_it systemctl stop "$1" && xtcp unload && mv "$module" /root/aside && depmod
}

with_module()
{
	mv /root/aside "$module" && depmod
}

on_xtcp()
{
	xtcp-ss -ltn | grep -q ':80 ' && not on_kernel_tcp
}

on_kernel_tcp()
{
	ss -ltn | grep -q ":${1:-80} "
}

# ask PORT REQUEST ANSWER: the server's first line begins with that
ask()
{
	local line

	exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "$2" >&3 && read -r -t 20 line <&3
	exec 3>&-
	[[ $line == "$3"* ]] || { echo "$line"; return 1; }
}

query()
{
	[ "$(psql -h 127.0.0.1 -U postgres -tAc 'select 6 * 7')" = 42 ]
}

# listens PORT: on kernel TCP, or it does within a minute: systemd calls some services started before
listens()
{
	timeout 60 sh -c "until ss -ltn | grep -q ':$1 '; do :; done"
}

# service NAME PORT COMMAND...: it starts, goes onto xtcp, loses the module, and goes back, and each time the command
# connects
service()
{
	local name=$1 port=$2

	shift 2
	check "$name starts" in_it systemctl start "$name"
	check "xtcp service enable" in_it xtcp service enable "$name"
	check "that has put it on xtcp" sh -c "xtcp-ss -ltn | grep -q ':$port ' && ! ss -ltn | grep -q ':$port '"
	check "there it serves" moved TcpPassiveOpens 1 "$@"
	check "the module is not there any more" without_module "$name"
	check "$name starts nevertheless" in_it systemctl start "$name"
	check "on kernel TCP" listens "$port"
	check "where it serves" "$@"
	check "the module is there again" with_module
	check "disable" in_it xtcp service disable "$name"
	check "that leaves it on kernel TCP" on_kernel_tcp "$port"
	check "where it serves" "$@"
	check "it stops" in_it systemctl stop "$name"
}

# static LINE...: a service of a static program, with these lines, which goes on when it listens
static()
{
	printf '%s\n' '[Service]' Type=forking "$@" >$units/static.service
	in_it systemctl daemon-reload && in_it systemctl restart static
}

# static_on PROGRAM: it listens where ss or xtcp-ss sees it, and nowhere else
static_on()
{
	[ "$(for program in ss xtcp-ss; do "$program" -ltn | grep -q ':81 ' && echo "$program"; done)" = "$1" ]
}

# locked MODE: the kernel is locked down that far, for good
locked()
{
	mountpoint -q /sys/kernel/security || mount -t securityfs securityfs /sys/kernel/security
	echo "$1" >/sys/kernel/security/lockdown && grep -qF "[$1]" /sys/kernel/security/lockdown
}

# page_of PORT
page_of()
{
	[ "$(curl -s --max-time 20 "http://127.0.0.1:$1/index.nginx-debian.html")" = "$page" ]
}

ladder_is_refused()
{
	local said

	said=$(xtcp ladder --port 80 2>&1) && return 1
	echo "$said"
	[[ $said == *"Operation not permitted"* ]]
}

check "systemd is up" begin
check "nginx starts as it was installed" in_it systemctl start nginx
check "on kernel TCP" on_kernel_tcp
check "xtcp service enable" in_it xtcp service enable nginx
module=$(modinfo -n xtcp)
check "that has put it on xtcp" on_xtcp
check "there it serves" moved TcpPassiveOpens 1 serves curl
check "it reloads" in_it systemctl reload nginx
check "and serves on there" moved TcpPassiveOpens 1 serves curl
check "systemctl status shows the file" sh -c "nsenter -t $(cat first) -m -p -C systemctl status nginx | grep -q 'xtcp\.conf'"
check "where its unit restricts families, it starts" restricted
check "on kernel TCP" not on_xtcp
check "its journal says why" journal_says 'RestrictAddressFamilies= without AF_WANPIPE'
check "xtcp service reads the unit" in_it xtcp service enable nginx
check "and puts it on xtcp" on_xtcp
check "status says so" status_says 0 'on xtcp: 0.0.0.0:80*; without the module it falls back to kernel TCP'
check "the module is not there any more" without_module nginx
check "it starts nevertheless" in_it systemctl start nginx
check "on kernel TCP" serves curl
check "its journal names the kernel, and what builds" journal_says "not loaded in Linux $(uname -r); .*dkms autoinstall"
check "status says so" status_says 1 $'on kernel TCP: *\nthe xtcp module is not loaded: *'
check "--refuse refuses" not in_it xtcp service --refuse enable nginx
check "and it serves on" serves curl
check "the module is there again" with_module
check "it is loaded" modprobe xtcp
check "status says what is missing" status_says 1 'on kernel TCP: *; xtcp service enable nginx.service puts it on xtcp'
check "--refuse" in_it xtcp service --refuse enable nginx
check "it is on xtcp" on_xtcp
check "the module is not there any more" without_module nginx
check "it does not start" not in_it systemctl start nginx
check "the module is there again" with_module
check "disable" in_it xtcp service disable nginx
check "the file is gone" not test -e $units/nginx.service.d/xtcp.conf
check "it starts on kernel TCP" in_it systemctl start nginx
check "and is there" serves curl
printf '%s\n' 'listen here' 'bind :82' 'mode http' 'monitor-uri /' >>/etc/haproxy/haproxy.cfg
sed -i 's/scram-sha-256/trust/' /etc/postgresql/15/main/pg_hba.conf
service haproxy 82 ask 82 'GET / HTTP/1.0\r\n\r\n' 'HTTP/1.1 200 OK'
service memcached 11211 ask 11211 'version\r\n' VERSION
service postgresql@15-main 5432 query
service redis-server 6379 ask 6379 'PING\r\n' +PONG
service ssh 22 ask 22 '' SSH-2.0
check "enable" in_it xtcp service enable nginx
httpd="/bin/busybox httpd -p 81 -h /var/www/html"
check "a service that is linked statically" static "ExecStart=$httpd"
check "enable has xtcp_run start it" in_it xtcp service enable static
check "and it is on xtcp" static_on xtcp-ss
check "it serves there" moved TcpPassiveOpens 1 page_of 81
check "it stops" in_it systemctl stop static
check "disable" in_it xtcp service disable static
check "one that may not have a filter" static "ExecStart=$httpd" "SystemCallFilter=~seccomp"
check "enable takes its file back" not in_it xtcp service enable static
check "and it is on kernel TCP" static_on ss
check "a service that does not exist" not in_it xtcp service enable nosuch

# nothing unlocks it again
check "lockdown, integrity, with the module loaded" locked integrity
check "it serves" moved TcpPassiveOpens 1 serves curl
check "a new program opens sockets of it" moved TcpActiveOpens 1 serves xtcp_run curl
check "ladder draws a connection" traced
check "lockdown, confidentiality" locked confidentiality
check "it serves there" moved TcpPassiveOpens 1 serves curl
check "ladder is refused" ladder_is_refused
check "so is xtcp-plot" not xtcp-plot --port 80
check "xtcp-watch shows the listener" sh -c 'xtcp-watch listen --once | grep -q :80'
check "and the states" sh -c 'xtcp-watch states --once | grep -q LISTEN'
check "and connections" xtcp-watch conn --once
check "nginx stops" in_it systemctl stop nginx
check "the module goes" unloads
