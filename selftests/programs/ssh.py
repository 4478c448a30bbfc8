# SPDX-License-Identifier: GPL-2.0
"""sshd, ssh, scp, rsync over ssh, a forwarded port, and sshd's sessions, whose environment is a new one."""

import os
import subprocess

import stage
from stage import Running, in_url, must, run, sha, wait, work

PORT = 2222
SOCKETS = 2
KEY = work + "/id"


OPTIONS = ("-i", KEY, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")


def serve(stack, where="server"):
    if not os.path.exists(KEY):
        for name in (KEY, work + "/host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name], check=True)
        subprocess.run("mkdir -p /root/.ssh; cp %s.pub /root/.ssh/authorized_keys; chmod 700 /root /root/.ssh" % KEY,
                       shell=True, check=True)
    with open(work + "/ssh.bin", "wb") as file:
        file.write(os.urandom(700000))
    settings = ("Subsystem=sftp /usr/lib/openssh/sftp-server", "UsePAM=no", "PidFile=none", "StrictModes=no",
                "AuthorizedKeysFile=%s.pub" % KEY)
    return Running(where, stack, "/usr/sbin/sshd", "-D", "-e", "-p", "2222", "-h", work + "/host", "-f", "/dev/null",
                   *(word for setting in settings for word in ("-o", setting)))


def use(stack, host):
    with open(work + "/ssh.bin", "rb") as file:
        data = file.read()
    got = run("client", stack, "ssh", *OPTIONS, "-p", "2222", host, "cat " + work + "/ssh.bin")
    must(sha(got) == sha(data), "ssh: %d octets" % len(got))
    there = in_url(host)
    run("client", stack, "scp", "-q", *OPTIONS, "-P", "2222", "%s:%s/ssh.bin" % (there, work), work + "/scp.bin")
    run("client", stack, "rsync", "-e", " ".join(["ssh", "-p", "2222", *OPTIONS]), "%s:%s/ssh.bin" % (there, work),
        work + "/rsync.bin")
    for name in ("scp", "rsync"):
        with open("%s/%s.bin" % (work, name), "rb") as file:
            must(sha(file.read()) == sha(data), name)
    local = "::1" if ":" in host else "127.0.0.1"
    loop = in_url(local)
    forward = Running("client", stack, "ssh", *OPTIONS, "-N", "-L", "%s:2223:%s:2222" % (loop, loop), "-p", "2222", host)
    try:
        wait(lambda: stage.listens("client", stack, 2223), "forwarded port", running=forward)
        got = run("client", stack, "ssh", *OPTIONS, "-p", "2223", local, "cat " + work + "/ssh.bin")
        must(sha(got) == sha(data), "forwarded: %d octets" % len(got))
    finally:
        forward.stop()
