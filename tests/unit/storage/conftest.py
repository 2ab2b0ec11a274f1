from __future__ import annotations

import io
import tarfile

import pytest

from seaway.platform.storage.storage import Storage, open_storage


@pytest.fixture
def storage(tmp_path) -> Storage:
    return open_storage(tmp_path / "artifacts")


@pytest.fixture
def archive():
    """Make a tar archive of (name, content or (type, link)) pairs."""

    def make(*members, mode: str = "w:gz") -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as file:
            for name, content in members:
                entry = tarfile.TarInfo(name)
                if isinstance(content, bytes):
                    entry.size = len(content)
                    file.addfile(entry, io.BytesIO(content))
                else:
                    entry.type, entry.linkname = content
                    file.addfile(entry)
        return buffer.getvalue()

    return make


@pytest.fixture
def stream():
    async def portions(data: bytes, size: int = 1000):
        for start in range(0, len(data), size):
            yield data[start : start + size]

    return portions


@pytest.fixture
def collect():
    async def whole(iterator) -> bytes:
        return b"".join([portion async for portion in iterator])

    return whole
