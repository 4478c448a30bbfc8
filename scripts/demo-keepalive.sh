#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make demo D=keepalive, in the virtual machine: an idle connection whose peer
# answers, and one whose peer is gone; scripts/demo-keepalive.py does the steps.

set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/demo-lib.sh

load "${1:-build/stock/xtcp.ko}"
show_steps keepalive
