#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs a command in a throw-away QEMU machine; see usage(). The machine's first
# serial port (the kernel's console) goes to a file, its second one carries the
# command's output; a private 9p share carries command and status.

set -u
scripts=$(CDPATH= cd "$(dirname "$0")/.." && pwd)
. "$scripts/kernel/cache.sh"
. "$scripts/kernel/kernel.sh"
. "$scripts/vm/initramfs.sh"
. "$scripts/vm/machine.sh"
me=scripts/vm/vm.sh
tie_to_parent "$0" "$@"

usage()
{
	cat <<-END
	Usage: scripts/vm/vm.sh [OPTION]... [--] [COMMAND [ARGUMENT]...]

	Runs COMMAND in a virtual machine whose root is this machine's, read-only
	under an overlay: every installed program is there, and nothing that the
	command writes survives, except below --share. The command starts in the
	present directory, as root, with its input from /dev/null; what it writes is
	shown as it comes. A single argument is a line for the shell. Without a
	command, at a terminal: a shell.

	  --cpus N          processors (2); without KVM they take turns
	  --parallel        emulate processors at the same time: faster, but a kernel that
	                    patches its code while it runs stands still once in a while
	  --memory SIZE     as for QEMU: 2G, 512M (2G)
	  --kernel IMAGE    the kernel to boot (newest 6.1 in /boot that has 9p)
	  --timeout SECONDS end the machine after this long (3600; a shell: never)
	  --stall SECONDS   end the machine when COMMAND has not touched /run/vm/alive for
	                    this long (never); its kernel is asked why before
	  --share DIR       DIR can be written to; console.log and dmesg are left there,
	                    unless the command has the terminal
	  --root DIR        the machine's root is DIR, another Debian with busybox and bash;
	                    wants --kernel, one whose modules are in DIR
	  --tree DIR        with --root: DIR is there, too, as the machine's root otherwise is,
	                    and what DIR/build/for-amd64 (arm64, i386, s390x) has lies over it
	  --icount          one processor whose clock counts instructions: repeatable. A wait
	                    takes no time, nor does one for the host
	  --real-waits      with --icount: a wait takes its time
	  --no-stalls       without KVM: --icount --real-waits, so that no time in the machine
	                    is one that this machine spent on something else
	  --plugin FILE     with --icount: QEMU loads this plugin; ARGUMENT=VALUE may follow,
	                    with a comma before each
	  --card TAP,MODEL  a network card, as for QEMU's -device, at a tap that is there; again
	                    for another one. MODEL,mq=on: two queues. Its cable is pulled out
	                    when COMMAND writes "TAP off" to /run/vm/cable, until "TAP on"
	  --firmware CODE,VARS
	                    UEFI from these files, as Debian's ovmf has them; VARS is not changed
	  --append WORDS    more of the kernel's command line
	  --interactive     give the command the terminal
	  --second COMMAND  with --interactive: COMMAND, a line for the shell, runs at a second
	                    terminal of the machine, which scripts/vm/vm-terminal.py opens
	  --help            this text

	COMMAND can have the machine stand still, as one does whose host sleeps or
	moves it: it writes a number of seconds, 1 to 30, to /run/vm/pause. QEMU is
	stopped for about that long, at least that long, while the machine's clocks
	go on; the file is empty again when that is over. Such time is no stall, but
	counts for --timeout. With --icount, whose clock would not go on, there is no
	such file.

	/run/vm/stood_still says for how many seconds nothing ran on this machine
	since the other one began, as where who runs this one stops it; it is not
	there before that happens, nor with --icount, unless --real-waits, too.

	The machine ends with the process that has started this script.

	Exit status: the command's; or
	  2    wrong arguments
	  120  the machine's kernel panicked
	  124  the timeout ended the machine, or a stall
	  125  the machine did not start, or ended without a status
	END
}

cleanup()
{
	if [ -n "$qemu" ]; then
		signal_qemu CONT
		kill "$qemu" 2>/dev/null
		wait "$qemu" 2>/dev/null
	fi
	[ -z "$terminal" ] || stty "$terminal" 2>/dev/null
	[ -z "$work" ] || rm -rf "$work"
}

