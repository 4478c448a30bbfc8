# SPDX-License-Identifier: GPL-2.0
"""FTP, active and passive: pyftpdlib serves; curl and lftp store and fetch."""

import os

from stage import Running, in_url, must, run, sha, work

PORT = 2121


def serve(stack):
    os.makedirs(work + "/ftp", exist_ok=True)
    return Running("server", stack, "python3", "-m", "pyftpdlib", "-w", "-p", "2121", "-i", "::", "-d", work + "/ftp")


def by_curl(stack, url, active, data):
    more = ["-P", "-"] if active else []
    run("client", stack, "curl", "-sS", *more, "-T", "-", url, data=data)
    return run("client", stack, "curl", "-sS", *more, url)


def by_lftp(stack, url, active, data):
    with open(work + "/lftp.put", "wb") as file:
        file.write(data)
    folder, name = url.rsplit("/", 1)
    commands = ("set ftp:passive-mode {passive}; set net:max-retries 1; set xfer:clobber yes; "
                "put {w}/lftp.put -o {name}; get {name} -o {w}/lftp.got; bye")
    run("client", stack, "lftp", "--norc", "-e", commands.format(passive="no" if active else "yes", w=work, name=name),
        folder, env=dict(os.environ, HOME=work))
    with open(work + "/lftp.got", "rb") as file:
        return file.read()


def use(stack, host):
    for program in (by_curl, by_lftp):
        for active in (False, True):
            name = "%s-%s.bin" % (program.__name__, "active" if active else "passive")
            data = os.urandom(400000)
            got = program(stack, "ftp://%s:2121/%s" % (in_url(host), name), active, data)
            with open("%s/ftp/%s" % (work, name), "rb") as file:
                must(sha(file.read()) == sha(data), name + ": another file was stored")
            must(sha(got) == sha(data), name + ": another file was fetched")
