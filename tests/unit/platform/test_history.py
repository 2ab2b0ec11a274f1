"""What history keeps and forgets, on each of the two databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.base.clock import ManualClock, SystemClock, rfc3339_nano
from seaway.platform.database import log_pieces, revisions, sentences
from seaway.platform.database.database import Database, open_database
from seaway.platform.database.location import SqliteLocation, locate
from seaway.platform.database.log_chunks import ChunkOwner
from seaway.platform.database.log_records import begin, change
from seaway.platform.database.records import EventRecord, LogRecord, RevisionRecord, SentenceRecord
from seaway.platform.history import redaction
from seaway.platform.history.indexing import Indexer, IndexSettings
from seaway.platform.history.log_database import DatabaseLogStore
from seaway.platform.history.log_files import FileLogStore
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.remembered import deleted_while_it_ran, deletion_asked
from seaway.platform.history.retention import HistorySettings, Retention
from seaway.platform.searching import Searcher

DAY = 86400.0


@pytest.fixture
async def database(database_setting, tmp_path: Path):
    async with open_database(locate(database_setting, tmp_path / "d")) as opened:
        yield opened


@pytest.fixture
async def logs(database: Database, database_setting, tmp_path: Path):
    plain = isinstance(locate(database_setting, tmp_path), SqliteLocation)
    store: LogStore = FileLogStore(tmp_path / "logs") if plain else DatabaseLogStore(database, SystemClock())
    yield store
    await store.close_all()


async def keep(database: Database, logs: LogStore, name: str, closed: float, *texts: str) -> LogKey:
    """Keep the log of a pod that is no run's."""
    key = LogKey(f"{name:0>32}", "main", 0)
    written = logs.writer(key, new=True)
    for number, text in enumerate(texts):
        await written.append(f"{rfc3339_nano(int((closed + number) * 1e9))} {text}\n".encode())
    await logs.close(key)
    size = await logs.size(key)
    await database.write(lambda c: begin(c, LogRecord(*key, closed, "ns", name)))
    await database.write(lambda c: change(c, ChunkOwner(*key), closed=closed, size=size))
    return key


def revision(
    kind: str, uid: str, observed: float, *, sign: str = "s", deleted: bool = False
) -> RevisionRecord:
    return RevisionRecord(kind, uid, uid, None, observed, deleted, {"metadata": {}}, "ns", sign)


async def test_what_says_nothing_new_is_not_stored_again(database: Database) -> None:
    first = revision("Node", "n", 1.0)
    for again in (
        [first],
        [first, revision("Node", "n", 2.0, sign="t")],
        [revision("Node", "n", 3.0, sign="t")],
    ):
        await database.write(lambda c, again=again: revisions.add_new(c, again))
    kept = await database.read(lambda c: revisions.of_object(c, "Node", "n"))
    assert [one.observed for one in kept] == [1.0, 2.0]


async def test_only_what_may_be_stored_already_is_looked_up(database: Database) -> None:
    known, shown = revision("Node", "n", 1.0), [revision("Node", "n", 2.0), revision("Node", "m", 2.0)]
    await database.write(lambda c: revisions.add_new(c, [known], unsure=()))
    await database.write(lambda c: revisions.add_new(c, shown, unsure=("n",)))
    for uid, times in (("n", [1.0]), ("m", [2.0])):
        kept = await database.read(lambda c, uid=uid: revisions.of_object(c, "Node", uid))
        assert [one.observed for one in kept] == times


async def test_what_is_too_old_is_forgotten_and_the_rest_stays(database: Database, logs: LogStore) -> None:
    clock = ManualClock(start=100 * DAY)
    old, new = 1 * DAY, 99 * DAY
    kept = [
        revision("Pod", "gone", old), revision("Pod", "gone", old + 1, deleted=True),
        revision("Pod", "lives", old), revision("Pod", "lives", new, sign="t"),
        revision("Node", "n", old), revision("Node", "n", old + 1, sign="t"), revision("Node", "n", new, sign="u"),
    ]  # fmt: skip
    await database.write(lambda c: revisions.add(c, kept))
    events = [EventRecord(str(at), "u", at, {}, name="p") for at in (old, new)]
    await database.write(lambda c: revisions.save_events(c, events))
    said = [SentenceRecord("r", "main", 1, at, "queued") for at in (old, new)]
    await database.write(lambda c: sentences.add(c, said))
    gone, stays = await keep(database, logs, "a", old, "x"), await keep(database, logs, "b", new, "x")
    retention = Retention(database, logs, clock, HistorySettings(days=30, portion=2))
    while await retention.remove_some():
        pass

    async def of(kind: str, uid: str) -> list[float]:
        return [one.observed for one in await database.read(lambda c: revisions.of_object(c, kind, uid))]

    assert (await of("Pod", "gone"), await of("Pod", "lives"), await of("Node", "n")) == (
        [],
        [old, new],
        [new],
    )
    assert [one.last_seen for one in await database.read(lambda c: revisions.events_about(c, "u"))] == [new]
    assert [one.said for one in await database.read(lambda c: sentences.of_run(c, "r"))] == [new]
    assert (await logs.size(gone), await logs.size(stays) > 0) == (0, True)
    assert (await retention.status())["log_bytes"] == await logs.size(stays)


