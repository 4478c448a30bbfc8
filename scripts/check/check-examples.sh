#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The examples of selftests/examples, and the one of xtcp(7), in one machine on the
# stock kernel: selftests/examples/check.py.

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

image=$(vm_kernel stock) && vm_module stock -s && scripts/tools/xtcp_run --build &&
	scripts/check/selftests.sh examples ||
	{ echo "not ok - examples: cannot be built"; exit 1; }
sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' scripts/package/man/xtcp.7 | sed '1,/^\.Bd/d; /^\.Ed/d' |
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -I include/uapi -x c -o build/selftests/examples/manual - ||
	{ echo "not ok - examples: that of xtcp(7) cannot be built"; exit 1; }
scripts/vm/vm.sh --kernel "$image" --timeout 400 -- \
	env PYTHONDONTWRITEBYTECODE=1 TIMES="${TIMES-}" selftests/examples/check.py build/stock/xtcp.ko \
	build/selftests/examples
