# SPDX-License-Identifier: GPL-2.0
#
# make package-check, in the virtual machine: what a user does with the packages.

. /root/check/check-lib-vm.sh
old=$(dpkg-query -W -f '${Version}' xtcp-dkms)

new_socket()
{
	python3 -c 'import os, socket; os.setuid(65534); socket.socket(25, socket.SOCK_STREAM, 0)'
}

told_user()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups xtcp_run true 2>&1 | grep -q 'not loaded: sudo modprobe xtcp, or'
}

user_runs()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups xtcp_run python3 -c 'import socket; socket.socket()'
}

check "not loaded before it is needed" not loaded
check "nobody's socket loads it" not new_socket
check "nor does root's" not python3 -c 'import socket; socket.socket(25, socket.SOCK_STREAM, 0)'
check "it is not loaded" not loaded
check "xtcp_run tells a user who loads it" told_user
check "that has not loaded it" not loaded
alias=/etc/modprobe.d/xtcp-alias.conf
check "the package has the alias as a comment" sh -c "sed -n 's/^# \\(alias net-pf-25 .*\\)/\\1/p' /usr/lib/modprobe.d/xtcp.conf >$alias && [ -s $alias ]"
check "with it xtcp_run serves a user, and the first socket loads the module" user_runs
check "it is loaded" loaded
check "it unloads" unloads
check "and any user's socket does" new_socket
rm $alias
check "it is loaded again" loaded
check "the loaded one is of the package" version_is "$old"
check "its log line says version and family" \
	sh -c "dmesg | grep -qF 'xtcp: version $old, address family 25'"
check "it unloads" unloads

check "xtcp_run nginx" xtcp_run nginx
check "which has loaded it" loaded
check "nginx listens on xtcp" sh -c 'xtcp-ss -ltn | grep -q ":80 "'
check "it does not on kernel TCP" sh -c '! ss -ltn | grep -q ":80 "'
check "curl gets its page, over kernel TCP at its end" moved TcpPassiveOpens 1 serves curl
check "xtcp_run curl gets it, over xtcp at both" moved TcpActiveOpens 1 serves xtcp_run curl
check "xtcp-holders names nginx" sh -c 'xtcp-holders | grep -q nginx'
check "xtcp-watch shows the listener" sh -c 'xtcp-watch listen --once | grep -q :80'

check "ladder draws a connection" traced
check "xtcp-plot and xtcp plot are one" sh -c '[ "$(xtcp-plot --port 80)" = "$(xtcp plot --port 80)" ]'
check "xtcp-plot runs" sh -c 'xtcp-plot --port 80 | grep -q .'
check "xtcp(7) is where man looks" sh -c '[ -e /usr/share/man/man7/xtcp.7.gz ]'

own=/proc/sys/net/xtcp/congestion_control
check "a congestion control that DKMS has built comes by its name" sh -c "echo aimd >$own && [ -e /sys/module/xtcp_cong_aimd ]"
check "xtcp cong load compiles another version, which takes its place" \
	sh -c '[ "$(xtcp cong load cong_aimd.c | tail -n 1)" = "xtcp_cong_aimd_V2 is loaded" ] && [ ! -e /sys/module/xtcp_cong_aimd ]'
check "and serves" serves curl
check "and goes" sh -c "[ \"\$(cat $own)\" = aimd ] && echo cubic >$own && until rmmod xtcp_cong_aimd_V2 2>/dev/null; do sleep 0.1; done"
check "DKMS removes it" sh -c 'dkms remove xtcp-cong-aimd/1 --all && rm -r /usr/src/xtcp-cong-aimd-1 ~/.cache/xtcp'

# a program with the header
check "linux/xtcp.h is where a compiler looks" \
	sh -c 'printf "#include <linux/xtcp.h>\nint f = AF_XTCP;\n" | gcc-12 -fsyntax-only -x c -'

check "an upgrade under open sockets" sh -c 'dpkg -i new/*.deb >/tmp/upgrade 2>&1'
new=$(dpkg-query -W -f '${Version}' xtcp-dkms)
check "it says that the old one stays" grep -q '^xtcp: the version that is loaded stays, with its connections' /tmp/upgrade
check "the old one serves on" serves curl
check "it is the old one" version_is "$old"
check "what DKMS has built is the new one" sh -c "[ \"\$(modinfo -F version xtcp)\" = '$new' ] && [ '$new' != '$old' ]"
check "of the old one's sources nothing is left" sh -c "! ls -d /usr/src/xtcp-'$old' /var/lib/dkms/xtcp/'$old' 2>/dev/null"
check "nginx ends" stopped
check "the old one unloads" unloads

check "root loads it" modprobe xtcp
check "with the library alone nginx starts" env LD_PRELOAD=/usr/lib/xtcp/xtcp_run.so nginx
check "and has loaded the new one" version_is "$new"
check "the new one serves" moved TcpPassiveOpens 1 serves curl

check "a removal under open sockets" sh -c 'dpkg --purge xtcp-dkms xtcp-tools >/tmp/purge 2>&1'
check "it says what stays in the memory" grep -q '^xtcp: the module stays in the memory, with its connections' /tmp/purge
check "and that serves on" serves curl
check "until nginx ends" stopped
check "then the module goes" unloads

left()
{
	local found

	found=$(find / -xdev -iname '*xtcp*' ! -path '/root/check/*' ! -path '/tmp/*' ! -path '/var/log/*')
	grep -rl xtcp /etc /usr/share/python3/runtime.d /lib/modules/*/modules.* 2>/dev/null | grep -v '^/etc/apt/' && return 1
	echo "$found"
	[ -z "$found" ]
}
check "nothing is left" left
check "no socket of that family, as before" sh -c \
	'python3 -c "import socket; socket.socket(25, socket.SOCK_STREAM, 0)" 2>&1 | grep -q "Address family not supported"'
