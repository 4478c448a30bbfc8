# SPDX-License-Identifier: GPL-2.0
"""Messages in a stream: four octets of length in network order, then as many octets. TCP knows no messages:
what was sent at once may come in many pieces, and many together; neither ends where a message does."""

import struct

MOST = 65536  # who believes any length lets a stranger choose how much memory it takes


def pack(data):
    return struct.pack("!I", len(data)) + data


def receive_all(peer, size):
    """Exactly so much; less only at the end."""
    data = b""
    while len(data) < size and (more := peer.recv(size - len(data))):
        data += more
    return data


def receive(peer):
    """The next message; None at the end."""
    head = receive_all(peer, 4)
    if not head:
        return None
    size = struct.unpack("!I", head)[0] if len(head) == 4 else MOST + 1
    data = receive_all(peer, size) if size <= MOST else None
    if data is None or len(data) < size:
        raise ValueError("that is no message, or only a part of one")
    return data
