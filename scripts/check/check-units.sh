#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The unit tests of the pure files, here: check-units.sh [NAME], only those whose name has a match for NAME.

set -u
cd "$(dirname "$0")/../.."
only=${1-} status=0
[ $# -le 1 ] && ls selftests/unit | sed -n 's/_test\.c$/_test/p' | grep -qE -- "$only" 2>/dev/null ||
	{ echo "check-units.sh: no unit test has a name with a match for '$*'" >&2; exit 2; }

scripts/check/selftests.sh units || { echo "not ok - unit tests: cannot be built"; exit 1; }
for unit in build/selftests/unit/*_test; do
	name=${unit##*/}
	[ -e "selftests/unit/$name.c" ] || continue
	[[ $name =~ $only ]] || continue
	echo "# unit/$name"
	"$unit" || { status=1; echo "# unit/$name: exit status $?"; }
done
exit $status
