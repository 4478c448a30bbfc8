#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What there is not is refused in a sentence and with status 2, before anything is
# installed, built or booted. Every line that it prints is something wrong.

set -u
cd "$(dirname "$0")/../.."

# not a part of the make that this may run below
unset MAKELEVEL MAKEFLAGS MFLAGS MAKEOVERRIDES T P D HTML K B N F ALL ALSO SHORT ONLY SEED AB CC CC2 NET JSON SVG \
	FROM FOR SEEDS COMPARE ROW DEBUG AGAIN LAB_SEED TOPO
dir=$(mktemp -d "${TMPDIR:-/tmp}/xtcp-input.XXXXXX") || exit
trap 'rm -rf "$dir"' EXIT
# neither kernels nor packages; what asks for some fails otherwise than by 2
mkdir "$dir/cache"

# refuses PATTERN COMMAND...: says that, on standard error alone, and ends with 2
refuses()
{
	local status

	XDG_CACHE_HOME=$dir/cache timeout 60 "${@:2}" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	[ $status -eq 2 ] || echo "${*:2}: status $status, not 2"
	grep -qE -- "$1" "$dir/err" || { echo "${*:2}: does not say '$1', but:"; head -n 5 "$dir/err"; }
	[ ! -s "$dir/out" ] || { echo "${*:2}: has begun:"; head -n 5 "$dir/out"; }
	! grep -q Traceback "$dir/err" || echo "${*:2}: Traceback"
}

# says PATTERN COMMAND...: does, and ends with 0
says()
{
	XDG_CACHE_HOME=$dir/cache timeout 60 "${@:2}" >"$dir/out" 2>&1 || echo "${*:2}: status $?, not 0"
	grep -qE -- "$1" "$dir/out" || { echo "${*:2}: does not say '$1', but:"; head -n 5 "$dir/out"; }
}

refuses '^programs: there is no P=nosuch; there are: .*\bredis\b' make programs P='redis nosuch'
refuses "^programs: there is no P='; there are: " make programs P="'"
refuses '^programs: there is no P=\$\(false\); there are: ' make programs P='redis $(false)'
refuses "^bench: B=loss has no N='; there are: " make bench B=loss N="'"
refuses '^demo: there is no D=nosuch; there are: loss and, without D=, the plain one$' make demo D=nosuch
refuses '^demo: there is no D=los; similar names: loss; there are: loss ' make demo D=los
refuses '^demo: there is no congestion control CC=nosuch; there are: .*\bcubic\b.* \(module/cong/cong_NAME\.c makes one\)$' \
	make demo D=loss CC=nosuch