async def test_of_too_much_the_oldest_logs_go(database: Database, logs: LogStore) -> None:
    keys = [
        await keep(database, logs, name, at, "x" * 1000) for name, at in (("a", 3.0), ("b", 1.0), ("c", 2.0))
    ]
    retention = Retention(database, logs, ManualClock(start=10.0), HistorySettings(log_bytes=1500))
    while await retention.remove_some():
        pass
    assert [await logs.size(key) > 0 for key in keys] == [True, False, False]


async def test_words_are_found_before_and_after_they_are_indexed(database: Database, logs: LogStore) -> None:
    for name, at in (("one", 1000.0), ("two", 2000.0)):
        lines = [f"step {number} of {name} 'quoted' a-b" for number in range(3000)]
        await keep(database, logs, name, at, *lines)
    searcher = Searcher(database, logs)

    async def found(words: str, **options) -> list[tuple[str, str]]:
        asked = {"run": None, "limit": 3, "context": 0, "since": 0.0} | options
        return [(hit.pod, hit.line) for hit in (await searcher.search(words, **asked)).hits]

    asked = ("step 7 one", "'quoted' a-b 2999", "OF two 12", "a-b OR", 'x" NOT (')
    before = [await found(words) for words in asked]
    indexer = Indexer(database, logs, SystemClock(), (), IndexSettings(pause=0.0))
    while await indexer.index_some():
        pass
    assert await database.read(log_pieces.indexed_bytes) > 0
    assert [await found(words) for words in asked] == before
    assert before == [
        [("one", "step 7 of one 'quoted' a-b")],
        [("two", "step 2999 of two 'quoted' a-b"), ("one", "step 2999 of one 'quoted' a-b")],
        [("two", "step 12 of two 'quoted' a-b")],
        [],
        [],
    ]
    newest = await found("step")
    assert [line.split()[1] for _, line in newest] == ["2999", "2998", "2997"]


async def test_both_databases_know_every_script_and_the_parts_of_names(
    database: Database, logs: LogStore
) -> None:
    lines = (
        "ValueError: x", "今日は学習中です", "GRÖSSE 5", "caf\u00e9", "\U0001e922\U0001e923 \U000105c0", "loss=0.31",
        'a \\ b \'c\' "d" e:* & f | !g (h) <-> i', "x" * 300,
    )  # fmt: skip
    await keep(database, logs, "p", 1000.0, *lines)
    indexer = Indexer(database, logs, SystemClock(), (), IndexSettings(pause=0.0))
    while await indexer.index_some():
        pass
    searcher = Searcher(database, logs)
    asked = {
        "error": 0, "学習": 1, "größe": 2, "cafe\u0301": 3, "\U0001e900\U0001e901": 4, "\U000105c0": 4, "loss=0.3": None,
        "a \\ 'c' \"d\" e:* & | !g (h) <->": 6, "x" * 300: 7, "x" * 299: 7, "rror": None,
    }  # fmt: skip
    found = {}
    for words in asked:
        hits = (await searcher.search(words, run=None, limit=5, context=0, since=0.0)).hits
        found[words] = lines.index(hits[0].line) if hits else None
    assert found == asked


async def test_a_search_that_reads_much_in_vain_ends_and_says_so(database: Database, logs: LogStore) -> None:
    for name, at in (("old", 1000.0), ("new", 2000.0)):
        both = ["here is one"] if name == "old" else []
        filler = ["here", *("some other words" for _ in range(900)), "one"]
        await keep(database, logs, name, at, *both, *filler)
    indexer = Indexer(database, logs, SystemClock(), (), IndexSettings(pause=0.0))
    while await indexer.index_some():
        pass
    searcher = Searcher(database, logs, most=50_000)
    stopped = await searcher.search("here one", run=None, limit=5, context=0, since=0.0)
    assert not stopped.hits
    assert "was not looked through" in stopped.notes[0]
    whole = await Searcher(database, logs).search("here one", run=None, limit=5, context=0, since=0.0)
    assert [hit.line for hit in whole.hits] == ["here is one"]
    assert not whole.notes


