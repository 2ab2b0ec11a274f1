"""The frames of SPDY/3.1, read and written: pure but for the compression's memory.

Source: "SPDY Protocol - Draft 3.1". Flow control is left out, as in the implementation that kubectl and the API server use.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FIN = 1
INVALID_STREAM, REFUSED_STREAM, CANCEL = 2, 3, 5
_VERSION = 3
_CONTROL = 1 << 31
PIECE = 1 << 16
"""Bytes of the longest data frame that is written; what is read may be as long as a frame can be, 16 MiB."""
_MOST_HEADERS = 64 << 10
_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_REST = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative "
    "Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 "
    "Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec "
    "00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset="
    "iso-8859-1,utf-,*,enq=0."
)


class BrokenFrame(Exception):  # reads as what happened
    """What came is no SPDY/3.1; the connection cannot go on."""


class Frame(NamedTuple):
    """One frame."""

    kind: int
    """Of a control frame; 0 for data."""
    stream: int
    """Its number; 0 where a frame is of none. A ping's own number."""
    flags: int = 0
    data: bytes = b""
    headers: Mapping[str, str] | None = None


def _dictionary() -> bytes:
    words = [word.replace("_", " ").encode() for word in _WORDS.split(" ")]
    return b"".join(struct.pack(">I", len(word)) + word for word in words) + _REST.encode()


class Reader:
    """Turns bytes into frames."""

    def __init__(self) -> None:
        self._rest = b""
        self._inflate = zlib.decompressobj(zdict=_dictionary())

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that are complete. Raises BrokenFrame."""
        self._rest += data
        while len(self._rest) >= 8:
            first, second = struct.unpack(">II", self._rest[:8])
            length = second & 0xFFFFFF
            if len(self._rest) < 8 + length:
                return
            body, self._rest = self._rest[8 : 8 + length], self._rest[8 + length :]
            flags = second >> 24
            if first & _CONTROL:
                yield self._control(first, flags, body)
            else:
                yield Frame(0, first, flags, body)

    def _control(self, first: int, flags: int, body: bytes) -> Frame:
        if first >> 16 & 0x7FFF != _VERSION:
            raise BrokenFrame("only version 3 of SPDY is spoken here")
        kind = first & 0xFFFF
        fixed = {SYN_STREAM: 10, SYN_REPLY: 4, RST_STREAM: 8, PING: 4, GOAWAY: 4}.get(kind, 0)
        if len(body) < fixed:
            raise BrokenFrame(f"a control frame of kind {kind} is too short")
        number = struct.unpack(">I", body[:4])[0] if fixed else 0
        if kind == SYN_STREAM:
            return Frame(kind, number & 0x7FFFFFFF, flags, headers=self._headers(body[10:]))
        if kind == SYN_REPLY:
            return Frame(kind, number & 0x7FFFFFFF, flags, headers=self._headers(body[4:]))
        return Frame(kind, number, flags, body[4:])

    def _headers(self, packed: bytes) -> dict[str, str]:
        try:
            block = self._inflate.decompress(packed, _MOST_HEADERS)
            if self._inflate.unconsumed_tail:
                raise BrokenFrame("a stream's headers are too long")
            return _unpack(block)
        except (zlib.error, struct.error, UnicodeDecodeError) as error:
            raise BrokenFrame(f"a stream's headers cannot be read: {error}") from error


class Writer:
    """Turns frames into bytes; frames with headers must be sent in the order in which they were made."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=_dictionary())

    def reply(self, stream: int) -> bytes:
        """Return the frame that accepts a stream."""
        empty = struct.pack(">I", 0)
        packed = self._deflate.compress(empty) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(SYN_REPLY, struct.pack(">I", stream) + packed)

    def open(self, stream: int, headers: Mapping[str, str]) -> bytes:
        """Return the frame that opens a stream."""
        block = struct.pack(">I", len(headers))
        for text in (part for pair in headers.items() for part in (pair[0].lower(), pair[1])):
            block += struct.pack(">I", len(text.encode())) + text.encode()
        packed = self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(SYN_STREAM, struct.pack(">IIH", stream, 0, 0) + packed)


def control(kind: int, body: bytes, flags: int = 0) -> bytes:
    """Return a control frame."""
    return struct.pack(">II", _CONTROL | _VERSION << 16 | kind, flags << 24 | len(body)) + body


def reset(stream: int, why: int) -> bytes:
    """Return the frame that ends a stream at once."""
    return control(RST_STREAM, struct.pack(">II", stream, why))


def data_frame(stream: int, data: bytes, *, last: bool = False) -> bytes:
    """Return a frame of data; `last` ends this side of the stream."""
    return struct.pack(">II", stream, (FIN if last else 0) << 24 | len(data)) + data


def _unpack(block: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    (count,) = struct.unpack_from(">I", block)
    at = 4
    for _ in range(count):
        name, at = _text(block, at)
        value, at = _text(block, at)
        found[name.lower()] = value.partition("\0")[0]
    return found


def _text(block: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">I", block, at)
    end = at + 4 + length
    if end > len(block):
        raise BrokenFrame("a stream's headers end early")
    return block[at + 4 : end].decode(), end
