#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds what many parts of the check need, and the kernel if the cache lacks it. Prints nothing unless it fails:
#
#   scripts/check/check-build.sh stock|debug|lab|lab-debug

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
kind=${1-}
case $#:$kind in
1:stock | 1:debug | 1:lab | 1:lab-debug) ;;
*) sed -n '6s/^# */Usage: /p' "$0" >&2; exit 2 ;;
esac

vm_kernel "$kind" >/dev/null || { echo "not ok - $kind: no kernel"; exit 1; }
vm_module "$kind" -s WRAPPER=1 || { echo "not ok - $kind: the module does not build"; exit 1; }
[ "$kind" = stock ] || exit 0
vm_module stock -s NAME=xtcp_b FAMILY=27 || { echo "not ok - xtcp_b does not build"; exit 1; }
said=$(scripts/check/selftests.sh tools all 2>&1) ||
	{ echo "$said" | tail -n 40; echo "not ok - tests do not build"; exit 1; }
scripts/tools/xtcp_run --build || { echo "not ok - xtcp_run does not build"; exit 1; }
