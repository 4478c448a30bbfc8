# SPDX-License-Identifier: GPL-2.0
"""The picture of xtcp-plot for a terminal: dots of Braille characters, eight
to a place, and letters for what is rare; in ASCII two dots to a place."""

from textwrap import wrap

from transfer import ticks

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
MARGIN = 9
OTHERS = ((33, "o"), (32, "x"))      # colour and letter of connections beside the first one
LETTER = {"Open": " ", "Disorder": "d", "CWR": "c", "Recovery": "R", "Loss": "L"}


class Canvas:
    """Places of 2 x 4 dots; a letter hides the dots of its place."""

    def __init__(self, width, height, times, most, paint):
        self.width, self.height, self.times, self.most, self.paint = width, height, times, most, paint
        self.dots = [[0] * width for _ in range(height)]
        self.colour = [[0] * width for _ in range(height)]
        self.letters = [[""] * width for _ in range(height)]

    def spot(self, time, value):
        """In dots, from the left and from above. What is outside stands at the edge: an event may be newer than the axis."""
        low, high = self.times
        x = int((min(max(time, low), high) - low) / (high - low) * (self.width * 2 - 1) + 0.5)
        y = int((1 - min(max(value, 0), self.most) / self.most) * (self.height * 4 - 1) + 0.5)
        return x, y

    def dot(self, x, y, colour):
        self.dots[y // 4][x // 2] |= DOTS[y % 4][x % 2]
        self.colour[y // 4][x // 2] = colour

    def point(self, time, value, colour):
        self.dot(*self.spot(time, value), colour)

    def steps(self, points, colour):
        """A line that keeps each value until the next one."""
        last = None
        for time, value in points:
            if value is None:
                continue
            x, y = self.spot(time, value)
            if last:
                for between in range(last[0], x):
                    self.dot(between, last[1], colour)
                for between in range(min(last[1], y), max(last[1], y)):
                    self.dot(x, between, colour)
            self.dot(x, y, colour)
            last = x, y

    def letter(self, time, value, letter, colour, over=True):
        x, y = self.spot(time, value)
        if over or not (self.letters[y // 4][x // 2] or self.dots[y // 4][x // 2]):
            self.letters[y // 4][x // 2] = self.paint(colour, letter)

    def line_of(self, points, letter, colour, step, over=False):
        """Letters, so far apart, that keep each value until the next point; the last one only ends that."""
        for (time, value), (until, _) in zip(points, points[1:]):
            while time <= until:
                self.letter(time, value, letter, colour, over)
                time += step

    def character(self, dots):
        if self.paint.ascii:
            return " '.:"[bool(dots & 0x1b) + 2 * bool(dots & 0xe4)]
        return chr(0x2800 + dots)

    def rows(self, scale):
        """Lines, with numbers at the axis."""
        tick, line = ("+", "|") if self.paint.ascii else ("┤", "│")
        label = {}
        for value in ticks(0, self.most / scale, max(self.height / 3, 2)):
            y = self.spot(self.times[0], value * scale)[1] // 4
            label[y] = "%g" % round(value, 6)
        for y in range(self.height):
            cells = []
            for x in range(self.width):
                if self.letters[y][x]:
                    cells.append(self.letters[y][x])
                elif self.dots[y][x]:
                    cells.append(self.paint(self.colour[y][x], self.character(self.dots[y][x])))
                else:
                    cells.append(" ")
            yield "%*s %s%s" % (MARGIN - 2, label.get(y, ""), tick if y in label else line, "".join(cells).rstrip())


def place(time, times, width):
    """The column of a moment."""
    low, high = times
    return int((min(max(time, low), high) - low) / (high - low) * (width - 1) + 0.5)


def axis(times, width, unit, ascii_only):
    corner, level, tick = "`-+" if ascii_only else "└─┬"
    line, numbers = [level] * width, [" "] * width
    for time in ticks(times[0], times[1], width / 12):
        at = place(time, times, width)
        line[at] = tick
        text = "%g" % round(time, 6)
        if at + len(text) + len(unit) <= width:     # else the line is longer than the picture
            numbers[at:at + len(text)] = text
    yield " " * (MARGIN - 1) + corner + "".join(line)
    yield " " * MARGIN + "".join(numbers).rstrip() + " " + unit


def phase_row(phases, times, width):
    """phases: (phase, from, to), also of what was before."""
    row = [" "] * width
    for phase, begin, end in phases:
        if end >= times[0]:
            for at in range(place(begin, times, width), place(end, times, width) + 1):
                row[at] = LETTER.get(phase, "?")
    return "".join(row).rstrip()


def number_row(changes, times, width):
    """The number of each change below its place, or beside it: none upon another one, and none beyond the picture."""
    places, free = [], 0
    for number, change in enumerate(changes, 1):
        at = max(place(change.time, times, width), free)
        places.append(at)
        free = at + len(str(number)) + 1
    row, end = [" "] * width, width
    for number, at in reversed(list(enumerate(places, 1))):
        at = max(min(at, end - len(str(number))), 0)
        row[at:at + len(str(number))] = str(number)
        end = at - 1
    return "".join(row[:width]).rstrip()


def settings_rows(settings, times, width, paint):
    for time, words in settings:
        at = place(time, times, width)
        row = " " * at + "v " + words
        if len(row) > width:
            row = (words + " v").rjust(at + 1)[-width:]
        yield " " * MARGIN + paint(31, row)


def draw_others(transfer, others, times, width, height, paint):
    flows = [list(flow.cwnds_of(transfer)) for flow in [transfer, *others]]
    names = [paint(34, ":" if paint.ascii else "⣿")] + [paint(*OTHERS[at]) for at in range(len(others))]
    yield " kB, cwnd: " + ", ".join("%s %s" % pair for pair in
                                    zip(names, [flow.name for flow in [transfer, *others]]))
    canvas = Canvas(width, height, times, max(cwnd for flow in flows for _, cwnd in flow), paint)
    canvas.steps(flows[0], 34)
    for (colour, letter), flow in zip(OTHERS, flows[1:]):
        canvas.line_of(flow + flow[-1:], letter, colour, (times[1] - times[0]) / width / 2, True)
    yield from canvas.rows(1000)


def draw_windows(transfer, width, height, paint):
    begin, end = times = transfer.bounds()
    windows = transfer.windows
    steps = [(window[0], window[2]) for window in windows if window[2] is not None]
    yield " kB: %s cwnd" % paint(34, ":" if paint.ascii else "⣿") + (", %s ssthresh" % paint(35, "-") if steps else "")
    yield from settings_rows(transfer.settings, times, width, paint)
    canvas = Canvas(width, height, times, max([window[1] or 1 for window in windows]), paint)
    canvas.steps(((window[0], window[1]) for window in windows), 34)
    canvas.line_of([*steps, (end, 0)], "-", 35, (end - begin) / width)
    yield from canvas.rows(1000)


def draw(transfer, title, changes, width, paint, only_windows=False, others=()):
    """Lines of text. changes: those that get a number."""
    dot, low = (":", ".") if paint.ascii else ("⣿", "⣀")
    width -= MARGIN + 1
    times = transfer.bounds()
    if only_windows and not others:
        yield from draw_windows(transfer, width, 7, paint)
        yield from axis(times, width, "s", paint.ascii)
        return
    if others:
        every = transfer.all_bounds(others)
        yield from draw_others(transfer, others, every, width, 7, paint)
        yield from axis(every, width, "s", paint.ascii)
        if only_windows:
            return
        yield ""
    yield paint(1, title)
    yield transfer.summary()

    yield ""
    yield " kB sent: %s once, %s resent, %s lost; %s acknowledged" % (paint(34, dot), paint(33, "o"), paint(31, "X"),
                                                                  paint(90, low))
    canvas = Canvas(width, 14, times, max(segment.right for segment in transfer.sent), paint)
    canvas.steps(((ack.time, ack.una) for ack in transfer.acks), 90)
    for segment in transfer.sent:
        if not segment.resent:
            canvas.point(segment.time, segment.right, 34)
    for segment in transfer.sent:
        if segment.resent:
            canvas.letter(segment.time, segment.left, "o", 33)
    for segment in transfer.lost():
        canvas.letter(segment.time, segment.left, "X", 31)
    yield from canvas.rows(1000)
    yield paint(35, " " * MARGIN + phase_row(transfer.phases(), times, width))
    yield paint(1, " " * MARGIN + number_row(changes, times, width))

    yield from draw_windows(transfer, width, 11, paint)

    yield ""
    yield " ms: %s round trip" % paint(36, dot)
    samples = [(ack.time, ack.rtt_us) for ack in transfer.acks if ack.rtt_us]
    canvas = Canvas(width, 6, times, max([sample[1] for sample in samples] + [1000]), paint)
    for time, rtt in samples:
        canvas.point(time, rtt, 36)
    yield from canvas.rows(1000)
    yield from axis(times, width, "s", paint.ascii)
    if transfer.changes:
        yield ""
        yield "phases: " + ", ".join("%s %s" % (LETTER[name], name) for name in ("Disorder", "CWR", "Recovery", "Loss")
                                     if any(name == span[0] for span in transfer.phases()))
    for number, change in enumerate(changes, 1):
        words, *more = wrap(change.words(), width + MARGIN + 1 - len("  1 %9.1f ms  " % 0))
        yield "%s %9.1f ms  %s" % (paint(1, "%3d" % number), change.time * 1000, words)
        for line in more:
            yield " " * len("  1 %9.1f ms  " % 0) + line
