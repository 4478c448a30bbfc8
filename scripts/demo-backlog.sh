#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make demo D=backlog, in the virtual machine: fills both queues of a listener
# and shows what each refusal looks like; scripts/demo-backlog.py does the steps.

set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/demo-lib.sh

load "${1:-build/stock/xtcp.ko}"
# SYNs from addresses that nobody has; nobody asks for them either
ip -n server neigh add 10.77.0.66 lladdr 02:00:00:00:00:66 dev veth0 || die "no neighbour"
show_steps backlog
