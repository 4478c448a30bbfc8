# SPDX-License-Identifier: GPL-2.0
#
# What checks in shell say in TAP; they source it in the top folder. $of is what each result begins with, and $tap_status
# what the check ends with.

# a caller may have a status of its own
tap_status=0

# verdict NAME WHY: "ok" if WHY is empty; else "not ok", and WHY before it
verdict()
{
	[ -z "$2" ] || { sed 's/^/# /' <<<"$2"; tap_status=1; }
	echo "${2:+not }ok - $of: $1"
}

# lacks FILE PATTERN...: the first pattern that no line of the file matches, and the end of the file
lacks()
{
	local pattern

	for pattern in "${@:2}"; do
		grep -qE -- "$pattern" "$1" || { echo "no '$pattern' in"; tail -n 60 "$1"; return; }
	done
}
