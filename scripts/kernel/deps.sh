#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs what a make target needs and this machine has not: packages by apt,
# and the virtual machine's kernel. That one is only unpacked into the cache, so
# that it does not become the kernel this machine boots next.

set -eu
cd "$(dirname "$0")"
. ./cache.sh
. ./kernel.sh
. ./private-apt.sh

usage()
{
	cat <<-END
	Usage: scripts/kernel/deps.sh [--missing] python|build|demo|tour|lab|check|check-rest|arm64|foreign|
	       coverage|programs|package|package-check

	Installs what is missing to ask for something by its name, to build the module, to run the demo (and the
	virtual machine), the tour, the laboratory, the tests on the stock kernel, all checks, those for arm64, those for
	all processors, to see what they reach, to try real programs, to make packages, or to check those. Silent when nothing is missing.

	  --missing  install nothing: print the packages that are missing
	END
}

say()
{
	echo "$*" >&2
}

die()
{
	say "$*"
	exit 1
}

# What each target needs: as another one (@), and packages, each with the command or the file that shows
# that it is there. A machine is virtual or the laboratory's, which wants no QEMU and no kernel; a scene is
# the tour's network.
list()
{
	cat <<-END
	python python3=python3 python3=/usr/lib/python3*/http/server.py
	build gcc=gcc make=make libc6-dev=/usr/include/stdio.h util-linux=flock
	machine @build busybox-static=busybox kmod=modprobe iproute2=ip curl=curl
	demo @machine $qemu @python
	scene nftables=nft procps=sysctl
	tour @demo @scene
	tests netbase=/etc/protocols xz-utils=xz
	check @tour @tests
	kernel perl=perl flex=flex bison=bison bc=bc libelf-dev=/usr/include/libelf.h
	kernel libssl-dev=/usr/include/openssl/opensslv.h patch=patch
	lab @machine @scene @tests @kernel @python
	check-rest @check @kernel bsdextrautils=col sparse=sparse mandoc=mandoc rsync=rsync tshark=tshark
	coverage @check-rest lcov=genhtml
	programs @check-rest
	package @build dpkg-dev=dpkg-buildpackage debhelper=dh dh-dkms=dh_dkms dh-python=dh_python3
	package-check @package @demo lintian=lintian openssl=openssl ovmf=/usr/share/ovmf/PkKek-1-snakeoil.key
	package-check sbsigntool=sbsign debootstrap=debootstrap
	END
	# on another machine
	[ "$XTCP_ARCH" = arm64 ] || cat <<-END
	arm64 qemu-system-arm=qemu-system-aarch64 gcc-aarch64-linux-gnu=aarch64-linux-gnu-gcc
	arm64 libc6-dev-arm64-cross=/usr/aarch64-linux-gnu/include/stdio.h
	foreign @arm64 gcc-i686-linux-gnu=i686-linux-gnu-gcc libc6-dev-i386-cross=/usr/i686-linux-gnu/include/stdio.h
	foreign qemu-system-misc=qemu-system-s390x gcc-s390x-linux-gnu=s390x-linux-gnu-gcc
	foreign libc6-dev-s390x-cross=/usr/s390x-linux-gnu/include/stdio.h
	END
}

# needs TARGET: a line for each package and what shows it
needs()
{
	local qemu=qemu-system-x86=qemu-system-x86_64 words word

	[ "$XTCP_ARCH" != arm64 ] || qemu=qemu-system-arm=qemu-system-aarch64
	list | sed -n "s/^$1 //p" | while read -ra words; do
		for word in "${words[@]}"; do
			case $word in
			@*) needs "${word#@}" ;;
			*) echo "${word%%=*} ${word#*=}" ;;
			esac
		done
	done
}

