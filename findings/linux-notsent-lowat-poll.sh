#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# With TCP_NOTSENT_LOWAT, the kernel's documentation says, poll() reports POLLOUT while less than that is unsent. It
# does so while less than half of it is. send() without blocking takes octets up to the whole value. So a program that
# asks poll() first has half of what it has allowed unsent at most, and a socket that is not writable takes more.
#
# Seen with Linux 6.1.0-57-amd64 and 6.18. It needs root and python3; the peer is a socket of the same kernel, which
# does not read. It prints what is below, or fails.

set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/try.py" <<'END'
import fcntl, select, socket, struct, subprocess

LOWAT, PIECE = 100000, 1000
TCP_NOTSENT_LOWAT, SO_SNDBUFFORCE, SIOCOUTQNSD = 25, 32, 0x894b
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20000)
listener.bind(("127.0.0.1", 8000))
listener.listen()
sock = socket.create_connection(("127.0.0.1", 8000))
peer = listener.accept()
sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 4000000)
sock.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, LOWAT)
sock.setblocking(False)
writable, taken = 0, 0
while True:
    unsent = struct.unpack("i", fcntl.ioctl(sock, SIOCOUTQNSD, bytes(4)))[0]
    if select.select([], [sock], [], 0)[1]:
        writable = unsent
    try:
        sock.send(bytes(PIECE))
    except BlockingIOError:
        break
    taken = unsent
for name, most in ("poll() says writable", writable), ("send() takes more", taken):
    print("%s while less than %d %% are unsent" % (name, round(100 * (most + PIECE / 2) / LOWAT)))
END
diff - <(unshare --net python3 "$work/try.py" | tee /dev/stderr) <<'END'
poll() says writable while less than 50 % are unsent
send() takes more while less than 100 % are unsent
END
