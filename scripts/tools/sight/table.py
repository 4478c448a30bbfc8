# SPDX-License-Identifier: GPL-2.0
"""A table of as many columns as there is room for, and numbers in few letters."""


def brief(number):
    """14480 as 14.5k, in five letters."""
    if number is None:
        return "-"
    for unit in ("", "k", "M", "G", "T"):
        if number < 999.5 or unit == "T":
            break
        number /= 1000
    return ("%.0f" if not unit or number >= 99.95 else "%.1f") % number + unit


def rate(octets):
    """Octets per second in bits per second, as pacing= takes them: 100mbit."""
    bits, at = octets * 8, 0
    while at < 3 and bits % 1000 == 0 and bits:
        bits, at = bits // 1000, at + 1
    return "%d%sbit" % (bits, ("", "k", "m", "g")[at])


def span(seconds):
    """200ms, 3.2s, 59s, 5.0m, 2.0h: in five letters."""
    if seconds < 0.9995:
        return "%.0fms" % (seconds * 1000)
    for unit, size in (("s", 120), ("m", 7200), ("h", 360000)):
        if seconds < size:
            break
    seconds /= {"s": 1, "m": 60, "h": 3600}[unit]
    return ("%.1f" if seconds < 9.95 else "%.0f") % seconds + unit


def shorten(text, width, mark="~"):
    """What is too long loses its middle; the port stays."""
    if len(text) <= width:
        return text
    port = text[text.rfind(":"):]
    left = width - len(port) - 1
    if left < 1:
        return text[-width:]
    return text[:left] + mark + port


class Column:
    """.least: width that it needs; .most: that it can use; .rank: those of high rank go first when there is no room.
    .value turns what a row is of into words."""

    def __init__(self, key, title, least, value, rank=0, most=None, left=False):
        self.key, self.title, self.least, self.value, self.rank = key, title, least, value, rank
        self.most, self.left = most or least, left


def fit(columns, width):
    """[(column, width)] of those that there is room for, wider if there is more."""
    chosen = list(columns)
    while sum(column.least + 1 for column in chosen) - 1 > width:
        worst = max(reversed(chosen), key=lambda column: column.rank)
        if not worst.rank:
            break
        chosen.remove(worst)
    spare = width - sum(column.least + 1 for column in chosen) + 1
    widths = {column.key: column.least for column in chosen}
    growing = [column for column in chosen if column.most > column.least]
    while spare > 0 and growing:
        column = min(growing, key=lambda column: widths[column.key] - column.least)
        widths[column.key] += 1
        spare -= 1
        growing = [column for column in growing if widths[column.key] < column.most]
    return [(column, widths[column.key]) for column in chosen]


def row(fitted, cells):
    """A line; cells in the order of the columns."""
    words = []
    for (column, width), cell in zip(fitted, cells):
        cell = shorten(cell, width) if column.left else cell[:width]
        words.append(cell.ljust(width) if column.left else cell.rjust(width))
    return " ".join(words)