# start_qemu SECONDS ARGUMENT...: in the background, so that signals reach us
# at once; it dies with us, and after SECONDS (0: never).
start_qemu()
{
	local seconds=$1

	shift
	setpriv --pdeathsig TERM timeout --foreground --kill-after=5 "$seconds" \
		"$qemu_program" -no-user-config -nodefaults -no-reboot \
		-display none -nic none -m "$memory" -kernel "$boot" \
		-initrd "$work/initramfs" -pidfile "$work/pid" "$@" <&0 &
	qemu=$!
}

# signal_qemu SIGNAL: to QEMU itself. It is the child of $qemu, a timeout that
# passes no STOP on and counts meanwhile; a stopped QEMU ends by its KILL.
signal_qemu()
{
	local pid= parent=

	read -r pid 2>/dev/null <"$work/pid" || return 1
	parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
	[ "$parent" = "$qemu" ] && kill -s "$1" "$pid" 2>/dev/null
}

wait_qemu()
{
	wait "$qemu" 2>/dev/null
	ended=$?
	qemu=
}

# ask_why: of a machine that stands still. Its kernel takes the interrupt for a
# reason to panic, and says on the console where each processor is.
ask_why()
{
	local deadline=$((SECONDS + 20))

	printf '%s\n' "info registers -a" nmi >"$work/monitor.in"
	timeout 3 cat "$work/monitor.out" | tr -d '\r' >"${logs:-$work}/registers"
	while kill -0 "$qemu" 2>/dev/null && [ $SECONDS -lt $deadline ]; do
		sleep 0.2
	done
}

# pause_machine: it asked to stand still. In short steps, so that a signal to us
# or the end of QEMU ends it.
pause_machine()
{
	local seconds= until

	read -r seconds <"$work/ctl/pause"
	if [[ ! $seconds =~ ^[1-9][0-9]?$ ]] || [ "$seconds" -gt 30 ]; then
		echo "vm.sh: /run/vm/pause: '$seconds' is not a number from 1 to 30" >&2
	elif signal_qemu STOP; then
		until=$((SECONDS + seconds + 1))	# the first one has begun already
		while kill -0 "$qemu" 2>/dev/null && [ $SECONDS -lt $until ]; do
			sleep 0.1
		done
		touch "$work/ctl/alive"		# it could not
	fi
	# Before it goes on, so that it cannot see how this comes after that.
	: >"$work/ctl/pause"
	signal_qemu CONT
}

# switch_cable: the machine asked for it
switch_cable()
{
	local words=

	read -r words <"$work/ctl/cable"
	: >"$work/ctl/cable"
	if [[ $words =~ ^[a-z0-9]+\ (on|off)$ ]]; then
		echo "set_link $words" >"$work/monitor.in"
	else
		echo "vm.sh: /run/vm/cable: '$words' is not TAP on or TAP off" >&2
	fi
}

# end_if_stalled: at most every five seconds.
end_if_stalled()
{
	local now last

	[ -n "$stall" ] && [ $SECONDS -ge "$next_look" ] || return 0
	next_look=$((SECONDS + 5))
	printf -v now '%(%s)T' -1
	# From "started" on, until the command says more.
	last=$(stat -c %Y "$work/ctl/alive" "$work/ctl/started" 2>/dev/null | sort -n | tail -n 1)
	if [ $((now - ${last:-now})) -gt "$stall" ]; then
		echo "vm.sh: nothing came from the machine for $stall s, ending it" >&2
		ask_why
		stalled=1
		kill "$qemu" 2>/dev/null
	fi
}

# note_standstill SECONDS: nothing ran here for so long, as where who runs this machine pauses it. The clocks of ours
# went on; it has not stalled.
note_standstill()
{
	stood_still=$((stood_still + $1))
	touch "$work/ctl/alive"
	[ "${icount:+$real_waits}" = off ] || echo "$stood_still" >"$work/ctl/stood_still"
	echo "vm.sh: this machine stood still for $1 s" >&2
}

