"""Bodies in Kubernetes' protobuf form, as objects. kubectl 1.32 and later creates some kinds this way.

Only reading is served: answers are JSON, which every client that sends protobuf accepts too.

Source: "Alternate representations of resources" of the Kubernetes API concepts, and the protobuf wire format.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import orjson

from seaway.base.clock import rfc3339, rfc3339_micro
from seaway.objects.builtin import BUILTIN_RESOURCES
from seaway.objects.errors import BadRequest
from seaway.objects.further import FURTHER_RESOURCES

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
_DEPTH = 64
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_KINDS_OF_ALL_GROUPS = ("DeleteOptions",)
_ANSWERED = frozenset({"authentication.k8s.io", "authorization.k8s.io", "autoscaling", "policy"})
"""Groups of what is answered and not stored."""
Field = list[Any]
"""JSON name ("" for a field whose own fields lie beside it), type, flags."""


def decode(body: bytes) -> dict[str, Any]:
    """Return the object that a body holds.

    Raises:
        BadRequest: it is no such body, is cut off, or its kind is not served in this form.
    """
    if not body.startswith(MAGIC):
        raise BadRequest("the body is not Kubernetes protobuf: it does not begin with k8s and a zero byte")
    try:
        envelope = dict(_entries(body[len(MAGIC) :]))
        identity = {number: value.decode() for number, value in _entries(envelope[1])}
        api_version, kind = identity[1], identity[2]
        message = _message_name(api_version, kind)
        return {"apiVersion": api_version, "kind": kind} | _message(envelope.get(2, b""), message, 0)
    except (KeyError, IndexError, ValueError, AttributeError, TypeError, struct.error) as error:
        raise BadRequest(
            f"the body cannot be read as Kubernetes protobuf ({error}); send JSON instead"
        ) from error


@cache
def _messages() -> dict[str, dict[str, Field]]:
    loaded: dict[str, dict[str, Field]] = orjson.loads(
        (resources.files("seaway.controlplane.kinds") / "protobuf.json").read_bytes()
    )
    return loaded


@cache
def _groups() -> frozenset[str]:
    return frozenset(resource.group for resource in (*BUILTIN_RESOURCES, *FURTHER_RESOURCES)) | _ANSWERED


def _message_name(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    # the Go package of a group is its first word, of the core group "core"
    package = f"{group.partition('.')[0] or 'core'}/{version}"
    name = f"{'meta/v1' if kind in _KINDS_OF_ALL_GROUPS else package}.{kind}"
    if name not in _messages() or group not in ("", *_groups()):
        raise BadRequest(f"{api_version} {kind} is not served as protobuf: send JSON")
    return name


def _message(data: bytes, name: str, depth: int) -> dict[str, Any]:
    if depth > _DEPTH:
        raise ValueError("nested too deeply")
    fields, result = _messages()[name], dict[str, Any]()
    for number, raw in _entries(data):
        field = fields.get(str(number))
        if field is None:
            continue
        label, kind, *flags = field
        if "map" in flags:
            key, value = _pair(raw, kind, depth)
            result.setdefault(label, {})[key] = value
            continue
        value = _value(raw, kind, depth)
        if "list" in flags:
            result.setdefault(label, []).append(value)
        elif not label:
            result |= value
        elif "pointer" in flags or value not in (None, "", 0, False, {}, []):
            result[label] = value
    return result


def _pair(raw: bytes, kind: str, depth: int) -> tuple[str, Any]:
    parts = dict(_entries(raw))
    empty = 0 if kind in ("int", "bool") else b""
    return parts.get(1, b"").decode(), _value(parts.get(2, empty), kind, depth)


def _value(raw: Any, kind: str, depth: int) -> Any:
    match kind:
        case "string":
            return raw.decode()
        case "int":
            return _signed(raw)
        case "bool":
            return bool(raw)
        case "double":
            return struct.unpack("<d", raw)[0]
        case "bytes":
            return base64.b64encode(raw).decode()
        case "quantity":
            return dict(_entries(raw)).get(1, b"").decode()
        case "time":
            return _time(dict(_entries(raw)))
        case "int-or-string":
            parts = dict(_entries(raw))
            return parts.get(3, b"").decode() if parts.get(1) else _signed(parts.get(2, 0))
        case "json":
            return orjson.loads(dict(_entries(raw)).get(1) or b"null")
    if kind.startswith("items:"):
        return [_value(item, kind.removeprefix("items:"), depth + 1) for _, item in _entries(raw)]
    return _message(raw, kind, depth + 1)


def _time(parts: dict[int, int]) -> str | None:
    seconds, nanos = _signed(parts.get(1, 0)), parts.get(2, 0)
    if not parts or seconds < 0:
        return None
    return rfc3339_micro(seconds + nanos / 1e9) if nanos else rfc3339(seconds)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _entries(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the number and the raw value of each field."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            length, position = _varint(data, position)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind} is not used")
        if position + length > len(data):
            raise ValueError("it is cut off")
        yield tag >> 3, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if not byte & 0x80:
            return value, position
    raise ValueError("a number is too long")
