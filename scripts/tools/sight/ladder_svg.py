# SPDX-License-Identifier: GPL-2.0
"""The picture of xtcp-ladder as SVG: time runs downwards, an arrow slants by
the time that its segment takes; long pauses are drawn shorter than they are."""

from html import escape
from math import atan2, degrees, log10, radians, tan

from plot_svg import FONT, INK, MUTED
from rows import Folded
from story import UNKNOWN
from words import notes_of, words_of

WIDTH, LEFT, RIGHT = 1060, 196, 864
TOP, LINE, BAND = 78, 19, 26
STATE = 15      # between two states that come with one segment
SIZE = 12.5     # of letters: on a page as wide as a page of the tour they have 12 pixels
CLEAR = 16      # between the lines that two labels are written on
PASSES = 12     # after which labels may stand on each other nevertheless
MONO = "'DejaVu Sans Mono', Menlo, Consolas, monospace"
PLAIN, SYN, FIN, TEXT, BAD, NOTE = "#495057", "#2b8a3e", "#b35c00", "#1864ab", "#c92a2a", "#862e9c"
GLYPH = 0.602   # of a monospaced letter: its width, to its height
STUB = 0.45     # of the way an arrow is drawn whose other end is not
LEGEND = "A dashed arrow has one end here; the other end is in a folded row, or not in what is drawn."
TIMES = 76      # where the times of the left end end
LOST = 0.8      # and one that got lost


class Point:
    """One end of a row: where it is, .y, is not known before all are in order. .passed: the states before .state."""

    def __init__(self, row, time, end, text, state):
        self.row, self.time, self.end, self.text, self.state = row, time, end, text, state
        self.passed = row.passed(end) if state else ()
        self.y = 0


def colour_of(row):
    segment = row.segment
    if segment.fate in UNKNOWN:
        return PLAIN
    if "R" in segment.flags or segment.fate or any(arrival.dropped for arrival in row.arrivals):
        return BAD
    if segment.note:
        return NOTE
    return SYN if "S" in segment.flags else FIN if "F" in segment.flags else TEXT if segment.len else PLAIN


def points_of(rows):
    """All ends of all rows, in order of time; a segment's two rows are of one arrow, and its words are where that begins,
    those of a part of a bundle where it ends."""
    points, left = [], {id(row.segment) for row in rows if row.what in ("whole", "leaves")}
    for row in rows:
        if row.what in ("fold", "gap"):
            points.append(Point(row, row.time, None, True, ""))
            continue
        for end in (0, 1):
            if row.times[end] is not None:
                segment = row.segment
                has_text = segment is None or (segment.sender == end if row.what != "arrives" else
                                               id(segment) not in left or len(segment.arrivals) > 1)
                points.append(Point(row, row.times[end], end, has_text, row.states[end]))
    at = {id(row): number for number, row in enumerate(rows)}
    points.sort(key=lambda point: (point.time, at[id(point.row)]))
    return points


def spread(points, more):
    """Gives each point its place downwards: enough for what is written there, and more after a pause. more: above some."""
    y, last = TOP, None
    below = [TOP - LINE, TOP - LINE]    # the last text at each end
    label = TOP - LINE
    for point in points:
        if last is not None:
            y += min(6 * log10(1 + max(point.time - last, 0) * 1e5), 34)
        if point.end is None:
            y = max(y, max(below) + BAND, label + BAND)
            below = [y + BAND / 2] * 2
            label = y + BAND / 2
        else:
            y = max(y, below[point.end] + LINE - 3 + STATE * len(point.passed))
            if point.text:
                y = max(y, label + LINE)
                label = y
            below[point.end] = y
        y += more.get(point, 0)
        point.y = y
        last = point.time
    return y + 30