# watch_machine: until it ends.
watch_machine()
{
	local before=$SECONDS

	while kill -0 "$qemu" 2>/dev/null; do
		sleep 0.2
		[ $((SECONDS - before)) -lt $standstill ] || note_standstill $((SECONDS - before))
		before=$SECONDS
		[ ! -s "$work/ctl/pause" ] || { pause_machine; before=$SECONDS; }
		[ ! -s "$work/ctl/cable" ] || switch_cable
		end_if_stalled
	done
}

# has_started: false when the machine still runs but has not come as far as to
# run the command. Emulated ones stop on their way there, once in a long while.
has_started()
{
	local deadline=$((SECONDS + boot_seconds))

	while [ ! -e "$work/ctl/started" ]; do
		kill -0 "$qemu" 2>/dev/null || return 0
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.2
	done
}

# take_slot: emulated machines that share a processor make one another miss
# their deadlines, so one more of them than there are processors may run. Who
# waits first gets the first slot: the lock of the queue says whose turn it is.
# That of the slot goes with QEMU, which inherits it. The file says since when it
# is taken, and what for; only who has the lock writes there.
take_slot()
{
	local count i queue told= next=0

	count=$(($(nproc) + 1))
	exec {queue}>"$XTCP_CACHE/machine-queue.lock"
	if ! flock -n "$queue"; then
		told=still
		echo "# vm.sh: waiting for those that wait already" >&2
		until flock -w 60 "$queue"; do list_slots "$count" >&2; done
	fi
	while :; do
		for ((i = 1; i <= count; i++)); do
			exec {slot}>>"$XTCP_CACHE/machine-$i.lock"
			flock -n "$slot" && break 2
			exec {slot}>&-
		done
		if [ $SECONDS -ge $next ]; then
			echo "# vm.sh: $count machines run ${told:-already}, waiting for one to end:" >&2
			list_slots "$count" >&2
			next=$((SECONDS + 60))
		fi
		told=still
		sleep 0.1
	done
	printf '%(%s)T %s\n' -1 "${*//[[:cntrl:]]/ }" >"$XTCP_CACHE/machine-$i.lock"
	exec {queue}>&-
}

# list_slots COUNT: the machines that run; comments in TAP, and no wider than a demonstration may be
list_slots()
{
	local i now began command

	printf -v now '%(%s)T' -1
	for ((i = 1; i <= $1; i++)); do
		read -r began command 2>/dev/null <"$XTCP_CACHE/machine-$i.lock" || continue
		[[ $began =~ ^[0-9]+$ ]] || continue
		printf '#   for %d min %d s: %.50s\n' $(((now - began) / 60)) $(((now - began) % 60)) "$command"
	done
}

# kvm_works: asked once per boot of this machine, by booting a kernel: there
# are machines where /dev/kvm exists and guests hang.
kvm_works()
{
	local verdict

	[ "$arch" = "$XTCP_ARCH" ] && [ -r /dev/kvm ] && [ -w /dev/kvm ] || return 1
	verdict=$XTCP_CACHE/kvm-$(cat /proc/sys/kernel/random/boot_id)
	if [ ! -e "$verdict" ]; then
		echo "vm.sh: trying KVM, once per boot of this machine" >&2
		start_qemu 15 -accel kvm -cpu host -smp 2 -serial "file:$work/probe0" "${board[@]}" \
			-chardev "file,id=io,path=$work/probe" -append "console=$tty panic=-1 kvm_probe" </dev/null 2>/dev/null
		wait_qemu
		if grep -qs "the probe booted" "$work/probe"; then
			echo yes >"$work/verdict"
		else
			echo "vm.sh: KVM does not work here, using emulation" >&2
			echo no >"$work/verdict"
		fi
		rm -f "$XTCP_CACHE"/kvm-*
		mv "$work/verdict" "$verdict"
	fi
	[ "$(cat "$verdict" 2>/dev/null)" = yes ]
}

