# SPDX-License-Identifier: GPL-2.0
#
# What the scripts of make package-check have in common, in the virtual machine.

cd /root/check
# no name server here
echo "hosts: files" >/etc/nsswitch.conf
export PYTHONDONTWRITEBYTECODE=1 DEBIAN_FRONTEND=noninteractive
page=$(cat /var/www/html/index.nginx-debian.html)

# check NAME COMMAND...
check()
{
	local name=$1 said

	shift
	if said=$("$@" 2>&1); then
		echo "ok - package, Linux $(uname -r): $name"
	else
		echo "$said" | tail -n 20 | sed 's/^/# /'
		dmesg | tail -n 5 | sed 's/^/# /'
		echo "not ok - package, Linux $(uname -r): $name"
	fi
}

loaded()
{
	[ -e /sys/module/xtcp ]
}

not()
{
	! "$@"
}

version_is()
{
	[ "$(cat /sys/module/xtcp/version)" = "$1" ]
}

# moved COUNTER N COMMAND...: the command moves it by N
moved()
{
	local counter=$1 by=$2 before after

	shift 2
	before=$(xtcp-nstat -asz "$counter" 2>/dev/null | awk -v c="$counter" '$1 == c { print $2 }')
	"$@" || return 1
	after=$(xtcp-nstat -asz "$counter" 2>/dev/null | awk -v c="$counter" '$1 == c { print $2 }')
	[ $((after - before)) -eq "$by" ] || { echo "$counter: from $before to $after"; return 1; }
}

# serves COMMAND...: it is a client, and gets nginx' page
serves()
{
	[ "$("$@" -s --max-time 20 http://127.0.0.1/)" = "$page" ]
}

# traced: xtcp ladder draws a connection that nginx had
traced()
{
	mount | grep -q tracefs || mount -t tracefs tracefs /sys/kernel/tracing
	echo 1 >/sys/kernel/tracing/events/xtcp/enable
	serves curl
	xtcp ladder --port 80 | grep -q SYN-RECEIVED
}

# ended PID...: waits until these processes are gone, a minute at most
ended()
{
	python3 -c 'import os, select, sys
for pid in map(int, sys.argv[1:]):
    try:
        gone = os.pidfd_open(pid)
    except ProcessLookupError:
        continue
    if not select.select([gone], [], [], 60)[0]:
        sys.exit("process %d does not end" % pid)' "$@"
}

# stopped: nginx is gone with its children, and the module can go
stopped()
{
	local master

	master=$(cat /run/nginx.pid) && nginx -s stop 2>/dev/null && ended "$master"
}

# unloads: without the tools, rmmod does; the last socket may take a moment to go
unloads()
{
	if command -v xtcp >/dev/null; then
		xtcp unload
	else
		timeout 60 sh -c 'until rmmod xtcp; do :; done'
	fi && ! loaded
}
