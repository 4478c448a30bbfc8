#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds what many parts of the check need, and the kernel if the cache lacks it. Prints nothing unless it fails:
#
#   scripts/check/check-build.sh stock|debug|lab|lab-debug|arm64

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
kind=${1-}
case $#:$kind in
1:stock | 1:debug | 1:lab | 1:lab-debug | 1:arm64) ;;
*) sed -n '6s/^# */Usage: /p' "$0" >&2; exit 2 ;;
esac

vm_kernel "$kind" >/dev/null || { echo "not ok - $kind: no kernel"; exit 1; }
vm_module "$kind" -s WRAPPER=1 || { echo "not ok - $kind: the module does not build"; exit 1; }
vm_cross "$kind"
case $kind in
stock) ;;
# what a machine needs whatever it tests
arm64) scripts/check/selftests.sh "${how[@]}" tools >/dev/null && vm_run_parts || echo "not ok - $kind: programs do not build"; exit ;;
*) exit 0 ;;
esac
vm_module stock -s NAME=xtcp_b FAMILY=27 || { echo "not ok - xtcp_b does not build"; exit 1; }
said=$(scripts/check/selftests.sh tools all 2>&1) ||
	{ echo "$said" | tail -n 40; echo "not ok - tests do not build"; exit 1; }
scripts/tools/xtcp_run --build || { echo "not ok - xtcp_run does not build"; exit 1; }