check_needs()
{
	local word

	busybox=$(command -v busybox || command -v /bin/busybox) ||
		die 125 "busybox-static is missing; run scripts/kernel/deps.sh demo"
	if [ -z "$kernel" ]; then
		kernel=$(kernel_stock) ||
			die 125 "no Linux $XTCP_SERIES in /boot that has the 9p and overlay modules" \
				"(the cloud flavour has not); run scripts/kernel/deps.sh demo"
	fi
	[ -e "$kernel" ] || die 125 "no kernel image $kernel"
	[ -r "$kernel" ] || die 125 "$kernel cannot be read; try: sudo chmod a+r $kernel"
	release=$(kernel_release "$kernel") || die 125 "$kernel is not a bzImage"
	modules=$(kernel_modules "$kernel" "$release") ||
		die 125 "no modules of kernel $release (/lib/modules/$release)"
	for word in virtio_pci 9pnet_virtio 9p overlay ${second:+virtio_console}; do
		kernel_has "$modules" "$word" ||
			die 125 "kernel $release has no module $word; take a generic one" \
				"(package linux-image-$XTCP_ARCH)"
	done
	arch=$(kernel_arch "$kernel")
	case $arch in
	arm64) qemu_program=qemu-system-aarch64 ;;
	s390x) qemu_program=qemu-system-s390x ;;
	*) qemu_program=qemu-system-x86_64 ;;
	esac
	for word in "$qemu_program" setpriv timeout; do
		command -v "$word" >/dev/null || die 125 "$word is missing; run scripts/kernel/deps.sh" \
			"$([ "$arch" = "$XTCP_ARCH" ] && echo demo || echo foreign)"
	done
}

# unpack_kernel: sets $boot, what QEMU starts. This is the kernel of the image, uncompressed, if vmlinux.py can take
# it out: so the machine boots in two thirds of the time. An empty file says that it cannot.
unpack_kernel()
{
	local name

	boot=$kernel	# what firmware starts is an image, and signed
	[ -z "$firmware" ] || return
	name=vmlinux-$release-$(stat -L -c '%s-%Y' "$kernel")
	boot=$XTCP_CACHE/$name
	if [ ! -e "$boot" ]; then
		"$scripts/vm/vmlinux.py" "$kernel" "$work/vmlinux" 2>/dev/null || : >"$work/vmlinux"
		mv "$work/vmlinux" "$boot.$$" 2>/dev/null && mv "$boot.$$" "$boot" || rm -f "$boot.$$"
		find "$XTCP_CACHE" -maxdepth 1 -name 'vmlinux-*' -mtime +30 -delete
	fi
	touch -c "$boot"
	[ -s "$boot" ] || boot=$kernel
}

# fill_share: what scripts/vm/vm-init.sh reads.
fill_share()
{
	fill_ctl "$modules" "/dev/$port" reboot "$modules" "$@"
	[ -n "$icount" ] || : >"$work/ctl/pause"
	[ -z "${cards[*]}" ] || : >"$work/ctl/cable"
	fill_second /dev/hvc0
}

# share_options PATH TAG READONLY
share_options()
{
	qemu_options+=(-fsdev "local,id=$2,path=$1,security_model=none,multidevs=remap$3"
		-device "virtio-9p-$bus,fsdev=$2,mount_tag=$2")
}

# tsc_khz: how fast the time stamp counter counts, which an emulated machine has from this one. Nothing without a
# compiler.
tsc_khz()
{
	local source=$scripts/vm/tsc-khz.c program=$XTCP_CACHE/tsc-khz

	if [ "$source" -nt "$program" ]; then
		cc -O2 -o "$program.$$" "$source" 2>/dev/null && mv "$program.$$" "$program" || return 0
	fi
	"$program"
}

# choose_board: the kind of machine, in $board; what stands behind its first port, the console, is a file, and behind
# the second, $port in the machine, what is called io. The one board of arm64 has a port, and takes another as a device.
# On s390x the first port alone passes on what it gets as it is.
choose_board()
{
	x86= bus=pci first=()
	case $arch in
	arm64)
		port=ttyS0 board=(-M virt,gic-version=max -device pci-serial,chardev=io) tty=ttyAMA0
		cpu=cortex-a76 counted_cpu=cortex-a76 ;;
	s390x)
		port=ttysclp0 first=(-serial chardev:io) board=(-M s390-ccw-virtio) tty=ttyS0 bus=ccw
		cpu=max counted_cpu=max ;;
	*)
		x86=1 port=ttyS1 board=(-serial chardev:io) tty=ttyS0,115200
		cpu=max counted_cpu=max,-erms,-fsrm ;;
	esac
}

