# SPDX-License-Identifier: GPL-2.0
"""What xtcp-upgrade does: it hands over what programs have open in one build of the module to another build."""

import contextlib
import ctypes
import fcntl
import glob
import os
import re
import socket
import struct
import subprocess
import time

import owners
import program
from program import Wrong

FREE_FAMILIES = 27, 28, 43, 44, 45  # numbers of Linux that most machines do not use
TCP_REPAIR, REPAIR_ON, XTCP_KEYS, XTCP_TAKE_OVER, TCP_LISTEN = 19, 1, 2501, 2506, 10
TCP_INFO_MOST, TCP_INFO_LEN = 8 + 4 * 5, 104    # tcpi_sacked, of a listener: the backlog
SO_ATTACH_FILTER, SO_BUF_LOCK = 26, 72
BUFFERS = (1, socket.SO_SNDBUF, 32), (2, socket.SO_RCVBUF, 33)  # bit of SO_BUF_LOCK, option, the same without a limit
SIOCGSKNS = 0x894c  # the network namespace of a socket
LEVELS = socket.SOL_SOCKET, socket.IPPROTO_IP, socket.IPPROTO_IPV6, socket.SOL_TCP
# Reading SO_ERROR changes it, a filter is not set as it is read, TCP_REPAIR and its queues are our own means
NOT_COPIED = {(socket.SOL_SOCKET, option) for option in (socket.SO_ERROR, SO_ATTACH_FILTER, 7, 8, 32, 33)} | \
             {(socket.SOL_TCP, option) for option in (19, 20, 21, 22, 29)}
OPTIONS = [(level, option) for level in LEVELS for option in (*range(1, 80), *range(2500, 2506))]
LEAST_S, MOST_S = 2, 64     # how long what is half-open may become a connection of the old build


def libc(call, *arguments):
    result = getattr(ctypes.CDLL(None, use_errno=True), call)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def enter(namespace):
    """The network namespace of this descriptor."""
    libc("setns", namespace, program.CLONE_NEWNET)


def family_of(name, value=None):
    """Of a build, which it gets if there is one."""
    path = "/sys/module/%s/parameters/family" % name
    if not os.path.exists(path):
        raise Wrong(program.missing(name, "sockets"))
    with open(path, "r" if value is None else "w", encoding="ascii") as file:
        return int(file.read()) if value is None else file.write(str(value))


