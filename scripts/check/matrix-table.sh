#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Writes the tables of selftests/wire_matrix into selftests/README.md, between the
# two lines that mark their place; with --check it says instead whether they are
# those that the program prints.

set -eu
case $#:${1-} in
0: | 1:--check) ;;
*) echo "Usage: scripts/check/matrix-table.sh [--check]" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/../.."

begin='<!-- wire_matrix -t begins -->' end='<!-- wire_matrix -t ends -->'
readme=selftests/README.md

scripts/check/selftests.sh ../build/selftests/wire_matrix >/dev/null
made=build/selftests/README.md
{
	sed "/^$begin\$/q" $readme
	# only to print, so it needs neither the module nor root
	XTCP_SELFTEST=1 build/selftests/wire_matrix -t || echo "wire_matrix -t fails"
	sed -n "/^$end\$/,\$p" $readme
} >$made
if [ "${1-}" != --check ]; then
	cat $made >$readme
elif ! cmp -s $made $readme; then
	echo "$readme: not the tables of today; scripts/check/matrix-table.sh writes them"
fi
