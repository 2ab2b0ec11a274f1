"""Functions of texts beyond the language's own: what a regular expression finds.

Patterns are RE2's in Kubernetes. The few that Python alone reads are refused, and how long a search may take is bounded
by the length of what it searches.
"""

from __future__ import annotations

import re
from functools import lru_cache

from seaway.controlplane.cel.libraries import Function

_LONGEST_SEARCHED = 4096
_NOT_RE2 = re.compile(r"\\[1-9]|\(\?[=!<]|\(\?P=|[*+?}]\+")
_REPEATED_GROUP = re.compile(r"[*+}][^()]*\)\s*[*+{]")


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    if _NOT_RE2.search(text):
        raise ValueError(f"error parsing regexp: invalid or unsupported Perl syntax: `{text}`")
    if _REPEATED_GROUP.search(text):
        raise ValueError(f"a repeated group that repeats is not searched for here: `{text}`; use matches()")
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"error parsing regexp: {error}: `{text}`") from None


def _searched(text: str) -> str:
    if len(text) > _LONGEST_SEARCHED:
        raise ValueError(f"find and findAll search at most {_LONGEST_SEARCHED} characters; use matches()")
    return text


def find(text: str, pattern: str) -> str:
    """Return the first part that matches, "" for none."""
    match = _pattern(pattern).search(_searched(text))
    return match[0] if match else ""


def find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    """Return the parts that match, at most `limit` of them where it is not negative."""
    found = [match[0] for match in _pattern(pattern).finditer(_searched(text))]
    return found if limit < 0 else found[:limit]


def escape_key(text: str) -> str:
    """Return a key as a part of a JSON pointer. Source: RFC 6901."""
    return text.replace("~", "~0").replace("/", "~1")


FUNCTIONS = (
    Function("jsonpatch.escapeKey", ["string"], "string", escape_key, member=False),
    Function("find", ["string", "string"], "string", find),
    Function("findAll", ["string", "string"], "list<string>", find_all),
    Function("findAll", ["string", "string", "int"], "list<string>", find_all),
)