def load(what):
    """The name of a build: of a file, or one that is installed or loaded. It gets a family that is free."""
    name = os.path.basename(what).partition(".")[0]
    if not re.fullmatch("xtcp(_[a-z0-9]+)?", name):
        raise Wrong("'%s' is no build of xtcp: xtcp, xtcp_WORD, or its file" % what)
    if os.path.isdir("/sys/module/" + name):
        return name
    command = ["insmod"] if what.endswith(".ko") else ["modprobe"]
    for family in FREE_FAMILIES:
        done = subprocess.run([*command, what, "family=%d" % family], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        if not done.returncode:
            return name
    raise Wrong(done.stdout.strip())


def copy_sysctls(old, new):
    """In each network namespace that has a process, a name of ip netns, or a listener."""
    seen = set()
    for path in glob.glob("/proc/[0-9]*/ns/net") + glob.glob("/run/netns/*"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            copy_sysctls_of(file.fileno(), seen, old, new)
    for _, _, sock in listeners(old):
        with open(fcntl.ioctl(sock, SIOCGSKNS), "rb") as file:
            copy_sysctls_of(file.fileno(), seen, old, new)


def copy_sysctls_of(namespace, seen, old, new):
    inode = os.stat(namespace).st_ino
    if inode not in seen:
        enter(namespace)
        seen.add(inode)
        for name in os.listdir("/proc/sys/net/" + old):
            copy_sysctl(*("/proc/sys/net/%s/%s" % (build, name) for build in (old, new)))


def copy_sysctl(old, new):
    with contextlib.suppress(OSError):      # only to be read, or not known to the other build
        with open(old, encoding="ascii") as one, open(new, encoding="ascii") as other:
            value, present = one.read(), other.read()
        if value != present:
            with open(new, "w", encoding="ascii") as file:
                file.write(value)


def listeners(old):
    """(pid, owner, socket) of each listener of the build: a copy of the program's descriptor."""
    seen = set()
    protocols = {(old.upper() + end).encode() for end in ("", "v6")}
    for pid, fd, inode in owners.descriptors():
        path = "/proc/%s/fd/%s" % (pid, fd)
        with contextlib.suppress(OSError):
            if inode in seen or os.getxattr(path, "system.sockprotoname").rstrip(b"\0") not in protocols:
                continue
            owner = os.stat(path).st_uid
            pidfd = os.pidfd_open(int(pid))
            try:
                sock = socket.socket(fileno=libc("syscall", owners.PIDFD_GETFD, pidfd, int(fd), 0))
            finally:
                os.close(pidfd)
            with sock:
                if sock.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 1)[0] == TCP_LISTEN:
                    seen.add(inode)
                    yield pid, owner, sock


def copy_options(old, new):
    """Each that both know, and in which they differ."""
    for level, option in OPTIONS:
        with contextlib.suppress(OSError):
            if (level, option) not in NOT_COPIED:
                value = old.getsockopt(level, option, 64)
                if value != new.getsockopt(level, option, 64):
                    new.setsockopt(level, option, value)
    locked = old.getsockopt(socket.SOL_SOCKET, SO_BUF_LOCK)
    for bit, option, forced in BUFFERS:
        if locked & bit:
            new.setsockopt(socket.SOL_SOCKET, forced, old.getsockopt(socket.SOL_SOCKET, option) // 2)


def beside(old, owner, family):
    """A listener of the other build at the same place, with the same options."""
    if old.getsockopt(socket.SOL_TCP, XTCP_KEYS) or old.getsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, 0):
        raise Wrong("it has keys or a filter")
    libc("setfsuid", owner)     # members of a group of SO_REUSEPORT have one owner
    try:
        fd = socket.socket(family, socket.SOCK_STREAM, int(old.family == socket.AF_INET6)).detach()
    finally:
        libc("setfsuid", 0)
    new = socket.socket(old.family, socket.SOCK_STREAM, 0, fd)
    copy_options(old, new)
    new.setsockopt(socket.SOL_TCP, TCP_REPAIR, REPAIR_ON)
    new.bind(old.getsockname())
    new.listen(struct.unpack_from("I", old.getsockopt(socket.SOL_TCP, socket.TCP_INFO, TCP_INFO_LEN), TCP_INFO_MOST)[0])
    copy_options(old, new)
    return new


def take_over(old, new, family):
    """(namespace, socket) of each old listener, which is behind a descriptor of ours now. And how many have stayed."""
    drain, stay = [], 0
    for pid, owner, sock in listeners(old):
        try:
            namespace = fcntl.ioctl(sock, SIOCGSKNS)
            enter(namespace)
            mine = beside(sock, owner, family)
            mine.setsockopt(socket.SOL_TCP, XTCP_TAKE_OVER, sock.fileno())
            drain.append((namespace, mine))
        except (OSError, Wrong) as error:
            print("process %s, port %d: stays in %s: %s" % (pid, sock.getsockname()[1], old, error))
            stay += 1
    print("%d listener%s in %s" % (len(drain), " is" if len(drain) == 1 else "s are", new))
    return drain, stay


def is_half_open(namespace, old):
    """Has anything in it a half-open entry?"""
    enter(namespace)
    for end in "", "6":
        with contextlib.suppress(OSError), open("/proc/net/%s%s" % (old, end), encoding="ascii") as file:
            if any(row.split()[3:4] == ["03"] for row in file):
                return True
    return False


def wait_for(drain, old):
    """Until what was half-open is a connection, or its time is over."""
    begun = time.monotonic()
    while time.monotonic() < begun + LEAST_S or \
            (time.monotonic() < begun + MOST_S and any(is_half_open(namespace, old) for namespace, _ in drain)):
        time.sleep(0.1)


def upgrade(old, what):
    """The exit status."""
    family = family_of(old)
    new = load(what)
    if new == old:
        raise Wrong("%s is loaded; build the other one under another name: make NAME=xtcp_b" % new)
    copy_sysctls(old, new)
    family_of(new, family)
    drain, stay = take_over(old, new, family)
    wait_for(drain, old)
    for _, sock in drain:
        sock.close()
    if not stay:
        print("what is open in %s stays there: xtcp holders %s; when it has ended: xtcp unload %s" % (old, old, old))
    return int(bool(stay))


def main(doc):
    def run():
        parser = program.Parser("xtcp-upgrade", doc)
        parser.add_argument("--name", default="xtcp", help="the build whose listeners go on in the other one")
        parser.add_argument("build", metavar="BUILD", help="the other build: its file, or its name if it is installed or loaded")
        args = parser.parse_args()
        if os.geteuid():
            raise Wrong("only root can")
        return upgrade(args.name, args.build)

    return program.ends("xtcp-upgrade", run)
