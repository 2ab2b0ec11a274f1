"""The kept logs of pods that are no run's, each start of each container."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from seaway.platform.database import log_records
from seaway.platform.database.database import Database
from seaway.platform.database.records import LogRecord
from seaway.platform.errors import NotFound
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.reader import read_log
from seaway.platform.run_logs import labelled


class PodLogs:
    """Opens them; also those of pods that are gone."""

    def __init__(self, database: Database, logs: LogStore) -> None:
        self._database, self._logs = database, logs

    async def open(self, pod: str, container: str | None, *, timestamps: bool) -> AsyncIterator[bytes]:
        """Return the logs of pods of a name, oldest first. Raises NotFound where none is kept."""
        kept = await self._database.read(lambda connection: log_records.of_pod(connection, pod))
        wanted = [record for record in kept if container in (None, record.task)]
        if not wanted:
            what = (
                f"the container {container!r} of the pod {pod!r}" if container and kept else f"a pod {pod!r}"
            )
            raise NotFound(
                f"no log of {what} is kept",
                field="container" if kept else "name",
                remedy="seaway logs RUN prints a run's; seaway status and docs/howto/timeline.md say whose are kept",
            )
        return self._all(wanted, timestamps=timestamps)

    async def _all(self, records: Sequence[LogRecord], *, timestamps: bool) -> AsyncIterator[bytes]:
        alone = len({record.task for record in records}) == 1
        for record in records:
            label = b"" if alone else f"{record.task} | ".encode()
            key = LogKey(record.run_uid, record.task, record.attempt)
            async for chunk in labelled(read_log(self._logs, key, timestamps=timestamps), label):
                yield chunk
