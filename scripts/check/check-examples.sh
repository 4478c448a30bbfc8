#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The examples of selftests/examples, and the one of xtcp(7), in one machine on the stock kernel or in the
# laboratory: selftests/examples/check.py.
#
#   scripts/check/check-examples.sh stock|lab

set -u
kind=${1-}
case $#:$kind in
1:stock | 1:lab) ;;
*) sed -n '7s/^# */Usage: /p' "$0" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

image=$(vm_kernel "$kind") && vm_module "$kind" -s && scripts/tools/xtcp_run --build &&
	scripts/check/selftests.sh examples ||
	{ echo "not ok - examples: cannot be built"; exit 1; }
sed -n '/^\.SH EXAMPLES/,/^\.fi/p' scripts/package/xtcp.7 | sed '1,/^\.nf/d; /^\.fi/d; s/\\e/\\/g' |
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -I include/uapi -x c -o build/selftests/examples/manual - ||
	{ echo "not ok - examples: that of xtcp(7) cannot be built"; exit 1; }
vm_machine "$kind" "$image"
[ "$kind" != lab ] || machine+=(--seed "${LAB_SEED:-1}")
"${machine[@]}" --timeout 400 -- \
	env PYTHONDONTWRITEBYTECODE=1 TIMES="${TIMES-}" selftests/examples/check.py "build/$kind/xtcp.ko" \
	build/selftests/examples
