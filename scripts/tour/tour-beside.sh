#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tour-beside.sh [PAGE]: the tour in a machine that runs already, as make vm's. Its three namespaces are others than those
# that stand there: in a mount namespace of its own, with a folder of its own for the names of network namespaces. They
# go when it ends. Only the trace is the machine's, and each page begins it anew.

set -u
cd "$(dirname "$0")/../.."

mkdir -p /run/netns
echo "The tour has a client, a router and a server of its own; yours stay as they are. The trace begins anew."
exec unshare --mount bash -c 'mount -t tmpfs tmpfs /run/netns && exec "$@"' bash \
	scripts/tools/xtcp_run --preload python3 scripts/tour/tour.py "$@"
