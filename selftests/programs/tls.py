# SPDX-License-Identifier: GPL-2.0
"""openssl s_server and s_client, and Python's ssl, by TLS 1.3."""

import os

import nginx
import stage
from stage import Proof, Running, must, run, sha, wait, work

SERVER = """
import hashlib, socket, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("{w}/cert.pem", "{w}/key.pem")
with socket.create_server(("", 8444), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
    while True:
        with context.wrap_socket(listener.accept()[0], server_side=True) as peer:
            while data := peer.recv(65536):
                peer.sendall(data)
"""
CLIENT = """
import os, socket, ssl, sys
context = ssl.create_default_context(cafile="{w}/cert.pem")
context.check_hostname = False
with context.wrap_socket(socket.create_connection((sys.argv[1], 8444))) as peer:
    assert peer.version() == "TLSv1.3", peer.version()
    for n in (1, 16384, 100000, 300000):
        data, back = os.urandom(n), b""
        peer.sendall(data[:1000])
        peer.sendall(data[1000:])
        while len(back) < n:
            back += peer.recv(65536)
        assert back == data
print("the same")
"""


def s_server(server, client, host):
    nginx.certificate()
    with open(work + "/tls.bin", "wb") as file:
        file.write(os.urandom(500000))
    proof = Proof(server=server, client=client)
    running = Running("server", server, "openssl", "s_server", "-accept", "8443", "-cert", work + "/cert.pem", "-key",
                      work + "/key.pem", "-WWW", "-tls1_3", cwd=work)
    try:
        wait(lambda: stage.listens("server", server, 8443), "listener", running=running)
        host = "[%s]" % host if ":" in host else host
        got = run("client", client, "openssl", "s_client", "-connect", host + ":8443", "-quiet", "-tls1_3", "-ign_eof",
                  data=b"GET /tls.bin HTTP/1.0\r\n\r\n")
        with open(work + "/tls.bin", "rb") as file:
            must(sha(got.split(b"\r\n\r\n", 1)[1]) == sha(file.read()), "another file, %d octets" % len(got))
        proof.check()
    finally:
        running.stop()


def python(server, client, host):
    nginx.certificate()
    proof = Proof(server=server, client=client)
    running = Running("server", server, "python3", "-S", "-c", SERVER.format(w=work))
    try:
        wait(lambda: stage.listens("server", server, 8444), "listener", running=running)
        got = run("client", client, "python3", "-S", "-c", CLIENT.format(w=work), host)
        must(got == b"the same\n", got.decode())
        proof.check()
    finally:
        running.stop()


def cases():
    for what, steps in (("openssl s_server, s_client", s_server), ("Python", python)):
        for server, client, host in (("xtcp", "xtcp", stage.SERVER4), ("xtcp", "kernel", stage.SERVER6),
                                     ("kernel", "xtcp", stage.SERVER6)):
            yield ("%s, server on %s, client on %s" % (what, server, client),
                   lambda steps=steps, args=(server, client, host): steps(*args))
