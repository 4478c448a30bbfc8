#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Puts a Debian for another processor into the cache, once, and prints its folder, which scripts/vm/vm.sh takes as a root:
#
#   scripts/kernel/foreign.sh [--path] arm64|i386|s390x
#
# boot/ has the kernel, usr/src its headers, whose programs are this machine's, and the rest is what tests run beside
# theirs. The packages are only unpacked, by an apt that has folders of its own: nothing is installed, and the machine's
# apt stays as it is. With --path it fetches nothing, and its status is 1 if the folder or the compiler is not there.

set -eu
path=
[ "${1-}" != --path ] || { path=1; shift; }
arch=${1-} flavour=${1-} suites="bookworm bookworm-security"
case $#:$arch in
1:arm64 | 1:s390x) ;;
1:i386) flavour=686-pae suites=bookworm ;;
*) sed -n '6s/^# */Usage: /p' "$0" >&2; exit 2 ;;
esac
cd "$(dirname "$0")"
. ./cache.sh
. ./kernel.sh
. ./private-apt.sh

packages="base-files base-passwd bash bsdextrautils busybox-static coreutils curl dash diffutils findutils gawk grep iproute2
	iptables kmod libc-bin mount netbase nftables procps python3 sed util-linux"
dest=$XTCP_CACHE/$arch

die()
{
	echo "$*" >&2
	exit 1
}

is_whole()
{
	[ "$(cat "$dest/packages" 2>/dev/null)" = "$packages" ]
}

# unpack ROOT FILE...: what Debian has moved to usr/ comes to lie there.
unpack()
{
	local root=$1 deb

	shift
	for deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$root"
		rm "$deb"
	done
}

# finish ROOT: what the packages' own scripts would do.
finish()
{
	local root=$1 word

	for word in passwd group; do
		cp "$root/usr/share/base-passwd/$word.master" "$root/etc/$word"
	done
	ln -s gawk "$root/usr/bin/awk"
	for word in iptables ip6tables; do
		ln -s "$word-nft" "$root/usr/sbin/$word"
	done
	rm -rf "$root"/usr/share/{doc,i18n,info,locale,man,perl,zoneinfo}
}

fetch()
{
	local root=$work/root release deb

	private_apt "$suites" "$work/apt" "$arch"
	release=$(apt-cache "${own[@]}" --names-only search "^linux-headers-${XTCP_SERIES/./\\.}\\.[0-9-]*-$flavour\$" |
		awk '{ print $1 }' | sed 's/^linux-headers-//' | sort -V | tail -n 1)
	[ -n "$release" ] || die "there is no Linux $XTCP_SERIES for $arch"
	echo "Unpacking Linux $release and its Debian into $dest" >&2
	apt-get -q -y "${own[@]}" --no-install-recommends --download-only install $packages >&2 ||
		die "apt-get could not fetch:" $packages
	(cd "$work/apt/archives" && apt-get -q "${own[@]}" download "linux-image-$release" "linux-headers-$release" \
		"linux-headers-${release%-"$flavour"}-common" "linux-kbuild-$XTCP_SERIES:$XTCP_ARCH" >&2) ||
		die "apt-get could not fetch Linux $release"
	mkdir -p "$root"/usr/{bin,sbin,lib}
	ln -s usr/bin usr/sbin usr/lib "$root/"
	unpack "$root" "$work"/apt/archives/*.deb
	finish "$root"
	kernel_prune "$root/lib/modules/$release"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$root" "$release"
	sed -i "s|/usr/src/|$dest/usr/src/|" "$root/usr/src/linux-headers-$release/Makefile"
	echo "$packages" >"$root/packages"
	chmod 755 "$root"
	rm -rf "$dest"
	mv "$root" "$dest"
}

[ "$arch" != "$XTCP_ARCH" ] || die "this machine is an $arch one: what it runs anyway is what $arch stands for elsewhere"
if [ -n "$path" ]; then
	is_whole && command -v "$(kernel_cross "$arch")gcc" >/dev/null || exit
elif ! is_whole; then
	command -v apt-get >/dev/null || die "there is no apt here, so there is no Debian for $arch"
	exec 9>"$XTCP_CACHE/$arch.lock"
	flock 9
	# of one that was killed: who has the lock is the only one
	rm -rf "$XTCP_CACHE/$arch".??????
	work=$(mktemp -d "$XTCP_CACHE/$arch.XXXXXX")
	at_end 'rm -rf "$work"'
	is_whole || fetch
fi
echo "$dest"
