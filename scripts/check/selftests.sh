#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds test programs: scripts/check/selftests.sh [MAKE TARGET]...; two at a time
# take turns.

cd "$(dirname "$0")/../.." && mkdir -p build/selftests || exit 1
exec 9>build/selftests/.lock
flock 9
# this shell holds the lock until make has ended, and make's children do not
make -s -j"$(nproc)" -C selftests "$@" 9>&-