choose_options()
{
	local khz= card queues

	# a machine that its own stops for two minutes has not locked up
	words="console=$tty panic=-1 oops=panic watchdog_thresh=120"
	words+=" rcupdate.rcu_cpu_stall_timeout=240 mitigations=off"
	if [ -n "$x86" ]; then
		words+=" nopti tsc=reliable"
		words+=" acpi=noirq" # every device has MSI; routing takes 15 s each on a debug kernel
		words+=" no_timer_check" # on a busy machine the check fails, and the kernel panics
	fi
	# A kernel that does not get on says where, and ends.
	words+=" softlockup_panic=1 unknown_nmi_panic panic_print=0x40"
	words+=" sysctl.kernel.hung_task_panic=1"
	qemu_options=()
	if [ -n "$icount" ]; then
		qemu_options+=(-accel tcg -icount "shift=0,sleep=$real_waits" -smp 1 -seed 1
			-cpu "$counted_cpu" -rtc "base=2024-01-01,clock=vm")
		words+=" nokaslr"
		[ -z "$x86" ] || words+=" clocksource=tsc"
	elif kvm_works; then
		qemu_options+=(-accel kvm -cpu host -smp "$cpus")
	elif [ -z "$x86" ]; then
		qemu_options+=(-accel "tcg,thread=${parallel:-multi}" -cpu "$cpu" -smp "$cpus")
	else
		# A processor that translates a breakpoint while another one takes it
		# back keeps it for ever (QEMU before 8.1), so they take turns.
		qemu_options+=(-accel "tcg,thread=${parallel:-single}" -cpu "$cpu" -smp "$cpus")
		# what the kernel finds out on a busy machine may be another speed, and all its clocks go wrong
		khz=$(tsc_khz)
		words+="${khz:+ tsc_early_khz=$khz}"
	fi
	qemu_options+=("${first[@]}" -serial "file:$console" "${board[@]}" -append "$words $append")
	if [ -n "$interactive" ]; then
		qemu_options+=(-chardev "stdio,id=io,signal=off")
	else
		qemu_options+=(-chardev "stdio,id=io")
	fi
	[ -z "$second" ] ||
		qemu_options+=(-chardev "socket,id=second,path=${work//,/,,}/socket,server=on,wait=off"
			-device virtio-serial-pci -device virtconsole,chardev=second)
	if [ -n "$stall${cards[*]}" ]; then
		mkfifo "$work/monitor.in" "$work/monitor.out"
		qemu_options+=(-chardev "pipe,id=monitor,path=$work/monitor"
			-mon chardev=monitor)
	fi
	[ -z "$plugin" ] || qemu_options+=(-plugin "$plugin")
	if [ -n "$firmware" ]; then
		cp "${firmware#*,}" "$work/vars.fd"
		qemu_options+=(-machine q35,smm=on -global driver=cfi.pflash01,property=secure,value=on
			-drive "if=pflash,format=raw,unit=0,readonly=on,file=${firmware%,*}"
			-drive "if=pflash,format=raw,unit=1,file=${work//,/,,}/vars.fd")
	fi
	share_options "${root//,/,,}" root ",readonly=on"
	share_options "$work/ctl" ctl ""
	if [ -n "$tree" ]; then
		mkdir -p "$tree/build/for-$arch"
		share_options "${tree//,/,,}" tree ",readonly=on"
		share_options "${tree//,/,,}/build/for-$arch" over ",readonly=on"
	fi
	[ -z "$share" ] || share_options "${share//,/,,}" share ""
	for card in "${cards[@]}"; do
		[[ $card != *,mq=on* ]] && queues= || queues=,queues=2
		qemu_options+=(-netdev "tap,id=${card%%,*},ifname=${card%%,*},script=no,downscript=no$queues"
			-device "${card#*,},netdev=${card%%,*}")
	done
}

