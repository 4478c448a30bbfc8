#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make install, make uninstall, and what scripts/package/deb.sh takes for its package of tools:
#
#   scripts/package/install.sh install MODULE KDIR     a module for those headers' kernel, and all else
#   scripts/package/install.sh uninstall               whatever was installed there
#   scripts/package/install.sh tools                   all but the module, and no list of it
#   scripts/package/install.sh list                    those files, as MODE SOURCE PLACE
#
# prefix (/usr/local) and DESTDIR in the environment are as for other programs. PREFIX/share/xtcp/installed
# lists what was installed and which folders were made for it; uninstalling goes by that alone. With
# DESTDIR depmod is left to whoever moves the files to their place. With SIGN_KEY and SIGN_CERT, files as
# sign-file of the kernel's headers takes them, the module is signed.

set -eu
cd "$(dirname "$0")/../.."

prefix=${prefix:-/usr/local}
docdir=${docdir:-$prefix/share/doc/xtcp}
root=${DESTDIR-}
list=$root$prefix/share/xtcp/installed
version=$(sed -nE 's/^MODULE_VERSION\("(.*)"\);$/\1/p' module/main.c)

fail()
{
	echo "$1: $2" >&2
	exit 1
}

# A program of Python finds sight/ beside itself, wherever a link to it is; xtcp_run finds ../lib/xtcp.
list_files()
{
	local word

	echo "755 scripts/tools/xtcp_run $prefix/bin/xtcp_run"
	echo "644 build/xtcp_run.so $prefix/lib/xtcp/xtcp_run.so"
	[ ! -e scripts/tools/run/start.c ] || echo "755 build/xtcp_run_start $prefix/lib/xtcp/xtcp_run_start"
	for word in xtcp xtcp-ss xtcp-nstat; do
		echo "755 scripts/tools/$word $prefix/bin/$word"
	done
	for word in xtcp-blackbox xtcp-cong xtcp-holders xtcp-ladder xtcp-paths xtcp-plot xtcp-policy xtcp-service xtcp-trace xtcp-upgrade xtcp-watch xtcp-why; do
		echo "755 scripts/tools/$word $prefix/share/xtcp/$word"
		echo "link ../share/xtcp/$word $prefix/bin/$word"
	done
	for word in scripts/tools/sight/*.py; do
		echo "644 $word $prefix/share/xtcp/${word#scripts/tools/}"
	done
	echo "644 include/uapi/linux/xtcp.h $prefix/include/linux/xtcp.h"
	echo "644 include/uapi/linux/xtcp_ao.h $prefix/include/linux/xtcp_ao.h"
	echo "644 scripts/package/modprobe.conf $prefix/lib/modprobe.d/xtcp.conf"
	echo "644 scripts/package/completion $prefix/share/bash-completion/completions/xtcp_run"
	for word in xtcp xtcp-blackbox xtcp-cong xtcp-ladder xtcp-paths xtcp-plot xtcp-policy xtcp-service xtcp-trace xtcp-upgrade xtcp-watch xtcp-why xtcp-ss xtcp-nstat xtcp-holders; do
		echo "link xtcp_run $prefix/share/bash-completion/completions/$word"
	done
	echo "644 scripts/package/xtcp.7 $prefix/share/man/man7/xtcp.7"
	for word in scripts/tools/xtcp*; do
		echo "page $word $prefix/share/man/man1/${word##*/}.1"
	done
	for word in scripts/package/*.example; do
		echo "644 $word $docdir/examples/$(basename "$word" .example)"
	done
	for word in DIFFERENCES SYSCTLS INSTALLING USING; do
		echo "644 module/$word.md $docdir/$word.md"
	done
}

# make_folder FOLDER: with those above it; of a new one its name goes to the list.
make_folder()
{
	[ ! -d "$root$1" ] || return 0
	case ${1%/*} in
	'') [ -z "$root" ] || [ -d "$root" ] || mkdir -p "$root" ;;
	*) make_folder "${1%/*}" ;;
	esac
	mkdir "$root$1" || fail install "cannot make $root$1"
	new+=("folder $1")
}

# put MODE SOURCE PLACE: the list is written first, so that whatever is there can be removed. A page keeps the text of
# a link, but not the link, if it leads to what is in the sources alone. Of a program that cannot run here, as without
# python3, there is no manual page.
put()
{
	make_folder "${3%/*}"
	if [ -n "$listed" ]; then
		note "file $3"
	fi
	rm -f "$root$3"
	if [ "$1" = link ]; then
		ln -s "$2" "$root$3"
	elif [ "$1" = page ]; then
		scripts/package/page.sh "$2" >"$root$3" || rm "$root$3"
	elif [ "$2" = scripts/tools/xtcp ]; then
		sed "s|^version=$|version=$version|" "$2" >"$root$3" && chmod "$1" "$root$3"
	elif [[ $2 == *.md ]]; then
		sed -E 's|\[([^]]+)\]\(\.\./[^)]+\)|\1|g' "$2" >"$root$3" && chmod "$1" "$root$3"
	else
		install -m "$1" "$2" "$root$3"
	fi || fail install "cannot write $root$3"
}

# note LINE: it and the folders that were made meanwhile.
note()
{
	local line

	for line in "${new[@]}" "$1"; do
		grep -qxF "$line" "$list" 2>/dev/null || printf '%s\n' "$line" >>"$list" || fail install "cannot write $list"
	done
	new=()
}

put_all()
{
	local mode source place

	scripts/tools/xtcp_run --build
	while read -r mode source place; do
		[ "$mode" = link ] || [ -e "$source" ] || fail install "$source is missing"
		put "$mode" "$source" "$place"
	done <<<"$(list_files)"
}

# modules_changed RELEASE
modules_changed()
{
	[ -n "$root" ] && return
	[ ! -d "/lib/modules/$1" ] || PATH=$PATH:/usr/sbin:/sbin depmod "$1"
}

# sign_module FILE KDIR
sign_module()
{
	local hash

	[ -n "${SIGN_KEY-}${SIGN_CERT-}" ] || return 0
	hash=$(sed -n 's/^CONFIG_MODULE_SIG_HASH="\(.*\)"$/\1/p' "$2/include/config/auto.conf")
	"$2/scripts/sign-file" "${hash:-sha256}" "${SIGN_KEY-}" "${SIGN_CERT-}" "$1" ||
		fail install "cannot sign the module by SIGN_KEY=${SIGN_KEY-} and SIGN_CERT=${SIGN_CERT-}"
}

do_install()
{
	local module=$1 kdir=$2 name=${1##*/} release ready

	[ -e "$module" ] || fail install "$module is missing"
	release=$(. scripts/kernel/kernel.sh && headers_release "$kdir")
	[ -n "$release" ] || fail install "there are no kernel headers in '$kdir'; KDIR=DIR says where they are"
	[ -n "$root" ] || [ -d "/lib/modules/$release" ] ||
		fail install "there is no kernel $release here (no /lib/modules/$release); KDIR=DIR says for which one"
	ready=$(mktemp -d)
	trap "rm -rf '$ready'" EXIT
	# debugging information is nine tenths of it
	strip -g -o "$ready/$name" "$module" || fail install "cannot read $module"
	sign_module "$ready/$name" "$kdir"
	make_folder "$prefix/share/xtcp"
	listed=1
	note "# what make install has put here"
	put 644 "$ready/$name" "/lib/modules/$release/updates/$name"
	# tools serve any module; another name is another module's only
	[ "$name" != xtcp.ko ] || put_all
	modules_changed "$release"
	echo "Installed $name for Linux $release${root:+ below $root}, as $list says."
	[ -z "$root" ] || return 0
	[ ! -e "/sys/module/${name%.ko}" ] ||
		echo "The ${name%.ko} that is loaded stays until it is unloaded: rmmod ${name%.ko}"
}

do_uninstall()
{
	local kind place

	[ -e "$list" ] || fail uninstall "nothing is installed there (no $list)"
	while read -r kind place; do
		[ "$kind" = file ] || continue
		rm -f "$root$place" || fail uninstall "cannot remove $root$place"
		case $place in
		/lib/modules/*/updates/*) place=${place#/lib/modules/}; modules_changed "${place%%/*}" ;;
		esac
	done <"$list"
	# what Python keeps beside what it has read
	rm -rf "$root$prefix/share/xtcp/sight/__pycache__"
	set -- $(tac "$list" | sed -n 's/^folder //p')
	rm -f "$list"
	for place; do
		rmdir --ignore-fail-on-non-empty "$root$place"
	done
	[ -n "$root" ] || [ ! -e /sys/module/xtcp ] || echo "The xtcp that is loaded stays until it is unloaded: rmmod xtcp"
}

listed= new=()
case ${1-}:$# in
install:3) do_install "$2" "$3" ;;
uninstall:1) do_uninstall ;;
tools:1) put_all ;;
list:1) list_files ;;
*)
	sed -n '6,9s/^# *//p' "$0" >&2
	exit 2 ;;
esac
