"""The calls about what runs refer to: code snapshots and locks of requirements, each uploaded once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from seaway.sdk.errors import SeawayError
from seaway.sdk.patience import Patience
from seaway.sdk.transport import CHUNK, HttpClient


class UploadCalls:
    """What a client can upload."""

    _http: HttpClient
    _patience: Patience

    def has_code(self, digest: str) -> bool:
        """Return whether the server has a code snapshot."""
        return self._has(f"/api/v1/code/{digest}")

    def put_code(self, digest: str, archive: Path, workspace: str | None = None) -> None:
        """Upload a code snapshot (tar.gz) for a run in a workspace, None for the default one.

        Raises before anything is sent where it would be over the user's or the workspace's limit.
        """
        self._require_room(archive.stat().st_size, workspace)
        headers = {"Content-Type": "application/gzip", "Content-Length": str(archive.stat().st_size)}

        def put() -> None:
            with archive.open("rb", buffering=CHUNK) as body:
                self._http.read(
                    "PUT", f"/api/v1/code/{digest}", query={"workspace": workspace}, body=body, headers=headers, timeout=300.0
                )  # fmt: skip

        self._patience.surely(put)

    def _require_room(self, size: int, workspace: str | None) -> None:
        try:
            query = {"size": size, "workspace": workspace}
            self._patience.surely(partial(self._http.read, "GET", "/api/v1/usage/room", query=query))
        except SeawayError as error:
            if error.status != 404:  # an earlier release looks at it when the bytes are there
                raise

    def has_environment(self, digest: str) -> bool:
        """Return whether the server has a lock of requirements."""
        return self._has(f"/api/v1/environments/{digest}")

    def put_environment(self, digest: str, lock: str, workspace: str | None = None) -> None:
        """Upload a lock of requirements for a run in a workspace, None for the default one."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        path = f"/api/v1/environments/{digest}"
        query = {"workspace": workspace}
        self._patience.surely(
            partial(self._http.read, "PUT", path, query=query, body=lock.encode(), headers=headers)
        )

    def _has(self, path: str) -> bool:
        try:
            self._patience.surely(partial(self._http.read, "HEAD", path))
        except SeawayError as error:
            if error.status == 404:
                return False
            raise
        return True