cpus=2 memory=2G kernel= timeout= stall= share= root=/ tree= icount= real_waits=off parallel= append= interactive=
plugin= forced= no_stalls= second= logs= inner_busybox= firmware= cards=()
while [ $# -gt 0 ]; do
	case $1 in
	--cpus|--memory|--kernel|--timeout|--stall|--share|--root|--tree|--append|--plugin|--second|--firmware)
		[ $# -ge 2 ] || wrong "$1 needs a value"
		declare "${1#--}=$2"
		shift 2 ;;
	--card)
		[[ ${2-} == *?,?* ]] || wrong "--card ${2-}: not TAP,MODEL"
		cards+=("$2")
		shift 2 ;;
	--icount) icount=1; shift ;;
	--real-waits) real_waits=on; shift ;;
	--no-stalls) no_stalls=1; shift ;;
	--parallel) parallel=multi; shift ;;
	--interactive) forced=1; shift ;;
	--help|-h) usage; exit 0 ;;
	--) shift; break ;;
	-*) wrong "unknown option $1" ;;
	*) break ;;
	esac
done
[[ $cpus =~ ^[1-9][0-9]?$ ]] || wrong "--cpus $cpus: not a number from 1 to 99"
if [ -n "$plugin" ]; then
	[ -n "$icount" ] || wrong "--plugin wants --icount"
	[ -e "${plugin%%,*}" ] || wrong "--plugin ${plugin%%,*}: no such file"
fi
if [ "$root" != / ]; then
	[ -x "$root/bin/busybox" ] && [ -x "$root/bin/bash" ] || wrong "--root $root: no system with busybox and bash"
	[ -n "$kernel" ] || wrong "--root wants --kernel"
	root=$(cd "$root" && pwd -P)
	inner_busybox=$root/bin/busybox
fi
if [ -n "$tree" ]; then
	[ "$root" != / ] || wrong "--tree wants --root"
	tree=$(cd "$tree" && pwd -P) || wrong "--tree: no such folder"
fi
check_options $#
[ -n "$interactive" ] || { [ -z "$second" ] || wrong "--second wants a terminal"; logs=$share; }

qemu= work= terminal= ended= stalled= next_look=0 stood_still=0
standstill=5	# seconds that a fifth of one takes only where nothing runs
boot_seconds=240	# the slowest kernel needs 20 when it has a processor for itself
# bash may lose an INT that comes while it waits for a $(...): then it takes a second one
at_end cleanup

check_needs
choose_board
make_work vm
mkdir "$work/files"
unpack_kernel
# a struct sockaddr_un limits the path of the socket
[ -z "$second" ] || [ ${#work} -lt 98 ] || { echo "vm.sh: TMPDIR is too long for a second terminal" >&2; second=; }
initramfs_make "$work/initramfs" "$work/files" "$modules" "${inner_busybox:-$busybox}" ||
	die 125 "cannot make the initramfs"
[ -z "$no_stalls" ] || kvm_works || { icount=1; real_waits=on; }
fill_share "$@"
console=${logs:-$work}/console.log
[ -z "$logs" ] || rm -f "$console" "$logs/dmesg"	# of the machine before
choose_options
[ -n "$interactive" ] || take_slot "$@"
if [ -n "$interactive" ]; then
	terminal=$(stty -g)
	start_qemu "$timeout" "${qemu_options[@]}"
else
	start_qemu "$timeout" "${qemu_options[@]}" </dev/null
	for again in "starting it again" "giving up"; do
		! has_started || break
		echo "vm.sh: the machine did not boot within $boot_seconds s, $again" >&2
		kill "$qemu" 2>/dev/null
		wait_qemu
		[ "$again" != "giving up" ] || die 125 "the machine does not boot"
		start_qemu "$timeout" "${qemu_options[@]}" </dev/null
	done
fi
watch_machine
wait_qemu
report "$logs"
