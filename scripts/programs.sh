#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make programs: real programs from Debian's packages, in one machine on the stock kernel, as
# server and as client, on xtcp and on kernel TCP: scripts/programs.sh [--short] [NAME]...
# --asked: only looks whether there are such NAMEs. The packages are unpacked into the cache; nothing of them is installed or started here.

set -u
cd "$(dirname "$0")/.."
. scripts/vm-module.sh

asked=
if [ "${1-}" = --asked ]; then
	asked=1
	shift
fi
names=$* root=$XTCP_CACHE/programs short=
if [ "${1-}" = --short ]; then
	names="pipes redis static" root=$XTCP_CACHE/programs-short short=--short
fi
there=$(ls selftests/programs | sed -n 's/\.py$//p' | grep -vxE 'check|stage|python_ends')
for name in $names; do
	if ! grep -qxF -- "$name" <<<"$there"; then
		echo "programs: there is no P=$name; there are:" $there >&2
		exit 2
	fi
done
[ -z "$asked" ] || exit 0
[ -e "$root" ] || { echo "not ok - programs: no packages in $root; run scripts/deps.sh programs"; exit 1; }
image=$(vm_kernel stock) && vm_module stock -s && scripts/xtcp_run --build ||
	{ echo "not ok - programs: the module does not build"; exit 1; }
scripts/vm.sh --kernel "$image" --memory 3G --timeout 2700 -- \
	env PYTHONDONTWRITEBYTECODE=1 TIMES="${TIMES-}" selftests/programs/check.py $short build/stock/xtcp.ko "$root" $names
