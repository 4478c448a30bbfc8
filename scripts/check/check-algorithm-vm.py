#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What check-algorithm.sh does in the virtual machine: loads its modules, and looks."""

import ctypes
import errno
import fcntl
import mmap
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
ADDRESS = "127.0.0.1", PORT
KNOBS = "/proc/sys/net/xtcp/"
CWND = 80  # tcpi_snd_cwnd in struct tcp_info


def verdict(good, name):
    print(("ok" if good else "not ok") + " - algorithm: " + name, flush=True)


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


def knob(name):
    with open(KNOBS + name, encoding="ascii") as file:
        return file.read().strip()


def xtcp_socket():
    """Python knows no addresses of the family, which are those of IPv4."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, socket.socket(AF_XTCP, socket.SOCK_STREAM).detach())


def pair():
    """A listener, and both ends of a connection, as segments: an algorithm sees no ACK of what goes straight to a peer."""
    write_knob("local", "0")
    listener = xtcp_socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(ADDRESS)
    listener.listen(1)
    return listener, *connected(listener)


def connected(listener):
    client = xtcp_socket()
    client.connect(ADDRESS)
    return client, listener.accept()[0]


def close(*sockets):
    for sock in sockets:
        sock.close()


def cwnd_of(sock):
    return struct.unpack_from("=I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), CWND)[0]


def transfer(octets=4 << 20):
    """Through one connection: what both ends use, and the window at its end."""
    listener, client, server = pair()
    got = []
    reader = threading.Thread(target=lambda: got.append(len(server.makefile("rb").read(octets))))
    reader.start()
    client.sendall(bytes(octets))
    reader.join()
    names, cwnd = [uses(client), uses(server)], cwnd_of(client)
    close(client, server, listener)
    return got == [octets], names, cwnd


def unload():
    return run("scripts/xtcp", "unload")


def write_knob(name, text):
    with open(KNOBS + name, "w", encoding="ascii") as file:
        file.write(text)


def choose(sock, name):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())


def uses(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()


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
    client.send(b"x" * 1000)
    verdict(uses(client) == "aimd" and uses(server) == "cubic" and server.recv(1000) == b"x" * 1000,
            "an open connection takes it")
    verdict(in_use(), "which keeps it")
    choose(client, "cubic")
    verdict(goes(), "until it takes another one")
    run("insmod", module)
    choose(listener, "aimd")
    verdict(in_use(), "a listener keeps it")
    second, child = connected(listener)
    choose(listener, "cubic")
    verdict(uses(child) == "aimd" and in_use(), "and its child, after it")
    shown = run("scripts/xtcp", "ss", "--set", "cc=reno", "sport", f"= {PORT}").stdout
    verdict(uses(child) == "reno" and "reno" in shown and goes(), "until xtcp ss --set gives that another one")
    run("insmod", module)
    run("scripts/xtcp", "ss", "--set", "cc=aimd", "sport", f"= {PORT}")
    verdict(uses(child) == "aimd" and in_use(), "xtcp ss --set gives it")
    close(child, second, client, server, listener)
    verdict(goes(), "the end of the connections lets it go")
    run("insmod", module)
    run("scripts/xtcp", "policy", "add", "cc=aimd", f"dport={PORT}")
    verdict(in_use(), "a rule keeps it")
    fds = pair()
    verdict(uses(fds[1]) == "aimd", "a connection takes it by that rule")
    run("scripts/xtcp", "policy", "del", f"dport={PORT}")
    verdict(in_use(), "and keeps it, after the rule")
    close(*fds)
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
            idle.send(b"x" * 100)
            choose(idle, "reno")
            fds[2].recv(100)
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
    close(*fds)
    verdict(gone == 5 and not wrong, f"comes and goes while it is read and chosen ({gone}, {wrong[:3]})")


def renew():
    with open("/sys/module/xtcp/parameters/renew", "w", encoding="ascii") as file:
        file.write("1")


def grown(fd, peer):
    """The window after more text than it holds: that of the second version has always seven segments."""
    sent = fd.send(bytes(65536))
    while sent:
        sent -= len(peer.recv(65536))
    for _ in range(200):
        if cwnd_of(fd) == 7:
            break
        time.sleep(0.01)
    return cwnd_of(fd)


def replaced(work):
    """Each user of an algorithm gets the module that replaces it, and keeps its windows."""
    module, second = work + "/xtcp_cong_aimd.ko", work + "/xtcp_cong_aimd_V2.ko"
    run("insmod", module)
    listener, client, server = pair()
    choose(listener, "aimd")
    unconnected, late = xtcp_socket(), xtcp_socket()
    for fd in (client, unconnected, late):
        choose(fd, "aimd")
    client.send(b"x" * 1000)
    server.recv(1000)
    run("scripts/xtcp", "policy", "add", "cc=aimd", "dport=7")
    write_knob("congestion_control", "aimd")
    room = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; read word; cat /proc/sys/net/xtcp/congestion_control"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    room.stdout.readline()
    (orphan, its_peer), (aborted, reset) = connected(listener), connected(listener)
    waiting = xtcp_socket()
    waiting.connect(ADDRESS)    # and is not accepted
    orphan.setblocking(False)
    try:
        while orphan.send(bytes(1 << 16)):
            pass
    except BlockingIOError:
        orphan.close()
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=II", 1, 0))
    reset.close()
    cwnd = cwnd_of(client)
    result = run("insmod", second)
    verdict("resource busy" in result.stderr, "replaced: not unless it is said " + result.stderr.strip())
    for name, error in (("builtin", "resource busy"), ("lacks", "Invalid parameters"), ("other", "Invalid module format")):
        verdict(error in run("insmod", f"{work}/xtcp_cong_{name}.ko", "replaces=1").stderr, f"replaced: not by {name}")
    result = run("insmod", second, "replaces=1")
    verdict(not result.returncode and knob("available_congestion_control").split().count("aimd") == 1,
            "replaced: both are loaded, and the name is there once " + result.stderr.strip())
    verdict("aimd" in knob("allowed_congestion_control"), "replaced: and is allowed as before")
    verdict(in_use(), "replaced: the old one stays")
    verdict("Permission denied" in run(*USERS["another user"][0], "sh", "-c", "echo 1 >/sys/module/xtcp/parameters/renew").stderr,
            "replaced: another user renews nothing")
    renew()
    verdict(cwnd_of(client) == cwnd, f"replaced: the window stays ({cwnd})")
    verdict(in_use(), "replaced: sockets without a connection keep the old one")
    unconnected.close()
    late.connect(ADDRESS)
    verdict(goes(), "replaced: it goes when one is closed and the other connects")
    verdict(in_use("xtcp_cong_aimd_V2") and uses(client) == uses(late) == uses(aborted) == "aimd", "replaced: all have the new one")
    child = listener.accept()[0]
    last = listener.accept()[0]
    verdict(grown(client, server) == grown(child, waiting) == grown(late, last) == 7, "replaced: which sees the next ACK of each")
    verdict("cc=aimd" in run("scripts/xtcp", "policy", "list").stdout, "replaced: a rule names it")
    verdict(room.communicate("\n")[0] == "aimd\n", "replaced: and so does the default of another namespace")
    run("scripts/xtcp", "policy", "del", "dport=7")
    write_knob("congestion_control", "cubic")
    close(listener, client, server, waiting, late, child, last, aborted, its_peer)
    verdict(goes("xtcp_cong_aimd_V2"), "replaced: and goes when nobody has it")
    owned(module, second)
    changes(module, second)
    loaded(work)


def loaded(work):
    """By the command, with what was compiled before: in an emulated machine the compiler takes a minute."""
    def load(suffix=""):
        result = run("scripts/xtcp", "cong", "load", f"{work}/xtcp_cong_aimd{suffix}.ko")
        return result.stdout + result.stderr

    verdict(load() == "xtcp_cong_aimd is loaded\n", "xtcp cong load: the first")
    fds = pair()
    choose(fds[1], "aimd")
    begun = time.monotonic()
    said = load("_V2")
    window = grown(fds[1], fds[2])
    print(f"# from what is compiled to the ACK: {time.monotonic() - begun:.1f} s", flush=True)
    verdict(said == "xtcp_cong_aimd_V2 is loaded\n" and window == 7 and not os.path.exists("/sys/module/xtcp_cong_aimd"),
            f"xtcp cong load: the second, and the first is gone {said, window}")
    idle = xtcp_socket()
    choose(idle, "aimd")
    said = load()
    verdict(said.startswith("xtcp_cong_aimd is loaded\nxtcp_cong_aimd_V2 stays loaded, for sockets without"),
            f"xtcp cong load: says what stays {said}")
    close(idle, *fds)
    verdict(goes("xtcp_cong_aimd_V2") and goes(), "xtcp cong load: and both go")


def owned(module, second):
    """A program that has the socket locked, in the middle of send(), gets it when it lets go."""
    run("insmod", module)
    fds = pair()
    choose(fds[1], "aimd")
    faults = ctypes.CDLL(None).syscall({"x86_64": 323}.get(os.uname().machine, 282), 0)
    page = mmap.mmap(-1, 4096)
    at = ctypes.addressof(ctypes.c_char.from_buffer(page))
    fcntl.ioctl(faults, 0xc018aa3f, struct.pack("=QQQ", 0xaa, 0, 0))    # UFFDIO_API
    fcntl.ioctl(faults, 0xc020aa00, struct.pack("=QQQQ", at, 4096, 1, 0))    # UFFDIO_REGISTER
    thread = threading.Thread(target=lambda: fds[1].send(memoryview(page)[:100]))
    thread.start()
    where = ""
    while "userfault" not in where:
        with open(f"/proc/self/task/{thread.native_id}/wchan", encoding="ascii") as file:
            where = file.read()
    run("insmod", second, "replaces=1")
    renew()
    verdict(in_use(), "replaced: a program that has the lock keeps the old one")
    os.close(faults)
    thread.join()
    verdict(goes() and in_use("xtcp_cong_aimd_V2"), "replaced: and has the new one when it lets go")
    close(*fds)
    verdict(goes("xtcp_cong_aimd_V2"), "replaced: which goes with it")


def changes(module, second):
    """They replace each other while connections come and go and carry data, and others read."""
    done, wrong, rounds = [], [], 0
    fds = listener, client, server = pair()

    def read_names():
        while not done:
            names = knob("available_congestion_control").split() + [uses(client)]
            wrong.extend(name for name in names if name not in ("aimd", "bbr", "cubic", "dctcp", "prague", "reno"))
            run("scripts/xtcp", "ss", "-ti")

    def connect():
        while not done:
            ends = connected(listener)
            ends[0].send(b"x" * 5000)
            close(*ends)

    def send():
        while not done:
            client.send(bytes(65536))
        client.close()

    def receive():
        while server.recv(65536):
            pass

    run("insmod", module)
    write_knob("congestion_control", "aimd")
    for fd in fds:
        choose(fd, "aimd")
    threads = [threading.Thread(target=each) for each in (read_names, connect, send, receive)]
    for thread in threads:
        thread.start()
    for rounds in range(1, 9):
        new, old = (second, "xtcp_cong_aimd") if rounds % 2 else (module, "xtcp_cong_aimd_V2")
        if run("insmod", new, "replaces=1").returncode:
            break
        gone = False
        for _ in range(200):
            renew()
            gone = not run("rmmod", old).returncode
            if gone:
                break
            time.sleep(0.05)
        if not gone:
            break
    done.append(True)
    for thread in threads:
        thread.join()
    write_knob("congestion_control", "cubic")
    close(listener, server)
    verdict(rounds == 8 and not wrong and goes(), f"replaced: eight times while connections come and go ({rounds}, {wrong[:3]})")


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
            choose(xtcp_socket() if stack == "xtcp" else socket.socket(), name)
        else:
            # not by a file, which writes again when it is closed
            os.write(os.open((KNOBS if stack == "xtcp" else "/proc/sys/net/ipv4/tcp_") + how, os.O_WRONLY), name.encode())
        print(0)
    except OSError as error:
        print(error.errno)


def start_for_names(program):
    """What the kernel starts for a name that it does not know."""
    with open("/proc/sys/kernel/modprobe", "w", encoding="ascii") as file:
        file.write(program + "\n")


def autoloads(module):
    """An unknown name loads a module for whom it does with kernel TCP, and no other."""
    asked, helper = "/tmp/asked", "/tmp/modprobe"
    with open(helper, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\necho $3 >>{asked}\n[ $3 != xtcp_cong_aimd ] || /sbin/insmod {module}\n")
    os.chmod(helper, 0o755)
    start_for_names(helper)

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
    start_for_names("")     # what follows unloads it while others choose it


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
    close(*fds)
    verdict(refused(work, "aimd", "File exists", ""), "alone: loads once")
    verdict(refused(work, "again", "resource busy", "xtcp_cong_again: there is a congestion control 'aimd' already"),
            "alone: a name that is taken is refused")
    verdict(refused(work, "builtin", "resource busy", "xtcp_cong_builtin: there is a congestion control 'cubic' already"),
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
    replaced(work)

    run("insmod", work + "/xtcp_cong_zero.ko")
    write_knob("congestion_control", "zero")
    whole, names, cwnd = transfer()
    verdict(whole and names == ["zero", "zero"] and cwnd == 1, f"a window of 0 is one segment ({names}, {cwnd})")
    write_knob("congestion_control", "cubic")
    verdict(goes("xtcp_cong_zero"), "alone: and goes")
    run("insmod", work + "/xtcp_cong_vast.ko")
    write_knob("congestion_control", "vast")
    whole, names, cwnd = transfer()
    verdict(whole and names == ["vast", "vast"], f"a window of 2^31 carries what is written ({names}, {cwnd})")
    run("insmod", work + "/xtcp_cong_still.ko")
    write_knob("congestion_control", "still")
    whole, names, cwnd = transfer(1 << 15)
    verdict(whole and names == ["still", "still"], f"a rate of 0 is a pause of a second ({names}, {cwnd})")
    write_knob("congestion_control", "cubic")
    verdict(goes("xtcp_cong_vast") and goes("xtcp_cong_still"), "alone: and both go")


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
    run("insmod", f"{work}/xtcp_cong_aimd.ko")
    write_knob("congestion_control", "aimd")
    run("scripts/xtcp", "policy", "add", "cc=aimd", f"dport={PORT}")
    result = unload()
    verdict(not result.returncode and not os.path.exists("/sys/module/xtcp_cong_aimd"),
            "and unloads, with the one that is the default and in a rule " + result.stdout)
    said = run("dmesg").stdout
    verdict(not any(word in said for word in ("WARNING:", "BUG:")), "the kernel's log is clean")
    return 0


if __name__ == "__main__":
    sys.exit(use(*sys.argv[2:]) if sys.argv[1] == "--use" else main(sys.argv[1]))
