# SPDX-License-Identifier: GPL-2.0
"""Python's own servers and clients: asyncio's streams, socketserver with a thread and with a process for each connection,
http.server; asked by asyncio, by threads with a socket each, by http.client and urllib."""

import os

import stage
from stage import Running, must, run, work

ENDS = ("python3", "-S", stage.HERE + "/python_ends.py")


def same(stack, *words):
    out = run("client", stack, *ENDS, *words)
    must(out == b"the same\n", out.decode())


class Echo:
    """What comes goes back: three servers, of which asyncio's has a listening socket for each IP version."""

    NAME = "asyncio, socketserver with threads and with processes"
    PORTS = (9101, 9102, 9103)

    def serve(self, stack):
        return Running("server", stack, *ENDS, "echo", *map(str, self.PORTS))

    def listens(self, stack):
        return all(map(stage.listens, ["server"] * 3, [stack] * 3, self.PORTS, (2, 1, 1)))

    def use(self, stack, host):
        same(stack, "ask", host, *map(str, self.PORTS))


class Http:
    NAME, PORT = "http.server", 9104
    FILES = work + "/python"

    def serve(self, stack):
        os.makedirs(self.FILES, exist_ok=True)
        with open(self.FILES + "/a.bin", "wb") as file:
            file.write(os.urandom(300000))
        return Running("server", stack, "python3", "-S", "-m", "http.server", "--protocol", "HTTP/1.1", "--bind", "::",
                       str(self.PORT), cwd=self.FILES)

    def use(self, stack, host):
        same(stack, "http", host, str(self.PORT), self.FILES + "/a.bin")


PARTS = (Echo(), Http())
