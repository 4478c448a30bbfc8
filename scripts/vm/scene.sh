#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scene.sh: the network of the tour and of make demo D=loss, in the virtual machine, made anew if it is there.
#
#   "client"  10.77.0.1  ----veth----  "router"  ----veth----  10.77.0.2  "server"
#                            client0              server0
#
# The router takes 10 ms each way; its nftables have a chain for rules on what it forwards
# (nft add rule net via ...), and one for its own, if there is nft. Devices take no bundles: what is drawn as one
# segment is one.
# Nobody has 10.99.0.0/16: what goes there, the router swallows. Both ends have names.

set -u

ip -all netns delete 2>/dev/null
end="gso_max_segs 1 address 02:00:00:00:00"
ip -batch - <<-END || exit
netns add client
netns add router
netns add server
link add veth0 netns client $end:01 type veth peer name client0 netns router $end:f1
link add veth0 netns server $end:02 type veth peer name server0 netns router $end:f2
END
for end in client:1 server:2; do
	ip -n ${end%:*} -batch - <<-END || exit
	addr add 10.77.0.${end#*:} peer 10.77.0.254 dev veth0
	link set lo up
	link set veth0 up
	neigh add 10.77.0.254 lladdr 02:00:00:00:00:f${end#*:} dev veth0
	route add default via 10.77.0.254
	END
done
ip -n router -batch - <<-END || exit
addr add 10.77.0.254 peer 10.77.0.1 dev client0
addr add 10.77.0.254 peer 10.77.0.2 dev server0
link set lo up
link set client0 up
link set server0 up
neigh add 10.77.0.1 lladdr 02:00:00:00:00:01 dev client0
neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev server0
route add blackhole 10.99.0.0/16
END
tc -n router -batch - <<-END || exit
qdisc add dev client0 root netem delay 10ms limit 10000
qdisc add dev server0 root netem delay 10ms limit 10000
END
ip netns exec router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
	! command -v nft >/dev/null || nft "add table net; add chain net via { type filter hook forward priority 0; }
		add chain net out { type filter hook output priority 0; }"' || exit
grep -qs 'server$' /etc/hosts || printf '10.77.0.1 client\n10.77.0.254 router\n10.77.0.2 server\n' >>/etc/hosts
