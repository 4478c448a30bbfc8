#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration, in the virtual machine:
#
#   namespace "client"  10.77.0.1, fd77::1  ----veth----  10.77.0.2, fd77::2  namespace "server"
#
# In "server" python3 -m http.server runs twice, on xtcp (port 80) and on the
# kernel's TCP (port 8080); curl fetches from both, on xtcp and on kernel TCP.

set -u
cd "$(dirname "$0")/../.." || exit 1

. scripts/demo/demo-lib.sh

# In the namespace "server": both servers, and wait until both listen.
serve()
{
	local deadline=$((SECONDS + 120)) line found pause

	cd $work/files || return
	"$1/scripts/tools/xtcp_run" $python -S -m http.server --bind :: 80 >$work/server80.log 2>&1 &
	echo $! >$work/server80.pid
	$python -S -m http.server --bind :: 8080 >$work/server8080.log 2>&1 &
	echo $! >$work/server8080.pid
	exec {pause}<> <(:)
	while [ $SECONDS -lt $deadline ]; do
		found=0
		while read -r line; do
			[[ $line =~ :0050\ 0+:0000\ 0A ]] && found=$((found + 1))
		done </proc/net/xtcp6
		while read -r line; do
			[[ $line =~ :1F90\ 0+:0000\ 0A ]] && found=$((found + 1))
		done </proc/net/tcp6
		[ $found -eq 2 ] && return 0
		read -r -t 0.1 -u $pause line
	done
	return 1
}

# fetch WHAT COMMAND... PORT: a.bin over IPv4 and over IPv6 in one curl, compared.
fetch()
{
	local what=$1 port=${*: -1}

	set -- "${@:2:$#-2}"
	rm -f $work/got4 $work/got6
	"$@" -sS --max-time 120 -o $work/got4 "http://10.77.0.2:$port/a.bin" \
		-o $work/got6 "http://[fd77::2]:$port/a.bin" || die "$what: curl failed"
	for got in 4 6; do
		cmp $work/got$got $work/files/a.bin || die "$what, IPv$got: the file is not the same"
		printf '  %-42s IPv%s  %s%s bytes, the same%s\n' "$what" $got "$green" "$size" "$plain"
	done
}

# In the namespace "client".
be_client()
{
	size=$(stat -c %s $work/files/a.bin)
	scripts/tools/xtcp_run curl -sS --max-time 120 -o $work/hello http://10.77.0.2/hello.txt || die "curl failed"
	cmp $work/hello $work/files/hello.txt || die "hello.txt is not the same"
	fetch "curl on xtcp   <-  http.server on xtcp" scripts/tools/xtcp_run curl 80
	fetch "curl on kernel <-  http.server on xtcp" curl 80
	fetch "curl on xtcp   <-  http.server on kernel" scripts/tools/xtcp_run curl 8080
}

# In the namespace "client", as one program on xtcp: a connection that stays while ss looks.
look_while_open()
{
	exec 3<>/dev/tcp/10.77.0.2/80 || return
	title "ss, while a connection is open: the client's side"
	ss -tan
	title "ss, the server's side: the listener, the connection, and TIME-WAIT"
	LD_PRELOAD='' in_server ss -tan
	exec 3>&-
	title "ss, the client's side, after it closed that connection first"
	ss -tan
}

case ${1-} in
--serve)	serve "$PWD"; exit ;;
--client)	be_client; exit ;;
--look)		look_while_open; exit ;;
esac

ko=${1:-build/stock/xtcp.ko}
echo "Hello from xtcp: a second TCP, in a module." >$work/files/hello.txt
head -c 1000000 /dev/urandom >$work/files/a.bin
# no name server here: http.server would wait for one
echo "hosts: files" >/etc/nsswitch.conf

load "$ko"

in_server scripts/demo/demo-vm.sh --serve || die "the servers do not listen"
title "real programs that know nothing of xtcp fetch a file of 1,000,000 bytes"
ip netns exec client scripts/demo/demo-vm.sh --client || exit 1
echo 0 >$tracing/tracing_on
[ -z "${OUT-}" ] || cp $tracing/trace "$OUT/demo.trace"

title "the first connection: its segments, from both ends' tracepoints"
scripts/tools/xtcp-ladder $look --conn 1 --port 80 $tracing/trace || die "no ladder"

ip netns exec client scripts/tools/xtcp_run scripts/demo/demo-vm.sh --look || die "no connection to look at"

title "nstat: the server's counters"
in_server nstat -as 'Tcp*' | sed '1s/^#kernel/#xtcp/'

how_late
title "and out again"
read -r pid <$work/server80.pid && kill "$pid"
read -r pid8080 <$work/server8080.pid && kill "$pid8080"
while [ -e "/proc/$pid" ] && [ $SECONDS -lt 500 ]; do :; done
unload
echo "xtcp is unloaded; what was left in TIME-WAIT went with it"
