# SPDX-License-Identifier: GPL-2.0
"""What the examples in Python share. Python does not know how to write an address of AF_XTCP, so the
descriptor is opened and then handed to a socket object of the family whose addresses it takes."""

import socket
import sys

AF_XTCP = 25
XTCPPROTO_IPV4, XTCPPROTO_IPV6 = 0, 1


def arguments(usage):
    """The words behind the name; -x, which asks for xtcp, is taken away."""
    global on_xtcp
    words = sys.argv[1:]
    on_xtcp = words[:1] == ["-x"]
    words = words[on_xtcp:]
    if len(words) != len(usage.split()):
        sys.exit("usage: %s [-x] %s" % (sys.argv[0], usage))
    return words


def open_socket(family):
    if not on_xtcp:
        return socket.socket(family, socket.SOCK_STREAM)
    ip = XTCPPROTO_IPV6 if family == socket.AF_INET6 else XTCPPROTO_IPV4
    fd = socket.socket(AF_XTCP, socket.SOCK_STREAM, ip).detach()
    return socket.socket(family, socket.SOCK_STREAM, fileno=fd)


def listen(port):
    """For IPv4 and IPv6."""
    listener = open_socket(socket.AF_INET6)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", int(port)))
    listener.listen(128)
    return listener


def connect(host, port):
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    client = open_socket(family)
    client.connect(address)
    return client
