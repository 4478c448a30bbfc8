# SPDX-License-Identifier: GPL-2.0
#
# Runs in the virtual machine as process 1, on the host's root under an
# overlay, after the initramfs that scripts/vm/initramfs.sh makes or, in the
# laboratory, after scripts/lab/init.sh. /run/vm is the folder shared with
# scripts/vm/vm.sh: settings and command in, status and dmesg out. PORT carries the
# command's input and output, another one is the kernel's console.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
exec </dev/null >/dev/console 2>&1
. /run/vm/settings

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
[ -e /dev/stdout ] || ln -s /proc/self/fd/1 /dev/stdout
[ -e /dev/stderr ] || ln -s /proc/self/fd/2 /dev/stderr
# Whoever opens it has the module loaded.
mkdir -p /dev/net
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
mount -t debugfs debugfs /sys/kernel/debug
[ -e /sys/kernel/tracing/trace ] || mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
[ ! -d /sys/fs/bpf ] || mount -t bpf bpf /sys/fs/bpf

echo xtcp-vm >/proc/sys/kernel/hostname
echo 1 >/proc/sys/kernel/sysrq
busybox ip link set lo up

release=$(uname -r)
# A package of headers alone makes that folder too, without the modules.
if [ ! -e "/lib/modules/$release/modules.dep" ]; then
	rm -rf "/lib/modules/$release"
	mkdir -p /lib/modules
	ln -s "$MODULES" "/lib/modules/$release"
fi

export HOME=/tmp/home TERM="$TERM" LANG=C.UTF-8 USER=root LOGNAME=root
export SHELL=/bin/bash XTCP_VM=1 XTCP_CACHE
mkdir -p "$HOME"
ulimit -n 65536
cd "$CWD" || cd /
# For each part of PWD bash makes a system call as it starts, and a run of the laboratory would depend on the path.
unset PWD OLDPWD

: >/run/vm/started
# The second terminal of an emulated machine is a virtio console: a serial port would share its interrupt with the
# first. What opens the port here leads no session: otherwise the port would become its terminal.
[ "${SECOND-}" != /dev/hvc0 ] || modprobe virtio_console
[ -z "${SECOND-}" ] || bash /run/vm/second/init "$SECOND" >/dev/null 2>&1 &
if [ -n "$INTERACTIVE" ]; then
	# Within the session, since a port that nobody has open forgets its size.
	setsid -c bash -c "stty sane rows $ROWS cols $COLUMNS; . /run/vm/command" \
		<$PORT >$PORT 2>&1
else
	stty -F $PORT raw -echo
	setsid bash /run/vm/command </dev/null >$PORT 2>&1
fi
status=$?

# Setting a port's mode waits until what was written is out.
stty -F $PORT sane
dmesg >/run/vm/dmesg
echo "$status" >/run/vm/status
busybox $LAST -f
