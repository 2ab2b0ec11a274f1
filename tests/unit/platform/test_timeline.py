"""Timelines: who wrote what, what became of an object, and all of it in one order. Tables for the pure parts."""

from __future__ import annotations

import pytest

from seaway.model.run import Phase
from seaway.model.timeline import TimelineEntry
from seaway.platform.database.records import (
    AttemptRecord,
    EventRecord,
    RevisionRecord,
    SentenceRecord,
    TaskRecord,
)
from seaway.platform.diagnosis.waits import NO_ROOM
from seaway.platform.engine.line import Ahead, Line
from seaway.platform.engine.narration import narrate_event, narrate_wait
from seaway.platform.history import timeline
from seaway.platform.history.changes import changes
from seaway.platform.history.managers import changed_fields, written_by


def managed(*entries: tuple[str, str, dict]) -> list[dict]:
    return [
        {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields}
        for manager, time, fields in entries
    ]


def pod(phase: str = "Pending", **status) -> dict:
    return {"metadata": {"name": "p", "uid": "u"}, "spec": {}, "status": {"phase": phase, **status}}


def container(state: dict, *, restarts: int = 0, ready: bool = False, last: dict | None = None) -> dict:
    return {"name": "main", "state": state, "restartCount": restarts, "ready": ready, "lastState": last or {}}


