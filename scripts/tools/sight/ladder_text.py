# SPDX-License-Identifier: GPL-2.0
"""The picture of xtcp-ladder for a terminal, in ASCII: a column of times and
one of states for each end, and between them the segments."""

from rows import Folded
from story import UNKNOWN
from words import notes_of, words_of

LEAST = 80
SHORT = 100     # in fewer columns states are shortened
STATES = {"SYN-RECEIVED": "SYN-RECV", "ESTABLISHED": "ESTAB"}
LEGEND = "A crossed arrow has two rows; its open end has the time of the other end."


class Columns:
    """How wide everything is, and in which colours. .brief: times to tenths, states in as many columns as they need,
    no PSH, no ACK that says what the one before it said, and of what arrives only the number."""

    def __init__(self, width, color, longest, brief=False, states=()):
        self.width, self.color, self.brief = width, color, brief
        self.short = width < SHORT
        self.state = 10 if self.short else 12
        if brief:
            words = [STATES.get(state, state) if self.short else state for state in states]
            self.state = max([len(word) for word in words] + [5])
            self.acked = ["", ""]
        self.time = max(len(self.clock(longest)), 5)
        self.rung = width - 2 * (self.time + 1 + self.state + 2)
        self.shown = ["", ""]

    def clock(self, time):
        return ("%.1f" if self.brief else "%.3f") % time

    def paint(self, code, text):
        return "\033[%sm%s\033[0m" % (code, text) if self.color and code else text

    def side(self, s, time, state):
        """The columns of one end: its time, and its state if it is another one."""
        text = "" if time is None else self.clock(time)
        word = ""
        if state and state != self.shown[s]:
            self.shown[s] = state
            word = STATES.get(state, state) if self.short else state
        word = word[:self.state]
        if s == 0:
            return "%*s %s |" % (self.time, text, self.paint("1", word.rjust(self.state)) if word else
                                 " " * self.state)
        return "| %s %*s" % (self.paint("1", word.ljust(self.state)) if word else " " * self.state, self.time, text)

    def line(self, rung, times, states, code=""):
        rung = rung[:self.rung].ljust(self.rung)
        return self.side(0, times[0], states[0]) + self.paint(code, rung) + self.side(1, times[1], states[1])


def broken(words, room, rest):
    """Words on lines of so much room: the first one, then the others."""
    lines, line = [], ""
    for word in words:
        if line and len(line) + 1 + len(word) > (rest if lines else room):
            lines.append(line)
            line = word
        else:
            line += (" " if line else "") + word
    lines.append(line)
    return lines


def other_time(row, start, columns):
    """Of a segment with two rows the time at the other end; "": nobody knows."""
    if row.what == "leaves":
        arrivals = row.segment.arrivals
        time = arrivals[0].time if arrivals else None
    else:
        time = row.segment.time
    return "" if time is None else "(%s)" % columns.clock((time - start) * 1000)


def fewer(row, words, lesser, columns):
    """What --brief leaves of the two lists."""
    segment = row.segment
    if row.what == "arrives" and len(segment.arrivals) == 1 and segment.time is not None:
        # the octets that it has, or what it acknowledges
        number = 1 if segment.len or set("SFR") & set(segment.flags) else -1
        return [words[0], words[number]], []
    if len(words) > 2 and words[2].startswith("ACK="):
        if segment.len and words[2] == columns.acked[segment.sender]:
            return words[:2] + words[3:], lesser
        columns.acked[segment.sender] = words[2]
    return words, lesser


