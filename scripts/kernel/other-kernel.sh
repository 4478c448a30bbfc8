#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Puts a kernel of scripts/kernel/kernels.list into the cache, once, and prints its folder:
#
#   scripts/kernel/other-kernel.sh SERIES
#
# boot/ has the image, lib/modules/RELEASE the modules that a virtual machine
# without devices can use, usr/src the headers. The packages come from what apt
# offers here, or else from the suite that the list names, by an apt that has
# folders of its own: nothing is installed, and the machine's apt stays as it is.
# Both take only what the distribution's keyring has signed.

set -eu
[ $# -eq 1 ] || { sed -n '6s/^# *//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")"
. ./cache.sh
. ./kernel.sh
. ./private-apt.sh

series=$1

# die WORD...: unless an older one of the series is in the cache.
die()
{
	local dir

	echo "$*" >&2
	dir=$(kernel_cached "$series") || exit 1
	echo "Taking ${dir##*/}, which is in the cache" >&2
	echo "$dir"
	exit
}

# offered RELEASE: it, or else the newest of the series, whose image and headers
# apt offers here.
offered()
{
	local release base=${series%-rt}

	for release in "$1" $(apt-cache "${own[@]}" --names-only search \
		"^linux-headers-${base/./\\.}\\.[0-9][^ ]*-$XTCP_ARCH\$" |
		awk '{ print $1 }' | sed 's/^linux-headers-//' | kernel_flavour "$series" | sort -rV); do
		if apt-cache "${own[@]}" show "linux-image-$release" "linux-headers-$release" >/dev/null 2>&1; then
			echo "$release"
			return 0
		fi
	done
	return 1
}

# packages RELEASE: what image and headers consist of.
packages()
{
	apt-cache "${own[@]}" depends "linux-image-$1" "linux-headers-$1" |
		awk '/^ *Depends: linux-(base|binary|modules|headers|kbuild)-/ { print $2 }
			/^linux-(image|headers)-/ { print $1 }' | sort -u
}

# make_tools_run FOLDER: programs of the headers that were built for a newer
# system run with that one's libraries, which come to lie beside them.
make_tools_run()
{
	local tool lib=$1/usr/lib/newer packages="libc6 libelf1t64 zlib1g libzstd1 liblzma5 libbz2-1.0"

	for tool in $(find "$1/usr/lib" -path '*linux-kbuild*' -type f -perm -u+x); do
		[ "$(head -c 4 "$tool" | tail -c 3)" = ELF ] || continue
		! ldd "$tool" 2>&1 | grep -q 'not found' && continue
		if [ ! -d "$lib" ]; then
			mkdir "$work/libraries"
			(cd "$work/libraries" && apt-get -q "${own[@]}" download $packages >&2)
			for deb in "$work"/libraries/*.deb; do
				dpkg-deb -x "$deb" "$work/libraries"
			done
			mkdir "$lib"
			find "$work/libraries" -path "*$HOSTTYPE-linux-gnu/*" -name '*.so*' \
				-regex '.*/\(ld-linux-[a-z0-9-]*\|libc\|libelf\|libz\|libzstd\|liblzma\|libbz2\)\.so\.[0-9]\(\.0\)?' \
				-exec cp -L {} "$lib/" \;
		fi
		mv "$tool" "$tool.newer"
		cat >"$tool" <<-END
		#!/bin/sh
		exec '$2'/usr/lib/newer/ld-linux-*.so.? --library-path '$2/usr/lib/newer' '$2${tool#"$1"}.newer' "\$@"
		END
		chmod 755 "$tool"
	done
}

# fit_compiler HEADERS: where the compiler that made the kernel is newer than any
# here, the system's has to do. Of what the config says of the newer one it lacks
# one option of the command line, and it does not know some attributes.
fit_compiler()
{
	local compiler

	compiler=$(sed -n 's/^CC = .*[ )]\([^ )]*gcc-[0-9]*\)$/\1/p' "$1/.kernelvariables")
	[ -n "$compiler" ] && ! command -v "$compiler" >/dev/null || return 0
	sed -i "s/$compiler\$/gcc/; \$a KCFLAGS += -Wno-attributes" "$1/.kernelvariables"
	# what it was packed with plays no part in a module
	sed -i '/^CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=/d; s/^\(CONFIG_PAHOLE_VERSION=\).*/\1$(PAHOLE_VERSION)/' \
		"$1/include/config/auto.conf"
}

fetch()
{
	local release=$1 dest=$2 root=$work/root

	echo "Fetching Linux $release into the cache" >&2
	mkdir "$work/debs" "$root"
	(cd "$work/debs" && apt-get -q "${own[@]}" -o APT::Sandbox::User="$(id -un)" download $(packages "$release") >&2) ||
		die "apt-get could not fetch Linux $release"
	for deb in "$work"/debs/*.deb; do
		dpkg-deb -x "$deb" "$root"
		rm "$deb"
	done
	rm -rf "$root/usr/share" "$root/etc"
	if [ -d "$root/usr/lib/modules" ]; then
		mkdir -p "$root/lib"
		mv "$root/usr/lib/modules" "$root/lib/"
	fi
	mkdir -p "$root/boot"
	[ -e "$root/boot/vmlinuz-$release" ] || mv "$root/lib/modules/$release/vmlinuz" "$root/boot/vmlinuz-$release"
	kernel_prune "$root/lib/modules/$release"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$root" "$release"
	# The packages name one another by their installed place.
	sed -i "s|/usr/src/|$dest/usr/src/|; s|/usr/lib/linux|$dest/usr/lib/linux|" \
		"$root/usr/src/linux-headers-$release/Makefile"
	make_tools_run "$root" "$dest"
	fit_compiler "$root/usr/src/linux-headers-$release"
	chmod 755 "$root"
	rm -rf "$dest"
	mv "$root" "$dest"
}

set -- $(kernel_listed "$series") || :
[ $# -eq 3 ] || { echo "scripts/kernel/kernels.list lists no Linux $series" >&2; exit 2; }
# of the first of the list the newest in the cache
if [ "$2" = - ]; then
	dir=$(kernel_cached "$series") || dir=
else
	dir=$XTCP_CACHE/kernel-$2
fi
if kernel_whole "$dir"; then
	echo "$dir"
	exit
fi
command -v apt-get >/dev/null || die "there is no apt here, so there is no Linux $series"
exec 9>"$XTCP_CACHE/other-kernel.lock"
flock -n 9 || { echo "another kernel is being fetched, waiting for it" >&2; flock 9; }
if ! kernel_whole "$dir"; then
	# of one that was killed: who has the lock is the only one
	rm -rf "$XTCP_CACHE"/other.??????
	work=$(mktemp -d "$XTCP_CACHE/other.XXXXXX")
	at_end 'rm -rf "$work"'
	release=$(offered "$2") && [[ $2 =~ ^(-|"$release")$ ]] || {
		# what backports need is not all there
		private_apt "$3$([[ $3 != *-backports ]] || echo " ${3%-backports}")$([ "$2" != - ] || echo " $3-security")" \
			"$work/apt"
		release=$(offered "$2") || die "neither apt here nor $3 has a Linux $series"
	}
	dir=$XTCP_CACHE/kernel-$release
	kernel_whole "$dir" || fetch "$release" "$dir"
fi
echo "$dir"
