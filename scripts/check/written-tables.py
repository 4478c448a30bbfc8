#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What follows from the tree.

Usage: written-tables.py [--write | --programs [WORD]]

Prints a line if the table in module/STANDARDS.md of the requirements of RFC 9293 that module/ and selftests/ name is
not as it would be written, or a program does not say what it tests. --write writes the table. --programs prints the
first sentence of each test program's head comment, or of those whose line has WORD."""
import pathlib
import re
import signal
import sys

signal.signal(signal.SIGPIPE, signal.SIG_DFL)   # who reads this may have seen enough

TOP = pathlib.Path(__file__).resolve().parents[2]
TESTS = TOP / "selftests"
# soak/ has a table in selftests/README.md
FOLDERS = ("life", "stream", "ports", "see", "wire", "matrix", "differential", "unit")
PROGRAM = re.compile(r"^(int main|[A-Z_]+_MAIN)", re.M)
REQUIREMENT = re.compile(r"\b(MUST|SHLD|MAY|REC)-(\d+)\b")
KINDS = ("MUST", "SHLD", "MAY", "REC")
LONGEST = 240   # of a sentence, in characters


def sentence(file):
    """The first one at the head of a file, without its end; one that is long ends at a semicolon."""
    head = re.match(r"// SPDX[^\n]*\n/\*(.*?)\*/", file.read_text(encoding="utf-8"), re.S)
    if not head:
        sys.exit(f"{file.relative_to(TOP)}: no comment at its head says what it tests")
    lines = [re.sub(r"^ ?\* ?", "", line).strip() for line in head[1].split("\n")]
    paragraph = " ".join("\n".join(lines).strip().split("\n\n")[0].split())
    first = paragraph.split(". ")[0]
    if len(first) > LONGEST and ";" in first[:LONGEST]:
        first = first[:LONGEST].rpartition(";")[0]
    return first.rstrip(".: ")


def programs():
    for folder in FOLDERS:
        for file in sorted((TESTS / folder).glob("*.c")):
            if PROGRAM.search(file.read_text(encoding="utf-8")):
                yield f"{folder}/{file.stem}: {sentence(file)}"


def named(top):
    """{(kind, number): the files of C below top that name it}"""
    found = {}
    for file in sorted(top.rglob("*.[ch]")):
        for kind, number in REQUIREMENT.findall(file.read_text(encoding="utf-8")):
            found.setdefault((kind, int(number)), {})[str(file.relative_to(top))] = None
    return found


def requirements():
    files, tests = named(TOP / "module"), named(TESTS)
    known = sorted(set(files) | set(tests), key=lambda each: (KINDS.index(each[0]), each[1]))

    def words(names):
        return ", ".join(f"`{name}`" for name in names) or "-"

    yield "| requirement | module/ | selftests/ |"
    yield "|---|---|---|"
    for each in known:
        yield f"| {each[0]}-{each[1]} | {words(files.get(each, ()))} | {words(tests.get(each, ()))} |"
    yield ""


def main():
    asked, document = sys.argv[1:], TOP / "module/STANDARDS.md"
    if asked[:1] == ["--programs"] and len(asked) < 3:
        print("\n".join(line for line in programs() if asked[-1] == "--programs" or asked[-1].lower() in line.lower()))
        return
    if asked not in ([], ["--write"]):
        sys.exit(__doc__)
    list(programs())
    text = document.read_text(encoding="utf-8")
    begin, end = "<!-- requirements begin -->\n", "<!-- requirements end -->\n"
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        sys.exit("module/STANDARDS.md: no place for the requirements")
    made = before + begin + "\n" + "\n".join(requirements()) + "\n" + end + after
    if asked:
        document.write_text(made, encoding="utf-8")
    elif made != text:
        print("module/STANDARDS.md: not the requirements of today; scripts/check/written-tables.py --write writes them")


main()
