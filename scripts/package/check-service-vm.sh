# SPDX-License-Identifier: GPL-2.0
#
# make package-check, in the virtual machine: one service of systemd on xtcp, by the drop-in that
# the documentation has.

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
check "it stops" in_it systemctl stop nginx
check "the module goes" unloads