refuses '^demo: RATE=fast is not like RATE=20mbit$' make demo D=loss RATE=fast
refuses '^demo: QUEUE= is for D=loss$' make demo QUEUE=100
refuses '^demo: there is no congestion control CC=cubik; similar names: cubic; there are: ' make demo D=loss CC=cubik
refuses "^tour: there is no page or chapter 'nosuch'; the chapters are: open backlog " make tour P=nosuch
refuses "^tour: there is no page or chapter 'lost'; similar names: loss.*; the chapters are:" make tour P=lost
refuses '^tour: HTML= \(--html\) needs the name of a folder' make tour HTML=
refuses "^tour: module is there already, and is no tour;" make tour HTML=module
refuses "^tour: module is there already, and is no tour;" scripts/tour/tour.sh --html module
refuses "^tour: HTML= \(--html\) needs the name of a folder" scripts/tour/tour.sh --html
refuses "^tour: cannot write to /proc/x$" make tour HTML=/proc/x
refuses "TESTS: no such test: wire_clos; similar names: wire_close" make --no-print-directory -C selftests TESTS=wire_clos
refuses "these are kselftests: their rules are in a kernel's source" make --no-print-directory -C selftests KSELFTEST=
# network LINE PATTERN: a file of three right lines and this one
network()
{
	printf '%b\n' 'host a b\nrouter r\nlink a r' "$1" >"$dir/network"
	refuses "^vm: TOPO=$dir/network: $2" make vm TOPO="$dir/network"
}
network 'link b r rate=10' 'line 4: rate=10 is not like rate=10mbit$'
network 'link b r speed=10mbit' "line 4: a link has no 'speed'; it has rate, delay, loss, queue$"
network 'link b r queue=9' 'line 4: without a rate nothing waits in a queue$'
network 'link b x' "line 4: there is no host or router 'x' above$"
network 'link r a' 'line 4: there is a link between r and a already$'
network 'link b' 'line 4: a link is between two of them: link a b$'
network '\n# of one\nrouter a' "line 6: there is a 'a' already$"
network 'host A' "line 4: 'A' is no name"
network 'switch s' 'line 4: a line begins with host, router or link'
network '' 'there is no way from a to b$'
refuses "^vm: TOPO=$dir/none: No such file or directory$" make lab TOPO="$dir/none"
refuses '^bench: there is no B=nosuch; there are: tcp ' make bench B=nosuch
refuses '^bench: AB=nosuch: there is no such commit' make bench AB=nosuch
refuses '^bench: AB=nosuch: there is no such commit' make bench AB=HEAD..nosuch
refuses '^ab: what against what\?.* there are: .*\bcubic\b' make ab
refuses '^ab: AB=nosuch: there is no such commit' make ab AB=nosuch
refuses '^ab: there is no congestion control CC2=nosuch; there are: .*\bcubic\b' make ab CC=cubic CC2=nosuch
refuses '^ab: there is no congestion control CC=nosuch; there are: .*\bcubic\b' make ab CC=nosuch CC2=bbr
refuses '^ab: there is no congestion control CC=nosuch;' make ab CC=nosuch AB=HEAD
refuses '^ab: AB=HEAD and CC2=bbr: .* not both$' make ab AB=HEAD CC2=bbr
refuses '^ab: there is no network NET=nosuch; there are: clean ' make ab CC2=bbr NET='loss nosuch'
for word in 0 -1 x 1.5 101 1e9; do
	refuses "^ab: N=$word is no number of rounds from 1 to 100" make ab CC2=bbr N=$word
	[ $word = 101 ] || refuses "^ab: SEED=$word is no number from 1 to" make ab CC2=bbr SEED=$word
done
refuses '^ab: cannot write JSON=/nosuch/x' make ab CC2=bbr JSON=/nosuch/x
refuses '^ab: cannot write SVG=module' make ab CC2=bbr SVG=module
refuses "^ab: 'CC3=x' is none of" scripts/bench/ab.sh CC3=x
says '^Usage: scripts/bench/ab.sh' scripts/bench/ab.sh --help
refuses '^vm-shell: this is no terminal$' make vm-shell
says '^Usage: scripts/vm/vm.sh' env CDPATH=.:/ scripts/vm/vm.sh --help
says '^Usage: scripts/lab/run.sh' env CDPATH=.:/ scripts/lab/run.sh --help
refuses '^vm-shell: one number at most' scripts/vm/vm-terminal.py 1 2
says '^Usage: scripts/vm/vm-terminal.py' scripts/vm/vm-terminal.py --help
for goal in check check-quick matrix; do
	refuses 'none of the [0-9]+ tests .* T=unloat; similar names: unload ' make $goal T=unloat
done
refuses 'T=\[ is no regular expression' make check T='['
refuses "no program of selftests/soak has a name with a match for 'nosuch'" scripts/lab/soak.sh nosuch
refuses "^soak.sh: no program of selftests/soak has a name with a match for 'nosuch'" make soak T=nosuch
refuses "^soak.sh: soak_idle has no row 'nosuch'" make soak T=soak_idle ROW=nosuch
refuses "^soak.sh: soak_year: 'x' is no number of days" make soak T=soak_year ROW=x
refuses '^soak.sh: LAB_SEED=x is no number' env LAB_SEED=x scripts/lab/soak.sh
for engine in scripts/vm/vm.sh scripts/lab/run.sh; do
	refuses 'unknown option --nosuch' $engine --nosuch true
	refuses 'not a size' $engine --memory lots true
	refuses 'not a number of seconds' $engine --timeout 0 true
	refuses 'not a writable directory' $engine --share /nosuch true
done
refuses 'not a number from 1 to 99' scripts/vm/vm.sh --cpus 0 true
refuses 'needs a value' scripts/vm/vm.sh --stall
refuses 'neither fast nor debug' scripts/lab/run.sh --kernel slow true
for word in -1 1234567890123456789; do
	refuses 'not a number' scripts/lab/run.sh --seed $word true
