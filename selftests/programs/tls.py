# SPDX-License-Identifier: GPL-2.0
"""openssl s_server and s_client, and Python's ssl, by TLS 1.3."""

import os
from types import SimpleNamespace

import nginx
from stage import Running, in_url, must, run, sha, work

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


def serve_openssl(stack):
    nginx.certificate()
    with open(work + "/tls.bin", "wb") as file:
        file.write(os.urandom(500000))
    return Running("server", stack, "openssl", "s_server", "-accept", "8443", "-cert", work + "/cert.pem", "-key",
                   work + "/key.pem", "-WWW", "-tls1_3", cwd=work)


def use_openssl(stack, host):
    got = run("client", stack, "openssl", "s_client", "-connect", in_url(host) + ":8443", "-quiet", "-tls1_3",
              "-ign_eof", data=b"GET /tls.bin HTTP/1.0\r\n\r\n")
    with open(work + "/tls.bin", "rb") as file:
        must(sha(got.split(b"\r\n\r\n", 1)[1]) == sha(file.read()), "another file, %d octets" % len(got))


def serve_python(stack):
    nginx.certificate()
    return Running("server", stack, "python3", "-S", "-c", SERVER.format(w=work))


def use_python(stack, host):
    got = run("client", stack, "python3", "-S", "-c", CLIENT.format(w=work), host)
    must(got == b"the same\n", got.decode())


PARTS = (SimpleNamespace(NAME="openssl s_server, s_client", PORT=8443, serve=serve_openssl, use=use_openssl),
         SimpleNamespace(NAME="Python", PORT=8444, serve=serve_python, use=use_python))
