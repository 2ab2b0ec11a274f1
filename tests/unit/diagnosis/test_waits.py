"""What a task waits for, as a sentence: whole in every language."""

from __future__ import annotations

import pytest

from seaway.base.messages import spoken_in, wording
from seaway.platform.diagnosis import waits
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.waits import whole
from seaway.platform.diagnosis.why import explain
from tests.languages import Marked

HELD = "waits for the lock 'data', which {} has held since 1970-01-01T00:00:01Z"
KEPT = [
    pytest.param(waits.NO_ROOM, "it waits until other tasks have ended: as many pods are in flight as this server allows", None, id="no room"),
    pytest.param(waits.SERVER_STOPS, "it waits for the server: it is being stopped and goes on with this at its next start", None, id="the server stops"),
    pytest.param(waits.for_task("a{b}'s"), 'it waits for the task "a{b}\'s"', None, id="a task"),
    pytest.param(waits.lock_held("data", "one", "main", 1.0), f"it {HELD}".format("run 'one'"), f"<it {HELD}>".format("<run 'one'>"), id="a lock that a run has"),
    pytest.param(waits.lock_held("data", "one", "b", 1.0), f"it {HELD}".format("task 'b' of run 'one'"), f"<it {HELD}>".format("<task 'b' of run 'one'>"), id="a lock that a task has"),
    pytest.param(waits.lock_queue("data", "one", "main"), "it waits for the lock 'data', which run 'one' gets first", "<it waits for the lock 'data', which <run 'one'> gets first>", id="a lock that another waits for"),
    pytest.param(waits.skipped("a"), "it never started: the task 'a', which it comes after, did not succeed", None, id="skipped"),
    pytest.param(wording("its node was lost"), "it waits: its node was lost", "<it waits: <its node was lost>>", id="another sentence"),
    pytest.param("waits for the task 'a'", "it waits for the task 'a'", "it waits for the task 'a'", id="of an earlier release"),
    pytest.param("never started: x", "it never started: x", "it never started: x", id="skipped by an earlier release"),
    pytest.param("its node was lost", "it waits: its node was lost", "<it waits: its node was lost>", id="what others say"),
]  # fmt: skip


@pytest.mark.parametrize(("kept", "english", "other"), KEPT)
def test_it_is_a_whole_sentence_in_every_language(kept: str, english: str, other: str | None) -> None:
    assert whole(kept) == english
    assert spoken_in(whole(kept), Marked()) == (other or f"<{english}>")


def test_it_is_explained_in_every_language_without_secrets() -> None:
    told = explain(Facts(run="r", waiting=True, waits_for=waits.for_task("s3cr3t"), secret_values=["s3cr3t"]))
    other = told.spoken_in(Marked())
    assert (told.message, other.message) == ("it waits for the task '***'", "<it waits for the task '***'>")
    assert other.evidence[0].quote == "<waits for the task '***'>"
    told = explain(Facts(run="r", skipped=waits.skipped("a"))).spoken_in(Marked())
    assert told.message == "<it never started: the task 'a', which it comes after, did not succeed>"
    assert told.next_step == "<see why that one did not: seaway why r>"
