#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Checks the module against kernels: for each of scripts/kernel/kernels.list it compiles without a
# warning, and takes nothing that the kernel does not export. It is built in no folder that holds
# anything else, and for no other kernel.
# SERIES is one kernel of that list, of which only the build is checked.

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
. scripts/check/tap.sh
of=module

# check_exports KIND: the kernel exports all that its build takes from it, but for the thunks of indirect calls: the
# compiler chooses their registers, and each kernel has all of them.
check_exports()
{
	local kdir

	kdir=$(kernel_headers "$(kernel_release "$(vm_kernel "$1")")")
	verdict "$(headers_release "$kdir") exports all that its build takes" "$(nm -u "build/$1/xtcp.ko" |
		awk 'NR == FNR { has[$2] = 1; next } !($2 in has) && $2 !~ /^__x86_indirect_thunk_/ { print $2 }' \
			"$kdir/Module.symvers" -)"
}

# check_series SERIES: every object is compiled anew, since a warning is shown
# only once; the machine's tests take what comes of it.
check_series()
{
	local kind=$1 image release messages

	[ "$1" != "$XTCP_SERIES" ] || kind=stock
	if ! image=$(vm_kernel "$kind") || ! release=$(kernel_release "$image") ||
		! kernel_headers "$release" >/dev/null; then
		echo "not ok - compiles for Linux $1: no such kernel here"
		return 1
	fi
	rm -rf "build/$release"
	messages=$(vm_module "$kind" -s -k -j"$(nproc)" WRAPPER=1 2>&1 || echo "status $?: ERROR")
	verdict "compiles for $release" "$(grep -m 20 -E 'error|warning|ERROR|WARNING|\*\*\*' <<<"$messages" || tail -n 20 <<<"$messages")"
	[ -z "$messages" ] || return
	check_exports "$kind"
}

check_newer()
{
	local series

	for series in $(kernel_listed | awk '{ print $1 }'); do
		[ "$series" = "$XTCP_SERIES" ] || check_series "$series"
	done
}

# untried RELEASE NAME SAID [MAKE ARGUMENT]...: SAID is all that a build says for a kernel of which there are but makefiles.
untried()
{
	local dir file said release=$1 name=$2 wanted=$3

	shift 3
	dir=$(mktemp -d build/check-untried.XXXXXX)
	echo 'modules: ; @for of in build modpost; do $(MAKE) -f Makefile.$$of compile || exit; done' >"$dir/Makefile"
	for file in "$dir"/Makefile.{build,modpost}; do
		printf '%s\n' "KERNELVERSION := $release" 'src := $(M)' 'compile: ; @:' 'include $(M)/Kbuild' >"$file"
	done
	said=$(scripts/kernel/build-module.sh "$dir" "$dir/build" -s "$@" 2>&1 |
		sed '/^make/d; s/^.*Kbuild:[0-9]*: [*]* //; s/[.]  Stop[.]$//')
	rm -rf "$dir"
	verdict "build: $name" "$([ "$said" = "$wanted" ] || echo "it says '$said'")"
}

check_untried()
{
	local tried takes

	tried=$(sed -n 's/^tried := //p' Kbuild)
	takes="xtcp is for Linux ${tried%% *} to ${tried##* }, and this is"
	untried 6.0.19 "refused for a kernel that is too old" "xtcp needs Linux ${tried%% *} or newer, and this is 6.0.19" UNTRIED=1
	untried 100.0.0-rc1 "refused for one newer than all that it was tried on" \
		"$takes 100.0.0-rc1; make UNTRIED=1 builds it nevertheless"
	untried 100.0.0-rc1 "UNTRIED=1 builds for that one, and says the same as for" \
		"xtcp has been tried by running on Linux $tried, not on 100.0.0-rc1" UNTRIED=1
	untried 6.5.13 "one in between, which is taken" \
		"xtcp has been tried by running on Linux $tried, not on 6.5.13"
	untried "${tried##* }.99" "refused for a kernel without netfilter and files in /proc" \
		"xtcp needs a kernel that has CONFIG_NETFILTER CONFIG_PROC_FS; this one is configured without" \
		CONFIG_MODULES=y CONFIG_INET=y CONFIG_IPV6=m CONFIG_SYSCTL=y
	untried "${tried##* }.99" "nothing is said for one that it was tried on" ""
	verdict "build: the kernels that it was tried on are those of scripts/kernel/kernels.list" \
		"$(diff <(echo "$tried") <(echo $(kernel_listed | awk '{ print $1 }')))"
}

# As BUILD=. is one.
check_folder()
{
	local kdir dir said

	kdir=$(kernel_headers "$(kernel_release "$(kernel_stock)")")
	dir=$(mktemp -d build/check-folder.XXXXXX)
	echo precious >"$dir/file"
	said=$(scripts/kernel/build-module.sh "$kdir" "$dir" -s 2>&1)
	verdict "build: refused in a folder that holds something else, which stays" "$([ $? -ne 0 ] &&
		[ "$(cat "$dir/file")" = precious ] && [[ $said == *"$dir' is neither empty nor"* ]] || echo "it says '$said'")"
	rm -rf "$dir"
}

case ${1-} in
"") vm_module stock -s && check_exports stock || echo "not ok - module: it does not build"
	check_folder; check_untried; check_newer ;;
[0-9]*)
	[ -n "$(kernel_listed "$1")" ] || { echo "check-module.sh: scripts/kernel/kernels.list lists no Linux $1" >&2; exit 2; }
	check_series "$1" ;;
*) echo "Usage: scripts/check/check-module.sh [SERIES]" >&2; exit 2 ;;
esac
