#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""fork_server.py [-x] PORT: an echo server, a process for each client."""

import os
import signal

import tcp

listener = tcp.listen(*tcp.arguments("PORT"))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
while True:
    client, _ = listener.accept()
    if os.fork() == 0:
        listener.close()
        while data := client.recv(4096):
            client.sendall(data)
        os._exit(0)
    client.close()  # the child's stays open: the FIN goes out when both are closed
