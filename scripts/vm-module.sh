# SPDX-License-Identifier: GPL-2.0
#
# The module for the virtual machine's kernels, sourced in the top folder:
# build/stock and build/debug, whatever kernel the machine outside runs.

. scripts/cache.sh
. scripts/kernel.sh

# vm_kernel stock|debug: the image for scripts/vm.sh --kernel; the debug
# kernel is built if it is not there.
vm_kernel()
{
	local dir

	if [ "$1" = stock ]; then
		kernel_stock
	else
		dir=$(scripts/debug-kernel.sh) && echo "$dir/bzImage"
	fi
}

# vm_module stock|debug [MAKE ARGUMENT]...: build build/KIND/xtcp.ko; with NAME=xtcp_b
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
	if [ "$kind" = stock ]; then
		kdir=$(kernel_headers "$release")
	else
		kdir=${image%/*}/build
	fi || return 1
	scripts/build-module.sh "$kdir" "build/$prefix$release" "$@" || return 1
	ln -sfn "$prefix$release" "build/$prefix$kind"
}
