"""Reading what kubectl printed: YAML or JSON, Lists, several documents; and containers' logs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import yaml

from seaway.platform.diagnosis.dump.shapes import shaped
from seaway.platform.diagnosis.dump.structured import unwrapped
from seaway.platform.diagnosis.dump.texts import in_parts, trimmed, what_it_is, whole_items, without_last_item

Object = Mapping[str, Any]
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_TIMED = re.compile(
    r"^(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)) ?(?:std(?:out|err) [FP] )?"
)
_PREFIX = re.compile(r"^\[pod/[^\]]+\] ?")
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class NotADump(ValueError):
    """A text is not what kubectl prints; the message says what it is instead."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Leaves times as they are written."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Log:
    """A container's log: its lines, and when each was written where that is known."""

    text: str
    times: tuple[str, ...] = ()
    name: str = ""
    """Where it came from: names of pods and containers in it tell whose it is."""


def parse_objects(text: str, note: Callable[[str], None] = lambda _: None) -> list[Object]:
    """Return the Kubernetes objects in a text.

    Args:
        text: YAML or JSON, as kubectl prints it; what a terminal puts before it is left out.
        note: told in a sentence what of the text could not be read, where the rest could.

    Raises:
        NotADump: it is neither YAML nor JSON, or holds something else.
    """
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


def as_objects(found: Iterable[Mapping[str, Any]]) -> list[Object]:
    """Return objects that a client read, each with the parts and types that the rules rely on."""
    return [_plain(one) for one in found]


def parse_log(text: str, name: str = "") -> Log:
    """Return a log without the times and prefixes that `kubectl logs` can put before each line."""
    lines: list[str] = []
    times: list[str] = []
    for raw in text.splitlines():
        line = _PREFIX.sub("", _COLOUR.sub("", raw.rpartition("\r")[2]))
        timed = _TIMED.match(line)
        line, time = (line[timed.end() :], timed["time"]) if timed else (line, "")
        inner, told = unwrapped(line) or ((line,), "")
        lines += inner
        times += [time or told] * len(inner)
    return Log("\n".join(lines), tuple(times) if any(times) else (), name)


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
        yield _plain(document)
    else:
        raise NotADump("an object in it has no kind: print whole objects with -o yaml or -o json")


def _plain(document: Mapping[str, Any]) -> Object:
    """Return an object with all of its parts, each with the types that its readers rely on."""
    return {"metadata": {}, "spec": {}, "status": {}, **shaped(document)}


def _place(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
