#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tables of documents that follow from the tree. Each stands between two lines that mark its place.

Usage: written-tables.py [--write]

  programs      in selftests/README.md: of each program the first sentence of the comment at its head
  requirements  in module/STANDARDS.md: where module/ and selftests/ name a requirement of RFC 9293 by its id

Prints a line for each table that is not as it would be written. --write writes them."""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
TESTS = TOP / "selftests"
# soak/ has a table of its own
FOLDERS = ("life", "stream", "ports", "see", "wire", "matrix", "differential", "unit")
PROGRAM = re.compile(r"^int main|TEST_HARNESS_MAIN", re.M)
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
    return first.rstrip(".: ").replace("|", "\\|")


def programs():
    for folder in FOLDERS:
        yield f"| {folder}/ | what it tests |"
        yield "|---|---|"
        for file in sorted((TESTS / folder).glob("*.c")):
            if PROGRAM.search(file.read_text(encoding="utf-8")):
                yield f"| {file.stem} | {sentence(file)} |"
        yield ""


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


TABLES = (("programs", "selftests/README.md", programs), ("requirements", "module/STANDARDS.md", requirements))


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit(__doc__)
    for name, document, lines in TABLES:
        file = TOP / document
        text = file.read_text(encoding="utf-8")
        begin, end = f"<!-- {name} begin -->\n", f"<!-- {name} end -->\n"
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            sys.exit(f"{document}: no place for the {name}")
        made = before + begin + "\n" + "\n".join(lines()) + "\n" + end + after
        if made == text:
            continue
        if sys.argv[1:]:
            file.write_text(made, encoding="utf-8")
        else:
            print(f"{document}: not the {name} of today; scripts/check/written-tables.py --write writes them")


main()
