#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make programs: real programs from Debian's packages, in one machine on the stock kernel, as
# server and as client, on xtcp and on kernel TCP: scripts/programs.sh [--short] [NAME]...
# The packages are unpacked into the cache; nothing of them is installed or started here.

set -u
cd "$(dirname "$0")/.."
. scripts/vm-module.sh

names=$* root=$XTCP_CACHE/programs short=
if [ "${1-}" = --short ]; then
	names="pipes redis static" root=$XTCP_CACHE/programs-short short=--short
fi
[ -e "$root" ] || { echo "not ok - programs: no packages in $root; run scripts/deps.sh programs"; exit 1; }
image=$(vm_kernel stock) && vm_module stock -s && scripts/xtcp_run --build ||
	{ echo "not ok - programs: the module does not build"; exit 1; }
scripts/vm.sh --kernel "$image" --memory 3G --timeout 2700 -- \
	env PYTHONDONTWRITEBYTECODE=1 TIMES="${TIMES-}" selftests/programs/check.py $short build/stock/xtcp.ko "$root" $names
