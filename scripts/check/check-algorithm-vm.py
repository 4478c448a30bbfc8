#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What check-algorithm.sh does in the virtual machine: loads its modules, and looks."""

import ctypes
import errno
import os
import queue
import socket
import struct
import subprocess
import sys
import threading
import time

AF_XTCP = 25
PORT = 7400
KNOBS = "/proc/sys/net/xtcp/"
LIBC = ctypes.CDLL(None, use_errno=True)
CWND = 80  # tcpi_snd_cwnd in struct tcp_info


def verdict(good, name):
    print(("ok" if good else "not ok") + " - algorithm: " + name, flush=True)


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


def knob(name):
    with open(KNOBS + name, encoding="ascii") as file:
        return file.read().strip()


def xtcp_socket():
    return call("socket", AF_XTCP, socket.SOCK_STREAM, 0)


def address(port):
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton("127.0.0.1"))


def call(name, *arguments):
    """Python's sockets do not know the family: descriptors and libc's calls."""
    result = getattr(LIBC, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def option(fd, which, size):
    room = ctypes.create_string_buffer(size)
    length = ctypes.c_uint32(size)
    call("getsockopt", fd, socket.IPPROTO_TCP, which, room, ctypes.byref(length))
    return room.raw[:length.value]


def pair():
    """A listener, and both ends of a connection."""
    listener = xtcp_socket()
    call("setsockopt", listener, socket.SOL_SOCKET, socket.SO_REUSEADDR, struct.pack("=I", 1), 4)
    call("bind", listener, address(PORT), 16)
    call("listen", listener, 1)
    client = xtcp_socket()
    call("connect", client, address(PORT), 16)
    return listener, client, call("accept", listener, None, None)


def transfer():
    """4 MB through one connection: what both ends use, and the window at its end."""
    listener, client, server = pair()
    got = []

    def read_all():
        left = 4 << 20
        while left > 0:
            part = len(os.read(server, 65536))
            if not part:
                break
            left -= part
        got.append(left)

    reader = threading.Thread(target=read_all)
    reader.start()
    sent = 0
    while sent < 4 << 20:
        sent += os.write(client, bytes(65536))
    reader.join()
    names = [option(fd, 13, 16).rstrip(b"\0").decode() for fd in (client, server)]
    cwnd = struct.unpack_from("=I", option(client, 11, 104), CWND)[0]
    for fd in (client, server, listener):
        os.close(fd)
    return got == [0], names, cwnd


def unload():
    return run("scripts/xtcp", "unload")


def write_knob(name, text):
    with open(KNOBS + name, "w", encoding="ascii") as file:
        file.write(text)


def choose(fd, name):
    call("setsockopt", fd, socket.IPPROTO_TCP, 13, name.encode(), len(name))


def uses(fd):
    return option(fd, 13, 16).rstrip(b"\0").decode()


def in_use(name="xtcp_cong_aimd"):
    """Is rmmod refused?"""
    return "in use" in run("rmmod", name).stderr


def goes(name="xtcp_cong_aimd"):
    """rmmod, as soon as the last sock is freed, a grace period after its end."""
    for _ in range(200):
        if not run("rmmod", name).returncode:
            return True
        time.sleep(0.05)
    return False


def refused(work, name, error, said):
    """insmod says @error, and the kernel's log why."""
    result = run("insmod", f"{work}/xtcp_cong_{name}.ko")
    return error in result.stderr and said in run("dmesg").stdout


def in_guest(*words):
    """A command in a namespace of a user who is root there alone."""
    return run("unshare", "--user", "--map-root-user", "--net", *words).stdout.strip()


def holders(module):
    """Each of those who can use an algorithm keeps its module, and no longer than they use it."""
    listener, client, server = pair()
    choose(client, "aimd")
    os.write(client, b"x" * 1000)
    verdict(uses(client) == "aimd" and uses(server) == "cubic" and os.read(server, 1000) == b"x" * 1000,
            "an open connection takes it")
    verdict(in_use(), "which keeps it")
    choose(client, "cubic")
    verdict(goes(), "until it takes another one")
    run("insmod", module)
    choose(listener, "aimd")
    verdict(in_use(), "a listener keeps it")
    second = xtcp_socket()
    call("connect", second, address(PORT), 16)
    child = call("accept", listener, None, None)
    choose(listener, "cubic")
    verdict(uses(child) == "aimd" and in_use(), "and its child, after it")
    shown = run("scripts/xtcp", "ss", "--set", "cc=reno", "sport", f"= {PORT}").stdout
    verdict(uses(child) == "reno" and "reno" in shown and goes(), "until xtcp ss --set gives that another one")
    run("insmod", module)
    run("scripts/xtcp", "ss", "--set", "cc=aimd", "sport", f"= {PORT}")
    verdict(uses(child) == "aimd" and in_use(), "xtcp ss --set gives it")
    for fd in (child, second, client, server, listener):
        os.close(fd)
    verdict(goes(), "the end of the connections lets it go")
    run("insmod", module)
    run("scripts/xtcp", "policy", "add", "cc=aimd", f"dport={PORT}")
    verdict(in_use(), "a rule keeps it")
    fds = pair()
    verdict(uses(fds[1]) == "aimd", "a connection takes it by that rule")
    run("scripts/xtcp", "policy", "del", f"dport={PORT}")
    verdict(in_use(), "and keeps it, after the rule")
    for fd in fds:
        os.close(fd)
    verdict(goes(), "and both have let it go")
    run("insmod", module)
    write_knob("congestion_control", "aimd")
    verdict(in_use() and in_use("xtcp"), "a default keeps it, and it keeps xtcp")
    verdict("xtcp_cong_aimd  a congestion control" in run("scripts/tools/xtcp-holders").stdout, "as xtcp holders says")
    room = subprocess.Popen(["unshare", "--net", "sh", "-c", "cat /proc/sys/net/xtcp/congestion_control; read word"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    verdict(room.stdout.readline() == "aimd\n", "a new namespace has the default")
    write_knob("congestion_control", "cubic")
    verdict(in_use(), "and keeps it")
    room.communicate("end\n")
    verdict(goes(), "until it ends")


def churn(module):
    """It comes and goes while others read its name, and is chosen until it goes."""
    done, wrong, turns, loaded = [], [], queue.Queue(), threading.Event()
    fds = pair()
    idle = fds[1]

    def read_names():
        while not done:
            names = knob("available_congestion_control").split() + [uses(idle)]
            wrong.extend(name for name in names if name not in ("aimd", "bbr", "cubic", "dctcp", "prague", "reno"))

    def choose_it():
        while loaded.wait() and not done:
            try:
                choose(idle, "aimd")
            except FileNotFoundError:
                continue
            os.write(idle, b"x" * 100)
            choose(idle, "reno")
            os.read(fds[2], 100)
            turns.put(True)

    threads = [threading.Thread(target=each) for each in (read_names, choose_it)]
    for thread in threads:
        thread.start()
    gone = 0
    while gone < 5 and not run("insmod", module).returncode:
        loaded.set()
        for _ in range(20):
            turns.get()
        early = not run("rmmod", "xtcp_cong_aimd").returncode
        loaded.clear()
        if not early and not goes():
            break
        gone += 1
    done.append(True)
    loaded.set()
    for thread in threads:
        thread.join()
    for fd in fds:
        os.close(fd)
    verdict(gone == 5 and not wrong, f"comes and goes while it is read and chosen ({gone}, {wrong[:3]})")


# how a name is used -> does an unknown one load a module?
USES = {"socket": True, "congestion_control": True, "allowed_congestion_control": False}

# who uses it -> is that an administrator of the machine?
USERS = {
    "root": ([], True),
    "root in another namespace": (["unshare", "--net"], True),
    "root without CAP_NET_ADMIN": (["setpriv", "--bounding-set=-net_admin"], False),
    "another user": (["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], False),
    "a guest": (["unshare", "--user", "--map-root-user", "--net"], False),
}


def use(stack, how, name):
    """In a process of its own: prints the error."""
    try:
        if how == "socket":
            choose(call("socket", AF_XTCP if stack == "xtcp" else socket.AF_INET, socket.SOCK_STREAM, 0), name)
        else:
            # not by a file, which writes again when it is closed
            os.write(os.open((KNOBS if stack == "xtcp" else "/proc/sys/net/ipv4/tcp_") + how, os.O_WRONLY), name.encode())
        print(0)
    except OSError as error:
        print(error.errno)


def autoloads(module):
    """An unknown name loads a module for whom it does with kernel TCP, and no other."""
    asked, helper = "/tmp/asked", "/tmp/modprobe"
    with open(helper, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\necho $3 >>{asked}\n[ $3 != xtcp_cong_aimd ] || /sbin/insmod {module}\n")
    os.chmod(helper, 0o755)
    with open("/proc/sys/kernel/modprobe", "w", encoding="ascii") as file:
        file.write(helper)

    def tried(words, stack, how, name):
        open(asked, "w", encoding="ascii").close()
        os.chmod(asked, 0o666)
        error = run(*words, sys.executable, __file__, "--use", stack, how, name).stdout.strip()
        with open(asked, encoding="ascii") as file:
            return error, file.read().split()

    for who, (words, is_administrator) in USERS.items():
        for how, loads in USES.items():
            kernel = tried(words, "kernel", how, "none")
            error, names = tried(words, "xtcp", how, "none")
            verdict((error, [name.replace("xtcp_cong_", "tcp_") for name in names]) == kernel and
                    names == ["xtcp_cong_none"] * (loads and is_administrator),
                    f"alone: an unknown name, {how}, {who}: as kernel TCP {error, names, kernel}")
    for how in ("socket", "congestion_control"):
        before = tried(["unshare", "--user", "--map-root-user", "--net"], "xtcp", how, "aimd")
        after = tried([], "xtcp", how, "aimd")
        write_knob("congestion_control", "cubic")
        verdict(before[0] == str(errno.ENOENT) and after == ("0", ["xtcp_cong_aimd"]) and goes(),
                f"alone: {how} loads it, and a guest's does not {before, after}")


def alone(work):
    """The same congestion control as a module of its own."""
    module = work + "/xtcp_cong_aimd.ko"
    verdict(refused(work, "aimd", "No such device", "xtcp_cong_aimd: there is no module xtcp that takes it"),
            "alone: is refused without xtcp")
    result = run("insmod", work + "/none.ko")
    verdict(not result.returncode and "aimd" not in knob("available_congestion_control"), "is gone with its file")
    before = knob("available_congestion_control")
    fds = pair()
    result = run("insmod", module)
    verdict(not result.returncode and knob("available_congestion_control") == before + " aimd",
            "alone: loads beside a connection, and is available " + result.stderr.strip())
    verdict("aimd" not in knob("allowed_congestion_control") and uses(fds[1]) == "cubic", "alone: and changes nothing")
    for fd in fds:
        os.close(fd)
    verdict(refused(work, "aimd", "File exists", ""), "alone: loads once")
    verdict(refused(work, "again", "File exists", "xtcp_cong_again: there is a congestion control 'aimd' already"),
            "alone: a name that is taken is refused")
    verdict(refused(work, "builtin", "File exists", "xtcp_cong_builtin: there is a congestion control 'cubic' already"),
            "alone: the name of one that is built in is refused")
    verdict(refused(work, "lacks", "Invalid parameters", "xtcp_cong_lacks has no name of 1 to 15 characters"),
            "alone: one without a mandatory operation is refused")
    verdict(refused(work, "other", "Invalid module format", "xtcp_cong_other was compiled with other headers"),
            "alone: one of another layout is refused")
    verdict(in_guest("cat", KNOBS + "available_congestion_control").endswith(" aimd"), "alone: a guest sees it")
    verdict(in_guest("sh", "-c", f"echo aimd >{KNOBS}congestion_control; cat {KNOBS}congestion_control") == "cubic" and
            not in_guest("insmod", work + "/xtcp_cong_zero.ko"), "alone: but cannot use it, nor load one")
    write_knob("congestion_control", "aimd")
    whole, names, cwnd = transfer()
    verdict(whole and names == ["aimd", "aimd"] and cwnd > 20, f"alone: its window grows by it ({names}, {cwnd})")
    write_knob("congestion_control", "cubic")
    verdict(goes() and knob("available_congestion_control") == before, "alone: is gone when its module is")
    run("insmod", module)
    verdict("aimd" not in knob("allowed_congestion_control"), "alone: and is allowed no more when it comes back")
    goes()
    autoloads(module)
    run("insmod", module)
    holders(module)
    churn(module)

    run("insmod", work + "/xtcp_cong_zero.ko")
    write_knob("congestion_control", "zero")
    whole, names, cwnd = transfer()
    verdict(whole and names == ["zero", "zero"] and cwnd == 1, f"a window of 0 is one segment ({names}, {cwnd})")
    write_knob("congestion_control", "cubic")
    verdict(goes("xtcp_cong_zero"), "alone: and goes")


def main(work):
    run("ip", "link", "set", "lo", "mtu", "1500", "up")
    result = run("insmod", work + "/aimd.ko")
    verdict(not result.returncode, "loads " + result.stderr.strip())
    verdict(sorted(knob("available_congestion_control").split()) == ["aimd", "bbr", "cubic", "dctcp", "prague", "reno"],
            "is available")
    verdict(knob("congestion_control") == "cubic", "changes no default")
    with open(KNOBS + "congestion_control", "w", encoding="ascii") as file:
        file.write("aimd")
    verdict("aimd" in knob("allowed_congestion_control"), "is allowed once it is the default")
    whole, names, cwnd = transfer()
    verdict(whole and names == ["aimd", "aimd"], f"a connection uses it ({names})")
    print(f"# its window has {cwnd} segments", flush=True)
    verdict(cwnd > 20, "and its window grows by it")
    result = unload()
    verdict(not result.returncode, "unloads " + result.stderr.strip())

    result = run("insmod", work + "/twin.ko")
    said = run("dmesg").stdout
    verdict(result.returncode and "busy" in result.stderr.lower(), "two of one name do not load")
    verdict("xtcp: two congestion controls have the name 'aimd'" in said, "and the kernel's log says which")

    alone(work)
    result = unload()
    verdict(not result.returncode, "and unloads")
    said = run("dmesg").stdout
    verdict(not any(word in said for word in ("WARNING:", "BUG:")), "the kernel's log is clean")
    return 0


if __name__ == "__main__":
    sys.exit(use(*sys.argv[2:]) if sys.argv[1] == "--use" else main(sys.argv[1]))
