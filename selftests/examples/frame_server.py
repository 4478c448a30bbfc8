#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""frame_server.py [-x] PORT: answers each message with the same octets in reverse order."""

import frame
import tcp

listener = tcp.listen(*tcp.arguments("PORT"))
while True:
    client, _ = listener.accept()
    with client:
        while (message := frame.receive(client)) is not None:
            client.sendall(frame.pack(message[::-1]))