@pytest.mark.parametrize(
    ("new", "old", "fields"),
    [
        ({"spec": {"a": 1}}, {"spec": {"a": 2}}, ["spec.a"]),
        ({"spec": {"a": 1}}, {"spec": {}}, ["spec.a"]),
        ({"metadata": {"resourceVersion": "2"}}, {"metadata": {"resourceVersion": "1"}}, []),
        (
            {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
            {"status": {"conditions": [{"type": "Ready", "status": "False"}]}},
            ["status.conditions[Ready].status"],
        ),
        ({"spec": {"args": ["a"]}}, {"spec": {"args": ["b"]}}, ["spec.args"]),
    ],
)
def test_the_fields_that_differ_are_named(new: dict, old: dict, fields: list[str]) -> None:
    assert changed_fields(new, old) == fields


def test_whoever_wrote_since_is_told_apart_from_who_wrote_before() -> None:
    ada, node = (
        ("ada", "2026-01-01T00:00:00Z", {"f:spec": {}}),
        ("kubelet", "2026-01-01T00:00:05Z", {"f:status": {}}),
    )
    before = {"metadata": {"managedFields": managed(ada)}, "status": {}}
    after = {"metadata": {"managedFields": managed(ada, node)}, "status": {"phase": "Running"}}
    (written,) = written_by(after, before)
    assert (written["manager"], written["fields"]) == ("kubelet", ["status.phase"])


def test_of_two_writers_each_has_the_fields_that_it_owns() -> None:
    before = {"metadata": {"managedFields": []}, "spec": {"nodeName": ""}, "status": {}}
    entries = managed(
        ("a", "2026-01-01T00:00:00Z", {"f:spec": {"f:nodeName": {}}}),
        ("b", "2026-01-01T00:00:01Z", {"f:status": {"f:phase": {}}}),
    )
    after = {
        "metadata": {"managedFields": entries},
        "spec": {"nodeName": "n"},
        "status": {"phase": "Running"},
    }
    assert [one["fields"] for one in written_by(after, before)] == [["spec.nodeName"], ["status.phase"]]


def test_a_write_that_only_took_fields_away_has_no_time_and_another_writer_stands_for_it() -> None:
    """Kubernetes notes no time where fields are removed: the entry keeps that of an earlier write."""
    then, now = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
    two, one = {"f:spec": {"f:taints": {}, "f:x": {}}}, {"f:spec": {"f:x": {}}}
    before = {"metadata": {"managedFields": managed(("ada", then, two))}, "spec": {"taints": ["t"]}}
    after = {"metadata": {"managedFields": managed(("ada", then, one))}, "spec": {}}
    (written,) = written_by(after, before)
    assert written == {"manager": "ada", "operation": "Update", "fields": ["spec.taints"]}
    taken = managed(("ada", then, one), ("bob", now, {"f:spec": {"f:taints": {}}}))
    (written,) = written_by({"metadata": {"managedFields": taken}, "spec": {"taints": ["u"]}}, before)
    assert (written["manager"], written["time"]) == ("bob", now)


@pytest.mark.parametrize(
    ("kind", "new", "old", "said"),
    [
        ("Pod", pod(), None, ["created", "is Pending"]),
        ("Pod", pod("Running"), pod(), ["is Running"]),
        (
            "Pod",
            pod(containerStatuses=[container({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})]),
            pod(containerStatuses=[container({"running": {}})]),
            ["container main ended with exit code 137 (OOMKilled)"],
        ),
        (
            "Pod",
            pod(
                containerStatuses=[
                    container({"running": {}}, restarts=1, last={"terminated": {"exitCode": 3}})
                ]
            ),
            pod(containerStatuses=[container({"running": {}})]),
            ["container main ended with exit code 3", "container main was started again (1 times so far)"],
        ),
        (
            "Pod",
            pod(
                containerStatuses=[
                    container(
                        {"waiting": {"reason": "CrashLoopBackOff"}},
                        restarts=1,
                        last={"terminated": {"exitCode": 4}},
                    )
                ]
            ),
            pod(
                containerStatuses=[
                    container({"running": {}}, restarts=1, last={"terminated": {"exitCode": 3}})
                ]
            ),
            ["container main ended with exit code 4", "container main waits (CrashLoopBackOff)"],
        ),
        (
            "Node",
            {"spec": {"unschedulable": True, "taints": [{"key": "k", "effect": "NoSchedule"}]}},
            {"spec": {}},
            ["cordoned", "tainted k:NoSchedule"],
        ),
        (
            "Node",
            {
                "status": {
                    "conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]
                }
            },
            {"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}},
            ["Ready is Unknown (NodeStatusUnknown)"],
        ),
        (
            "PersistentVolumeClaim",
            {"spec": {"volumeName": "v"}, "status": {"phase": "Bound"}},
            {"status": {"phase": "Pending"}},
            ["is Bound to the volume v"],
        ),
        ("Job", {"status": {"active": 1}}, {"status": {}}, ["1 active"]),
        ("Deployment", {"spec": {"replicas": 5}}, {"spec": {"replicas": 2}}, ["scaled from 2 to 5"]),
        ("Deployment", {"metadata": {"labels": {}}}, {"metadata": {}}, ["changed"]),
    ],
)
def test_changes_are_said_in_words(kind: str, new: dict, old: dict | None, said: list[str]) -> None:
    assert [change.message for change in changes(kind, new, old)] == said


def test_what_is_gone_says_nothing_else() -> None:
    assert [change.message for change in changes("Pod", pod("Running"), pod(), deleted=True)] == [
        "gone from the cluster"
    ]


@pytest.mark.parametrize(
    ("told", "observed", "at"),
    [
        (None, 100.5, 100.5),
        ("1970-01-01T00:01:40Z", 100.5, 100.5),
        ("1970-01-01T00:01:40Z", 200.0, 100.0),
        ("1970-01-01T00:05:00Z", 100.5, 100.5),
    ],
    ids=["nothing told", "the same second", "seen late", "the clock is ahead"],
)
def test_times_are_aligned(told: str | None, observed: float, at: float) -> None:
    assert timeline.aligned(told, observed) == at


def test_all_sources_come_in_one_order() -> None:
    revisions = [
        RevisionRecord("Pod", "p", "u", "r", 10.0, False, pod()),
        RevisionRecord("Pod", "p", "u", "r", 12.0, True, pod()),
    ]
    event = EventRecord("e", "u", 11.0, {"reason": "Pulled", "message": "it is there"}, name="p")
    dated = [
        *timeline.of_revisions(revisions),
        *timeline.of_events([event]),
        timeline.own(9.0, "train-1", "queued"),
    ]
    shown = timeline.page("run/train-1", dated, since=0.0, limit=100)
    assert [entry.message for entry in shown.entries] == [
        "queued",
        "created",
        "is Pending",
        "Pulled: it is there",
        "gone from the cluster",
    ]


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ("started", 4.0, 4.0),
        ("started", 7.0, 5.0 - 1e-6),
        ("placed on node node-1", 7.0, 5.0 - 1e-6),
        ("failed: it ended with exit code 3", 7.0, 7.0),
        ("queued", 7.0, 7.0),
    ],
)
@pytest.mark.parametrize("ended", ["is Succeeded", "is Failed: Evicted"])
def test_what_is_said_late_of_the_way_to_an_end_comes_before_it(
    text: str, said: float, at: float, ended: str
) -> None:
    """A pod that has ended before it was looked at has been placed and has started all the same."""
    entry = TimelineEntry(time=timeline.moment(5.0), object="pod/p", source="change", message=ended)
    attempt = AttemptRecord(1, "main", 2, 2, "p", Phase.SUCCEEDED, 0.0)
    sentences = [SentenceRecord("u", "main", number, said, text) for number in (1, 2)]
    found = timeline.before_ends(sentences, [attempt], [timeline.Dated(5.0, 0, entry)])
    assert [sentence.said for sentence in found] == [said, at]


