"""What is asked of very long histories is looked up in an index: what a look costs does not grow with what has ended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import Connection, create_engine, event, text

from seaway.platform.database import attempts, log_pieces, runs
from seaway.platform.database.log_chunks import ChunkOwner
from seaway.platform.database.migrate import bring_up, upgrade
from seaway.platform.database.tables import SCHEMA_VERSION

PAGE = partial(runs.page, limit=50, before=None)
ASKED: dict[str, tuple[Callable[[Connection], object], tuple[str, ...]]] = {
    "ps": (partial(PAGE, ended=False), ("runs_by_phase",)),
    "ps of somebody": (partial(PAGE, ended=False, user="ada"), ("runs_by_phase",)),
    "ps in a workspace": (partial(PAGE, ended=False, namespace="vision"), ("runs_by_phase",)),
    "all runs of somebody": (partial(PAGE, ended=True, user="ada"), ("runs_by_user",)),
    "all runs in a workspace": (partial(PAGE, ended=True, namespace="vision"), ("runs_by_namespace",)),
    "the bin": (partial(PAGE, ended=True, binned=True), ("runs_in_bin",)),
    "somebody's in the bin": (partial(PAGE, ended=True, binned=True, user="ada"), ("runs_in_bin",)),
    "what somebody's runs took": (partial(runs.succeeded_of, user="ada", limit=500), ("runs_by_user",)),
    "how many in each phase": (runs.count_by_phase, ("runs_by_phase",)),
    "what was on a node": (
        partial(attempts.on_node, node="node-1", since=1.0, limit=9),
        ("attempts_by_node",),
    ),
    "logs to look through": (partial(log_pieces.to_index, limit=50), ("attempts_to_index", "logs_by_pod")),
    "logs that are indexed in part": (
        partial(log_pieces.partly, run_uid=None, limit=50),
        ("logs_partly_indexed",),
    ),
}


@pytest.fixture
def connection():
    engine = create_engine("sqlite://")
    with engine.begin() as opened:
        yield opened
    engine.dispose()


@pytest.mark.parametrize("name", ASKED)
def test_is_looked_up(connection: Connection, name: str) -> None:
    bring_up(connection, "made")
    asked, indexes = ASKED[name]
    plans: list[str] = []

    def explain(_, cursor, statement, parameters, *__) -> None:
        if not statement.startswith("EXPLAIN"):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append("\n".join(row[3] for row in cursor.fetchall()))

    event.listen(connection, "before_cursor_execute", explain)
    asked(connection)
    assert len(plans) == len(indexes)
    for plan, index in zip(plans, indexes, strict=True):
        assert f"INDEX {index}" in plan, plan


def test_an_upgrade_knows_which_logs_were_looked_through(connection: Connection) -> None:
    upgrade(connection, "0016")
    for statement in (
        (
            "INSERT INTO runs (id, uid, name, user, namespace, phase, message, command, spec, created) "
            "VALUES (1, 'u1', 'first', 'ada', 'ns', 'succeeded', '', 'python x', '{}', 1.0)"
        ),
        (
            "INSERT INTO tasks (run_id, name, position, phase, message, fence, failures, losses) "
            "VALUES (1, 'main', 0, 'succeeded', '', 2, 0, 0)"
        ),
        (
            "INSERT INTO attempts (run_id, task, number, fence, pod, phase, created, asked) "
            "VALUES (1, 'main', 1, 1, 'p-1', 'failed', 1.0, ''), (1, 'main', 2, 2, 'p-2', 'succeeded', 1.0, '')"
        ),
        "INSERT INTO logs (run_uid, task, attempt, began, closed, size, indexed) VALUES ('u1', 'main', 1, 1.0, 2.0, 9, 9)",
    ):
        connection.execute(text(statement))
    upgrade(connection, SCHEMA_VERSION)
    assert [place.owner for place in log_pieces.to_index(connection, 9)] == [ChunkOwner("u1", "main", 2)]


def test_a_log_that_was_removed_is_not_looked_through_again(connection: Connection) -> None:
    bring_up(connection, "made")
    columns = "INSERT INTO logs (run_uid, task, attempt, began, closed, size, indexed, removed) VALUES "
    for row in ("('u1', 'main', 1, 1.0, NULL, 0, -1, 3.0)", "('u2', 'main', 1, 1.0, 2.0, 9, 4, NULL)"):
        connection.execute(text(columns + row))
    assert [place.owner.run_uid for place in log_pieces.partly(connection, None, 9)] == ["u2"]