class Picture:
    """.over: the words, which are drawn last, so that no arrow crosses them."""

    def __init__(self, start, bottom):
        self.lines, self.over, self.start, self.bottom = [], [], start, bottom
        self.labels = []        # (point, its ends on the line that it is written on: left, its place downwards, and right)
        self.dashed = False
        self.whole = ([], [])   # for each sender: where an arrow begins that arrives, and how far down it goes

    def add(self, line):
        self.lines.append(line)

    def text(self, x, y, words, size=SIZE, colour=INK, anchor="start", more=""):
        self.over.append('<text x="%.1f" y="%.1f" font-size="%g" fill="%s"%s%s>%s</text>' %
                         (x, y, size, colour, ' text-anchor="%s"' % anchor if anchor != "start" else "", more,
                          escape(words)))

    def label(self, point, x, y, words, colour, anchor, angle=0.0, title=""):
        """Words on a pale ground of their own, so that the arrows that they cross do not cross them."""
        width = GLYPH * SIZE * len(words) + 2
        left = x - 1 - (width - 2 if anchor == "end" else 0)
        slope, turn = tan(radians(angle)), ' transform="rotate(%.2f %.1f %.1f)"' % (angle, x, y) if angle else ""
        self.labels.append((point, left, y + (left - x) * slope, left + width, y + (left + width - x) * slope))
        self.over.append("<g>" + ("<title>%s</title>" % title if title else ""))
        self.over.append('<rect x="%.1f" y="%.1f" width="%.1f" height="13" fill="#fff" fill-opacity="0.85"%s/>' %
                         (left, y - 10, width, turn))
        self.text(x, y, words, SIZE, colour, anchor, ' font-family="%s"%s' % (MONO, turn))
        self.over.append("</g>")

    def clashes(self):
        """{point: how much lower it has to be}, so that no label is written on another one."""
        more, labels = {}, sorted(self.labels, key=lambda label: min(label[2], label[4]))
        for at, (above, left, y1, right, y2) in enumerate(labels):
            for below, left2, y3, right2, y4 in labels[at + 1:]:
                if min(y3, y4) > max(y1, y2) + CLEAR:
                    break
                low, high = max(left, left2), min(right, right2)
                if low >= high:
                    continue
                apart = [y3 + (x - left2) * (y4 - y3) / (right2 - left2) - y1 - (x - left) * (y2 - y1) / (right - left)
                         for x in (low, high)]
                first, last = (above, below) if above.y <= below.y else (below, above)
                if last is below and min(apart) < CLEAR - 0.1:
                    more[last] = max(more.get(last, 0), CLEAR - min(apart))
                elif last is above and max(apart) > 0.1 - CLEAR and min(apart) < CLEAR - 0.1:
                    more[last] = max(more.get(last, 0), CLEAR + max(apart))
        return more

    def slant(self, sender, y):
        """How far down an arrow goes that gets lost: as steep as those beside it, so that it keeps clear of them."""
        above = [down for begins, down in self.whole[sender] if begins < y]
        below = [down for begins, down in self.whole[sender] if begins > y]
        beside = above[-1:] + below[:1] or [0]
        return max(10, min(sum(beside) / len(beside) * LOST, self.bottom - 6 - y))

    def ms(self, time):
        return "%.3f" % ((time - self.start) * 1000)

    def arrow(self, x1, y1, x2, y2, colour, head, dash=False):
        self.dashed |= dash
        self.add('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="1.4"%s%s/>' %
                 (x1, y1, x2, y2, colour, ' stroke-dasharray="5 4"' if dash else "",
                  ' marker-end="url(#%s)"' % colour[1:] if head else ""))

    def cross(self, x, y, colour):
        self.add('<path d="M%.1f %.1fl10 10m0 -10l-10 10" stroke="%s" stroke-width="2.2" fill="none"/>' %
                 (x - 5, y - 5, colour))


def column(end):
    return LEFT if end == 0 else RIGHT


def is_part_of_bundle(row):
    return row.what == "arrives" and len(row.segment.arrivals) > 1


def words_at(row, leaves, arrives):
    """What stands at the arrow between these points."""
    segment, is_part = row.segment, is_part_of_bundle(row)
    words = sum(words_of(segment, row.arrivals[0] if (is_part or not leaves) and row.arrivals else None), [])
    notes = notes_of(segment, row.arrivals if arrives else [])
    if is_part and leaves:      # the rest is said where the bundle leaves
        words = [word for word in words if word.startswith(("SEQ=", "LEN="))]
        notes = [note for note in notes if note != segment.note]
    return " ".join(words) + (" (%s)" % ", ".join(notes) if notes else "")