done
refuses 'not a number of seconds' scripts/lab/run.sh --stall x true
refuses 'needs a value' scripts/lab/run.sh --seed
refuses 'no terminal' scripts/lab/run.sh
refuses 'wants a terminal' scripts/lab/run.sh --second true true
refuses 'unknown option' scripts/lab/explore.sh --nosuch
refuses 'needs a number' scripts/lab/explore.sh --for
refuses 'not both' scripts/lab/explore.sh --seeds 5 --for 5
refuses 'no other range' scripts/lab/explore.sh --only 5 --from 5
refuses '^explore.sh: --seeds 0: not a number' make explore SEEDS=0
refuses '^explore.sh: --from -1: not a number' make explore FROM=-1
refuses '^explore.sh: --only nosuch: not a number .*, no row and no file' make explore ONLY=nosuch
refuses '^run.sh: --seed x: not a number' make lab SEED=x
refuses "^debug-kernel.sh: there is no kernel 'nosuch'; there are: debug kcsan" make debug-kernel K=nosuch
refuses "^kernel.sh: there is no kernel 'nosuch' of the laboratory; there are: fast debug" scripts/lab/kernel.sh nosuch
refuses '^programs: there is no K=6\.99; there are: lab 6\.1 ' make programs K=6.99
refuses '^programs: there is no K=nothing; ' scripts/check/programs.sh --kernel
refuses '^scripts/kernel/kernels.list lists no Linux 6\.99' scripts/kernel/other-kernel.sh 6.99
refuses '^bench: B=loss has no N=nosuch; there are: clean .* flows$' make bench B=loss N='jitter nosuch'
refuses '^bench: B=incast has no N=3; there are: 2 8 ' make bench B=incast N=3
refuses '^bench: B=programs has no N=nosuch; there are: nginx ' make bench B=programs N=nosuch
refuses '^bench: N=x: B=tcp has no parts' make bench B=tcp N=x
refuses '^bench: AB=HEAD goes with B=tcp' make bench B=loss AB=HEAD
refuses "^check-lab.sh: no case has a name with a match for 'nosuch'" scripts/check/check-lab.sh nosuch
refuses "^check-lab.sh: no case has a name with a match for '\['" scripts/check/check-lab.sh '['
refuses "^check-units.sh: no unit test has a name with a match for 'nosuch'" scripts/check/check-units.sh nosuch
refuses '^check-vm.sh: .* lists no Linux 6\.99' scripts/check/check-vm.sh 6.99 "$dir/vm"
refuses "^check-vm.sh: '\[' is no regular expression" scripts/check/check-vm.sh lab "$dir/vm" '['
refuses '^check-vm.sh: LAB_SEED=x is no number' env LAB_SEED=x scripts/check/check-vm.sh lab "$dir/vm" '^ports$'
refuses '^check-module.sh: .* lists no Linux 6\.99' scripts/check/check-module.sh 6.99
refuses '^check-ab.py: no file nosuch' scripts/check/check-ab.py nosuch
refuses '^check-counters.sh: no file nosuch' scripts/check/check-counters.sh nosuch
refuses 'unrecognized arguments: nosuch' scripts/check/kernel-matrix.sh nosuch
for file in scripts/check/check-style.sh scripts/check/check-driver.py scripts/package/{check,deb}.sh; do
	refuses 'takes no arguments$' $file nosuch
done
says '^[0-9.]+(~[0-9]+[.]g[0-9a-f]+)?$' scripts/package/deb.sh --version
refuses '^Usage: scripts/check/check-examples.sh stock\|lab$' scripts/check/check-examples.sh nosuch
refuses '^check-interrupt.py: no row has that name; there are: all soak ' scripts/check/check-interrupt.py nosuch
refuses '^check: SEED=x is no number' env SEED=x scripts/check/check.py --list
refuses '^check: LAB_SEED=-1 is no number' env LAB_SEED=-1 scripts/check/check.py --kernel lab
refuses '--kernel needs a kernel .*: 6\.1 ' make check K=nosuch
refuses 'none of the [0-9]+ tests .* T=\^ladder\$' make check K=6.12 T='^ladder$'
says '^# not on the debug kernel, which is not built: make debug-kernel' \
	scripts/check/check.py --asked --only '^unload$'
for word in --all --quick "--kernel 6.1"; do
	scripts/check/check.py $word --asked --only '^unload$' 2>&1 | sed "s/^/check.py $word --asked: /"
