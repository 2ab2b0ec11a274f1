"""Finding lines of logs by their words. Pure.

A line is found where it holds every term of the query, without regard to case, where a word begins: "error" finds
"2 errors" and "ValueError". A number is found as a whole: "epoch 3" finds "Epoch: 3" and not "epoch 30". What stands between
quotation marks is one term, with its blanks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from seaway.platform.database.log_words import PART, UNSPACED, Wanted, distinct_words, folded, words_of
from seaway.platform.history import lines

PIECE = 64 * 1024
"""About so many bytes are indexed together."""
_TERM = re.compile(r"""(["'])(\S.*?)\1(?=\s|$)|(\S+)""")
_WORDS_OWN = rf"[^\W_{UNSPACED}]"
"""A character that a word has several of."""
_PART = "\0"
"""Put where a part of a name begins; the lines of a log have none."""
_NO_WORDS = re.compile(r"\\[dwsbDWSB]|\.[*+?]|\[[^\]]+\][*+?]|\[[^\]]*-[^\]]*\]|\w\|\w|^\^|\$$|\(\?|\w\*$")


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for."""

    terms: tuple[str, ...]
    """Folded; each has to be in a line."""
    words: tuple[Wanted, ...]
    """All words of the terms, as the index is asked for them."""
    patterns: tuple[re.Pattern[str], ...]
    """Of each term: how it stands in a line that is folded and whose names are parted."""
    parts: tuple[str, ...]
    """What has to be in a text in any case: the terms' own parts between blanks."""


class Found(NamedTuple):
    """A line that was found."""

    nanoseconds: int
    text: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    own: bool
    """It is one of Seaway's own."""


def parse_query(text: str) -> Query:
    """Return what a text looks for: its parts between blanks, and what stands between quotation marks."""
    found = (match[2] or match[3] for match in _TERM.finditer(folded(text)))
    terms = tuple(dict.fromkeys(" ".join(term.split()) for term in found))
    words = dict.fromkeys(wanted for term in terms for wanted in _wanted(term))
    parts = dict.fromkeys(part for term in terms for part in term.split())
    return Query(terms, tuple(words), tuple(_pattern(term) for term in terms), tuple(parts))


def looks_like_an_expression(text: str) -> bool:
    """Return whether somebody may have meant a regular expression or a pattern, which are looked for as they are written."""
    return any(_NO_WORDS.search(part) for part in text.split())


def _wanted(term: str) -> Iterator[Wanted]:
    words = words_of(term)
    at_end = bool(re.search(rf"{_WORDS_OWN}$", term))
    for number, word in enumerate(words, 1):
        yield Wanted(word, begins=number == len(words) and at_end and not word.isdigit())


def _pattern(term: str) -> re.Pattern[str]:
    begin = rf"(?<!{_WORDS_OWN})" if re.match(_WORDS_OWN, term) else ""
    end = rf"(?!{_WORDS_OWN})" if re.search(rf"(?<!{_WORDS_OWN})\d+$", term) else ""
    texts = (f"{_PART}?".join(re.escape(character) for character in part) for part in term.split())
    return re.compile(begin + rf"\s+{_PART}?".join(texts) + end)


def piece_words(data: bytes) -> str:
    """Return the distinct words of some lines, with blanks between."""
    return " ".join(sorted(distinct_words(lines.Stripper().feed(data).decode("utf-8", "replace"))))


def find(data: bytes, query: Query, context: int) -> Iterator[Found]:
    """Yield the lines of a part of a log that are looked for, oldest first.

    Args:
        data: whole lines, as they are stored.
        query: what is looked for.
        context: so many lines before and after go with each.
    """
    everything = folded(data.decode("utf-8", "replace"))
    if not all(part in everything for part in query.parts):
        return
    stored = data.split(b"\n")
    texts: Sequence[str] = [_text(line) for line in stored]
    for number, text in enumerate(texts):
        if not _holds(text, query):
            continue
        before = tuple(texts[max(0, number - context) : number])
        after = tuple(one for one in texts[number + 1 : number + 1 + context] if one)
        yield Found(lines.line_time(stored[number]) or 0, text, before, after, lines.is_own(stored[number]))


def _holds(text: str, query: Query) -> bool:
    line = folded(text)
    if not all(part in line for part in query.parts):
        return False
    parted = folded(PART.sub(_PART, text))
    return all(pattern.search(parted) for pattern in query.patterns)


def newest_time(data: bytes) -> int:
    """Return the time of the last line that has one, in nanoseconds since the epoch; 0 for none."""
    for line in reversed(data.split(b"\n")):
        if (time := lines.line_time(line)) is not None:
            return time
    return 0


def _text(line: bytes) -> str:
    shown = lines.Stripper().feed(line)
    return shown.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace")
