"""The index of words in logs: FTS5 in SQLite, a text search vector in PostgreSQL; each knows pieces by their distinct words.

Words are runs of letters and digits, without regard to case; a name such as ValueError is also known by its later parts.
In scripts that put no blanks between words, each character is a word. What a query finds are pieces that hold all of its
words: whether they stand in one line, and in which, is looked up in the log itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai to Burmese, Khmer, Chinese and Japanese, as a part of a regular expression's class of characters."""
WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
PART = re.compile(r"(?<=[^\W\d_])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])")
"""Where a part of a name begins: ValueError, OOMKilled, myURL."""
_MOST_PARTS = 8
"""What has more is no name but, for example, base64."""
_LONGEST = 64
"""Characters of a word that are indexed."""
_CREATE = {
    # words come as they are to be found, and no release of SQLite is asked which characters are letters
    "sqlite": ("CREATE VIRTUAL TABLE log_words USING fts5(words, detail=none, tokenize='ascii')",),
    "postgresql": (
        "CREATE TABLE log_words (rowid BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
        "CREATE INDEX log_words_by_word ON log_words USING gin (words)",
    ),
}
_ADD = {
    "sqlite": "INSERT INTO log_words (rowid, words) VALUES (:id, :words)",
    "postgresql": "INSERT INTO log_words (rowid, words) VALUES (:id, array_to_tsvector(string_to_array(:words, ' ')))",
}
_MATCH = {
    "sqlite": "log_words MATCH :query",
    "postgresql": "words @@ CAST(:query AS tsquery)",
}


class Wanted(NamedTuple):
    """A word of a query."""

    word: str
    begins: bool = False
    """Longer words that begin with it are meant too."""


def create(connection: Connection) -> None:
    """Make the index; its form depends on the database."""
    for statement in _CREATE[connection.dialect.name]:
        connection.execute(text(statement))


def folded(line: str) -> str:
    """Return a text as it is compared: without case, and each letter in one of the ways in which it can be written."""
    return line.casefold() if line.isascii() else unicodedata.normalize("NFC", line).casefold()


def words_of(line: str) -> list[str]:
    """Return the words of a text that is folded already, cut to a length."""
    return [word[:_LONGEST] for word in WORD.findall(line)]


def distinct_words(lines: str) -> set[str]:
    """Return all by which a text is indexed: its words, and what of names follows after their first parts."""
    lines = lines if lines.isascii() else unicodedata.normalize("NFC", lines)
    return {known for word in set(WORD.findall(lines)) for known in _known_by(word)}


def _known_by(word: str) -> Iterator[str]:
    yield word.casefold()[:_LONGEST]
    if word.islower() or word.isdigit():
        return
    parts = [match.start() for match in PART.finditer(word)]
    for start in parts if len(parts) < _MOST_PARTS else ():
        yield word[start:].casefold()[:_LONGEST]


def query_of(dialect: str, words: Sequence[Wanted]) -> str:
    """Return a query for pieces that hold all words; words are letters and digits, so that nothing in them is an operator."""
    if dialect == "sqlite":
        return " AND ".join(f'"{word}"{" *" if begins else ""}' for word, begins in words)
    return " & ".join(f"'{word}'{':*' if begins else ''}" for word, begins in words)


def add(connection: Connection, pieces: Sequence[tuple[int, str]]) -> None:
    """Index pieces: their ids, and their distinct words with blanks between."""
    if pieces:
        rows = [{"id": id_, "words": words} for id_, words in pieces]
        connection.execute(text(_ADD[connection.dialect.name]), rows)


def remove(connection: Connection, ids: Sequence[int]) -> None:
    """Forget pieces."""
    if ids:
        connection.execute(text("DELETE FROM log_words WHERE rowid = :id"), [{"id": id_} for id_ in ids])


def condition(dialect: str) -> str:
    """Return the condition on rows of `log_words` that a query, bound as `query`, puts."""
    return _MATCH[dialect]
