"""The definitions of an OpenAPI v2 document in protobuf form: what kubectl validates `List` files by.

Paths are left out: kubectl asks OpenAPI v3 for what operations can do, and knows no other use of v2.

Source: the OpenAPIv2 message of gnostic, and the protobuf wire format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_EXTENSION = "x-"
_TEXTS = {"$ref": 1, "format": 2, "description": 4, "pattern": 13}
"""Field numbers of a schema's texts."""
_REQUIRED, _ENUM, _ADDITIONAL, _TYPE, _ITEMS, _PROPERTIES, _VENDOR = 19, 20, 21, 22, 23, 25, 31


CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""What is answered: the name asked for is no valid media type."""


def encode(document: Mapping[str, Any]) -> bytes:
    """Return a v2 document, made by `openapi_v2`, without its paths."""
    info = _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])
    definitions = b"".join(
        _named(1, name, _schema(schema)) for name, schema in document["definitions"].items()
    )
    return _text(1, document["swagger"]) + _block(2, info) + _block(8, b"") + _block(9, definitions)


def _schema(schema: Mapping[str, Any]) -> bytes:
    parts = [_text(number, schema[key]) for key, number in _TEXTS.items() if key in schema]
    parts += [_text(_REQUIRED, name) for name in schema.get("required") or ()]
    parts += [_block(_ENUM, _any(value)) for value in schema.get("enum") or ()]
    additional, items = schema.get("additionalProperties"), schema.get("items")
    if isinstance(additional, Mapping):
        parts.append(_block(_ADDITIONAL, _block(1, _schema(additional))))
    if "type" in schema:
        parts.append(_block(_TYPE, _text(1, schema["type"])))
    if isinstance(items, Mapping):
        parts.append(_block(_ITEMS, _block(1, _schema(items))))
    if "properties" in schema:
        fields = b"".join(_named(1, name, _schema(inner)) for name, inner in schema["properties"].items())
        parts.append(_block(_PROPERTIES, fields))
    return b"".join([*parts, *_extensions(schema)])


def _extensions(schema: Mapping[str, Any]) -> Iterable[bytes]:
    return (_named(_VENDOR, key, _any(value)) for key, value in schema.items() if key.startswith(_EXTENSION))


def _any(value: Any) -> bytes:
    return _text(2, orjson.dumps(value).decode())


def _named(number: int, name: str, value: bytes) -> bytes:
    return _block(number, _text(1, name) + _block(2, value))


def _text(number: int, value: str) -> bytes:
    return _block(number, value.encode())


def _block(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
