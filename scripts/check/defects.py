#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Defects of scripts/check/explore.defects, wherever their functions stand in module/.

defects.py listed           is each place there, once?
defects.py plant TREE PLACE puts the defect of that line into TREE, and names its file"""
import pathlib
import re
import sys

LIST = "scripts/check/explore.defects"


def find(place):
    """"FUNCTION: THERE => INSTEAD": the file, its text with the defect; or why not."""
    function, there, instead = re.fullmatch(r"\s*(\w+): (.*?) => (.*)", place).groups()
    found = []
    for file in sorted(pathlib.Path("module").rglob("*.[ch]")):
        text = file.read_text()
        if f"{function}(" not in text:
            continue
        for body in re.finditer(rf"^\w[^\n;]*\b{function}\([^;{{}}]*\n{{.*?^}}", text, re.M | re.S):
            at = body.start()
            found += [(file, text[:at + n] + instead + text[at + n + len(there):])
                      for n in range(len(body[0])) if body[0].startswith(there, n)]
    return found[0] if len(found) == 1 else (None, f"not once, but {len(found)} times in {function}(): {there}")


def entries():
    """Words and place of each defect."""
    lines = [line.strip() for line in pathlib.Path(LIST).read_text().splitlines() if line and line[0] != "#"]
    return zip(lines[::2], lines[1::2])


def main():
    if sys.argv[1] == "listed":
        wrong = [f"{LIST}: '{words}': {text}" for words, place in entries() for file, text in [find(place)] if not file]
        print("".join(f"{line}\n" for line in wrong), end="")
        return len(wrong) > 0
    file, text = find(sys.argv[3])
    if not file:
        print(f"# {text}", file=sys.stderr)
        return 1
    (pathlib.Path(sys.argv[2]) / file).write_text(text)
    print(file)
    return 0


sys.exit(main())
