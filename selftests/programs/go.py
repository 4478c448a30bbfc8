# SPDX-License-Identifier: GPL-2.0
"""Go, which calls the kernel past libc: caddy serves a folder, hey fetches from it. Debian links both against libc; its
kubectl is static, serves a folder and fetches files."""

import os
import struct
from types import SimpleNamespace

from stage import Running, in_url, must, run, sha, work

FILES = work + "/go"
PT_INTERP = 3


def static(path):
    """Whether a program of 64 bits asks for no dynamic linker."""
    with open(path, "rb") as file:
        head = file.read(64)
        must(head[:5] == b"\x7fELF\x02", path + " is no ELF file of 64 bits")
        table, size, n = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
        file.seek(table)
        return all(struct.unpack("<I", file.read(size)[:4])[0] != PT_INTERP for _ in range(n))


def made():
    os.makedirs(FILES, exist_ok=True)
    with open(FILES + "/a.bin", "wb") as file:
        file.write(os.urandom(500000))


def fetched(stack, *words):
    with open(FILES + "/a.bin", "rb") as file:
        must(sha(run("client", stack, *words)) == sha(file.read()), "%s: another file" % words[0])


def serve_caddy(stack):
    made()
    return Running("server", stack, "caddy", "file-server", "--root", FILES, "--listen", ":8090",
                   env=dict(os.environ, HOME=work))


def use_caddy(stack, host):
    url = "http://%s:8090/a.bin" % in_url(host)
    fetched(stack, "curl", "-sS", url)
    out = run("client", stack, "hey", "-n", "100", "-c", "10", url).decode()
    must("[200]\t100 responses" in out and "Size/request:\t500000 bytes" in out, out)  # it does not keep them


def serve_kubectl(stack):
    must(static("/usr/bin/kubectl") and not static("/usr/bin/caddy"), "kubectl is not static, or caddy is")
    made()
    return Running("server", stack, "kubectl", "proxy", "--www=" + FILES, "--www-prefix=/files/", "--address=[::]",
                   "--port=8091", "--disable-filter=true", env=dict(os.environ, HOME=work))


def use_kubectl(stack, host):
    for _ in range(3):
        fetched(stack, "env", "HOME=" + work, "kubectl", "get", "--raw", "/files/a.bin", "--server",
                "http://%s:8091" % in_url(host))


PARTS = (SimpleNamespace(NAME="caddy and hey", PORT=8090, serve=serve_caddy, use=use_caddy),
         SimpleNamespace(NAME="kubectl, static", PORT=8091, serve=serve_kubectl, use=use_kubectl))
