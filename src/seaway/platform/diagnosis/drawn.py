"""Tracebacks as rich (typer's too) and loguru draw them, and behind other words, as lines that Python itself would write."""

from __future__ import annotations

import re

HEADER = "Traceback (most recent call last):"
_TOP = re.compile(r"^\s*[╭┌]─.*Traceback \(most recent call last\)")
_BOTTOM = re.compile(r"^\s*[╰└]─")
_INSIDE = re.compile(r"^\s*│ ?(?P<text>.*?) *│?\s*$")
_PLACE = re.compile(r"^(?P<path>\S.*?):(?P<line>\d+) in (?P<function>\S.*)$")
_LINE = re.compile(r"^❱ *\d+ (?P<code>.*)$")
_CODE_OR_LOCALS = re.compile(r"^(?:❱|\d|\s|[╭╰│]|$)")
_MARKED = re.compile(r'^> (?=File ")')


def as_python(lines: list[str]) -> list[str]:
    """Return the lines of a log, as many as before, with what others draw of tracebacks as Python writes it."""
    written = [_MARKED.sub("  ", line) for line in lines]
    for index, line in enumerate(written[:-1]):
        # A progress bar or a logger wrote the beginning of the line.
        if line.rstrip().endswith(HEADER) and written[index + 1].lstrip().startswith('File "'):
            written[index] = HEADER
    inside, begun = False, ""
    for index, line in enumerate(written):
        if _TOP.match(line):
            inside, begun, written[index] = True, "", HEADER
        elif inside and _BOTTOM.match(line):
            inside, written[index] = False, ""
        elif inside and (found := _INSIDE.match(line)):
            written[index], begun = _as_frame(found["text"], begun)
        else:
            inside = False
    return written


def _as_frame(text: str, begun: str) -> tuple[str, str]:
    """Return a line from within a box, and the beginning of a path that was broken at its end."""
    if code := _LINE.match(text):
        return f"    {code['code'].lstrip('│ ')}", ""
    if place := _PLACE.match(begun + text):
        return f'  File "{place["path"]}", line {place["line"]}, in {place["function"]}', ""
    return "", "" if _CODE_OR_LOCALS.match(text) else begun + text
