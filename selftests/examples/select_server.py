#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""select_server.py [-x] PORT: an echo server, all clients in one thread, by select(). sendall() may wait: a
client that sends and never reads stops it for all; epoll_server.py shows what to do about that."""

import select

import tcp

listener = tcp.listen(*tcp.arguments("PORT"))
sockets = [listener]
while True:
    for ready in select.select(sockets, [], [])[0]:
        if ready is listener:
            sockets.append(listener.accept()[0])
            continue
        try:
            data = ready.recv(4096)
            ready.sendall(data)
        except OSError:  # a reset
            data = b""
        if not data:
            sockets.remove(ready)
            ready.close()
