#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""echo_client.py [-x] HOST PORT: sends its input, and prints what comes back. It reads back what it has
written before it writes more, or both ends would wait for each other once all buffers are full."""

import socket
import sys

import tcp

with tcp.connect(*tcp.arguments("HOST PORT")) as server:
    while data := sys.stdin.buffer.read(4096):
        server.sendall(data)
        left = len(data)
        while left:
            back = server.recv(left)  # as many octets as there are
            if not back:
                sys.exit("the server has closed too early")
            left -= len(back)
            sys.stdout.buffer.write(back)
    server.shutdown(socket.SHUT_WR)  # our FIN
    if server.recv(1):  # the server's
        sys.exit("more came back than was sent")
