#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""epoll_server.py [-x] PORT: an echo server, all clients in one thread, by epoll, and no call waits but
epoll's. What a client does not take yet is kept, and nothing more is read from it meanwhile."""

import select

import tcp

listener = tcp.listen(*tcp.arguments("PORT"))
epoll = select.epoll()
epoll.register(listener, select.EPOLLIN)
clients = {}  # descriptor: [socket, what is kept]


def echo(client):
    """One step; False when the client is gone."""
    try:
        if not client[1]:
            client[1] = client[0].recv(4096)
            if not client[1]:
                return False
        client[1] = client[1][client[0].send(client[1]):]
    except BlockingIOError:
        pass
    except OSError:
        return False
    epoll.modify(client[0], select.EPOLLOUT if client[1] else select.EPOLLIN)
    return True


while True:
    for fd, _ in epoll.poll():
        if fd == listener.fileno():
            client, _ = listener.accept()
            client.setblocking(False)
            clients[client.fileno()] = [client, b""]
            epoll.register(client, select.EPOLLIN)
        elif not echo(clients[fd]):
            clients.pop(fd)[0].close()
