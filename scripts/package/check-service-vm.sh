# SPDX-License-Identifier: GPL-2.0
#
# make package-check, in the virtual machine: one service of systemd on xtcp, by the drop-in that
# the documentation has; a static one, by xtcp_run; what lockdown takes from a module that is loaded.

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
	nsenter -t "$(cat first)" -m -p -C timeout 60 "$@"
}

# restart FILE: nginx, with a drop-in that is read from stdin
restart()
{
	mkdir -p $units/nginx.service.d
	cat >"$units/nginx.service.d/$1"
	in_it systemctl daemon-reload && in_it systemctl restart nginx
}

# restricted FAMILIES
restricted()
{
	printf '%s\n' '[Service]' "RestrictAddressFamilies=$1" | restart families.conf
}

on_xtcp()
{
	xtcp-ss -ltn | grep -q ':80 ' && not on_kernel_tcp
}

on_kernel_tcp()
{
	ss -ltn | grep -q ':80 '
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
check "it restarts with the documentation's drop-in" restart xtcp.conf </usr/share/doc/xtcp-tools/examples/service.conf
check "that has put it on xtcp" on_xtcp
check "there it serves" moved TcpPassiveOpens 1 serves curl
check "it reloads" in_it systemctl reload nginx
check "and serves on there" moved TcpPassiveOpens 1 serves curl
check "it does not start where its unit restricts families" not restricted 'AF_UNIX AF_INET AF_INET6'
check "its log says why" sh -c \
	"nsenter -t $(cat first) -m journalctl --no-pager -u nginx | grep -q 'RestrictAddressFamilies= without AF_WANPIPE'"
check "it does where that has AF_WANPIPE" restricted 'AF_UNIX AF_INET AF_INET6 AF_WANPIPE'
check "and is on xtcp" on_xtcp
httpd="/bin/busybox httpd -p 81 -h /var/www/html"
dropin=$(grep ^Environment= /usr/share/doc/xtcp-tools/examples/service.conf)
check "a service that is linked statically starts with these lines" static "ExecStart=$httpd" "$dropin"
check "and is on kernel TCP nevertheless" static_on ss
check "it starts with xtcp_run before its command" static "ExecStart=/usr/bin/xtcp_run $httpd"
check "and is on xtcp" static_on xtcp-ss
check "it serves there" moved TcpPassiveOpens 1 page_of 81
check "it stops" in_it systemctl stop static

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