def draw_arrow(picture, segment, leaves, arrives, x1, x2, colour):
    """Of a segment whose points these are; either may be None. Where it is: x1, y1, x2, y2."""
    dropped = bool(arrives) and any(arrival.dropped for arrival in segment.arrivals)
    whole, y1, y2 = segment.untold, leaves and leaves.y, arrives and arrives.y
    if not leaves:
        y1 = y2 - 6
        x1 = x1 if segment.time is None else x2 + (x1 - x2) * STUB
        picture.arrow(x1, y1, x2, y2, colour, not dropped, segment.time is not None)
    elif arrives:
        picture.arrow(x1, y1, x2, y2, colour, not dropped)
    else:
        x2 = x2 if whole else x1 + (x2 - x1) * (LOST if segment.fate else STUB)
        y2 = y1 + (picture.slant(segment.sender, y1) if segment.fate and not whole else 10)
        picture.arrow(x1, y1, x2, y2, colour, not segment.fate, not whole and not segment.fate)
        if segment.fate in UNKNOWN:
            picture.text(x2 + (-6 if segment.sender else 2), y2 + 4, "?", 13, colour, more=' font-weight="700"')
        elif segment.fate:
            picture.cross(x2, y2, colour)
    if dropped:
        picture.cross(x2 + (8 if segment.sender else -8), y2, colour)
    return x1, y1, x2, y2


def draw_segment(picture, row, leaves, arrives, title, parts=()):
    """leaves, arrives: its points, either may be None; of a part of a bundle both may be. parts: those points of a whole
    one, whose arrows are drawn."""
    segment, colour = row.segment, colour_of(row)
    x1, x2 = column(segment.sender), column(1 - segment.sender)
    is_part = is_part_of_bundle(row)
    x1, y1, x2, y2 = (x1, leaves.y, x2, parts[0].y) if parts else \
        draw_arrow(picture, segment, leaves, arrives, x1, x2, colour)
    words = words_at(row, leaves, arrives)
    # at the end that the arrow comes from, or else where it ends
    beside, x = (1, x1 + 10) if segment.sender == 0 else (-1, x1 - 10)
    if is_part or not leaves and segment.time is not None:
        x, anchor = x2 - beside * 14, "end" if beside == 1 else "start"
    else:
        anchor = "start" if beside == 1 else "end"
    angle = beside * degrees(atan2(y2 - y1, abs(x2 - x1)))
    y = y1 + (y2 - y1) * abs(x - x1) / abs(x2 - x1) - 4
    picture.label(arrives if is_part or not leaves else leaves, x, y, words, colour, anchor, angle, title)


def draw_moment(picture, point):
    if not point.row.moment.words:
        return
    x = column(point.end) + (10 if point.end == 0 else -10)
    picture.label(point, x, point.y + 3, "(%s)" % point.row.moment.words, NOTE, "start" if point.end == 0 else "end")


def draw_band(picture, point):
    row = point.row
    gap = row.what == "gap"
    ground = "#ffe3e3" if gap else "#f1f3f5"
    picture.add('<rect x="%d" y="%.1f" width="%d" height="%d" fill="%s"/>' %
                (LEFT - 6, point.y - BAND / 2 + 1, RIGHT - LEFT + 12, BAND - 4, ground))
    if gap:
        words = row.moment.words
    else:
        words = " · ".join(filter(None, (Folded(row.rows, 0).words() and "%s →" % Folded(row.rows, 0).words(),
                                           Folded(row.rows, 1).words() and "← %s" % Folded(row.rows, 1).words())))
    picture.text((LEFT + RIGHT) / 2, point.y + 4, words, SIZE, BAD if gap else MUTED, "middle",
                 ' stroke="%s" stroke-width="4" paint-order="stroke"' % ground)


def draw_ends(picture, points, states):
    shown = list(states)
    for end in (0, 1):
        if states[end]:
            picture.text(column(end) + (10 if end else -10), TOP - 24, states[end], SIZE, INK,
                         "start" if end else "end", ' font-weight="600"')
    for point in points:
        if point.end is None:
            continue
        end = point.end
        x = column(end)
        picture.add('<circle cx="%d" cy="%.1f" r="2.2" fill="%s"/>' % (x, point.y, MUTED))
        picture.text(WIDTH - 6 if end else TIMES, point.y + 4, picture.ms(point.time), 12, MUTED, "end",
                     ' font-family="%s"' % MONO)
        if point.state and point.state != shown[end]:
            shown[end] = point.state
            for above, state in enumerate([point.state, *reversed(point.passed)]):
                picture.text(x + (10 if end else -10), point.y + 4 - STATE * above, state, SIZE, INK,
                             "start" if end else "end", ' font-weight="600"')


