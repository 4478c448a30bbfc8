# SPDX-License-Identifier: GPL-2.0
"""sshd, ssh, scp, rsync over ssh, a forwarded port, and sshd's sessions, whose environment is a new one."""

import os
import subprocess

import stage
from stage import Running, must, run, sha, wait, work

PORT = 2222
KEY = work + "/id"


def serve(stack):
    if not os.path.exists(KEY):
        for name in (KEY, work + "/host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name], check=True)
        subprocess.run("mkdir -p /root/.ssh; cp %s.pub /root/.ssh/authorized_keys; chmod 700 /root /root/.ssh" % KEY,
                       shell=True, check=True)
    with open(work + "/ssh.bin", "wb") as file:
        file.write(os.urandom(700000))
    settings = ("Subsystem=sftp /usr/lib/openssh/sftp-server", "UsePAM=no", "PidFile=none", "StrictModes=no",
                "AuthorizedKeysFile=%s.pub" % KEY)
    return Running("server", stack, "/usr/sbin/sshd", "-D", "-e", "-p", "2222", "-h", work + "/host", "-f", "/dev/null",
                   *(word for setting in settings for word in ("-o", setting)))


def use(stack, host):
    options = ["-i", KEY, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
               "LogLevel=ERROR"]
    with open(work + "/ssh.bin", "rb") as file:
        data = file.read()
    got = run("client", stack, "ssh", *options, "-p", "2222", host, "cat " + work + "/ssh.bin")
    must(sha(got) == sha(data), "ssh: %d octets" % len(got))
    there = "[%s]" % host if ":" in host else host
    run("client", stack, "scp", "-q", *options, "-P", "2222", "%s:%s/ssh.bin" % (there, work), work + "/scp.bin")
    run("client", stack, "rsync", "-e", " ".join(["ssh", "-p", "2222", *options]), "%s:%s/ssh.bin" % (there, work),
        work + "/rsync.bin")
    for name in ("scp", "rsync"):
        with open("%s/%s.bin" % (work, name), "rb") as file:
            must(sha(file.read()) == sha(data), name)
    forward = Running("client", stack, "ssh", *options, "-N", "-L", "2223:127.0.0.1:2222", "-p", "2222", host)
    try:
        wait(lambda: stage.listens("client", stack, 2223), "forwarded port", running=forward)
        got = run("client", stack, "ssh", *options, "-p", "2223", "127.0.0.1", "cat " + work + "/ssh.bin")
        must(sha(got) == sha(data), "forwarded: %d octets" % len(got))
    finally:
        forward.stop()
