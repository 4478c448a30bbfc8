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
	fi | sed -nE 's/^[[:space:]]*\.name[[:space:]]*= "(.*)",$/\1/p'
}

# no_algorithm WORD NAME [COMMIT]: says so, if there is no congestion control of that name.
no_algorithm()
{
	local there

	there=$(algorithms "${@:3}")
	grep -qxF -- "$2" <<<"$there" && return 1
	echo "there is no congestion control $1=$2${3:+ at AB=$3}$(similar "$2" $there); there are:" $there \
		"(module/cong/cong_NAME.c makes one)"
}
