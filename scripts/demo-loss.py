#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of make demo D=loss: one transfer on xtcp from the namespace
"client" to "server", of which the router loses chosen segments once each."""

import os
import select
import shutil
import socket
import subprocess
import sys

import tracelib
from demolib import LADDER, PORT, SERVER, TRACE, Socket, enter, libc, must_show, shown, title, wait_until

CLIENT_PORT = 50001
SEGMENTS = 1600
ONE, BURST, LAST = (40,), tuple(range(600, 608)), (SEGMENTS,)
TCP_MAXSEG = 2
OUT = os.environ.get("OUT", "/tmp/demo")


def choose_algorithm():
    """net.xtcp.congestion_control of the sender: as asked for by make's CC=, else the default."""
    enter("client")
    name = "/proc/sys/net/xtcp/congestion_control"
    wanted = os.environ.get("ALGORITHM")
    if not os.path.exists(name):
        return "reno"
    if wanted:
        with open(name, "w") as knob:
            knob.write(wanted)
    with open(name) as knob:
        return knob.read().strip()


def mss_of(end):
    import ctypes
    value, size = ctypes.c_int(), ctypes.c_int(4)
    libc.getsockopt(end.fd, socket.IPPROTO_TCP, TCP_MAXSEG, ctypes.byref(value), ctypes.byref(size))
    return value.value


def trace():
    with open(TRACE) as file:
        return list(tracelib.events(file, CLIENT_PORT))


def lose(numbers, isn, mss):
    """The router drops the first transmission of each of these segments: as much as fits into a bucket that nearly
    nothing fills again."""
    lines = ["filter add dev client0 ingress protocol ip prio 1 u32 match ip protocol 6 0xff "
             "match u32 0x%08x 0xffffffff at 24 action police rate 8bit burst 1600 conform-exceed pass/drop" %
             ((isn + 1 + (number - 1) * mss) % tracelib.MODULUS) for number in numbers]
    subprocess.run(["tc", "-n", "router", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)


def transfer(client, server, octets):
    """One send() of everything, so that no program is in the way of the protocol."""
    client.send(bytes(octets))
    left = octets
    while left:
        if not server.wait(select.POLLIN, 30):
            sys.exit("the transfer stands still")
        left -= len(os.read(server.fd, 1 << 20))


def main():
    listener = Socket("server")
    listener.set(socket.SOL_SOCKET, 33, 8 << 20)	# SO_RCVBUFFORCE
    listener.bind(SERVER, PORT)
    listener.listen(16)
    algorithm = choose_algorithm()
    client = Socket("client")
    client.set(socket.SOL_SOCKET, 32, 8 << 20)	# SO_SNDBUFFORCE
    client.connect(CLIENT_PORT)
    if not listener.wait(select.POLLIN, 20):
        sys.exit("nobody connects")
    server = listener.accept()
    mss = mss_of(client)
    syn = next(event for event in trace() if event.name == "segment_out" and event.flags == "S")
    lose(ONE + BURST + LAST, syn.seq, mss)
    transfer(client, server, SEGMENTS * mss)
    client.close()
    server.close()
    shutil.copy(TRACE, OUT + "/loss.trace")
    print(algorithm, mss)


main()
