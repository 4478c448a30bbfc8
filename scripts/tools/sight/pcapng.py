# SPDX-License-Identifier: GPL-2.0
"""Black boxes as a capture: draft-ietf-opsawg-pcapng, and the custom options and blocks by which FreeBSD's black boxes
stand in such files. They have the number of an enterprise, Netflix; Wireshark knows them."""

import ipaddress
import struct

from blackbox import Sender
from events import SegmentEvent

SECTION, INTERFACE, PACKET, CUSTOM = 0x0a0d0d0a, 1, 6, 0xbad
MAGIC = 0x1a2b3c4d
RAW_IP = 101                # the packets begin with the header of IP
COMMENT, NAME, DIRECTION, CUSTOM_BINARY = 1, 2, 2, 2989
APPLICATION = 4
NETFLIX = 10949
EVENT = 1                   # a custom block that is one
# options of Netflix: the version of the structs, the state of a connection, where the times of events begin
VERSION, TCPINFO, DUMPINFO = 1, 2, 4
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128, "a": 256}
# FreeBSD's numbers
STATES = ("CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-1", "CLOSING",
          "LAST-ACK", "FIN-WAIT-2", "TIME-WAIT")
IN, OUT, RTO, ENTERS, LEAVES, WINDOW, SENDS, TIMER, ENDS, CALLS = 1, 2, 3, 15, 16, 17, 31, 35, 54, 59
HAS_HEADER = 4
SCALED, STAMPED = 0x60, 0x180       # both ends have sent and received the option
# time, ticks, number, stack, event, flags, errno; both buffers; the state; shifts of the windows; room for BBR; octets
INFO = struct.Struct("<QQIIBBHi 6I iIII IIIIIIII IIIIII IiiIIII B3x 4Q 14I 3H 6B I I")
assert INFO.size == 268
INFO_VERSION = 9
# version, kind, octets, ports, both addresses, zone; seconds and us that Wireshark adds to the time of each event; a
# name, why, a tag; the family of the addresses. One file may have many connections, so these say of none which it is.
ORIGIN = struct.Struct("<IIQ HH16s16sI QQ 64s32s32sB7x")
assert ORIGIN.size == 208


def padded(data):
    return data + b"\0" * (-len(data) % 4)


def option(code, data):
    return struct.pack("<HH", code, len(data)) + padded(data)


def block(kind, body, options=b""):
    if options:
        options += struct.pack("<HH", 0, 0)
    size = len(body) + len(options) + 12
    return struct.pack("<II", kind, size) + body + options + struct.pack("<I", size)


def comment(text):
    return option(COMMENT, text.encode())


def header_of_ip(source, destination, ecn, octets):
    """octets: of TCP, as they were on the wire."""
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28 | ecn << 20, min(octets, 65535), 6, 64) + source.packed + destination.packed
    header = struct.pack("!BBHHHBBH", 0x45, ecn, min(octets + 20, 65535), 0, 0x4000, 64, 6, 0) + \
        source.packed + destination.packed
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xffff) + (total >> 16)
    total = ~(total + (total >> 16)) & 0xffff
    return header[:10] + struct.pack("!H", total) + header[12:]