def arrow(row, start, columns):
    """The lines of a segment: the first one with the arrow."""
    segment, width = row.segment, columns.rung
    words, lesser = words_of(segment, row.arrivals[0] if row.what == "arrives" and row.arrivals else None)
    if columns.brief:
        words, lesser = fewer(row, words, lesser, columns)
    notes = notes_of(segment, row.arrivals)
    if columns.brief and row.what == "arrives" and segment.time is not None:
        notes = [note for note in notes if note != segment.note]
    notes = ("(%s)" % ", ".join(notes)).split(" ") if notes else []
    to_right = segment.sender == 0
    tail, head = "--", "->"
    if row.what == "leaves":
        elsewhere = other_time(row, start, columns)
        if segment.fate:
            head = "?" if segment.fate in UNKNOWN else "X"
        head += " "
        if not segment.fate and not segment.arrivals and row.what == "leaves":
            head = "->" if segment.untold else "-> ..."
        elif elsewhere:
            head = "-> " + elsewhere + " "
    elif row.what == "arrives":
        elsewhere = other_time(row, start, columns)
        tail = " " + elsewhere + " -" if elsewhere else "  "
    if row.arrivals and row.arrivals[0].dropped:
        head = "->X"
    if not to_right:
        tail, head = mirror(tail), mirror(head)
    room = width - len(tail) - len(head) - 3
    if len(" ".join(words + lesser + notes)) > room:    # what matters stands at the arrow
        words, lesser, notes = words + notes, lesser, []
    lines = broken(words + lesser + notes, room, width - 8)
    dashes = "-" * (width - len(tail) - len(head) - len(lines[0]) - 2)
    if to_right:
        first = "%s %s %s%s" % (tail, lines[0], dashes, head)
    else:
        first = "%s%s %s %s" % (head, dashes, lines[0], tail)
    return [first] + [("      " + line if to_right else (line + "      ").rjust(width)) for line in lines[1:]]


def mirror(text):
    """An end of an arrow to the other side; a time stays what it is."""
    if "(" in text:
        before, rest = text.split("(", 1)
        time, after = rest.split(")", 1)
        return mirror(after) + "(" + time + ")" + mirror(before)
    return text[::-1].replace(">", "<")


def colour_of(row):
    if row.what == "gap":
        return "31;1"
    if row.segment is None:
        return "35"
    segment = row.segment
    flags = segment.flags
    if segment.fate in UNKNOWN:
        return "2"
    if "R" in flags or segment.fate or any(arrival.dropped for arrival in row.arrivals):
        return "31"
    if segment.note:
        return "35"
    return "32" if "S" in flags else "33" if "F" in flags else "36" if segment.len else ""


def draw_row(row, start, columns):
    times = [None if time is None else (time - start) * 1000 for time in row.times]
    width = columns.rung
    if row.what == "fold":
        sides = Folded(row.rows, 0).words(), Folded(row.rows, 1).words()
        text = "   ".join(filter(None, (sides[0] and "... %s ... -->" % sides[0],
                                        sides[1] and "<-- ... %s ..." % sides[1])))
        for line in [text] if len(text) <= width else text.split("   "):
            yield columns.line(line.center(width), (None, None), ("", ""), "2")
        return
    if row.what == "gap":
        for line in broken(row.moment.words.split(" "), width - 8, width - 8):
            yield columns.line((" " + line + " ").center(width, "~"), (None, None), ("", ""), "31;1")
        return
    if row.what == "moment":
        lines = broken(("(%s)" % row.moment.words).split(" "), width - 2, width - 2) if row.moment.words else [""]
        if row.moment.end == 0:
            lines = [" " + line for line in lines]
        else:
            lines = [(line + " ").rjust(width) for line in lines]
    else:
        lines = arrow(row, start, columns)
    code = colour_of(row)
    states = [[*row.passed(end), row.states[end]] for end in (0, 1)]
    for at in range(max(len(lines), len(states[0]), len(states[1]))):
        yield columns.line(lines[at] if at < len(lines) else "", times if at == 0 else (None, None),
                           [state[at] if at < len(state) else "" for state in states], code)


def title(story, columns):
    names = [story.title(s) for s in (0, 1)]
    room = columns.width - 2 * columns.time - 2
    blank = room - len(names[0]) - len(names[1])
    if blank < 2:   # two long addresses
        yield "%*s %s" % (columns.time, "ms", columns.paint("1", names[0]))
        yield columns.paint("1", names[1].rjust(columns.width - columns.time - 1)) + " " + "ms".rjust(columns.time)
        return
    yield "%*s %s%s%s %*s" % (columns.time, "ms", columns.paint("1", names[0]), " " * blank,
                              columns.paint("1", names[1]), columns.time, "ms")


def draw(story, rows, states, columns, notices=()):
    for notice in notices:
        for line in broken(notice.split(" "), columns.width, columns.width):
            yield columns.paint("31;1", line)
    yield from title(story, columns)
    yield columns.line("", (None, None), states)
    for row in rows:
        yield from draw_row(row, story.start, columns)
    if any(row.what in ("leaves", "arrives") and other_time(row, story.start, columns) for row in rows):
        for line in broken(LEGEND.split(" "), columns.width, columns.width):
            yield columns.paint("2", line)
