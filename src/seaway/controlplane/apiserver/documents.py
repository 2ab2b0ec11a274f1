"""A document that is made once and sent many times, and the choice of its media type."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Document:
    """One encoded answer, ready to send."""

    body: bytes
    content_type: str = "application/json"
    etag: str = ""
    """Quoted, for `ETag` and `If-None-Match`."""


def document(value: Any, content_type: str = "application/json") -> Document:
    """Encode a JSON value."""
    return encoded(orjson.dumps(value), content_type)


def encoded(body: bytes, content_type: str) -> Document:
    """Return bytes as a document."""
    return Document(body, content_type, f'"{hashlib.sha256(body).hexdigest()[:32].upper()}"')


def media_types(accept: str) -> list[tuple[str, Mapping[str, str]]]:
    """Return the media types of an Accept header with their parameters, best first.

    An absent or empty header accepts anything.
    """
    offers: list[tuple[float, str, dict[str, str]]] = []
    for offer in filter(None, (part.strip() for part in (accept or "*/*").split(","))):
        name, *rest = (part.strip() for part in offer.split(";"))
        parameters = {
            key.strip(): value.strip().strip('"') for key, _, value in (p.partition("=") for p in rest)
        }
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 0.0
        offers.append((quality, name.lower(), parameters))
    offers.sort(key=lambda offer: -offer[0])
    return [(name, parameters) for quality, name, parameters in offers if quality > 0]


def accepts_json(accept: str) -> bool:
    """Return whether plain JSON is among the accepted media types."""
    return any(name in ("*/*", "application/*", "application/json") for name, _ in media_types(accept))
