# SPDX-License-Identifier: GPL-2.0
"""What the diagnostic payload of a RST says, in words: the codes of draft-ietf-tcpm-rst-diagnostic-payload-03, section
9.1."""

CAUSES = {
    1: "illegal option length", 2: "data that no program can read any more", 3: "the program aborts",
    4: "segment in CLOSED", 5: "ACK in LISTEN", 6: "wrong ACK in SYN-SENT", 7: "wrong ACK in SYN-RECEIVED",
    8: "SYN in the window", 9: "unexpected security compartment", 10: "malformed message", 11: "not authorized",
    12: "resource exceeded", 13: "network failure", 14: "reset by the peer", 15: "destination unreachable",
    16: "connection timeout", 17: "too much outstanding data", 18: "unacceptable performance",
    19: "middlebox interference",
}


def cause_of(code, pen):
    """pen: the private enterprise whose code it is, 0: IANA."""
    if pen:
        return "code %d of enterprise %d" % (code, pen)
    return CAUSES.get(code, "code %d" % code)
