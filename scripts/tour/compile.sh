#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# compile.sh KIND FOLDER: what page operate-change loads: the congestion control of README.md for such a kernel, as it is
# and with another constant.

set -eu
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh

mkdir -p "$2/changed"
sed -e '1,/^```c$/d' README.md | sed '/^```/,$d' >"$2/cong_aimd.c"
sed 's|/ 4 \* 3, |/ 4, |' "$2/cong_aimd.c" >"$2/changed/cong_aimd.c"
vm_module "$1" -s ALGORITHM="$2/cong_aimd.c"
vm_module "$1" -s SUFFIX=_V2 ALGORITHM="$2/changed/cong_aimd.c"
cp "build/$1/"xtcp_cong_aimd{,_V2}.ko "$2/"