async def test_an_expression_that_finds_nothing_is_told_of(database: Database, logs: LogStore) -> None:
    found = await Searcher(database, logs).search("a.*b", run=None, limit=5, context=0, since=0.0)
    assert "no regular expressions" in found.notes[0]


async def test_what_is_beyond_the_index_is_looked_through(database: Database, logs: LogStore) -> None:
    await keep(
        database, logs, "long", 1.0, *(f"line {number} filler filler filler" for number in range(5000))
    )
    indexer = Indexer(database, logs, SystemClock(), (), IndexSettings(most_of_one=1000, pause=0.0))
    while await indexer.index_some():
        pass
    searcher = Searcher(database, logs)
    found = await searcher.search("line 4999", run=None, limit=5, context=1, since=0.0)
    assert [(hit.line, hit.before) for hit in found.hits] == [
        ("line 4999 filler filler filler", ("line 4998 filler filler filler",))
    ]


def test_secrets_of_templates_and_applied_manifests_are_not_kept() -> None:
    container = {
        "name": "c",
        "image": "i",
        "command": ["run", "hunter2"],
        "env": [{"name": "API", "value": "hunter2"}],
    }
    deployment = {
        "metadata": {
            "name": "d",
            "managedFields": [{}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hunter2", "note": "kept"},
        },
        "spec": {"template": {"spec": {"containers": [container], "initContainers": [container]}}},
    }
    kept = redaction.whole_object(deployment)
    assert "hunter2" not in str(kept)
    assert kept["metadata"]["annotations"]["note"] == "kept"
    assert kept["spec"]["template"]["spec"]["containers"][0]["image"] == "i"


def dying(due: str | None, grace: int | None) -> RevisionRecord:
    times = {"deletionTimestamp": due, "deletionGracePeriodSeconds": grace}
    metadata = {"name": "p", "uid": "u", **{key: value for key, value in times.items() if value is not None}}
    return RevisionRecord("Pod", "p", "u", "run", 1.0, deleted=False, object={"metadata": metadata})


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        pytest.param([], None, id="nothing is known"),
        pytest.param([dying(None, None)], None, id="it was not"),
        pytest.param(
            [dying(None, None), dying("2026-01-02T03:04:35Z", 30), dying("2026-01-02T03:09:00Z", 0)],
            "2026-01-02T03:04:05Z",
            id="its node removed it much later",
        ),
        pytest.param([dying("2026-01-02T03:09:00Z", 0)], "2026-01-02T03:09:00Z", id="seen at the end only"),
    ],
)
def test_when_a_deletion_was_asked_for(recorded, asked) -> None:
    assert deletion_asked(recorded) == asked


def shown(phase: str, state: str, *, deleting: bool) -> RevisionRecord:
    metadata = {"name": "p", "uid": "u"} | ({"deletionTimestamp": "2026-01-02T03:04:35Z"} if deleting else {})
    status = {"phase": phase, "containerStatuses": [{"name": "main", "state": {state: {}}}]}
    return RevisionRecord(
        "Pod", "p", "u", "run", 1.0, deleted=False, object={"metadata": metadata, "status": status}
    )


@pytest.mark.parametrize(
    ("recorded", "ran"),
    [
        pytest.param([], False, id="nothing is known"),
        pytest.param(
            [shown("Running", "running", deleting=False), shown("Failed", "terminated", deleting=False)],
            False,
            id="it was not",
        ),
        pytest.param(
            [shown("Running", "running", deleting=True), shown("Failed", "terminated", deleting=True)],
            True,
            id="it ran",
        ),
        pytest.param(
            [shown("Failed", "terminated", deleting=False), shown("Failed", "terminated", deleting=True)],
            False,
            id="it had ended",
        ),
        pytest.param([shown("Pending", "waiting", deleting=True)], False, id="it had not begun"),
        pytest.param(
            [shown("Pending", "waiting", deleting=True), shown("Running", "running", deleting=True)],
            True,
            id="it began all the same",
        ),
    ],
)
def test_whether_a_pod_ran_when_it_was_deleted(recorded, ran) -> None:
    assert deleted_while_it_ran(recorded) is ran
