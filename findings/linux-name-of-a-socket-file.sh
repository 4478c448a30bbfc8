#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The attribute system.sockprotoname of a socket's file in /proc/PID/fd, by which lsof and others name the protocol, is
# written once, by socket(). The kernel itself lets a socket change its protocol: IPV6_ADDRFORM makes a TCP socket of
# IPv6, whose peer is a v4-mapped address, one of IPv4. From then on SO_DOMAIN says AF_INET, /proc/net/tcp lists it and
# tcp6 does not; the attribute goes on to say TCPv6. Who wants to know what a socket is now asks the socket (a copy by
# pidfd_getfd(), SO_DOMAIN, SO_PROTOCOL), or looks for its inode in /proc/net.
#
# Seen with Linux 6.1.0-57-amd64 and 6.18, and attr 2.5.1-4 of Debian 12, which this script unpacks into a folder of its
# own. It needs apt and python3, and uses the loopback device. It prints what is below, or fails.

set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/debs"
(
	cd "$work/debs"
	apt-get -qq -o APT::Sandbox::User=root download attr=1:2.5.1-4 libattr1=1:2.5.1-4
	for deb in *.deb; do
		dpkg-deb -x "$deb" "$work"
	done
)
cat >"$work/try.py" <<'END'
import os, socket, subprocess, sys

IPPROTO_IPV6, IPV6_ADDRFORM, SO_DOMAIN = 41, 1, 39
listener = socket.create_server(("127.0.0.1", 0))
sock = socket.socket(socket.AF_INET6)
sock.connect(("::ffff:127.0.0.1", listener.getsockname()[1]))
inode = str(os.fstat(sock.fileno()).st_ino)


def told(when):
    path = "/proc/%d/fd/%d" % (os.getpid(), sock.fileno())
    name = subprocess.run(sys.argv[1:] + ["--absolute-names", "--only-values", "-n", "system.sockprotoname", path],
                          stdout=subprocess.PIPE, check=True).stdout.rstrip(b"\0").decode()
    files = [file for file in ("tcp", "tcp6") if inode in open("/proc/net/" + file).read().split()]
    print("%s: sockprotoname %s, SO_DOMAIN %d, listed in %s" % (
        when, name, sock.getsockopt(socket.SOL_SOCKET, SO_DOMAIN), " and ".join(files)))


told("IPv6")
sock.setsockopt(IPPROTO_IPV6, IPV6_ADDRFORM, socket.AF_INET)
told("IPv4")
END
export LD_LIBRARY_PATH=$(dirname "$(find "$work" -name 'libattr.so.1' | head -n 1)")
said=$(python3 "$work/try.py" "$work/usr/bin/getfattr")
echo "$said"
[ "$said" = "IPv6: sockprotoname TCPv6, SO_DOMAIN 10, listed in tcp6
IPv4: sockprotoname TCPv6, SO_DOMAIN 2, listed in tcp" ]
