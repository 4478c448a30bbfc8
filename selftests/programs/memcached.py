# SPDX-License-Identifier: GPL-2.0
"""memcached: values of up to 500 KB, by its text protocol, many at once."""

from stage import Running, must, run

PORT = 11211
SOCKETS = 2
CLIENT = """
import os, socket, sys
peers = [socket.create_connection((sys.argv[1], 11211)) for _ in range(20)]
values = [os.urandom(1 + 1337 * i * i) for i in range(20)]
for i, (peer, value) in enumerate(zip(peers, values)):
    peer.sendall(b"set k%d 0 0 %d\\r\\n" % (i, len(value)) + value + b"\\r\\n")
for peer in peers:
    assert peer.recv(100) == b"STORED\\r\\n"
for i, peer in enumerate(peers):
    peer.sendall(b"get k%d\\r\\n" % (19 - i))
for i, peer in enumerate(peers):
    want = b"VALUE k%d 0 %d\\r\\n" % (19 - i, len(values[19 - i])) + values[19 - i] + b"\\r\\nEND\\r\\n"
    got = b""
    while len(got) < len(want):
        more = peer.recv(1 << 20)
        assert more
        got += more
    assert got == want
print("the same")
"""


def serve(stack):
    return Running("server", stack, "memcached", "-u", "root", "-p", "11211", "-U", "0", "-l", "0.0.0.0,::", "-I", "2m")


def use(stack, host):
    out = run("client", stack, "python3", "-S", "-c", CLIENT, host)
    must(out == b"the same\n", out.decode())
