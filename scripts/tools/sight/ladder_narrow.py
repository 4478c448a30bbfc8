# SPDX-License-Identifier: GPL-2.0
"""The picture of xtcp-ladder for a telephone: as ladder_svg.py draws it, but one column of times, and words above the place
where their arrow begins, on as many lines as they need."""

from textwrap import wrap

from ladder_svg import (BAND, GLYPH, INK, MONO, MUTED, NOTE, SIZE, Picture, arrows_of, begin, colour_of, document,
                        draw_arrow, is_part_of_bundle, points_of, words_at)
from rows import Folded

WIDTH, TIMES = 328, 58      # a telephone has 360, less its margins
ENDS = (66, 322)
ROOM = int((ENDS[1] - ENDS[0] - 12) / (GLYPH * SIZE))


def lines_at(point, group, shown):
    """(words, colour) of each line above a point."""
    row, lines = point.row, []
    if point.end is None:
        sides = [Folded(row.rows, end).words() for end in (0, 1)] if row.what == "fold" else []
        words = [row.moment.words] if row.what == "gap" else [sides[0] and sides[0] + " \u2192", sides[1] and "\u2190 " + sides[1]]
        return [(line, MUTED) for text in filter(None, words) for line in wrap(text, ROOM)]
    if point.state and point.state != shown[point.end]:
        lines += [(state, INK) for state in (*point.passed, point.state)]
        shown[point.end] = point.state
    if row.moment is not None and row.moment.words:
        lines += [(line, NOTE) for line in wrap("(%s)" % row.moment.words, ROOM)]
    elif row.segment is not None and point.text:
        row = point.row if is_part_of_bundle(point.row) else group["row"]
        lines += [(line, colour_of(row)) for line in wrap(words_at(row, group.get("leaves"), group.get("arrives")), ROOM)]
    return lines


def draw(story, rows, states, notices=()):
    points, shown = points_of(rows), list(states)
    groups = arrows_of(points)
    group_of = {id(point): group for group in groups for what, point in group.items()
                if what == "arrives" or what == "leaves" and not is_part_of_bundle(group["row"])}
    picture = Picture(story.start, 0)
    begin(picture, story, notices)
    top = -1
    for end in (0, 1):
        anchor, x = ("end", ENDS[1]) if end else ("start", ENDS[0])
        for line in wrap(story.title(end), ROOM):
            top += 17
            picture.text(x, top, line, 13, INK, anchor, ' font-weight="600"')
    top += 7
    for end, anchor, x in (0, "start", ENDS[0] + 6), (1, "end", ENDS[1] - 6):
        if states[end]:
            picture.label(None, x, top + 12, states[end], INK, anchor)
    y = top + 26
    picture.text(TIMES, 16, "ms", 12, MUTED, "end")
    for point in points:
        lines = lines_at(point, group_of.get(id(point)), shown)
        y += 6 if point.end is not None else BAND / 2
        for words, colour in lines:
            y += 15
            anchor, x = ("middle", sum(ENDS) / 2) if point.end is None else ("end", ENDS[1] - 6) if point.end else \
                ("start", ENDS[0] + 6)
            if point.end is None:
                picture.text(x, y, words, SIZE, colour, anchor)
            else:
                picture.label(point, x, y, words, colour, anchor)
        y += 9
        point.y = y
        if point.end is not None:
            picture.text(TIMES, y + 4, "%.2f" % ((point.time - story.start) * 1000), 12, MUTED, "end",
                         ' font-family="%s"' % MONO)
            picture.add('<circle cx="%d" cy="%.1f" r="2.2" fill="%s"/>' % (ENDS[point.end], y, MUTED))
    for group in groups:
        if not group.get("parts"):
            row, sender = group["row"], group["row"].segment.sender
            draw_arrow(picture, row.segment, group.get("leaves"), group.get("arrives"), ENDS[sender], ENDS[1 - sender],
                       colour_of(row))
    for end in (0, 1):
        picture.add('<line x1="%d" y1="%d" x2="%d" y2="%.1f" stroke="%s" stroke-width="1.2"/>' %
                    (ENDS[end], top, ENDS[end], y + 12, INK))
    return document(picture, WIDTH, y + 20)
