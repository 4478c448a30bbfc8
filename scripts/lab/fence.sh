# SPDX-License-Identifier: GPL-2.0
#
# sh fence.sh WORK MEMORY LINUX SHARE WORD...: process 1 of the namespaces that scripts/lab/run.sh makes.
# It gives the machine a root of its own, with the same paths in each run: this machine's root, read-only,
# in /host, what both share in /ctl, and in /share the folder that can be written to. Its memory is a file
# in /dev/shm. What is needed of this machine's /tmp and /run is in /kept, so that the machine itself makes the
# same system calls wherever that is.

set -eu
work=$1 memory=$2 linux=$3 share=$4
shift 4

fail()
{
	echo "fence: $*" >&2
	exit 1
}

mount --make-rprivate /
fence=$work/fence
mkdir "$fence"
mount -t tmpfs -o mode=755 fence "$fence"
cd "$fence"
mkdir -p bin dev/shm proc host ctl share lower upper kept/tmp kept/run
cp "$(command -v busybox)" bin/busybox
cp "$work/init.sh" init
chmod 755 init
cp "$linux" linux
mount --rbind / host
# Those below another mount are not to be reached, and not to be had read-only.
while read -r _ _ _ _ at _; do
	at=$(printf '%b' "$at")
	case $at in
	"$fence/host" | "$fence/host"/*)
		mount -o remount,bind,ro "$at" 2>/dev/null || [ ! -e "$at" ] || fail "$at stays writable" ;;
	esac
done <<MOUNTS
$(cat /proc/self/mountinfo)
MOUNTS
# the kernel is a program as others are: its libraries
ln -s host/lib host/lib64 host/usr .
if touch "host$work/probe" 2>/dev/null; then
	fail "this machine's files stay writable"
fi
mount --bind "$work/ctl" ctl
[ -z "$share" ] || mount --bind "$share" share
while read -r dir; do
	mkdir -p "kept$dir"
	mount --bind "$dir" "kept$dir"
	mount -o remount,bind,ro "kept$dir"
done <"$work/ctl/keep"
case $share in
/tmp/* | /run/*) mkdir -p "kept$share" ;;
esac
mount -t proc proc proc
mount -t tmpfs -o "mode=1777,size=$memory" shm dev/shm
for node in null zero random urandom tty; do
	: >"dev/$node"
	mount --bind "/dev/$node" "dev/$node"
done

# Neither addresses nor the environment are to differ from run to run.
cd /
set +e
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/dev/shm TERM="${TERM:-dumb}" setarch -R chroot "$fence" /linux "$@"
