#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""carry.py HOST PORT: one connection sends text all the time, while its end here goes from kernel TCP to xtcp, back, and
to xtcp again (TCP_REPAIR). For root. Meanwhile a rule of nftables drops what arrives for it, or the kernel would answer by
a RST."""

import fcntl
import hashlib
import socket
import struct
import subprocess
import time

import tcp

# linux/tcp.h, linux/sockios.h and asm-generic/socket.h
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_REPAIR_OPTIONS, TCP_TIMESTAMP, TCP_REPAIR_WINDOW = 19, 20, 21, 22, 24, 29
RECV_QUEUE, SEND_QUEUE = 1, 2
MAXSEG, WINDOW, SACK_PERMITTED, TIMESTAMPS = 2, 3, 4, 8  # TCP's own numbers of its options
SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SO_SNDBUFFORCE, SO_RCVBUFFORCE = 0x541b, 0x5411, 0x894b, 32, 33


def octets(sock, which):
    return struct.unpack("i", fcntl.ioctl(sock, which, bytes(4)))[0]


def number(sock, option):
    return sock.getsockopt(socket.IPPROTO_TCP, option) % (1 << 32)


def put(sock, option, value):
    """A number, which may lie above 2^31."""
    sock.setsockopt(socket.IPPROTO_TCP, option, struct.pack("I", value))


def queue(sock, which, length):
    """What is in a queue, and the sequence number of its first octet. Kernel TCP shows a segment from its beginning, even if
    a part of it is acknowledged."""
    put(sock, TCP_REPAIR_QUEUE, which)
    text = sock.recv(length + 65536, socket.MSG_PEEK)[-length:] if length else b""
    return text, (number(sock, TCP_QUEUE_SEQ) - length) % (1 << 32)


def take(sock):
    """All that a connection is. The socket closes without a segment."""
    put(sock, TCP_REPAIR, 1)
    _, _, _, _, _, agreed, shifts = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 7)
    options = [(MAXSEG, number(sock, socket.TCP_MAXSEG))]
    if agreed & 4:
        options.append((WINDOW, shifts & 15 | shifts >> 4 << 16))
    if agreed & 2:
        options.append((SACK_PERMITTED, 0))
    if agreed & 1:
        options.append((TIMESTAMPS, 0))
    saved = {
        "family": sock.family, "from": sock.getsockname(), "to": sock.getpeername(),
        "received": queue(sock, RECV_QUEUE, octets(sock, SIOCINQ)),
        "sent": queue(sock, SEND_QUEUE, octets(sock, SIOCOUTQ)),
        # from kernel TCP paced text no longer leaves since that queue was chosen
        "unsent": octets(sock, SIOCOUTQNSD),
        "options": b"".join(struct.pack("II", *option) for option in options),
        "clock": number(sock, TCP_TIMESTAMP),
        "window": sock.getsockopt(socket.IPPROTO_TCP, TCP_REPAIR_WINDOW, 20),
    }
    sock.close()
    return saved


def give(saved):
    """A socket that goes on with it."""
    (received, first_received), (sent, first_sent) = saved["received"], saved["sent"]
    in_flight = len(sent) - saved["unsent"]
    sock = tcp.open_socket(saved["family"])
    put(sock, TCP_REPAIR, 1)
    for option in (SO_SNDBUFFORCE, SO_RCVBUFFORCE):
        sock.setsockopt(socket.SOL_SOCKET, option, 4000000)
    sock.bind(saved["from"])
    for which, first in ((SEND_QUEUE, first_sent), (RECV_QUEUE, first_received)):
        put(sock, TCP_REPAIR_QUEUE, which)
        put(sock, TCP_QUEUE_SEQ, first)
    sock.connect(saved["to"])
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_OPTIONS, saved["options"])
    put(sock, TCP_TIMESTAMP, saved["clock"])
    sock.sendall(received)
    put(sock, TCP_REPAIR_QUEUE, SEND_QUEUE)
    sock.sendall(sent[:in_flight])
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_WINDOW, saved["window"])
    put(sock, TCP_REPAIR, 0)
    sock.sendall(sent[in_flight:])
    return sock


def lines(first, last):
    return b"".join(b"%7d\n" % line for line in range(first, last))


def main():
    peer = tcp.connect(*tcp.arguments("HOST PORT"))
    told, rest = hashlib.sha256(lines(0, 120000)), b""
    for part, stack in enumerate(("xtcp", "kernel TCP", "xtcp")):
        peer.sendall(rest + lines(part * 30000, part * 30000 + 29000))
        rule = "table inet carry { chain c { type filter hook prerouting priority 0; tcp dport %d drop; }; }"
        subprocess.run(["nft", rule % peer.getsockname()[1]], check=True)
        rest = lines(part * 30000 + 29000, part * 30000 + 30000)
        try:  # the answers to this get lost
            rest = rest[peer.send(rest, socket.MSG_DONTWAIT):]
        except BlockingIOError:
            pass
        begin = time.monotonic()
        try:
            saved = take(peer)
            tcp.on_xtcp = stack == "xtcp"
            peer = give(saved)
        finally:
            pause = time.monotonic() - begin
            subprocess.run(["nft", "delete", "table", "inet", "carry"], check=True)
        print("%-10s goes on: %d octets in flight, %d not sent; it took %.1f ms" %
              (stack, len(saved["sent"][0]) - saved["unsent"], saved["unsent"], pause * 1000))
    peer.sendall(rest + lines(90000, 120000))
    peer.close()
    print(told.hexdigest())


if __name__ == "__main__":
    main()
