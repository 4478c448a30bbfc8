#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""echo_server.py [-x] PORT: one client after the other gets back what it sends."""

import tcp

listener = tcp.listen(*tcp.arguments("PORT"))
while True:
    client, _ = listener.accept()
    with client:
        while data := client.recv(4096):  # b"": the client has ended its half
            client.sendall(data)
