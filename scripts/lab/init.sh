#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Process 1 of the laboratory's machine, in the root that scripts/lab/fence.sh made: it
# puts an overlay over this machine's root and hands over to scripts/vm/vm-init.sh.

b=/bin/busybox
fail()
{
	echo "init: $*"
	$b poweroff -f
}
$b mount -t proc proc /proc
$b mount -t hostfs -o /host none /lower || fail "no root"
$b mount -t tmpfs -o mode=755 upper /upper
$b mkdir /upper/u /upper/w /upper/run /upper/run.w /upper/tmp.w /upper/root
$b mkdir -m 1777 /upper/tmp
root=/upper/root
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/u,workdir=/upper/w overlay $root || fail "no overlay"
for dir in tmp run; do
	$b mount -t overlay -o "lowerdir=/kept/$dir,upperdir=/upper/$dir,workdir=/upper/$dir.w" $dir $root/$dir
done
share=$($b cat /ctl/share)
if [ -n "$share" ]; then
	$b mount -t hostfs -o /share none "$root$share" || fail "cannot mount $share"
fi
$b mkdir $root/run/vm $root/run/old
$b mount -t hostfs -o /ctl none $root/run/vm
$b mount -t devtmpfs devtmpfs $root/dev
$b umount /proc
# A bare chroot would forbid user namespaces.
cd $root
$b pivot_root . run/old
exec $b chroot . /bin/sh -c 'umount -l /run/old; rmdir /run/old; exec sh /run/vm/init'
