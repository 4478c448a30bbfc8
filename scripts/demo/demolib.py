# SPDX-License-Identifier: GPL-2.0
"""What the steps of the demonstrations share: namespaces, xtcp sockets, stock
tools that look at them. Python does not know how to write an address of
AF_XTCP, so sockets are descriptors here and calls are libc's."""

import ctypes
import os
import re
import select
import socket
import struct
import subprocess
import sys
import textwrap
import time

AF_XTCP = 25
SERVER, PORT = "10.77.0.2", 80
TRACE = "/sys/kernel/tracing/trace"
COLOR = bool(os.environ.get("COLOR"))
LADDER = os.environ.get("LADDER", "scripts/tools/xtcp-ladder --plain").split()
libc = ctypes.CDLL(None, use_errno=True)


def enter(name):
    with open("/run/netns/" + name) as ns:
        if libc.setns(ns.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")


def sysctl(name, value):
    enter("server")
    with open("/proc/sys/net/xtcp/" + name, "w") as knob:
        knob.write(str(value))


def sockaddr(host, port):
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton(host))


def check(result, what):
    if result < 0 and ctypes.get_errno() != 115:  # EINPROGRESS
        raise OSError(ctypes.get_errno(), what + ": " + os.strerror(ctypes.get_errno()))
    return result


class Socket:
    """An xtcp socket in a namespace; none of its calls waits."""

    def __init__(self, ns, fd=None):
        self.ns = ns
        kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        enter(ns)
        self.fd = check(libc.socket(AF_XTCP, kind, 0), "socket") if fd is None else fd

    def set(self, level, option, *values):
        value = struct.pack("=%di" % len(values), *values)
        check(libc.setsockopt(self.fd, level, option, value, len(value)), "setsockopt")

    def error(self):
        return self.get(socket.SOL_SOCKET, socket.SO_ERROR)

    def get(self, level, option):
        value, size = ctypes.c_int(), ctypes.c_int(4)
        check(libc.getsockopt(self.fd, level, option, ctypes.byref(value), ctypes.byref(size)), "getsockopt")
        return value.value

    def bind(self, host, port):
        self.set(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        check(libc.bind(self.fd, sockaddr(host, port), 16), "bind")

    def listen(self, backlog):
        check(libc.listen(self.fd, backlog), "listen")

    def connect(self, port):
        """From a port of our choice, so that the ladder finds the connection."""
        self.port = port
        self.bind("10.77.0.1", port)
        check(libc.connect(self.fd, sockaddr(SERVER, PORT), 16), "connect")
        return self

    def accept(self):
        return Socket(self.ns, check(libc.accept4(self.fd, None, None, socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC),
                                     "accept"))

    def wait(self, events, seconds):
        poll = select.poll()
        poll.register(self.fd, events)
        return bool(poll.poll(seconds * 1000))

    def send(self, data):
        return check(libc.send(self.fd, data, len(data), socket.MSG_NOSIGNAL), "send")

    def shutdown(self, how):
        check(libc.shutdown(self.fd, how), "shutdown")

    def close(self):
        libc.close(self.fd)


def wrapped(text):
    return textwrap.fill(text, int(os.environ.get("COLUMNS", 110)), break_on_hyphens=False)


def title(text):
    print("\n%s%s%s" % (os.environ.get("BOLD", ""), wrapped("== %s ==" % text), os.environ.get("PLAIN", "")), flush=True)


def run(*command):
    subprocess.run(command, check=True, cwd="/" if command[0] != LADDER[0] else None)


def shown(ns, *command, env=None):
    """Runs a stock tool in a namespace, as its user would. What it printed."""
    enter(ns)
    print(wrapped("%s$ %s" % ("" if ns == "server" else ns, " ".join(command))), flush=True)
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env).stdout
    text = re.sub("^#kernel$", "#xtcp", text, count=1, flags=re.M)     # stock nstat's word for whatever it reads
    print(text, end="", flush=True)
    return text


def ladder(port):
    """Draws the connection from that port of the client. The drawing, without its colours."""
    text = subprocess.run([*LADDER, "--port", str(port), TRACE], check=True, stdout=subprocess.PIPE, text=True).stdout
    print(text, end="", flush=True)
    return re.sub("\033\\[[0-9;]*m", "", text)


def must_show(text, *patterns):
    """All of these are in the text, one behind the other, or the demonstration has failed."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern).search(text, at)
        if not found:
            sys.exit("this should have shown: " + pattern)
        at = found.end()


def wait_until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("never came: " + what)
        time.sleep(0.01)


def rows(ns):
    """The connections of a namespace, its listeners too: (local port, peer port) and state."""
    states = ("", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED", "CLOSE-WAIT",
              "LAST-ACK", "LISTEN", "CLOSING")
    enter(ns)
    with open("/proc/net/xtcp") as file:
        lines = [line.split() for line in file][1:]
    return {tuple(int(end.split(":")[1], 16) for end in line[1:3]): states[int(line[3], 16)] for line in lines}


def wait_state(ns, port, state):
    """Until the connection from that port of the client is in a state; None: until it has none."""
    name = (PORT, port) if ns == "server" else (port, PORT)
    wait_until(lambda: rows(ns).get(name) == state, "%s in the namespace %s" % (state or "an end", ns))


def counter(ns, group, name):
    """A counter of xtcp, by the names of /proc/net/snmp and netstat."""
    enter(ns)
    with open("/proc/net/xtcp_" + ("netstat" if group.endswith("Ext") else "snmp")) as file:
        for names, values in zip(file, file):
            if names.startswith(group + ":"):
                return int(values.split()[names.split().index(name)])
    raise KeyError(group + name)
