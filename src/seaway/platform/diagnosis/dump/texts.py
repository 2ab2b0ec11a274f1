"""Texts that are not quite a dump: copied from a terminal, cut short, or another of kubectl's prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_BEGINS = re.compile(r"^(?:---\s*$|apiVersion:|kind:|items:|metadata:|- apiVersion:|[{\[])")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_ITEM = re.compile(r"^(?:- |---\s*$)", re.MULTILINE)
_LIST = re.compile(r"(?:---\n)?apiVersion: v1\nitems:\n(?=- )")
_FIRST_LINE = re.compile(r"^- ", re.MULTILINE)
_AFTER_ITEMS = re.compile(r"^[^\s-]", re.MULTILINE)
_DOCUMENT = re.compile(r"^---", re.MULTILINE)
_NEXT = re.compile(r"^(?:apiVersion:|---)", re.MULTILINE)
_MOST_VALUES = 20_000_000
_LARGE = 2_000_000
_PART = 200_000
"""Characters."""
_OTHERS = (
    (re.compile(r"^No resources found(?: in (?P<name>\S+) namespace)?", re.MULTILINE),
     "kubectl found nothing{name}: name the right namespace with -n, or all with -A"),
    (re.compile(r"^Name:\s+\S.*\n(?:.*\n){0,12}?(?:Namespace|Status|Node|Controlled By):", re.MULTILINE),
     "it is what kubectl describe prints; whole objects say more"),
    (re.compile(r"^(?:NAMESPACE +)?(?:LAST SEEN|NAME) +(?:TYPE|READY|STATUS|COMPLETIONS|DESIRED|REASON)", re.MULTILINE),
     "it is a table of kubectl's; whole objects say more"),
    (re.compile(r"^(?:Error from server|error: |Unable to connect to the server|The connection to the server)", re.MULTILINE),
     "it is an error of kubectl's, so it printed no objects"),
    (re.compile(r"Traceback \(most recent call last\)|^\S*\d\d:\d\d:\d\d\S* +\S*(?:INFO|ERROR|WARN|DEBUG)", re.MULTILINE),
     "it looks like a container's log: give that with --log, beside a dump"),
)  # fmt: skip
"""What people give instead of a dump, and what to say of it."""


def trimmed(text: str) -> str:
    """Return a text without what a terminal or a chat put around it: a command before it, fences."""
    lines = [line for line in text.splitlines() if not _FENCE.match(line)]
    first = next((index for index, line in enumerate(lines[:50]) if _BEGINS.match(line.lstrip("\ufeff"))), 0)
    return "\n".join(lines[first:])


def whole_items(text: str) -> Iterator[Any]:
    """Return the objects of a JSON list that ends in the middle, as far as they are whole."""
    decoder, place = json.JSONDecoder(), text.find("[", max(text.find('"items"'), 0)) + 1
    while place > 0:
        place = text.find("{", place)
        if place < 0:
            return
        try:
            value, place = decoder.raw_decode(text, place)
        except ValueError:
            return
        yield value


def without_last_item(text: str) -> str:
    """Return YAML that ends in the middle without its last item or document, "" where that leaves nothing."""
    places = [found.start() for found in _ITEM.finditer(text)]
    return text[: places[-1]] if places else ""


def separated(text: str) -> str:
    """Return YAML that was appended to other YAML (`kubectl ... >> FILE`) as a document of its own: read as one, it would replace it."""
    begun, pieces, place = False, [], 0
    for found in _NEXT.finditer(text):
        if begun and found[0] != "---":
            pieces.append(text[place : found.start()])
            place = found.start()
        begun = found[0] != "---"
    return "---\n".join([*pieces, text[place:]]) if pieces else text


def is_endless(value: Any) -> bool:
    """Tell whether what was read from YAML is far larger than what was written, or holds itself: aliases may stand for much."""
    return _size(value, {}) > _MOST_VALUES


def _size(value: Any, sizes: dict[int, int]) -> int:
    """Return of how many values something consists, each counted as often as it stands there."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in sizes:
        sizes[id(value)] = _MOST_VALUES + 1  # while it is counted: it holds itself
        inner = value.values() if isinstance(value, dict) else value
        sizes[id(value)] = 1 + sum(_size(one, sizes) for one in inner)
    return sizes[id(value)]


def in_parts(text: str) -> Iterator[str] | None:
    """Return a large List in the form that kubectl prints as texts of a few items each, None for another form.

    Read as one, YAML takes forty times its size in memory.
    """
    head = _LIST.match(text)
    if head is None or len(text) < _LARGE:
        return None
    last = _AFTER_ITEMS.search(text, head.end())
    end = last.start() if last is not None else len(text)
    return None if _DOCUMENT.search(text, end) else _parts(text, head.end(), end)


def _parts(text: str, begin: int, end: int) -> Iterator[str]:
    for found in _FIRST_LINE.finditer(text, begin, end):
        if found.start() - begin >= _PART:
            yield text[begin : found.start()]
            begin = found.start()
    yield text[begin:end]


def what_it_is(text: str) -> str:
    """Return what a text is that is no dump, "" where that is not known."""
    head = text[:20_000].lstrip("\ufeff")
    if not head.strip():
        return "it is empty"
    for pattern, words in _OTHERS:
        if found := pattern.search(head):
            name = found.groupdict().get("name")
            return words.replace("{name}", f" in the namespace {name}" if name else "")
    return ""
