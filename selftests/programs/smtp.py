# SPDX-License-Identifier: GPL-2.0
"""SMTP: OpenSMTPD takes a long letter from swaks, over IPv6 from curl, and puts it into a maildir."""

import ctypes
import glob
import os
import subprocess

from stage import Running, must, run, wait, work

PORT = 2525
SOCKETS = 2
CONF = """listen on 0.0.0.0 port 2525
listen on :: port 2525
action "keep" maildir "{w}/mail"
match from any for any action "keep"
"""

IN_MOVED_TO, IN_CREATE = 0x80, 0x100


def files_come(folder):
    """What can be read when a file is made in a folder, or moved there."""
    libc = ctypes.CDLL(None, use_errno=True)
    events = open(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0)
    must(libc.inotify_add_watch(events.fileno(), folder.encode(), IN_MOVED_TO | IN_CREATE) >= 0, folder)
    return events


def serve(stack):
    subprocess.run("rm -rf {w}/mail /var/spool/smtpd; mkdir -p /var/spool/smtpd /var/lib/opensmtpd/empty; "
                   "chmod 711 /var/spool/smtpd; mkdir {w}/mail {w}/mail/new {w}/mail/cur {w}/mail/tmp; "
                   "chmod 777 {w}/mail {w}/mail/*; touch /etc/aliases; "
                   "echo server >/etc/mailname".format(w=work), shell=True, check=True)
    with open(work + "/smtpd.conf", "w") as file:
        file.write(CONF.format(w=work))
    return Running("server", stack, "/usr/sbin/smtpd", "-d", "-f", work + "/smtpd.conf")


def use(stack, host):
    for name in glob.glob(work + "/mail/new/*"):
        os.unlink(name)
    text = os.urandom(100000).hex()
    with open(work + "/letter", "w") as file:
        file.write("\n\n" + "\n".join(text[i:i + 70] for i in range(0, len(text), 70)))
    if ":" in host:
        run("client", stack, "curl", "-sS", "smtp://[%s]:2525/client" % host, "--mail-from", "a@client", "--mail-rcpt",
            "redis@server", "-T", work + "/letter")
    else:
        run("client", stack, "swaks", "--server", host, "--port", "2525", "--to", "redis@server", "--from", "a@client",
            "--body", work + "/letter", "--helo", "client")
    with files_come(work + "/mail/new") as events:
        wait(lambda: glob.glob(work + "/mail/new/*"), "the letter", events=events.fileno())
    with open(glob.glob(work + "/mail/new/*")[0]) as file:
        got = file.read()
    must(text in got.replace("\n", ""), "another letter, %d octets" % len(got))
