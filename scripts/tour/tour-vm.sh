#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tour-vm.sh KO [TOUR'S ARGUMENT]...: the tour, in the virtual machine.

set -u
cd "$(dirname "$0")/../.." || exit 1
tracing=/sys/kernel/tracing
ko=$1
shift

insmod "$ko" || exit 1
ln -s "$PWD/build/tour/$(basename "${ko%/*}")" ~/compiled
modprobe -a sch_netem nf_tables nft_numgen nft_limit 2>/dev/null
echo global >$tracing/trace_clock
echo 8192 >$tracing/buffer_size_kb
echo 1 >$tracing/events/xtcp/enable
# no name server here
echo "hosts: files" >/etc/nsswitch.conf
export PROC_NET_TCP=/proc/net/xtcp PROC_NET_TCP6=/proc/net/xtcp6
export PROC_NET_SNMP=/proc/net/xtcp_snmp PROC_NET_NETSTAT=/proc/net/xtcp_netstat
export PATH=$PWD/scripts/tools:$PATH PYTHONDONTWRITEBYTECODE=1
python=/usr/bin/python3
[ -x $python ] || python=python3

scripts/tools/xtcp_run --preload $python scripts/tour/tour.py "$@"
status=$?
# what the pages left behind goes with their namespaces
ip -all netns delete
# a process that was killed may still have its sockets
for _ in {1..200}; do rmmod xtcp_cong_aimd{,_V2} 2>/dev/null; ! scripts/tools/xtcp unload >/dev/null 2>&1 || break; sleep 0.1; done
[ ! -e /sys/module/xtcp ] || { echo "not ok - tour: the module does not unload"; status=1; }
exit $status
