# SPDX-License-Identifier: GPL-2.0
#
# The initramfs of the virtual machine, sourced by scripts/vm/vm.sh: busybox, the
# modules that reach the host's root (virtio_pci, 9pnet_virtio, 9p, overlay and
# what they need), and a script of a few lines.

# initramfs_modules MODULES: their paths below the folder, in loading order.
initramfs_modules()
{
	[ -n "$1" ] && [ -e "$1/modules.dep" ] || return 0
	awk -F: '
		function name(path) {
			sub(/.*\//, "", path); sub(/\.ko.*/, "", path)
			gsub(/-/, "_", path)
			return path
		}
		function add(path,    list, n) {
			if (done[path]++)
				return
			n = split(needs[path], list, " ")
			for (; n > 0; n--)
				add(list[n])
			print path
		}
		{ needs[$1] = $2; at[name($1)] = $1 }
		END {
			n = split("virtio_pci 9pnet_virtio 9p overlay", want, " ")
			for (i = 1; i <= n; i++)
				if (want[i] in at)
					add(at[want[i]])
		}' "$1/modules.dep"
}

# initramfs_make FILE WORK MODULES BUSYBOX: write the archive; WORK is an empty folder, BUSYBOX the machine's.
initramfs_make()
{
	local file=$1 work=$2 modules=$3 path name

	mkdir -p "$work/bin" "$work/m" "$work/proc" "$work/dev" "$work/ctl" \
		"$work/lower" "$work/upper" "$work/root" "$work/hold" "$work/tree" "$work/over"
	cp "$4" "$work/bin/busybox"
	: >"$work/m/order"
	for path in $(initramfs_modules "$modules"); do
		name=${path##*/}
		case $name in
		*.xz) name=${name%.xz}; xz -dc "$modules/$path" >"$work/m/$name" ;;
		*.zst) name=${name%.zst}; zstd -qdc "$modules/$path" >"$work/m/$name" ;;
		*.gz) name=${name%.gz}; gzip -dc "$modules/$path" >"$work/m/$name" ;;
		*) cp "$modules/$path" "$work/m/$name" ;;
		esac || return 1
		echo "$name" >>"$work/m/order"
	done
	initramfs_init >"$work/init"
	chmod 755 "$work/init"
	(cd "$work" && find . | "$busybox" cpio -o -H newc 2>/dev/null) >"$file"
}

# initramfs_init: process 1 until the root is there. /tmp and /run become
# memory; the folders in ctl/keep that lie below them stay visible.
initramfs_init()
{
	cat <<-'END'
	#!/bin/busybox sh
	b=/bin/busybox
	opt=trans=virtio,version=9p2000.L,msize=512000
	fail() { echo "initramfs: $*"; $b reboot -f; }
	$b mount -t proc proc /proc
	$b mount -t devtmpfs devtmpfs /dev
	if $b grep -qw kvm_probe /proc/cmdline; then
		echo "the probe booted" | $b tee /dev/ttyS0 >/dev/ttyS1
		$b reboot -f
	fi
	while read -r m; do $b insmod /m/$m || fail "cannot load $m"; done </m/order
	$b mount -t 9p -o $opt ctl /ctl || fail "no 9p share"
	$b mount -t 9p -o $opt,ro,cache=loose root /lower || fail "no 9p root"
	$b mount -t tmpfs -o mode=755 upper /upper
	$b mkdir /upper/u /upper/w
	$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/u,workdir=/upper/w \
		overlay /root || fail "no overlay"
	n=0
	while read -r d; do
		n=$((n + 1)); $b mkdir /hold/$n; $b mount --bind "/root$d" /hold/$n
	done </ctl/keep
	$b mount -t tmpfs -o mode=1777 tmp /root/tmp
	$b mount -t tmpfs -o mode=755 run /root/run
	n=0
	while read -r d; do
		n=$((n + 1)); $b mkdir -p "/root$d"; $b mount --move /hold/$n "/root$d"
	done </ctl/keep
	tree=$($b cat /ctl/tree)
	if [ -n "$tree" ]; then
		$b mkdir -p /upper/tu /upper/tw "/root$tree"
		$b mount -t 9p -o $opt,ro,cache=loose tree /tree && $b mount -t 9p -o $opt,ro,cache=loose over /over &&
			$b mount -t overlay -o lowerdir=/over:/tree,upperdir=/upper/tu,workdir=/upper/tw \
				overlay "/root$tree" || fail "cannot mount $tree"
	fi
	share=$($b cat /ctl/share)
	if [ -n "$share" ]; then
		$b mkdir -p "/root$share"
		$b mount -t 9p -o $opt share "/root$share" || fail "cannot mount $share"
	fi
	$b mkdir /root/run/vm
	$b mount --move /ctl /root/run/vm
	$b mount --move /dev /root/dev
	$b umount /proc
	exec $b switch_root /root /bin/sh /run/vm/init
	END
}
