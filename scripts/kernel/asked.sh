# SPDX-License-Identifier: GPL-2.0
#
# What somebody asked for by a name that is not there, sourced in the top folder; before any package is installed.

# similar WORD NAME...: "; similar names: ..." if some are. Without Python, none.
similar()
{
	python3 - "$@" 2>/dev/null <<-'END'
		import difflib, sys
		near = difflib.get_close_matches(sys.argv[1], sys.argv[2:])
		print("; similar names: " + " ".join(near) if near else "", end="")
	END
}

# algorithms [COMMIT]: the names of the congestion controls that the module has, or had at that commit.
algorithms()
{
	if [ $# -eq 1 ]; then
		git grep -hE '^[[:space:]]*\.name[[:space:]]*= "' "$1" -- 'module/cong_*.c' 'module/cong/cong_*.c'
	else
		cat module/cong/cong_*.c
	fi | algorithm_in
}

# algorithm_in [FILE]: the name of the congestion control in a file.
algorithm_in()
{
	sed -nE 's/^[[:space:]]*\.name[[:space:]]*= "(.*)",$/\1/p' "$@"
}

# no_algorithm WORD NAME [COMMIT]: says so, if there is no congestion control of that name. NAME may be a file, cong_NAME.c,
# that is not in the module.
no_algorithm()
{
	local there name

	there=$(algorithms "${@:3}")
	if [[ $2 == *.c ]]; then
		if [ ! -f "$2" ]; then
			echo "$1=$2: there is no such file"
		elif [[ ! ${2##*/} =~ ^cong_[a-z0-9_]+[.]c$ ]]; then
			echo "$1=$2: the file of a congestion control is called cong_NAME.c, like cong_aimd.c"
		elif ! name=$(algorithm_in "$2" | grep -x '[[:graph:]]*'); then
			echo "$1=$2: it has no .name = \"NAME\","
		elif [ $# -eq 3 ]; then
			echo "$1=$2: a file is for two congestion controls, and not for AB=$3"
		elif grep -qxF -- "$name" <<<"$there"; then
			echo "$1=$2: the module has a congestion control $name already"
		else
			return 1
		fi
		return
	fi
	grep -qxF -- "$2" <<<"$there" && return 1
	echo "there is no congestion control $1=$2${3:+ at AB=$3}$(similar "$2" $there); there are:" $there \
		"(module/cong/cong_NAME.c makes one)"
}
