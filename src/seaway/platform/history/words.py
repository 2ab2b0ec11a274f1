"""Finding lines of logs by their words. Pure.

A line is found where it holds every term of the query, as it is written there but for case, and beginning and ending with
whole words: "epoch 3" finds "Epoch: 3" and not "epochs: 30".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from seaway.platform.database.log_words import words_of
from seaway.platform.history import lines

PIECE = 64 * 1024
"""About so many bytes are indexed together."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for."""

    terms: tuple[str, ...]
    """Folded; each has to be in a line."""
    words: tuple[str, ...]
    """All words of the terms; each has to be a word of the line."""


class Found(NamedTuple):
    """A line that was found."""

    nanoseconds: int
    text: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    own: bool
    """It is one of Seaway's own."""


def parse_query(text: str) -> Query:
    """Return what a text looks for: its parts between blanks, whatever signs are in them."""
    terms = tuple(dict.fromkeys(text.casefold().split()))
    return Query(terms, tuple(dict.fromkeys(word for term in terms for word in words_of(term))))


def piece_words(data: bytes) -> str:
    """Return the distinct words of some lines, with blanks between."""
    text = lines.Stripper().feed(data).decode("utf-8", "replace")
    return " ".join(sorted(set(words_of(text))))


def find(data: bytes, query: Query, context: int) -> Iterator[Found]:
    """Yield the lines of a part of a log that are looked for, oldest first.

    Args:
        data: whole lines, as they are stored.
        query: what is looked for.
        context: so many lines before and after go with each.
    """
    folded = data.decode("utf-8", "replace").casefold()
    if not all(term in folded for term in query.terms):
        return
    stored = data.split(b"\n")
    texts: Sequence[str] = [_text(line) for line in stored]
    wanted = set(query.words)
    for number, text in enumerate(texts):
        line = text.casefold()
        if not all(term in line for term in query.terms) or not wanted <= set(words_of(line)):
            continue
        before = tuple(texts[max(0, number - context) : number])
        after = tuple(one for one in texts[number + 1 : number + 1 + context] if one)
        yield Found(lines.line_time(stored[number]) or 0, text, before, after, lines.is_own(stored[number]))


def newest_time(data: bytes) -> int:
    """Return the time of the last line that has one, in nanoseconds since the epoch; 0 for none."""
    for line in reversed(data.split(b"\n")):
        if (time := lines.line_time(line)) is not None:
            return time
    return 0


def _text(line: bytes) -> str:
    shown = lines.Stripper().feed(line)
    return shown.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace")
