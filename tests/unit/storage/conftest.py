from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seaway.platform.storage.storage import Storage, open_storage


@dataclass(frozen=True)
class Site:
    """Where a test's artifacts are kept, and where their bytes lie in truth."""

    url: str
    disk: Path
    """Folder of the published files, also behind the S3 server."""
    spool: Path
    """Folder of what is on its way in."""
    options: dict[str, Any] = field(default_factory=dict)

    def open(self, **options: Any) -> Storage:
        spool = None if self.spool.is_relative_to(self.disk) else self.spool
        return open_storage(self.url, spool=spool, options={**self.options, **options})

    def files(self) -> list[Path]:
        """Return all files that are there, whole or not."""
        found = {path for folder in (self.disk, self.spool) for path in folder.rglob("*") if path.is_file()}
        return sorted(found)


@pytest.fixture(scope="session", autouse=True)
def models_are_read_once() -> Iterator[None]:
    """Keep the descriptions of S3 that each client reads anew: that is most of what opening a storage takes."""
    from botocore.loaders import JSONFileLoader

    kept, load = {}, JSONFileLoader.load_file

    def load_once(self: Any, path: str) -> Any:
        if path not in kept:
            kept[path] = load(self, path)
        return kept[path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", load_once)
        yield


@pytest.fixture
def new_site(tmp_path, request) -> Callable[[str], Site]:
    def make(kind: str) -> Site:
        if kind == "folder":
            folder = tmp_path / "artifacts"
            return Site(str(folder), folder, folder / "incoming")
        server = request.getfixturevalue("s3_server")
        bucket = server.new_bucket()
        spool = tmp_path / "incoming"
        return Site(f"s3://{bucket}/team", server.buckets / bucket, spool, server.options())

    return make


@pytest.fixture(params=["folder", "s3"])
def site(new_site, request) -> Site:
    """A new, empty place of each kind."""
    return new_site(request.param)


@pytest.fixture
async def storage(site):
    opened = site.open()
    yield opened
    await opened.aclose()


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
