# SPDX-License-Identifier: GPL-2.0
#
# Builds kernels from the linux-source package into the cache; sourced after cache.sh by
# scripts that set $title, the beginning of each line that says how far it is.

say()
{
	echo "$title: $*" >&2
}

die()
{
	say "$*"
	exit 1
}

# config_over BASE FRAGMENT...: a fragment whose lines replace those of the ones before that name
# the same option; -CONFIG_NAME takes an option's line out.
config_over()
{
	awk '
		/^-CONFIG_/ { drop(substr($1, 2)); next }
		/^CONFIG_/ { name = $1; sub(/=.*/, "", name); drop(name) }
		/^# CONFIG_.* is not set$/ { drop($2) }
		/^CONFIG_|^# CONFIG_.* is not set$/ { at[name_of()] = ++n; line[n] = $0 }
		function name_of(    name) {
			name = $1 == "#" ? $2 : $1
			sub(/=.*/, "", name)
			return name
		}
		function drop(name) {
			if (name in at)
				delete line[at[name]]
			delete at[name]
		}
		END { for (i = 1; i <= n; i++) if (i in line) print line[i] }' "$@"
}

# apply_fragment TREE FRAGMENT [MAKE ARGUMENT]...: configure, and insist on each line of the fragment.
apply_fragment()
{
	local tree=$1 fragment=$2 line name lost=

	shift 2
	make -C "$tree" -s "$@" tinyconfig >/dev/null 2>&1 || die "tinyconfig failed"
	cat "$fragment" >>"$tree/.config"
	make -C "$tree" -s "$@" olddefconfig >/dev/null 2>&1 || die "olddefconfig failed"
	while read -r line; do
		case $line in
		CONFIG_*)
			grep -qxF "$line" "$tree/.config" || lost="$lost ${line%%=*}" ;;
		"# CONFIG_"*)
			name=${line#\# }
			! grep -q "^${name%% *}=" "$tree/.config" || lost="$lost ${name%% *}" ;;
		esac
	done <"$fragment"
	[ -z "$lost" ] || die "this source does not take:$lost"
}

# build_kernel TREE LOG STEPS MAKE ARGUMENT...: show the number of objects made, every ten seconds.
build_kernel()
{
	local tree=$1 log=$2 steps=$3 pid made start=$SECONDS

	shift 3
	nice -n 10 make -C "$tree" -j"$(nproc)" "$@" >"$log" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		read -r -t 10 <&"$never" || :
		made=$(grep -c '^  [A-Z]' "$log" || :)
		say "$made steps of about $steps, $((SECONDS - start)) s"
	done
	wait "$pid" || {
		grep -m 20 -E 'error|Error|\*\*\*' "$log" >&2 || tail -n 20 "$log" >&2
		die "the build failed, log in $log"
	}
}

# key_of FILE...: what a build follows from, in a few characters: these files, source and compiler.
key_of()
{
	{
		echo "$source $version"
		gcc --version | head -n 1
		cat "$@"
	} | sha256sum | cut -c 1-12
}

# find_source: source, version and tarball of the linux-source package.
find_source()
{
	set -- $(source_package) || :
	[ $# -eq 3 ] || die "no linux-source package; run scripts/kernel/deps.sh check"
	source=$1 version=$2 tarball=$3
}

# make_room NAME: the folder of a build, and its end.
make_room()
{
	local room needed=4000

	# of one that was killed: who has the lock is the only one
	rm -rf "$XTCP_CACHE/$1"-build.??????
	room=$(df --output=avail -BM "$XTCP_CACHE" | tr -cd '0-9')
	[ "$room" -ge $needed ] || die "no space left: a build takes $needed MB, $XTCP_CACHE has $room"
	work=$(mktemp -d "$XTCP_CACHE/$1-build.XXXXXX") || exit 1
	at_end 'kill $(jobs -p) 2>/dev/null || :; wait; rm -rf "$work"'
	mkfifo "$work/never"
	exec {never}<>"$work/never"
}

# unpack_source [TAR ARGUMENT]...
unpack_source()
{
	say "unpacking $tarball"
	tar -xf "$tarball" -C "$work" --wildcards \
		--exclude='*/drivers/gpu/drm/*/*.[ch]' --exclude='*/arch/[a-tv-w]*/*.[chS]' \
		--exclude='*/arch/*/boot/dts/*' --exclude='*.rst' --exclude='*/sound/*.[ch]' "$@"
	tree=$work/$source
}

# keep_build TREE DEST: the part of the tree that building a module needs.
keep_build()
{
	mkdir "$2"
	(
		cd "$1"
		{
			ls Makefile .config Module.symvers System.map
			find arch/um arch/x86 -name 'Makefile*' -o -name Kbuild.platforms
			find include scripts arch/um/include arch/um/scripts arch/x86/include arch/x86/um/asm \
				arch/x86/um/shared \( -type f -o -type l \) ! -name '*.o' ! -name '*.cmd'
			find arch/x86/um -maxdepth 1 -name '*.h'
			find tools/objtool -maxdepth 1 -type f -perm -u+x
		} | sort -u | tar -cf - -T -
	) | tar -xf - -C "$2"
}

# found IMAGE: is the kernel in $dest, and no part of it missing?
found()
{
	[ -s "$dest/$1" ] && [ -s "$dest/build/Module.symvers" ] && [ -d "$dest/lib/modules" ] || return 1
	touch "$dest"
	echo "$dest"
}

# provide KIND IMAGE STEPS HOW-LONG [MAKE ARGUMENT]...: prints $dest, with --path ($only_path) only if it is there. Else
# builds it: the caller changes the source by prepare(), says what is laid over tinyconfig by fragment(), and takes what
# was built into a new folder by collect(). Only one build of the kind at a time.
provide()
{
	local kind=$1 image=$2 steps=$3 takes=$4

	shift 4
	! found "$image" || exit 0
	[ -z "$only_path" ] || exit 1
	exec 9>"$XTCP_CACHE/$kind.lock"
	flock -n 9 || { say "another build is under way, waiting for it"; flock 9; }
	! found "$image" || exit 0
	make_room "$kind"
	say "building $source $version$takes"
	unpack_source
	prepare
	fragment >"$work/fragment"
	apply_fragment "$tree" "$work/fragment" "$@"
	build_kernel "$tree" "$work/log" "$steps" "$@" "$image" modules
	mkdir "$work/done"
	collect "$work/done"
	keep_build "$tree" "$work/done/build"
	rm -rf "$dest"
	mv "$work/done" "$dest"
	# Those that nobody has asked for in a month.
	find "$XTCP_CACHE" -maxdepth 1 -name "$kind-[0-9a-f]*" -mtime +30 -exec rm -rf {} +
	say "done, in $dest"
	echo "$dest"
}
