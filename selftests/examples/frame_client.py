#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""frame_client.py [-x] HOST PORT: sends each line of its input as a message and prints the answers, a line
each. It sends as unkindly as TCP may deliver: the first ten messages together, others octet by octet."""

import socket
import sys

import frame
import tcp

lines = [line.rstrip(b"\n") for line in sys.stdin.buffer]
with tcp.connect(*tcp.arguments("HOST PORT")) as server:
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each octet a segment, if possible
    server.sendall(b"".join(frame.pack(line) for line in lines[:10]))
    for line in lines[:10]:
        sys.stdout.buffer.write(frame.receive(server) + b"\n")
    for line in lines[10:]:
        for octet in frame.pack(line):
            server.sendall(bytes([octet]))
        sys.stdout.buffer.write(frame.receive(server) + b"\n")
