#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Linux sends a tail loss probe after some two round trips without an ACK; a timeout comes after 200 ms or more. A probe
# that sends a segment again stays pending until an ACK lies beyond it, or a D-SACK says that both copies came. If one
# copy was lost, and the peer has acknowledged all, neither comes. Then the next text of the connection has no probe:
# if all of it is lost, a timeout sends it again. RFC 8985 has the same rule (TLP_process_ack() in section 7.4.2).
#
# Seen with Linux 6.1.0-57-amd64 and 6.18. It needs root, python3 and /dev/net/tun; the peer is written by hand, behind a
# device of a new network namespace, and takes each text only when it comes again. It prints what is below, or fails.

set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/try.py" <<'END'
import fcntl, os, socket, struct, subprocess, threading

TUNSETIFF = 0x400454ca
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


def answer(packet, seq, ack, flags, options):
    """A segment without text, back to where @packet is from."""
    source, to, ports = packet[12:16], packet[16:20], struct.unpack("!HH", packet[20:24])
    tcp = struct.pack("!HHIIBBHHH", ports[1], ports[0], seq, ack, (20 + len(options)) << 2, flags, 8192, 0, 0) + options
    summed = checksum(to + source + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", summed) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0, to, source)
    os.write(tun, ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp)


def until_resent(with_dsack):
    """Reads what is sent until a part of it comes again, and acknowledges all of it then."""
    end = None
    while True:
        packet = os.read(tun, 2048)
        if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
            continue
        seq, flags = struct.unpack("!I", packet[24:28])[0], packet[33]
        text = len(packet) - 20 - (packet[32] >> 4) * 4
        if flags & SYN:
            answer(packet, 1000, seq + 1, SYN | ACK, bytes((2, 4, 5, 180, 4, 2, 1, 1)))  # MSS, SACK
            return
        if text and (end is None or seq + text > end):
            end = seq + text
        elif text:
            both = struct.pack("!BBBBII", 1, 1, 5, 10, seq, seq + text)
            answer(packet, 1001, end, ACK, both if with_dsack else b"")
            return


def counted():
    names, values = [line.split() for line in open("/proc/net/netstat") if line.startswith("TcpExt:")]
    return [int(values[names.index(name)]) for name in ("TCPLossProbes", "TCPTimeouts")]


socks = []
for with_dsack in True, False:
    begun = counted()
    handshake = threading.Thread(target=until_resent, args=(False,))
    handshake.start()
    sock = socket.create_connection(("10.0.0.2", 80))
    handshake.join()
    socks.append(sock)  # a FIN would have a probe, too
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(2):
        sock.send(bytes(100))
        sock.send(bytes(100))
        until_resent(with_dsack)
    probes, timeouts = [now - then for now, then in zip(counted(), begun)]
    print("two texts, %s D-SACK: probes %d, timeouts %d" % ("with a" if with_dsack else "without", probes, timeouts))
END
diff - <(unshare --net python3 "$work/try.py" | tee /dev/stderr) <<'END'
two texts, with a D-SACK: probes 2, timeouts 0
two texts, without D-SACK: probes 1, timeouts 1
END
