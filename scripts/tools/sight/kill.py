# SPDX-License-Identifier: GPL-2.0
"""What xtcp-ss -K does with the rows that ss has chosen: each names a socket, which sock_diag is asked to end.

    ss -tnO ... | kill.py FAMILY

prints the heading and the rows whose sockets have ended. The status is 1 if one could not be ended, unless it was
gone already, and 2 if the module has no such thing or a line is not to be understood."""

import errno
import ipaddress
import os
import re
import socket
import struct
import sys

SOCK_DIAG = 4  # NETLINK_SOCK_DIAG
SOCK_DIAG_BY_FAMILY = 20
SOCK_DESTROY = 21
REQUEST_AND_ACK = 5
NO_COOKIE = 0xFFFFFFFF
# [State] Recv-Q Send-Q Local:Port Peer:Port
ROW = re.compile(r"^(?:\S+\s+)?\d+\s+\d+\s+(\S+):(\S+)\s+(\S+):(\S+)")


def octets_of(addr):
    """of "192.0.2.1", "[fe80::1]%veth0" or "*", which ss writes for the IPv6 address that takes IPv4, too"""
    addr = addr.split("%")[0].strip("[]")
    return ipaddress.ip_address("::" if addr == "*" else addr).packed


def number_of(port):
    return 0 if port == "*" else int(port)


def request(family, ends, dev):
    (src, sport), (dst, dport) = ends
    protocol = 1 if len(src) == 16 else 0  # XTCPPROTO_IPV6, XTCPPROTO_IPV4
    if len(dst) != len(src):
        dst = b""
    return struct.pack("=BBBxI", family, protocol, 0, 0xFFFFFFFF) + struct.pack(
        "!HH16s16s", sport, dport, src, dst) + struct.pack("=III", dev, NO_COOKIE, NO_COOKIE)


def ask(netlink, what, family, ends, dev=0):
    """0 or the errno of the answer"""
    body = request(family, ends, dev)
    netlink.send(struct.pack("=IHHII", 16 + len(body), what, REQUEST_AND_ACK, 0, 0) + body)
    return -struct.unpack_from("=i", netlink.recv(4096), 16)[0]


def end(netlink, family, ends):
    """A connection that is bound to a device is looked for on each: /proc does not say on which."""
    for dev in [0] + [index for index, _ in socket.if_nameindex()]:
        error = ask(netlink, SOCK_DESTROY, family, ends, dev)
        if error != errno.ENOENT:
            return error
    return errno.ENOENT


def answers(netlink, family):
    """Whether there is a handler: ours refuses a request that is too short, and without one the answer is ENOENT."""
    netlink.send(struct.pack("=IHHIIBBH", 20, SOCK_DIAG_BY_FAMILY, REQUEST_AND_ACK, 0, 0, family, 0, 0))
    return -struct.unpack_from("=i", netlink.recv(4096), 16)[0] == errno.EINVAL


def say(text):
    print("xtcp-ss: " + text, file=sys.stderr)


def main(family):
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG)
    status = 0
    if not answers(netlink, family):
        say("the module that is loaded does not end sockets for others")
        return 2
    for line in sys.stdin:
        row = ROW.match(line)
        if not row:
            print(line, end="")
            if "Local Address" not in line:
                say("no row of a socket, so nothing ended")
                return 2
            continue
        ends = [(octets_of(row[n]), number_of(row[n + 1])) for n in (1, 3)]
        error = end(netlink, family, ends)
        if not error:
            print(line, end="", flush=True)
        elif error != errno.ENOENT:
            say(f"{row[1]}:{row[2]}: {os.strerror(error)}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
