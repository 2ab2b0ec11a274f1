"""A language that nobody speaks, for tests: every template is said in English, between marks."""

from __future__ import annotations


class Marked:
    """Its catalogue."""

    def template(self, english: str) -> str:
        return f"<{english}>"
