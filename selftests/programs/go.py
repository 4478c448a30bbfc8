# SPDX-License-Identifier: GPL-2.0
"""Go: caddy serves a folder, hey fetches from it; both call the kernel past libc."""

import os

from stage import Running, must, run, sha, work

PORT = 8090


def serve(stack):
    os.makedirs(work + "/caddy", exist_ok=True)
    with open(work + "/caddy/a.bin", "wb") as file:
        file.write(os.urandom(500000))
    return Running("server", stack, "caddy", "file-server", "--root", work + "/caddy", "--listen", ":8090",
                   env=dict(os.environ, HOME=work))


def use(stack, host):
    host = "[%s]" % host if ":" in host else host
    with open(work + "/caddy/a.bin", "rb") as file:
        want = sha(file.read())
    must(sha(run("client", stack, "curl", "-sS", "http://%s:8090/a.bin" % host)) == want, "another file")
    out = run("client", stack, "hey", "-n", "100", "-c", "10", "http://%s:8090/a.bin" % host).decode()
    must("[200]\t100 responses" in out, out)