def options_of(event):
    """Of the TCP header: those of which the event has the contents."""
    offers = dict(word.partition(":")[::2] for word in (event.options or "").split(",")) if "S" in event.flags else {}
    value, _, echo = (event.ts or "0/0").partition("/")
    data = b""
    if offers.get("mss", "").isdecimal():
        data += struct.pack("!BBH", 2, 4, int(offers["mss"]) & 0xffff)
    if "sackok" in offers:
        data += struct.pack("!BBBB", 1, 1, 4, 2)
    if offers.get("ws", "").isdecimal():
        data += struct.pack("!BBBB", 1, 3, 3, int(offers["ws"]) & 0xff)
    if "ts" in offers or (value, echo) != ("0", "0"):
        data += struct.pack("!BBBBII", 1, 1, 8, 10, int(value), int(echo))
    edges = [int(edge) for part in event.sacks.split(",") if part for edge in part.split("-")]
    edges = edges[:(40 - len(data) - 4) // 8 * 2]
    if edges:
        data += struct.pack("!BBBB%dI" % len(edges), 1, 1, 5, 2 + 4 * len(edges), *edges)
    return data


def end_of(text):
    """(address, port)"""
    address, _, port = text.rpartition(":")
    return ipaddress.ip_address(address.strip("[]")), int(port)


def packet_of(event):
    """The block of a SegmentEvent without its end: headers alone, and the octets that were on the wire. The checksum is 0,
    since the data is not known."""
    ends = [end_of(event.local), end_of(event.peer)]
    if event.name == "segment_in":
        ends.reverse()
    options = options_of(event)
    bits = sum(FLAGS[flag] for flag in event.flags)
    tcp = struct.pack("!HHIIHHHH", ends[0][1], ends[1][1], event.seq, event.ack, (20 + len(options)) // 4 << 12 | bits,
                      event.wnd & 0xffff, 0, 0) + options
    data = header_of_ip(ends[0][0], ends[1][0], event.ecn, len(tcp) + event.len) + tcp
    return data, len(data) + event.len


def packet_block(interface, time, event, comments, further=b""):
    """comments, further: options in front of and behind that of the direction."""
    data, octets = packet_of(event)
    stamp = round(time * 1e6)
    head = struct.pack("<IIIII", interface, stamp >> 32, stamp & 0xffffffff, len(data), octets)
    direction = option(DIRECTION, struct.pack("<I", 1 if event.name == "segment_in" else 2))
    return block(PACKET, head + padded(data), comments + direction + further)


def number_of(event, before):
    """FreeBSD's number of an event; None: it has none of that kind. before: the phase until now."""
    if event.is_segment:
        return OUT if event.name == "segment_out" else IN
    if event.name == "timer":
        return RTO if event.words["timer"] == "retransmit" else TIMER
    if event.name == "congestion":
        phase = event.words["phase"]
        return ENTERS if phase == "Recovery" != before else LEAVES if before == "Recovery" != phase else WINDOW
    if event.name == "call":
        return SENDS if event.words["call"] == "send" else CALLS
    return ENDS if event.name == "abort" else None


def info_of(event, number, at, box, sender, time):
    """The state of a connection: FreeBSD's struct of it, of which the fields have values that a box knows."""
    seconds, microseconds = divmod(round(time * 1e6), 1000000)
    state = event.words.get("state")
    octets, error = 0, 0
    if event.is_segment:
        octets = event.number("len")
    elif event.name == "call":
        error, octets = max(-event.number("result"), 0), max(event.number("result"), 0)
    elif event.name == "abort":
        error = event.number("error")
    stamped = event.is_segment and event.words["ts"] != "0/0"
    return INFO.pack(
        seconds, microseconds, 0, at, 0, number, HAS_HEADER if event.is_segment else 0, error,
        0, 0, 0, 0, 0, 0,
        STATES.index(state) if state in STATES else 4, 0, box.iss, SCALED | (STAMPED if stamped else 0),
        sender.una, sender.nxt, sender.cwnd, sender.nxt, 0, sender.window, sender.ssthresh, sender.srtt_us,
        0, 0, (sender.rcv_nxt + sender.rcv_window) % (1 << 32), 0, sender.rcv_nxt, sender.rcv_window,
        0, 0, 0, 0, 0, 0, 0,
        box.peer_shift & 15 | box.shift << 4, *[0] * 4, *[0] * 14, *[0] * 3, *[0] * 6, 0, octets)


def custom(kind, data):
    return option(CUSTOM_BINARY, struct.pack("<II", NETFLIX, kind) + data)


def blocks_of(box, offset):
    """(time, block, is it a packet) for each event; what FreeBSD has no event for stands in comments."""
    sender, waiting = Sender(box), []
    if box.missing:
        waiting.append("%d events before this one are gone" % box.missing)
    for at, event in enumerate(box.happened, box.missing):
        before = sender.phase
        sender.take(event, ())
        number = number_of(event, before)
        text = event.name + event.text
        if number is None:
            waiting.append(text)
            continue
        time = event.time + offset
        info = info_of(event, number, at, box, sender, time)
        comments = b"".join(comment(words) for words in waiting)
        waiting = []
        if not event.is_segment:
            yield time, block(CUSTOM, struct.pack("<II", NETFLIX, EVENT), comments + comment(text) + custom(TCPINFO, info)), False
            continue
        if event.number("rebuilt"):
            comments += comment("rebuilt: this segment of the handshake was noted later")
        words = dict(event.words, local=box.local, peer=box.peer)
        shift = box.shift if event.name == "segment_out" else box.peer_shift
        if shift:   # of a SYN's options a box knows this one
            words["options"] = "ws:%d" % shift
        segment = SegmentEvent.of_fields(event.time, at, event.name, words)
        yield time, packet_block(0, time, segment, comments, custom(TCPINFO, info)), True
    if waiting and box.happened:
        last = box.happened[-1]
        info = info_of(last, ENDS, box.total, box, sender, last.time + offset)
        comments = b"".join(comment(words) for words in waiting)
        yield last.time + offset, block(CUSTOM, struct.pack("<II", NETFLIX, EVENT), comments + custom(TCPINFO, info)), False


def write(file, boxes, offset):
    """All events of all boxes by time. offset: from their clock to that of the world. How many packets."""
    # without an origin, Wireshark 4.0 adds what its memory happens to hold
    origin = ORIGIN.pack(INFO_VERSION, 0, 0, 0, 0, b"", b"", 0, 0, 0, b"xtcp", b"", b"", 0)
    file.write(block(SECTION, struct.pack("<IHHq", MAGIC, 1, 0, -1), option(APPLICATION, b"xtcp-blackbox") +
                     custom(VERSION, struct.pack("<I", INFO_VERSION)) + custom(DUMPINFO, origin)))
    file.write(block(INTERFACE, struct.pack("<HHI", RAW_IP, 0, 0), option(NAME, b"xtcp")))
    found = sorted((found for box in boxes for found in blocks_of(box, offset)), key=lambda found: found[0])
    for _, data, _ in found:
        file.write(data)
    return sum(is_packet for _, _, is_packet in found)
