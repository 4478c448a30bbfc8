#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# TCP_REPAIR shows the send queue by recv() with MSG_PEEK. SIOCOUTQ says how many octets are not acknowledged. If the peer
# has acknowledged a part of the first segment, recv() shows that segment from its beginning: the first octets are
# acknowledged already. A buffer as large as SIOCOUTQ says lacks the last ones, and what recv() returns is more than the
# buffer holds. So who carries a connection away leaves room for a segment more, and keeps the last octets.
#
# Seen with Linux 6.1.0-57-amd64 and 6.18. It needs root, python3 and /dev/net/tun; the peer is written by hand, behind a
# device of a new network namespace. It prints what is below, or fails.

set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/try.py" <<'END'
import errno, fcntl, os, socket, struct, subprocess, threading

TUNSETIFF, SIOCOUTQ, TCP_REPAIR, TCP_REPAIR_QUEUE, SEND_QUEUE = 0x400454ca, 0x5411, 19, 20, 2
SYN, ACK = 2, 16
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"peer", 0x1001))  # IFF_TUN | IFF_NO_PI
for command in "addr add 10.0.0.1/24 dev peer", "link set peer up":
    subprocess.run(["ip", *command.split()], check=True)


def checksum(octets):
    total = sum(struct.unpack("!%dH" % (len(octets) // 2), octets))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def answer(packet, seq, ack, flags):
    """A segment without text, back to where @packet is from."""
    source, to, ports = packet[12:16], packet[16:20], struct.unpack("!HH", packet[20:24])
    tcp = struct.pack("!HHIIBBHHH", ports[1], ports[0], seq, ack, 5 << 4, flags, 8192, 0, 0)
    summed = checksum(to + source + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", summed) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0, to, source)
    os.write(tun, ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp)


def peer():
    """Takes 40 of 100 octets."""
    while True:
        packet = os.read(tun, 2048)
        if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
            continue
        seq, flags = struct.unpack("!I", packet[24:28])[0], packet[33]
        if flags & SYN:
            answer(packet, 1000, seq + 1, SYN | ACK)
        elif len(packet) > 100:
            answer(packet, 1001, seq + 40, ACK)


threading.Thread(target=peer, daemon=True).start()
sock = socket.create_connection(("10.0.0.2", 80))
sock.send(bytes(range(100)))
left = 100
while left == 100:
    left = struct.unpack("i", fcntl.ioctl(sock, SIOCOUTQ, bytes(4)))[0]
sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, SEND_QUEUE)
print("SIOCOUTQ: %d" % left)
for room in 2 * left, left:
    text = bytearray(room)
    said = sock.recv_into(text, room, socket.MSG_PEEK)
    print("recv() of %d: %d, octets %d to %d" % (room, said, text[0], text[min(said, room) - 1]))
END
diff - <(unshare --net python3 "$work/try.py" | tee /dev/stderr) <<'END'
SIOCOUTQ: 60
recv() of 120: 100, octets 0 to 99
recv() of 60: 100, octets 0 to 59
END
