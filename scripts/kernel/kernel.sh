# SPDX-License-Identifier: GPL-2.0
#
# Which kernel: images, their releases, modules and headers; sourced by the
# other scripts after cache.sh. Needs nothing but a shell, od, awk and ls.

# kernel_arch IMAGE: for which processors it is, in Debian's words, by what stands in an arm64 image's header
# (Documentation/arm64/booting.rst), in an s390x one's, and among a bzImage's flags (Documentation/x86/boot.rst).
kernel_arch()
{
	if [ "$(dd if="$1" bs=1 skip=56 count=4 2>/dev/null | tr -d '\0')" = ARMd ]; then
		echo arm64
	elif [ "$(dd if="$1" bs=1 skip=65544 count=6 2>/dev/null | tr -d '\0')" = S390EP ]; then
		echo s390x
	elif [ $(($(od -An -t u1 -j 566 -N 1 "$1") & 1)) -eq 0 ]; then
		echo i386
	else
		echo amd64
	fi
}

# kernel_cross ARCHITECTURE: how the names of its cross compiler's programs begin.
kernel_cross()
{
	case $1 in
	arm64) echo aarch64-linux-gnu- ;;
	i386) echo i686-linux-gnu- ;;
	*) echo "$1-linux-gnu-" ;;
	esac
}

# kernel_release IMAGE: the release, as in uname -r; a bzImage names it in its header.
kernel_release()
{
	local at

	# the laboratory's kernels are programs
	if [ "${1##*/}" = linux ]; then
		ls "${1%/*}/lib/modules"
		return
	fi
	case $(kernel_arch "$1") in
	arm64 | s390x)
		echo "${1##*/vmlinuz-}"
		return ;;
	esac
	[ "$(dd if="$1" bs=1 skip=514 count=4 2>/dev/null)" = HdrS ] || return 1
	at=$(od -An -t u2 -j 526 -N 2 "$1")
	dd if="$1" bs=1 skip=$((at + 512)) count=128 2>/dev/null |
		tr '\0' '\n' | awk 'NR == 1 { print $1 }'
}

# kernel_modules IMAGE RELEASE: the folder with the kernel's modules.dep; a
# kernel built by scripts/kernel/debug-kernel.sh has it next to its image.
kernel_modules()
{
	local dir

	for dir in "${1%/*}/lib/modules/$2" "${1%/*}/../lib/modules/$2" "/lib/modules/$2"; do
		if [ -e "$dir/modules.builtin" ]; then
			echo "$dir"
			return 0
		fi
	done
	return 1
}

# kernel_has MODULES NAME: is the module there, or built in?
kernel_has()
{
	grep -qs "/$2\.ko" "$1/modules.dep" "$1/modules.builtin"
}

