#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ip knows no protocol by name, not even tcp: it looks into /etc/protocols, and the package iproute2 does not depend on
# the one that has this file (netbase). A minimal Debian lacks it. There "ip rule add ipproto tcp" and "ip xfrm policy
# add ... proto tcp" are refused as wrong, and "ipproto 6" works. nft takes "ip protocol tcp" on the same machine.
#
# Seen with iproute2 6.1.0-3 and nftables 1.0.6-2+deb12u2 of Debian 12, which this script unpacks into a folder of its own.
# It needs root and apt, and runs both in new namespaces, without that file. It prints what is below, or fails.

set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/debs"
(
	cd "$work/debs"
	apt-get -qq -o APT::Sandbox::User=root download iproute2=6.1.0-3 nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 \
		libbpf1 libbsd0 libelf1 libmnl0 libtirpc3 libxtables12 libnftnl11 libjansson4 libedit2
	for deb in *.deb; do
		dpkg-deb -x "$deb" "$work"
	done
)
cat >"$work/try" <<'END'
mount --bind /dev/null /etc/protocols 2>/dev/null || [ ! -e /etc/protocols ]
try()
{
	said=$("$@" 2>&1) && said=accepted
	echo "$*: ${said%%$'\n'*}"
}
try ip rule add ipproto tcp sport 7 lookup 5
try ip rule add ipproto 6 sport 7 lookup 5
try ip xfrm policy add dir out src 10.0.0.0/8 dst 10.0.0.0/8 proto tcp
try nft 'add table t; add chain t c; add rule t c ip protocol tcp accept'
END
diff - <(env PATH="$work/sbin:$work/usr/sbin:$work/bin:$PATH" \
	LD_LIBRARY_PATH="$work/usr/lib/x86_64-linux-gnu:$work/lib/x86_64-linux-gnu" \
	unshare --mount --net bash "$work/try" | tee /dev/stderr) <<'END'
ip rule add ipproto tcp sport 7 lookup 5: Error: argument "tcp" is wrong: Invalid "ipproto" value
ip rule add ipproto 6 sport 7 lookup 5: accepted
ip xfrm policy add dir out src 10.0.0.0/8 dst 10.0.0.0/8 proto tcp: Error: argument "tcp" is wrong: PROTO value is invalid
nft add table t; add chain t c; add rule t c ip protocol tcp accept: accepted
END
