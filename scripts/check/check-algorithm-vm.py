#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What check-algorithm.sh does in the virtual machine: loads its modules, and looks."""

import ctypes
import os
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


def transfer():
    """4 MB through one connection: what both ends use, and the window at its end."""
    listener = xtcp_socket()
    call("bind", listener, address(PORT), 16)
    call("listen", listener, 1)
    client = xtcp_socket()
    call("connect", client, address(PORT), 16)
    server = call("accept", listener, None, None)
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
    """rmmod, when the last segments of closed sockets have left the queues of devices."""
    for _ in range(200):
        with open("/sys/module/xtcp/parameters/held", encoding="ascii") as file:
            if file.read().strip() == "0":
                break
        time.sleep(0.1)
    return run("rmmod", "xtcp")


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

    result = run("insmod", work + "/zero.ko")
    with open(KNOBS + "congestion_control", "w", encoding="ascii") as file:
        file.write("zero")
    whole, names, cwnd = transfer()
    verdict(whole and names == ["zero", "zero"] and cwnd == 1, f"a window of 0 is one segment ({names}, {cwnd})")
    unload()

    result = run("insmod", work + "/none.ko")
    verdict(not result.returncode and "aimd" not in knob("available_congestion_control"), "is gone with its file")
    result = unload()
    verdict(not result.returncode, "and unloads")
    said = run("dmesg").stdout
    verdict(not any(word in said for word in ("WARNING:", "BUG:")), "the kernel's log is clean")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
