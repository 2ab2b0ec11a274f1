"""Reading what kubectl printed: YAML or JSON, Lists, several documents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import yaml

from seaway.platform.diagnosis.dump.documents import Object, completed
from seaway.platform.diagnosis.dump.texts import (
    in_parts,
    is_endless,
    separated,
    trimmed,
    what_it_is,
    whole_items,
    without_last_item,
)

_ANCHOR = re.compile(r"[:\-,\[{]\s+&\w")
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class NotADump(ValueError):
    """A text is not what kubectl prints; the message says what it is instead."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Leaves times as they are written."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_objects(text: str, note: Callable[[str], None] = lambda _: None) -> list[Object]:
    """Return the Kubernetes objects in a text.

    Args:
        text: YAML or JSON, as kubectl prints it; what a terminal puts before it is left out.
        note: told in a sentence what of the text could not be read, where the rest could.

    Raises:
        NotADump: it is neither YAML nor JSON, or holds something else.
    """
    text = separated(text)
    try:
        return _read(text)
    except NotADump as error:
        first = error
    inner = trimmed(text)
    if inner != text:
        with suppress(NotADump):
            if whole := _read(inner):
                return whole
    found = _cut_short(inner)
    if found:
        note("it ends in the middle: what is missing is not explained")
        return found
    told = what_it_is(text)
    raise NotADump(told) if told else first


def _read(text: str) -> list[Object]:
    found: list[Object] = []
    try:
        for document in _documents(text):
            if _ANCHOR.search(text) and is_endless(document):
                raise NotADump("its aliases stand for more than can be read")
            if document is not None:
                found.extend(_flat(document))
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, NotADump):
            raise
        raise NotADump(f"it is neither YAML nor JSON: {_place(error)}") from error
    if not found and not text.strip().strip("\ufeff"):
        raise NotADump("it is empty")
    return found


def _cut_short(text: str) -> list[Object]:
    """Return the whole objects of a print that ends in the middle, none where it is no such print."""
    if text.lstrip().startswith("{"):
        with suppress(NotADump):
            return [one for item in whole_items(text) for one in _flat(item)]
        return []
    shorter = without_last_item(text)
    if "apiVersion:" not in shorter:
        return []
    with suppress(NotADump):
        return _read(shorter)
    return []


def _documents(text: str) -> Iterator[Any]:
    stripped = text.lstrip("\ufeff \t\r\n")
    if stripped.startswith(("{", "[")):
        decoder, place = json.JSONDecoder(), 0
        while place < len(stripped):
            value, end = decoder.raw_decode(stripped, place)
            yield value
            place = end + len(stripped[end:]) - len(stripped[end:].lstrip())
    elif (parts := in_parts(stripped)) is not None:
        try:
            yield from [yaml.load(part, _Loader) for part in parts]  # noqa: S506
        except yaml.composer.ComposerError:  # an alias to what stands in another part
            yield from yaml.load_all(text, _Loader)
    else:
        yield from yaml.load_all(text, _Loader)


def _flat(document: Any) -> Iterator[Object]:
    if isinstance(document, list):
        for item in document:
            yield from _flat(item)
        return
    if not isinstance(document, dict):
        raise NotADump("it holds text, not objects: print them with -o yaml or -o json")
    kind = document.get("kind")
    if isinstance(document.get("items"), list) and (not kind or str(kind).endswith("List")):
        inner = str(kind or "").removesuffix("List")
        for item in document["items"]:
            yield from _flat({"kind": inner, **item} if isinstance(item, dict) and inner else item)
    elif isinstance(kind, str) and isinstance(document.get("metadata"), dict | type(None)):
        yield completed(document)
    else:
        raise NotADump("an object in it has no kind: print whole objects with -o yaml or -o json")


def _place(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