# kernel_stock: the image of the newest kernel of the series that can be the
# VM's: with 9p (the cloud flavour has none), without PREEMPT_RT, and with headers to build the module.
# Besides the installed ones there may be one that scripts/kernel/deps.sh put into the
# cache.
kernel_stock()
{
	local image release modules

	for image in $({ ls -rv /boot/vmlinuz-"$XTCP_SERIES".*
		ls -rv "$XTCP_CACHE"/kernel-*/boot/vmlinuz-"$XTCP_SERIES".*; } 2>/dev/null | kernel_flavour "$XTCP_SERIES"); do
		release=${image##*/vmlinuz-}
		modules=$(kernel_modules "$image" "$release") || continue
		kernel_has "$modules" 9p || continue
		kernel_has "$modules" overlay || continue
		kernel_headers "$release" >/dev/null || continue
		echo "$image"
		return 0
	done
	return 1
}

# kernel_headers [RELEASE]: what to build a module for this release against;
# without a release, for the running kernel or else the newest headers.
kernel_headers()
{
	local release=${1-$(uname -r)} dir

	for dir in "/lib/modules/$release/build" "/usr/src/linux-headers-$release" \
		"$XTCP_CACHE/kernel-$release/usr/src/linux-headers-$release"; do
		if [ -e "$dir/Makefile" ]; then
			echo "$dir"
			return 0
		fi
	done
	[ $# -eq 0 ] || return 1
	for dir in $(ls -drv /usr/src/linux-headers-*[0-9]-"$XTCP_ARCH" \
		/usr/src/linux-headers-*-generic /lib/modules/*/build 2>/dev/null); do
		if [ -e "$dir/Module.symvers" ]; then
			echo "$dir"
			return 0
		fi
	done
	return 1
}

# series_headers: the newest headers here of the VM's series.
series_headers()
{
	local dir

	for dir in $(ls -drv "/usr/src/linux-headers-$XTCP_SERIES".*[0-9]-"$XTCP_ARCH" \
		"/lib/modules/$XTCP_SERIES".*[0-9]-"$XTCP_ARCH"/build \
		"$XTCP_CACHE/kernel-$XTCP_SERIES".*/usr/src/linux-headers-*[0-9]-"$XTCP_ARCH" 2>/dev/null); do
		if [ -e "$dir/Module.symvers" ]; then
			echo "$dir"
			return 0
		fi
	done
	return 1
}

# headers_release KDIR: the release that they are for.
headers_release()
{
	awk -F'"' '/UTS_RELEASE/ { print $2 }' "$1/include/generated/utsrelease.h" 2>/dev/null
}

# kernel_listed [SERIES | all]: the lines of scripts/kernel/kernels.list without those of SERIES-rt, or the one of a
# series, or all, with this machine's architecture; in that folder or in the top one.
kernel_listed()
{
	local list=kernels.list

	[ -f "$list" ] || list=scripts/kernel/kernels.list
	awk -v series="${1-}" -v arch="-$XTCP_ARCH" '!/^#/ && NF == 3 &&
		(series == "all" || (series == "" ? $1 !~ /-/ : $1 == series)) {
			print $1, $2 == "-" ? $2 : $2 arch, $3 }' "$list"
}

# kernel_whole FOLDER: is the kernel whole that scripts/kernel/other-kernel.sh has put into this folder of the cache?
# depmod writes the list of its modules last.
kernel_whole()
{
	local release=${1##*/kernel-}

	[ -s "$1/boot/vmlinuz-$release" ] && [ -s "$1/lib/modules/$release/modules.dep" ] &&
		[ -s "$1/usr/src/linux-headers-$release/Makefile" ] &&
		[ -s "$1/usr/src/linux-headers-$release/Module.symvers" ]
}

# kernel_flavour SERIES: of the names of releases that it reads, those that are of the series' flavour.
kernel_flavour()
{
	case $1 in
	*-rt) grep -e -rt- ;;
	*) grep -vE -e '-(cloud|rt)-' ;;
	esac
}

# kernel_cached SERIES: the folder of the newest kernel of the series that
# scripts/kernel/other-kernel.sh has put into the cache.
kernel_cached()
{
	local dir

	for dir in $(ls -drv "$XTCP_CACHE/kernel-${1%-rt}".* 2>/dev/null | kernel_flavour "$1"); do
		if kernel_whole "$dir"; then
			echo "$dir"
			return 0
		fi
	done
	return 1
}

# say_kernel KDIR ORIGIN: a sentence when that is not the running kernel; ORIGIN as
# make's $(origin KDIR) is "file" when KDIR was looked for.
say_kernel()
{
	local release running

	release=$(headers_release "$1")
	running=$(uname -r)
	if [ "$release" = "$running" ]; then
		return 0
	elif [ "$2" = file ]; then
		echo "For Linux $release, the newest headers here: there are none for the running $running," \
			"which cannot load it. Install them, or say KDIR=DIR."
	else
		echo "For Linux $release, as KDIR says; the running $running cannot load it."
	fi
}

# kernel_prune MODULES: removes drivers for devices, and what no test mounts.
kernel_prune()
{
	local dir

	rm -rf "$1"/kernel/{sound,samples,virt}
	for dir in "$1"/kernel/drivers/*/ "$1"/kernel/drivers/net/*/; do
		case $dir in
		*/drivers/net/ | */drivers/virtio/ | */net/vrf/ | */net/tun/) ;;
		*) rm -rf "$dir" ;;
		esac
	done
	for dir in "$1"/kernel/fs/*/; do
		case $dir in
		*/9p/ | */netfs/ | */overlayfs/ | */fscache/ | */fuse/) ;;
		*) rm -rf "$dir" ;;
		esac
	done
}
