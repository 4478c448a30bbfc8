# SPDX-License-Identifier: GPL-2.0
"""What stands at a segment's arrow."""

from story import is_duplicate, relative

FLAGS = {"S": "SYN", "F": "FIN", "R": "RST", "P": "PSH", "A": "ACK", "U": "URG", "E": "ECE", "C": "CWR"}
OPTIONS = {"mss": "MSS=", "ws": "WS=", "sackok": "SACKOK", "ts": "TS", "tarr": "TARR", "local": "LOCAL"}
OTHERS = {"34": "TFO", "172": "ACCECN0", "174": "ACCECN1"}     # kinds, where no more than the length is known


def flags_of(segment):
    return ",".join(FLAGS.get(flag, flag) for flag in segment.flags) or "no flags"


def names_of(options):
    """Of a SYN: MSS=1460 SACKOK TS WS=7 TARR, and OPT253(4), of 4 octets, for a kind that has no name here; of another
    segment TARR=8, a request for an ACK of each eight segments, or LOCAL: a write by the short way."""
    for word in options.split(","):
        key, colon, value = word.partition(":")
        if key.startswith("opt"):
            yield "%s(%s)" % (OTHERS.get(key[3:], key.upper()), value)
        elif key:
            yield OPTIONS.get(key, key) + ("=" + value if key == "tarr" and value else value)


def sacks_of(blocks, ack):
    """The first block, and how many more."""
    return "%s=%d-%d%s" % ("D-SACK" if is_duplicate(blocks, ack) else "SACK", *blocks[0],
                           "+%d" % (len(blocks) - 1) if len(blocks) > 1 else "")


def count(number, thing="segment"):
    return "%s %s%s" % (format(number, ","), thing, "" if number == 1 else "s")


def words_of(segment, arrival=None):
    """Two lists of words that a line may be broken between, the second one of lesser ones; of a part of a bundle, that
    part's."""
    part = arrival is not None and len(segment.arrivals) > 1
    seq, ack, blocks = relative(segment, arrival.seq if part else segment.seq)
    words = [flags_of(segment), "SEQ=%d" % seq]
    if ack is not None:
        words.append("ACK=%d" % ack)
    if blocks:
        words.append(sacks_of(blocks, ack))
    if segment.len:
        words.append("LEN=%d" % (arrival.octets if part else segment.len))
    if part:
        words.append("(of %s)" % count(segment.segs))
    elif segment.segs > 1:
        words.append("(%s)" % count(segment.segs))
    important, words = words, []
    if segment.window is not None:
        words.append("WND=%d" % segment.window)
    elif segment.field:
        words.append("WND=%d<<?" % segment.field)
    words += names_of(segment.options)
    if segment.ecn in (1, 2):
        words.append("ECT(1)" if segment.ecn == 1 else "ECT")
    elif segment.ecn == 3 and segment.time is None:
        words.append("CE")
    return important, words


def notes_of(segment, arrivals):
    """In parentheses behind the words. arrivals: those that the row tells of."""
    notes = [segment.note] if segment.note else []
    if segment.fate:
        notes.append(segment.fate)
    for arrival in arrivals:
        if arrival.dropped:
            notes.append("dropped: " + arrival.dropped)
        if arrival.marked and segment.ecn != 3:
            notes.append("marked CE on the way")
    if arrivals and arrivals[-1] is segment.arrivals[-1] and segment.time is not None and segment.missing() > 0:
        notes.append("%s of %s octets lost" % (format(segment.missing(), ","), format(segment.len, ",")))
    return notes
