"""A place for artifacts that fsspec reaches: an S3-compatible object store."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from fsspec.asyn import sync
from fsspec.core import url_to_fs

from seaway.platform.errors import Invalid, Unavailable
from seaway.platform.storage.object_store_errors import code_of, object_store_errors
from seaway.platform.storage.object_store_http import bounded_session
from seaway.platform.storage.object_store_options import PART, ObjectStoreOptions

log = logging.getLogger(__name__)
_S3 = ("s3", "s3a")
_MOST_PARTS = 9_000
"""S3 allows 10,000."""
_READ_AHEAD = 2 << 20
"""Bytes that one request fetches; also about what a reader holds in memory."""
_THREADS = 8
_ABANDONED = timedelta(days=1)
_CLOSE_SECONDS = 10.0


class ObjectStore:
    """Files as objects below a prefix. What is uploaded appears whole or not at all, also when it goes in parts.

    Args:
        url: "s3://bucket/prefix".
        options: how it is reached.

    Raises:
        Invalid: the URL is wrong, or the package that it needs is missing.
    """

    def __init__(self, url: str, options: ObjectStoreOptions) -> None:
        parts = _checked(url)
        self._s3 = parts.scheme in _S3
        try:
            arguments = _bounded(options) if self._s3 else {}
            self._files, self._root = url_to_fs(
                url.rstrip("/"), skip_instance_cache=True, use_listings_cache=False, **arguments
            )
        except (ImportError, ValueError) as error:
            raise Invalid(
                f"artifacts cannot be kept in {url}: {error}",
                field="artifacts",
                remedy="Write s3://bucket/prefix, and install the package for it: pip install 'seaway[server]'.",
            ) from None
        if self._s3:
            self._files.retries = (
                2  # once more for a body that broke off, which the client below does not try again
            )
        self.name = url.rstrip("/") + (f" at {options.endpoint_url}" if options.endpoint_url else "")
        self.workers = ThreadPoolExecutor(_THREADS, thread_name_prefix="artifacts")

    def errors(self) -> AbstractContextManager[None]:
        """Raise a PlatformError that says what to do in place of what the object store says."""
        return object_store_errors(self.name)

    def prepare(self) -> None:
        """Write, read, list and remove a file, so that what is missing is known at the start and not at the first run."""
        key, data = f"check/{secrets.token_hex(8)}", secrets.token_bytes(64)
        with self.errors():
            self._files.pipe_file(self._path(key), data)
            with self._open(key) as stored:
                same = stored.read() == data
            listed = key.rpartition("/")[2] in self.names("check")
            self._files.rm_file(self._path(key))
            if self._s3:
                self._abort_abandoned()
        if not (same and listed):
            raise Unavailable(
                f"artifacts cannot be kept in {self.name}: what was written there is not what is read or listed",
                remedy="Use an object store that shows what it has accepted (read after write, list after write).",
            )

    def publish(self, path: Path, key: str) -> None:
        """Upload a file that is not there yet; nobody sees a part of it."""
        if self.exists(key):
            return
        with self.errors():
            self._upload(path, key)

    def open(self, key: str) -> IO[bytes]:
        """Open a file for reading; it is fetched portion by portion, each tried again where it breaks off."""
        with self.errors():
            try:
                return self._open(key)
            except FileNotFoundError as error:
                _raise_if_no_bucket(error)
        raise FileNotFoundError(key)

    def exists(self, key: str) -> bool:
        """Return whether there is such a key."""
        return self.size(key) is not None

    def size(self, key: str) -> int | None:
        """Return how many bytes a file has, None where the key is unknown."""
        with self.errors():
            try:
                return int(self._files.info(self._path(key))["size"])
            except FileNotFoundError as error:
                _raise_if_no_bucket(error)
        return None

    def remove(self, key: str) -> None:
        """Remove it; harmless where it is not there."""
        with self.errors():
            try:
                self._files.rm_file(self._path(key))
            except FileNotFoundError as error:
                _raise_if_no_bucket(error)

    def remove_all(self, folder: str) -> None:
        """Remove all keys below a folder; harmless where there are none."""
        with self.errors():
            for path in self._files.find(self._path(folder)):
                self._files.rm_file(path)

    def names(self, folder: str) -> Iterator[str]:
        """Iterate over the last parts of all keys below a folder."""
        with self.errors():
            found = self._files.find(self._path(folder))
        return (str(path).rpartition("/")[2] for path in found)

    def close(self) -> None:
        """End the connections; uploads that are under way may still come to their end."""
        self.workers.shutdown(wait=False, cancel_futures=True)
        client = getattr(self._files, "_s3", None)
        if client is not None:
            sync(self._files.loop, client.close, timeout=_CLOSE_SECONDS)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _open(self, key: str) -> IO[bytes]:
        file: IO[bytes] = self._files.open(self._path(key), "rb", block_size=_READ_AHEAD)
        return file

    def _upload(self, path: Path, key: str) -> None:
        parts: dict[str, Any] = {}
        if self._s3:
            parts["chunksize"] = max(PART, -(-path.stat().st_size // _MOST_PARTS))
        self._files.put_file(str(path), self._path(key), **parts)

    def _abort_abandoned(self) -> None:
        """Free the parts of uploads that a server which was killed left; younger ones may be another server's."""
        bucket, _, prefix = self._root.partition("/")
        under = {"Bucket": bucket, "Prefix": f"{prefix}/" if prefix else ""}
        try:
            listed = self._files.call_s3("list_multipart_uploads", **under)
        except PermissionError:
            log.warning(
                "unfinished uploads to %s are not looked for: that needs s3:ListBucketMultipartUploads",
                self.name,
            )
            return
        for upload in listed.get("Uploads", ()):
            if datetime.now(UTC) - upload["Initiated"] > _ABANDONED:
                which = {"Bucket": bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
                self._files.call_s3("abort_multipart_upload", **which)
                log.info("an upload to %s that was left unfinished is removed", self.name)


def _bounded(options: ObjectStoreOptions) -> dict[str, Any]:
    """Return the arguments of s3fs, every request limited. Raises ImportError where the packages for S3 are missing."""
    arguments = options.arguments()
    arguments["config_kwargs"]["http_session_cls"] = bounded_session(options.request_seconds)
    return arguments


def _raise_if_no_bucket(error: FileNotFoundError) -> None:
    """Raise it again where the whole bucket is missing: then nothing can be said about a file in it."""
    if code_of(error) == "NoSuchBucket":
        raise error


def _checked(url: str) -> Any:
    """Return the URL's parts. Raises Invalid where it is no plain one: keys do not belong into it."""
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise Invalid(
            "the artifacts' URL holds more than a bucket and a prefix",
            field="artifacts",
            remedy="Write s3://bucket/prefix; keys are options, not part of the URL.",
        )
    if not parts.netloc:
        raise Invalid(f"{url} names no bucket", field="artifacts", remedy="Write s3://bucket/prefix.")
    return parts