# is_there PROBE: a command in the path of root, or a file by pattern.
is_there()
{
	case $1 in
	/*) compgen -G "$1" >/dev/null ;;
	*) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
	esac
}

# What scripts/check/programs.sh tries; the first line is what make check does.
programs_short="socat ncat redis-server redis-tools musl-tools bird2 nginx-light haproxy"
programs_all="$programs_short openssh-server rsync memcached iperf3 python3-pyftpdlib lftp
	opensmtpd swaks postgresql-15 mariadb-server-core mariadb-client-core caddy hey wrk kubernetes-client
	libpython3.11-testsuite"

# unpack_programs FOLDER PACKAGE...: with what they need that is not installed here. Installed they
# would start their services on this machine.
unpack_programs()
{
	local root=$1 work deb

	shift
	[ "$(cat "$root/packages" 2>/dev/null)" != "$*" ] || return 0
	prepare "$@"
	say "Unpacking $* into $root"
	work=$(mktemp -d "$root.XXXXXX")
	at_end 'rm -rf "$work"'
	mkdir -p "$work/debs/partial"
	apt-get -q -y --no-install-recommends -o Dir::Cache::archives="$work/debs" -o APT::Sandbox::User="$(id -un)" \
		-o Debug::NoLocking=1 --download-only install "$@" >&2 || die "apt-get could not fetch: $*"
	for deb in "$work"/debs/*.deb; do
		dpkg-deb -x "$deb" "$work"
	done
	# /lib is /usr/lib
	[ ! -e "$work/lib" ] || cp -a "$work/lib/." "$work/usr/lib/"
	rm -rf "$work/debs" "$work/lib" "$root"
	echo "$*" >"$work/packages"
	chmod 755 "$work"
	mv "$work" "$root"
	trap - EXIT INT TERM HUP
}

# missing_packages TARGET, each with what shows that it is missing
missing_packages()
{
	local package probe

	needs "$1" | while read -r package probe; do
		is_there "$probe" || echo "$package $probe"
	done
	if [ "$1" = build ]; then
		kernel_headers >/dev/null || echo "linux-headers-$XTCP_ARCH" "the headers of this kernel"
	fi
	[[ $1 =~ ^(lab|check|check-rest|coverage|programs)$ ]] || return 0
	source_package >/dev/null || echo "linux-source-$XTCP_SERIES" "the source package of Linux $XTCP_SERIES"
}

# offered_headers: the newest package of headers for the VM's series.
offered_headers()
{
	apt-cache --names-only search "^linux-headers-${XTCP_SERIES/./\\.}\\.[0-9][^ ]*-$XTCP_ARCH\$" |
		awk '{ print $1 }' | grep -vE -- "-(cloud|rt)-$XTCP_ARCH\$" | sort -V | tail -n 1
}

# prepare WHAT: once, apt is ready to install.
prepare()
{
	[ -z "$updated" ] || return 0
	command -v apt-get >/dev/null ||
		die "There is no apt here. Please install what has these, or use the container (scripts/README.md): ${lacks:-$*}"
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null ||
			die "Neither root nor sudo. Please install: $*"
		sudo="sudo"
	fi
	$sudo apt-get -q -o DPkg::Lock::Timeout=300 update >&2 ||
		die "apt-get update failed"
	updated=1
}

install()
{
	prepare "$@"
	say "Installing $*"
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 \
		-o DPkg::Lock::Timeout=300 --no-install-recommends install "$@" >&2 ||
		die "apt-get could not install: $*"
}

# install_headers: those that the VM's module is built against; this machine's own may be newer. Where apt has none, those
# of Debian 12 come into the cache, with their kernel.
install_headers()
{
	local package

	prepare
	package=$(offered_headers)
	if [ -n "$package" ]; then
		install "$package"
	else
		./other-kernel.sh "$XTCP_SERIES" >/dev/null || exit 1
	fi
}

# fetch_kernel: the image of the headers' release, into the cache. Debian offers the headers, and the image without a
# signature, some hours or days before the image that has one.
fetch_kernel()
{
	local release package work

	release=$(headers_release "$(series_headers)")
	package=linux-image-$release
	command -v apt-get >/dev/null ||
		die "There is no apt here. Please install the kernel $release with 9p and overlay modules, or use the container (scripts/README.md)"
	[ -n "$(apt-cache madison "$package")" ] || package+=-unsigned
	say "Fetching $package for the virtual machine"
	work=$(mktemp -d "$XTCP_CACHE/kernel.XXXXXX")
	at_end 'rm -rf "$work"'
	(cd "$work" && apt-get -q -o APT::Sandbox::User="$(id -un)" download "$package" >&2) ||
		die "apt-get could not fetch $package"
	dpkg-deb -x "$work"/*.deb "$work"
	rm -rf "$work"/*.deb "$work/usr"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$work" "$release"
	chmod 755 "$work"
	rm -rf "$XTCP_CACHE/kernel-$release"
	mv "$work" "$XTCP_CACHE/kernel-$release"
	trap - EXIT INT TERM HUP
}

# fetch_source: Debian 12's source package of the VM's series, into the cache.
fetch_source()
{
	local work

	set -- "linux-source-$XTCP_SERIES" $(kernel_listed "$XTCP_SERIES")
	say "Fetching $1 into the cache"
	work=$(mktemp -d "$XTCP_CACHE/fetch.XXXXXX")
	at_end 'rm -rf "$work"'
	private_apt "$4 $4-security" "$work/apt"
	(cd "$work" && apt-get -q "${own[@]}" download "$1" >&2) || die "apt-get could not fetch $1"
	dpkg-deb -x "$work"/*.deb "$work"
	mv "$work/usr/src/$1.tar.xz" "$XTCP_CACHE/"
	rm -rf "$work"
	trap - EXIT INT TERM HUP
}

missing=
if [ "${1-}" = --missing ]; then
	missing=1
	shift
fi
case ${1-} in
python|build|demo|tour|lab|check|check-rest|arm64|foreign|coverage|programs|package|package-check) target=$1 ;;
--help|-h) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac

updated=
sudo=
packages=$(missing_packages "$target" | cut -d' ' -f1 | uniq)
lacks=$(missing_packages "$target" | cut -d' ' -f2- | paste -sd, | sed 's/,/, /g')
[[ $target =~ ^(python|build|package|arm64|foreign|lab)$ ]] || series_headers >/dev/null ||
	lacks+="${lacks:+, }headers and image of Linux $XTCP_SERIES with the 9p and overlay modules"
if [ -n "$missing" ]; then
	echo $packages
	exit
fi
if [[ $packages == *linux-source-* ]]; then
	prepare $packages
	# apt-get would take the name for a pattern, and install 6.12's
	if [ -z "$(apt-cache madison "linux-source-$XTCP_SERIES")" ]; then
		packages=${packages/linux-source-$XTCP_SERIES/}
		fetch_source
	fi
fi
[ -z "${packages//[[:space:]]/}" ] || install $packages
case $target in
python | build | package | arm64 | foreign | lab) exit 0 ;;
check | check-rest) unpack_programs "$XTCP_CACHE/programs-short" $programs_short ;;
programs) unpack_programs "$XTCP_CACHE/programs" $programs_all ;;
esac
series_headers >/dev/null || install_headers
kernel_stock >/dev/null || fetch_kernel
