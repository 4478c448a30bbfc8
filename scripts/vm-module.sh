# SPDX-License-Identifier: GPL-2.0
#
# The module for the virtual machine's kernels, sourced in the top folder:
# build/stock, build/debug, and build/SERIES for another one of scripts/kernels.list,
# whatever kernel the machine outside runs.

. scripts/cache.sh
. scripts/kernel.sh

# vm_kernel KIND: stock, debug or a series: the image for scripts/vm.sh --kernel;
# the debug kernel is built if it is not there, another one is fetched.
vm_kernel()
{
	local dir

	case $1 in
	stock) kernel_stock ;;
	debug) dir=$(scripts/debug-kernel.sh) && echo "$dir/bzImage" ;;
	*) dir=$(scripts/other-kernel.sh "$1") && ls "$dir"/boot/vmlinuz-* ;;
	esac
}

# vm_module KIND [MAKE ARGUMENT]...: build build/KIND/xtcp.ko; with NAME=xtcp_b
# among the arguments build/xtcp_b-KIND/xtcp_b.ko.
vm_module()
{
	local kind=$1 prefix= word image kdir release

	shift
	for word; do
		case $word in
		NAME=xtcp | NAME=) ;;
		NAME=*) prefix=${word#*=}- ;;
		esac
	done
	image=$(vm_kernel "$kind") || return 1
	release=$(kernel_release "$image")
	if [ "$kind" = debug ]; then
		kdir=${image%/*}/build
	else
		kdir=$(kernel_headers "$release")
	fi || return 1
	scripts/build-module.sh "$kdir" "build/$prefix$release" "$@" || return 1
	ln -sfn "$prefix$release" "build/$prefix$kind"
}
