"""SPDY/3.1: what is written is read again, in whatever pieces it comes; what is broken is refused."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.controlplane.node.streaming import frames

TEXT = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=20)
HEADERS = st.dictionaries(TEXT.map(str.lower), TEXT.filter(lambda text: "\0" not in text), max_size=5)


@given(st.lists(HEADERS, min_size=1, max_size=4), st.binary(max_size=200), st.integers(1, 50))
def test_what_is_written_is_read(headers: list[dict[str, str]], data: bytes, piece: int) -> None:
    """Streams with their headers, replies and data come through, cut anywhere: the compression remembers."""
    writer, reader = frames.Writer(), frames.Reader()
    sent = b"".join(writer.open(2 * at + 1, one) + writer.reply(2 * at + 1) for at, one in enumerate(headers))
    sent += frames.data_frame(1, data, last=True) + frames.reset(3, frames.CANCEL)
    sent += frames.control(frames.PING, struct.pack(">I", 7))
    found = [frame for at in range(0, len(sent), piece) for frame in reader.feed(sent[at : at + piece])]
    opened = [frame for frame in found if frame.kind == frames.SYN_STREAM]
    assert [(frame.stream, frame.headers) for frame in opened] == [
        (2 * at + 1, one) for at, one in enumerate(headers)
    ]
    assert [frame.headers for frame in found if frame.kind == frames.SYN_REPLY] == [{}] * len(headers)
    assert found[-3:] == [
        frames.Frame(0, 1, frames.FIN, data),
        frames.Frame(frames.RST_STREAM, 3, 0, struct.pack(">I", frames.CANCEL)),
        frames.Frame(frames.PING, 7),
    ]


def _packed(block: bytes) -> bytes:
    deflate = zlib.compressobj(zdict=frames._dictionary())
    return deflate.compress(block) + deflate.flush(zlib.Z_SYNC_FLUSH)


def _opening(block: bytes) -> bytes:
    return frames.control(frames.SYN_STREAM, struct.pack(">IIH", 1, 0, 0) + block)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">II", 1 << 31 | 2 << 16 | 1, 0),
        frames.control(frames.SYN_STREAM, b"short"),
        _opening(b"not compressed"),
        _opening(_packed(struct.pack(">II", 1, 100) + b"ends early")),
        _opening(_packed(struct.pack(">I", 7))),
        _opening(_packed(struct.pack(">III", 1, 1, 0x61000000) + b"\xff\xff\xff\xff")),
        _opening(_packed(b"\0" * (1 << 20))),
    ],
    ids=["another version", "too short", "no compression", "a header that ends early", "missing headers",
         "no length", "headers without end"],
)  # fmt: skip
def test_what_is_broken_is_refused(data: bytes) -> None:
    with pytest.raises(frames.BrokenFrame):
        list(frames.Reader().feed(data))
