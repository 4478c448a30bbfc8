# SPDX-License-Identifier: GPL-2.0
"""FTP, active and passive: pyftpdlib serves; curl and lftp store and fetch."""

import os

from stage import Running, must, run, sha, work

PORT = 2121


def serve(stack):
    os.makedirs(work + "/ftp", exist_ok=True)
    return Running("server", stack, "python3", "-m", "pyftpdlib", "-w", "-p", "2121", "-i", "::", "-d", work + "/ftp")


def use(stack, host):
    host = "[%s]" % host if ":" in host else host
    for name, more in (("passive", []), ("active", ["-P", "-"])):
        data = os.urandom(400000)
        url = "ftp://%s:2121/%s.bin" % (host, name)
        run("client", stack, "curl", "-sS", *more, "-T", "-", url, data=data)
        must(sha(run("client", stack, "curl", "-sS", *more, url)) == sha(data), name)
