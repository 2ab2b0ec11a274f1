"""Queries about workspaces, and about what runs have left in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, case, delete, func, insert, select, update

from seaway.model.run import Phase
from seaway.platform.database import usage
from seaway.platform.database.records import WorkspaceRecord, as_row
from seaway.platform.database.tables import RUNS, WORKSPACE_LIMITS, WORKSPACES

_LIVE = [phase.value for phase in Phase if not phase.ended]


class RunsOf(NamedTuple):
    """The runs of a namespace, and what they have left."""

    live: int = 0
    ended: int = 0
    """Without those in the bin."""
    binned: int = 0
    outputs: int = 0
    """Bytes, the bin included; the same of the others."""
    checkpoints: int = 0
    logs: int = 0
    code: int = 0
    files: int = 0
    """Of all of that, those in the artifact store."""


def every(connection: Connection) -> list[WorkspaceRecord]:
    """Return all of them, by name."""
    rows = connection.execute(select(WORKSPACES).order_by(WORKSPACES.c.name))
    return [WorkspaceRecord(**row._asdict()) for row in rows]


def one(connection: Connection, name: str) -> WorkspaceRecord | None:
    """Return one by its name."""
    row = connection.execute(select(WORKSPACES).where(WORKSPACES.c.name == name)).first()
    return WorkspaceRecord(**row._asdict()) if row else None


def add(connection: Connection, workspace: WorkspaceRecord) -> None:
    """Insert one. Raises IntegrityError where there is one of that name."""
    connection.execute(insert(WORKSPACES).values(as_row(workspace)))


def begin_deletion(connection: Connection, name: str, at: float, by: str) -> None:
    """Write down that one is being deleted; one that is already stays as it is."""
    connection.execute(
        update(WORKSPACES)
        .where(WORKSPACES.c.name == name, WORKSPACES.c.deleting.is_(None))
        .values(deleting=at, deleted_by=by)
    )


def remove(connection: Connection, name: str, key: str) -> None:
    """Remove one, with what was said of its room; another one that was made under its name since stays."""
    gone = connection.execute(delete(WORKSPACES).where(WORKSPACES.c.name == name, WORKSPACES.c.key == key))
    if gone.rowcount:
        for measure in (usage.BYTES, usage.FILES):
            set_limit(connection, name, measure, None)


def limits(connection: Connection) -> dict[tuple[str, str], int]:
    """Return the most that the runs of workspaces may take by name and measure, 0 for no limit; without what was not said."""
    rows = connection.execute(select(WORKSPACE_LIMITS))
    return {(row.workspace, row.measure): int(row.most) for row in rows}


def set_limit(connection: Connection, name: str, measure: str, most: int | None) -> None:
    """Say how many bytes or files the runs of a workspace may take, 0 for no limit; None forgets what was said."""
    same = (WORKSPACE_LIMITS.c.workspace == name, WORKSPACE_LIMITS.c.measure == measure)
    connection.execute(delete(WORKSPACE_LIMITS).where(*same))
    if most is not None:
        connection.execute(insert(WORKSPACE_LIMITS).values(workspace=name, measure=measure, most=most))


def live_runs(connection: Connection, namespace: str) -> list[str]:
    """Return the uids of the runs of a namespace that have not ended."""
    query = select(RUNS.c.uid).where(RUNS.c.namespace == namespace, RUNS.c.phase.in_(_LIVE))
    return list(connection.execute(query).scalars())


def owners(connection: Connection, namespace: str) -> list[str]:
    """Return whose runs are in a namespace, without those in the bin."""
    query = select(RUNS.c.user).where(RUNS.c.namespace == namespace, RUNS.c.deleted.is_(None)).distinct()
    return sorted(connection.execute(query).scalars())


def concerned(connection: Connection, namespace: str) -> list[str]:
    """Return whose runs are in a namespace, those in the bin included, and who owns its workspace."""
    query = select(RUNS.c.user).where(RUNS.c.namespace == namespace, RUNS.c.emptied.is_(None)).distinct()
    found = one(connection, namespace)
    return sorted({*connection.execute(query).scalars(), *([found.owner] if found else ())})


def bin_runs(connection: Connection, namespace: str, at: float, limit: int) -> int:
    """Put runs of a namespace that ended into the bin; return how many."""
    query = select(RUNS.c.id).where(
        RUNS.c.namespace == namespace, RUNS.c.deleted.is_(None), RUNS.c.phase.not_in(_LIVE)
    )
    found = connection.execute(query.limit(limit)).scalars().all()
    connection.execute(update(RUNS).where(RUNS.c.id.in_(found)).values(deleted=at))
    return len(found)


def runs_of(connection: Connection, namespaces: Sequence[str]) -> dict[str, RunsOf]:
    """Return what there is of runs in some namespaces."""
    found = {namespace: RunsOf() for namespace in namespaces}
    phase = case((RUNS.c.deleted.is_not(None), "binned"), (RUNS.c.phase.in_(_LIVE), "live"), else_="ended")
    counted = (
        select(RUNS.c.namespace, phase, func.count())
        .where(RUNS.c.namespace.in_(namespaces), RUNS.c.emptied.is_(None))
        .group_by(RUNS.c.namespace, phase)
    )
    for namespace, named, count in connection.execute(counted):
        found[namespace] = found[namespace]._replace(**{named: int(count)})
    for each in usage.sums(connection, usage.WORKSPACE, namespaces):
        before = found[each.whose]
        more = {each.kind: getattr(before, each.kind) + each.size, "files": before.files + each.files}
        found[each.whose] = before._replace(**more)
    return found
