"""The index of words in logs: FTS5 in SQLite, a text search vector in PostgreSQL; each knows pieces by their distinct words.

Words are runs of letters and digits, without regard to case. What a query finds are pieces that hold all of its words:
whether they stand in one line, and in which, is looked up in the log itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection, text

WORD = re.compile(r"[^\W_]+")
_LONGEST = 64
"""Characters of a word that are indexed."""
_CREATE = {
    "sqlite": (
        "CREATE VIRTUAL TABLE log_words USING fts5(words, detail=none, tokenize='unicode61 remove_diacritics 0')",
    ),
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


def create(connection: Connection) -> None:
    """Make the index; its form depends on the database."""
    for statement in _CREATE[connection.dialect.name]:
        connection.execute(text(statement))


def words_of(line: str) -> list[str]:
    """Return the words of a text as they are indexed: folded, cut to a length."""
    return [word[:_LONGEST] for word in WORD.findall(line.casefold())]


def query_of(dialect: str, words: Sequence[str]) -> str:
    """Return a query for pieces that hold all words; words are letters and digits, so that nothing in them is an operator."""
    if dialect == "sqlite":
        return " AND ".join(f'"{word}"' for word in words)
    return " & ".join(f"'{word}'" for word in words)


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
