#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make demo D=teardown, in the virtual machine: each order in which a connection
# can be closed, and what it leaves; scripts/demo-teardown.py does the steps.

set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/demo-lib.sh

load "${1:-build/stock/xtcp.ko}"
show_steps teardown
echo "xtcp is unloaded; what was left in TIME-WAIT went with it"
