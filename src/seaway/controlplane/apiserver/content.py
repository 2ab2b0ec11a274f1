"""Answers' bodies: each can be had encoded, for the network, and parsed, for parts of the same process.

Stored objects are encoded once, at their write; a GET, a LIST and every watch reuse those bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import orjson

from seaway.controlplane.store.log import Record

_CHUNK = 256 * 1024


class Content(Protocol):
    """One body, in two forms. The parsed form is shared: copy before changing."""

    def encoded(self) -> bytes:
        """Return the whole body as JSON (or text)."""
        ...

    def parsed(self) -> Any:
        """Return the JSON value (or the text)."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Yield the body in pieces of a size that does not block the loop."""
        ...


class ValueContent:
    """A JSON value made for this answer."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def encoded(self) -> bytes:
        """Return it as JSON."""
        return orjson.dumps(self._value)

    def parsed(self) -> Any:
        """Return it."""
        return self._value

    def chunks(self) -> Iterator[bytes]:
        """Yield it in one piece."""
        yield self.encoded()


class TextContent:
    """Plain text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def encoded(self) -> bytes:
        """Return it in UTF-8."""
        return self._text.encode()

    def parsed(self) -> str:
        """Return it."""
        return self._text

    def chunks(self) -> Iterator[bytes]:
        """Yield it in one piece."""
        yield self.encoded()


class RecordContent:
    """A stored object: its bytes are those of the store."""

    __slots__ = ("record",)

    def __init__(self, record: Record) -> None:
        self.record = record

    def encoded(self) -> bytes:
        """Return the stored bytes."""
        return self.record.value

    def parsed(self) -> Any:
        """Return the shared parsed form."""
        return self.record.object

    def chunks(self) -> Iterator[bytes]:
        """Yield it in one piece."""
        yield self.record.value


class BytesContent:
    """JSON that is already encoded."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def encoded(self) -> bytes:
        """Return it."""
        return self._data

    def parsed(self) -> Any:
        """Parse it."""
        return orjson.loads(self._data)

    def chunks(self) -> Iterator[bytes]:
        """Yield it in one piece."""
        yield self._data


def type_prefix(kind: str, api_version: str) -> bytes:
    """Return what the stored bytes of a kind's objects begin with."""
    return orjson.dumps({"kind": kind, "apiVersion": api_version})[:-1] + b","


class ListContent:
    """A list of stored objects, joined from their bytes."""

    __slots__ = ("_api_version", "_convert", "_kind", "_metadata", "_records", "_typed")

    def __init__(
        self,
        api_version: str,
        kind: str,
        metadata: dict[str, Any],
        records: Sequence[Record],
        convert: Callable[[Record], Content] | None = None,
        *,
        typed: bool = False,
    ) -> None:
        self._api_version = api_version
        self._kind = kind
        self._metadata = metadata
        self._records = records
        self._convert = convert
        self._typed = typed
        """Items say what they are (custom resources); those of built-in kinds leave it to the list."""

    def _parts(self) -> Iterator[bytes]:
        convert = self._convert
        if convert is not None:
            return (orjson.dumps(self._item(convert(record).parsed())) for record in self._records)
        if self._typed:
            return (record.value for record in self._records)
        prefix = type_prefix(self._kind.removesuffix("List"), self._api_version)
        return (
            b"{" + record.value[len(prefix) :]
            if record.value.startswith(prefix)
            else orjson.dumps(self._item(record.object))
            for record in self._records
        )

    def _item(self, obj: dict[str, Any]) -> dict[str, Any]:
        if self._typed:
            return obj
        return {name: value for name, value in obj.items() if name not in {"kind", "apiVersion"}}

    def _head(self) -> bytes:
        head = orjson.dumps({"kind": self._kind, "apiVersion": self._api_version, "metadata": self._metadata})
        return head[:-1] + b',"items":['

    def encoded(self) -> bytes:
        """Join the items' bytes; nothing is encoded again."""
        return self._head() + b",".join(self._parts()) + b"]}"

    def parsed(self) -> Any:
        """Return the list object; its items are the shared parsed forms."""
        objects = (r.object if self._convert is None else self._convert(r).parsed() for r in self._records)
        items = [self._item(obj) for obj in objects]
        return {
            "kind": self._kind,
            "apiVersion": self._api_version,
            "metadata": self._metadata,
            "items": items,
        }

    def chunks(self) -> Iterator[bytes]:
        """Yield the list in pieces of about 256 KiB."""
        waiting: list[bytes] = [self._head()]
        size = 0
        separator = b""
        for part in self._parts():
            waiting.append(separator + part)
            separator = b","
            size += len(part)
            if size >= _CHUNK:
                yield b"".join(waiting)
                waiting, size = [], 0
        waiting.append(b"]}")
        yield b"".join(waiting)


def encoder(stored: dict[str, Any]) -> Callable[[int], bytes]:
    """Return the function that encodes an object with its revision, which is written into it."""

    def encode(revision: int) -> bytes:
        stored["metadata"]["resourceVersion"] = str(revision)
        # what a list leaves out of its items comes first (`content.ListContent`)
        written = orjson.dumps({"kind": stored["kind"], "apiVersion": stored["apiVersion"]} | stored)
        return bytes(
            memoryview(written)
        )  # a copy: orjson's own keeps all of the buffer in which it was written

    return encode
