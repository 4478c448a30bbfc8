#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Puts programs of a newer suite than this machine's into the cache, once, and prints
# their folder, which scripts/check/programs.sh lays over the machine's:
#
#   scripts/kernel/newer-programs.sh
#
# The suite is that of the newest kernel in kernels.list that is no backport. BIRD has
# TCP-AO since 2.17, Debian 12 has 2.0. The packages are only unpacked. Their programs run
# with the libraries of that suite, all others with this machine's.

set -eu
[ $# -eq 0 ] || { sed -n '7s/^# *//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")"
. ./cache.sh
. ./kernel.sh
. ./private-apt.sh

# the second one so that the first does not ask for a whole systemd
packages="bird2 systemd-standalone-sysusers"
dest=$XTCP_CACHE/programs-newer

die()
{
	echo "$*" >&2
	exit 1
}

# wrap ROOT: each program becomes a script that has it loaded with its own libraries.
wrap()
{
	local program name lib=/usr/lib/newer

	mkdir "$1/usr/lib/newer" "$1/usr/sbin"
	cp -L "$work"/root/usr/lib/"$HOSTTYPE"-linux-gnu/*.so* "$1$lib/"
	for program in "$work"/root/usr/sbin/bird*; do
		name=${program##*/}
		cp "$program" "$1$lib/$name"
		printf '#!/bin/sh\nexec %s/ld-linux-*.so.? --library-path %s %s/%s "$@"\n' \
			$lib $lib $lib "$name" >"$1/usr/sbin/$name"
		chmod 755 "$1/usr/sbin/$name"
	done
}

command -v apt-get >/dev/null || die "there is no apt here, so there are no newer programs"
exec 9>"$XTCP_CACHE/newer-programs.lock"
flock 9
if [ "$(cat "$dest/packages" 2>/dev/null)" != "$packages" ]; then
	# of one that was killed: who has the lock is the only one
	rm -rf "$XTCP_CACHE"/newer.??????
	work=$(mktemp -d "$XTCP_CACHE/newer.XXXXXX")
	at_end 'rm -rf "$work"'
	set -- $(kernel_listed | grep -v -e -backports | tail -n 1)
	private_apt "$3" "$work/apt"
	echo "Unpacking bird2 of $3 into $dest" >&2
	apt-get -q -y "${own[@]}" --no-install-recommends --download-only install $packages >&2 ||
		die "apt-get could not fetch: $packages"
	mkdir -p "$work/root" "$work/new/usr/lib" "$work/new/etc"
	for deb in "$work"/apt/archives/*.deb; do
		dpkg-deb -x "$deb" "$work/root"
	done
	wrap "$work/new"
	echo "$packages" >"$work/new/packages"
	chmod 755 "$work/new"
	rm -rf "$dest"
	mv "$work/new" "$dest"
fi
echo "$dest"
