#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""thread_server.py [-x] PORT: an echo server, a thread for each client."""

import threading

import tcp


def echo(client):
    with client:
        while data := client.recv(4096):
            client.sendall(data)


listener = tcp.listen(*tcp.arguments("PORT"))
while True:
    client, _ = listener.accept()
    threading.Thread(target=echo, args=(client,), daemon=True).start()