done
says '^unload$' scripts/check/check.py --list
refuses "^coverage.sh: no test has a name with a match for 'nosuch'" make coverage T=nosuch
refuses '^coverage.sh: --report runs no tests' scripts/coverage/coverage.sh --report --all
for word in 0 -1 x 1.5; do
	refuses "^mutants: error: .*'$word' is no number from 1 on" make mutants N="$word"
	refuses "^mutants: error: .*'$word' is no number from 1 on" make mutants ONLY="$word"
done
refuses "^mutants: error: no test has a name with a match for 'nosuch'" make mutants ONLY=1 T=nosuch
refuses '^mutants: error: there is no mutant 99999: the sample has [0-9]+' make mutants ONLY=99999
refuses "^mutants: error: cannot append to '/nosuch/file'" make mutants FROM=/nosuch/file
refuses "^mutants: error: no file of module/ has a name with a match for 'nosuch'" make mutants F=nosuch

for word in foo xtcp-b ../xtcp 'xtcp other'; do
	refuses '^xtcp-holders: .*(no name|enough)' scripts/tools/xtcp-holders $word
	grep -q '^Says why rmmod' "$dir/err" || echo "xtcp-holders $word: does not say how it is called"
done
says '^Says why rmmod' scripts/tools/xtcp-holders --help
for word in 5 -3 0 39; do
	refuses "^xtcp-plot: error: $word columns are too few; --width 40" \
		scripts/tools/xtcp-plot "--width=$word" selftests/see/watch/loss.trace
	refuses '^(xtcp-watch|xtcp-watch: error): .*column' \
		scripts/tools/xtcp-watch flow "--width=$word" --trace selftests/see/watch/loss.trace
	refuses '^xtcp-ladder: ' scripts/tools/xtcp-ladder "--width=$word" selftests/see/traces/cookie.trace
done
refuses "^xtcp-plot: error: argument --width" scripts/tools/xtcp-plot --width x selftests/see/watch/loss.trace
refuses "^xtcp-plot: error: 5 columns" env COLUMNS=5 scripts/tools/xtcp-plot selftests/see/watch/loss.trace
says cwnd env COLUMNS=wide scripts/tools/xtcp-plot selftests/see/watch/loss.trace

# A minimal Debian has no Python: what a name asks for is looked up once that is installed. Nothing is written to the
# folder of links, through which it would get into this machine's commands.
mkdir "$dir/links" "$dir/own"
dpkg -L $(dpkg-query -W -f '${Package} ${Priority}\n' | awk '$2 == "required" { print $1 }') git make |
	grep -E '^(/usr)?/s?bin/[^/]+$' | xargs ln -sft "$dir/links"
ln -sf "$(command -v awk)" "$dir/links/"
cat >"$dir/own/apt-get" <<-END
	#!/bin/sh
	[ "\$*" = "\${*%install python3}" ] || ln -s "$(command -v python3)" "$dir/own/python3"
END
printf '#!/bin/sh\nexec "$@"\n' >"$dir/own/sudo"
chmod 755 "$dir/own/apt-get" "$dir/own/sudo"
for goal in demo tour vm check check-quick matrix coverage programs bench explore soak lab debug-kernel; do
	rm -f "$dir/own/python3"
	says '^Installing python3$' env -i PATH="$dir/own:$dir/links" HOME="$dir" make asked-$goal
	! grep -E ': (command )?not found|No such file' "$dir/out" | sed "s/^/make asked-$goal: /"
done

# Where there is no apt, names of packages say nothing.
rm -f "$dir/own/"* "$dir/links/apt-get"
! env -i PATH="$dir/own:$dir/links" HOME="$dir" scripts/kernel/deps.sh demo >"$dir/out" 2>&1 &&
	grep -qx 'There is no apt here\. .*: gcc, .*qemu-system-[a-z0-9_]*, .*python3\(, headers .*\)\?' "$dir/out" || cat "$dir/out"

# what modinfo says of parameters, of numbers and not of sums
grep -rhA 2 '^MODULE_PARM_DESC' module | grep -nE '" *[-+*] *[0-9]' | sed 's/^/a parameter is described by a sum: /'

# the folder of the project, as somebody may call it
mkdir "$dir/my xtcp"
cp Makefile "$dir/my xtcp/"
for goal in all install demo tour check vm programs bench deb lab; do
	refuses "has a space in it, .*: '.*/my xtcp'" make --no-print-directory -C "$dir/my xtcp" $goal
done
