# SPDX-License-Identifier: GPL-2.0
#
# The module for the virtual machine's kernels, sourced in the top folder:
# build/stock, build/debug, build/kcsan, build/arm64, build/i386, build/s390x, build/SERIES for another one of
# scripts/kernel/kernels.list, build/lab and build/lab-debug for those of scripts/lab, whatever kernel the machine outside
# runs.

. scripts/kernel/cache.sh
. scripts/kernel/kernel.sh

# For the command line of the KCSAN kernel: for how many microseconds an access is held up, and one of how many. Emulated
# processors wait for their turn of this machine's: in the usual 80 and 20 few of them would get one.
VM_KCSAN="kcsan.udelay_task=1000 kcsan.udelay_interrupt=1000 kcsan.skip_watch=1000"

# vm_is_debug KIND: is it a kernel that looks for mistakes?
vm_is_debug()
{
	case $1 in
	debug | kcsan | lab-debug) ;;
	*) false ;;
	esac
}

# vm_is_foreign KIND: is it a machine of another architecture?
vm_is_foreign()
{
	[[ $1 =~ ^(arm64|i386|s390x)$ ]]
}

# vm_cross KIND: what a machine of another architecture needs: how the names of its compiler's programs begin, in $cross,
# the folder of its test programs, in $programs, and what make takes to build them, in $how.
vm_cross()
{
	cross= programs=build/selftests how=()
	if vm_is_foreign "$1"; then
		cross=$(kernel_cross "$1") programs=build/for-$1/build/selftests
		how=("OUTPUT=../$programs" "CC=${cross}gcc" "AR=${cross}ar")
	fi
}

# vm_run_parts: builds those of xtcp_run for such a machine.
vm_run_parts()
{
	scripts/tools/xtcp_run --build ${cross:+"${programs%/*}" "${cross}gcc"}
}

# vm_kernel KIND: stock, debug, kcsan, arm64, i386, s390x, a series, lab or lab-debug: the image for scripts/vm/vm.sh
# --kernel, or the program that scripts/lab/run.sh starts; the debug kernels and those of the laboratory are built if they
# are not there, another one is fetched.
vm_kernel()
{
	local dir

	case $1 in
	stock) kernel_stock ;;
	debug | kcsan) dir=$(scripts/kernel/debug-kernel.sh "$1") && echo "$dir/bzImage" ;;
	arm64 | i386 | s390x) dir=$(scripts/kernel/foreign.sh "$1") && ls "$dir"/boot/vmlinuz-* ;;
	lab) dir=$(scripts/lab/kernel.sh fast) && echo "$dir/linux" ;;
	lab-debug) dir=$(scripts/lab/kernel.sh debug) && echo "$dir/linux" ;;
	*) dir=$(scripts/kernel/other-kernel.sh "$1") && ls "$dir"/boot/vmlinuz-* ;;
	esac
}

# vm_lab_seed NAME: is LAB_SEED in the environment none that scripts/lab/run.sh takes? NAME is who says so.
vm_lab_seed()
{
	[[ ${LAB_SEED-} =~ ^(0|[1-9][0-9]{0,17})?$ ]] && return
	echo "$1: LAB_SEED=$LAB_SEED is no number of at most 18 digits" >&2
	return 2
}

# vm_room FOLDER: can more results be written there? If not, some may be lost: says so as a failure.
vm_room()
{
	if head -c 65536 /dev/zero 2>/dev/null >"$1/room"; then
		rm "$1/room"
	else
		rm -f "$1/room"
		echo "not ok - no space left in $1"
		return 1
	fi
}

# vm_machine KIND IMAGE: the command that runs another one in such a machine, in $machine.
vm_machine()
{
	case $1 in
	lab) machine=(scripts/lab/run.sh --kernel fast) ;;
	lab-debug) machine=(scripts/lab/run.sh --kernel debug) ;;
	arm64 | i386 | s390x) machine=(scripts/vm/vm.sh --kernel "$2" --root "${2%/boot/*}" --tree "$PWD") ;;
	*) machine=(scripts/vm/vm.sh --kernel "$2") ;;
	esac
}

# vm_module KIND [MAKE ARGUMENT]...: build build/KIND/xtcp.ko; with NAME=xtcp_b
# among the arguments build/xtcp_b-KIND/xtcp_b.ko, with COVERAGE=1 build/coverage-KIND/xtcp.ko.
vm_module()
{
	local kind=$1 prefix= word image kdir release cross programs how

	shift
	for word; do
		case $word in
		NAME=xtcp | NAME=) ;;
		NAME=*) prefix=${word#*=}- ;;
		COVERAGE=?*) prefix=coverage- ;;
		esac
	done
	image=$(vm_kernel "$kind") || return 1
	release=$(kernel_release "$image")
	case $kind in
	debug | kcsan) kdir=${image%/*}/build ;;
	lab*) kdir=${image%/*}/build; set -- ARCH=um "$@" ;;
	arm64 | i386 | s390x)
		vm_cross "$kind"
		kdir=${image%/boot/*}/usr/src/linux-headers-$release
		set -- "CROSS_COMPILE=$cross" "$@" ;;
	*) kdir=$(kernel_headers "$release") || return 1 ;;
	esac
	scripts/kernel/build-module.sh "$kdir" "build/$prefix$release" "$@" || return 1
	# another one may look through it at this moment
	[ "$(readlink "build/$prefix$kind")" = "$prefix$release" ] || ln -sfn "$prefix$release" "build/$prefix$kind"
}

# vm_module_of COMMIT KIND FILE [MAKE ARGUMENT]...: the module as it was at COMMIT, by that commit's own scripts, without
# its debug information, to FILE; its sources are in build/ab/COMMIT/tree. Status 2: there is no such commit.
vm_module_of()
{
	local commit kind=$2 file=$3 dir log image kdir builder name=xtcp word

	commit=$(git rev-parse --verify --quiet --short=12 "$1^{commit}") || { echo "AB=$1: there is no such commit" >&2; return 2; }
	shift 3
	for word; do
		[[ $word != NAME=* ]] || name=${word#NAME=}
	done
	dir=$PWD/build/ab/$commit
	log=$dir/log-$kind-$name
	if [ ! -e "$dir/tree/Kbuild" ]; then
		rm -rf "$dir"
		mkdir -p "$dir/new"
		git archive "$commit" | tar -x -C "$dir/new" && mv "$dir/new" "$dir/tree" || return 1
	fi
	# not every commit has it in the same folder
	builder=$(find "$dir/tree/scripts" -name build-module.sh -perm -u+x -print -quit 2>/dev/null)
	if [ -z "$builder" ]; then
		echo "AB=$commit: that commit has no build-module.sh, so it cannot be built in a folder of its own" >&2
		return 1
	fi
	image=$(vm_kernel "$kind") || return 1
	case $kind in
	lab*) kdir=${image%/*}/build; set -- ARCH=um "$@" ;;
	*) kdir=$(kernel_headers "$(kernel_release "$image")") || return 1 ;;
	esac
	if ! "$builder" "$kdir" "$dir/$kind-$name" -s "$@" >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		echo "AB=$commit: the module of that commit does not build" >&2
		return 1
	fi
	strip -g -o "$file" "$dir/$kind-$name/$name.ko"
}

# vm_module_differs COMMIT: has the working tree other sources of the module than that commit?
vm_module_differs()
{
	[ -n "$(git diff --name-only "$1" -- module include Kbuild ':!module/*.md' 2>&1
		git ls-files --others --exclude-standard -- module include)" ]
}