@pytest.mark.parametrize("end", [1796071367.5345395, 1796071367.863])
def test_what_comes_before_does_so_in_whole_microseconds(end: float) -> None:
    """Times of these years differ by a quarter of a microsecond at least, and are shown in whole ones."""
    entry = TimelineEntry(time=timeline.moment(end), object="pod/p", source="change", message="is Succeeded")
    attempt = AttemptRecord(1, "main", 1, 1, "p", Phase.SUCCEEDED, 0.0)
    change = timeline.Dated(end, 0, entry)
    said = timeline.before_ends([SentenceRecord("u", "main", 1, end + 1, "started")], [attempt], [change])
    shown = timeline.page(
        "run/r", [change, *timeline.of_sentences(said, run="r", single=True)], since=0, limit=9
    )
    assert [one.message for one in shown.entries] == ["started", "is Succeeded"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_leave_nothing_out_and_say_nothing_twice(limit: int) -> None:
    times = [1.0, 1.0, 1.0, 2.123456, 2.1234561, 3.0, 3.7, 3.7, 9.0]
    dated = [timeline.own(at, "r", f"line {number}") for number, at in enumerate(times)]
    seen: list[str] = []
    since: float | None = 0.0
    while since is not None:
        shown = timeline.page("run/r", dated, since=since, limit=limit)
        seen += [entry.message for entry in shown.entries]
        since = shown.next.timestamp() if shown.next is not None else None
    assert seen == [f"line {number}" for number in range(len(times))]


@pytest.mark.parametrize(
    ("before", "message", "ahead", "said"),
    [
        ("", "queued", Ahead(), ""),
        (
            "queued",
            NO_ROOM,
            Ahead(0, 0, 200, 2),
            "queued first in line for the next pod: 200 pods of 2 runs are in flight, as many as this server allows",
        ),
        (
            "queued",
            NO_ROOM,
            Ahead(3, 2, 1, 1),
            "queued behind 3 tasks of 2 runs: 1 pod of 1 run is in flight, as many as this server allows",
        ),
        (NO_ROOM, NO_ROOM, Ahead(3, 2), ""),
        ("queued", "waits for the lock 'a'", Ahead(), "waits for the lock 'a'"),
    ],
)
def test_what_a_task_waits_for_is_said_once(before: str, message: str, ahead: Ahead, said: str) -> None:
    assert narrate_wait(before, TaskRecord(1, "main", 0, message=message), ahead) == said


@pytest.mark.parametrize(
    ("reason", "message", "said"),
    [
        ("Pulled", 'Successfully pulled image "a" in 3s', 'successfully pulled image "a" in 3s'),
        ("FailedMount", "MountVolume.SetUp failed", "mountVolume.SetUp failed"),
        ("Scheduled", "assigned", ""),
        ("Pulled", "", ""),
    ],
)
def test_what_a_node_does_for_a_pod_is_said(reason: str, message: str, said: str) -> None:
    assert narrate_event({"reason": reason, "message": message}) == said


def test_a_line_knows_who_is_ahead_of_whom() -> None:
    line = Line()
    assert line.ahead("a", [5]) == Ahead(0, 0, 5, 1)
    line.add("a", ["x", "y"])
    line.add("b", ["x"])
    line.add("a", ["y", "z"])
    assert line.ahead("c", [3, 2]) == Ahead(4, 2, 5, 2)
    assert line.ahead("c", []).after(3)[:2] == (7, 3)  # two of its own and it are one run more
    assert line.ahead("a", []).after(3)[:2] == (7, 2)
    assert line.ahead("c", []).after(0)[:2] == (4, 2)
    assert line.take(2) == [("a", "x"), ("a", "y")]
    line.drop("a", ["x", "y", "z"])
    assert (len(line), line.ahead("c", [])[:2]) == (1, (1, 1))
    assert line.take(-1) == []
    assert line.take(9) == [("b", "x")]
    assert line.ahead("c", []) == Ahead()


def test_a_revision_of_which_nothing_can_be_said_is_no_entry() -> None:
    def seen(at: float, written: list[dict] | None = None) -> RevisionRecord:
        return RevisionRecord("Pod", "p", "u", None, at, False, pod("Running"), "ns", str(at), written)

    writer = [{"manager": "m", "operation": "Update", "fields": ["metadata.labels.a"]}]
    told = timeline.of_revisions([seen(1.0), seen(2.0), seen(3.0, writer)])
    assert [one.entry.message for one in told] == ["created", "is Running", "changed"]
    assert told[-1].entry.fields == ("metadata.labels.a",)


def test_what_comes_before_the_containers_is_said_in_words() -> None:
    network, initialized = (
        {"type": kind, "status": "True"} for kind in ("PodReadyToStartContainers", "Initialized")
    )
    begun = pod(conditions=[network, initialized])
    assert [change.message for change in changes("Pod", begun, pod())] == [
        "its network and its volumes are ready"
    ]
    inits = {"initContainerStatuses": [{"name": "fetch"}]}
    done = {**begun, "status": {**begun["status"], **inits}}
    assert "its init containers have done their work" in [
        c.message for c in changes("Pod", done, pod(**inits))
    ]
    over = pod(conditions=[{**network, "status": "False"}, initialized])
    assert [change.message for change in changes("Pod", over, begun)] == ["changed"]


def test_that_a_pod_is_scheduled_is_said_once() -> None:
    condition = {"type": "PodScheduled", "status": "True"}
    placed = {**pod(conditions=[condition]), "spec": {"nodeName": "n"}}
    assert [change.message for change in changes("Pod", placed, pod())] == ["placed on n"]
    waits = pod(conditions=[{**condition, "status": "False", "reason": "Unschedulable"}])
    assert [change.message for change in changes("Pod", waits, pod())] == [
        "PodScheduled is False (Unschedulable)"
    ]
