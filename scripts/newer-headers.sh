#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints a folder to build against (KDIR) for each kernel series newer than the
# virtual machine's that apt offers here, the newest release of each. The
# packages are unpacked into the cache, not installed: the headers a plain
# `make` finds stay what they were.

set -eu
[ $# -eq 0 ] || { echo "newer-headers.sh takes no arguments" >&2; exit 2; }
cd "$(dirname "$0")"
. ./cache.sh
. ./kernel.sh

# offered SERIES: the newest headers package of each later series.
offered()
{
	apt-cache --names-only search '^linux-headers-[0-9][^ ]*-amd64$' |
		awk '{ print $1 }' |
		grep -E '^linux-headers-[0-9]+\.[0-9]+\.[0-9]+([-+~][a-z0-9.]+)*-amd64$' |
		grep -vE -- '-(cloud|rt)-amd64$' | sort -V |
		awk -F'[-.]' '{ last[$3 "." $4] = $0 }
			END { for (s in last) print s, last[s] }' |
		while read -r series package; do
			! dpkg --compare-versions "$series" gt "$1" || echo "$package"
		done | sort -V
}

# fetch PACKAGE DEST: with the packages that it builds on.
fetch()
{
	local work packages

	packages=$(apt-cache depends "$1" |
		awk '/Depends:.*(-common|linux-kbuild)/ { print $2 }')
	echo "Fetching $1 into the cache" >&2
	work=$(mktemp -d "$XTCP_CACHE/headers.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	(cd "$work" && apt-get -q -o APT::Sandbox::User="$(id -un)" download "$1" $packages >&2)
	for deb in "$work"/*.deb; do
		dpkg-deb -x "$deb" "$work"
		rm "$deb"
	done
	# The packages name one another by their installed place.
	sed -i "s|/usr/src/|$2/usr/src/|" "$work/usr/src/$1/Makefile"
	chmod 755 "$work"
	rm -rf "$2"
	mv "$work" "$2"
	trap - EXIT
}

stock=$(kernel_stock) || { echo "no stock kernel; run scripts/deps.sh check" >&2; exit 1; }
command -v apt-cache >/dev/null || exit 0
for package in $(offered "$(kernel_release "$stock" | cut -d. -f1-2)"); do
	dest=$XTCP_CACHE/$package
	[ -d "$dest" ] || fetch "$package" "$dest"
	echo "$dest/usr/src/$package"
done