def draw(story, rows, states, notices=()):
    """The text of the file; drawn again as long as labels stand on each other."""
    points, more = points_of(rows), {}
    for _ in range(PASSES):
        picture, height = drawn(story, points, states, notices, spread(points, more))
        clashes = picture.clashes()
        if not clashes:
            break
        for point, lower in clashes.items():
            more[point] = more.get(point, 0) + lower
    return document(picture, WIDTH, height)


def begin(picture, story, notices):
    picture.add('<title>%s to %s</title>' % tuple(escape(name) for name in story.names))
    picture.add('<desc>%s</desc>' % escape(" ".join(notices) or "a connection of xtcp, from its trace"))
    picture.add("<defs>")
    for colour in (PLAIN, SYN, FIN, TEXT, BAD, NOTE):
        picture.add('<marker id="%s" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="7" markerHeight="7" '
                    'orient="auto"><path d="M0 1L10 5L0 9Z" fill="%s"/></marker>' % (colour[1:], colour))
    picture.add("</defs>")
    picture.add('<rect width="100%" height="100%" fill="#fff"/>')


def document(picture, width, height):
    return '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%.0f" viewBox="0 0 %d %.0f" ' \
        'font-family="%s">\n%s\n</svg>\n' % (width, height, width, height, escape(FONT), "\n".join(picture.lines + picture.over))


def arrows_of(points):
    """A list of {"row", "leaves", "arrives": points, "parts": points of a bundle's parts}."""
    ends_of = {}
    for point in points:
        if point.row.segment is not None:
            segment = point.row.segment
            # each part of a bundle has an arrow of its own, from nowhere
            what = "leaves" if point.end == segment.sender else "arrives"
            name = id(segment) if what == "leaves" or len(segment.arrivals) == 1 else id(point.row)
            ends_of.setdefault(name, {"row": point.row})[what] = point
            if what == "arrives" and name == id(point.row) and id(segment) in ends_of:  # a part, from where the bundle left
                whole = ends_of[id(segment)]
                whole.setdefault("parts", []).append(point)
                ends_of[name]["leaves"] = whole["leaves"]
    for group in ends_of.values():
        if "arrives" in group and not group["row"].arrivals:
            group["row"] = group["arrives"].row
    return list(ends_of.values())


def drawn(story, points, states, notices, height):
    """The picture and its height, of points that have their places."""
    bottom = height - 14
    picture = Picture(story.start, bottom)
    begin(picture, story, notices)
    for end in (0, 1):
        picture.text(column(end), 24, story.title(end), 14, INK, "middle", ' font-weight="600"')
        picture.text(WIDTH - 6 if end else TIMES, 24, "ms", 12, MUTED, "end")
        picture.add('<line x1="%d" y1="34" x2="%d" y2="%.1f" stroke="%s" stroke-width="1.2"/>' %
                    (column(end), column(end), bottom, INK))
    for point in points:
        if point.end is None:
            draw_band(picture, point)
    draw_ends(picture, points, states)
    groups = arrows_of(points)
    for group in groups:
        if "leaves" in group and "arrives" in group:
            y = group["leaves"].y
            picture.whole[group["row"].segment.sender].append((y, group["arrives"].y - y))
    for arrows in picture.whole:
        arrows.sort()
    for group in groups:
        leaves, arrives, row = group.get("leaves"), group.get("arrives"), group["row"]
        times = [("left %s ms" % picture.ms(leaves.time)) if leaves else "",
                 ("arrived %s ms" % picture.ms(arrives.time)) if arrives else ""]
        title = ", ".join(filter(None, times))
        picture.add('<g class="segment"><title>%s</title>' % title)
        draw_segment(picture, row, leaves, arrives, title, group.get("parts", ()))
        picture.add("</g>")
    for point in points:
        if point.end is not None and point.row.moment is not None:
            draw_moment(picture, point)
    if picture.dashed:
        picture.text((LEFT + RIGHT) / 2, height - 2, LEGEND, 12, MUTED, "middle")
    return picture, height
