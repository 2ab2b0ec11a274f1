"""Finding lines by their words, and which logs containers have. Tables for the pure parts."""

from __future__ import annotations

import pytest

from seaway.base.clock import rfc3339_nano
from seaway.platform.database.log_words import query_of, words_of
from seaway.platform.history import words
from seaway.platform.history.containers import instances, is_recorded
from seaway.platform.history.lines import own_line


def stored(*texts: str) -> bytes:
    return b"".join(
        f"{rfc3339_nano(number * 1_000_000_000)} {text}\n".encode() for number, text in enumerate(texts, 1)
    )


@pytest.mark.parametrize(
    ("query", "line", "found"),
    [
        ("epoch 3", "Epoch: 3 loss 0.1", True),
        ("epoch 3", "epochs: 30", False),
        ("loss 0.1", "Epoch: 3 loss 0.1", True),
        ("train-1", "the run train-1 began", True),
        ("train-1", "train 1", False),
        ('"quoted"', 'it\'s "quoted"', True),
        ("::", "torch::jit", True),
        ("AND OR NOT", "nothing here", False),
        ("near(", "near(a)", True),
        ("größe", "GRÖSSE", True),
        ("größe", "Größe 5", True),
        ("x*", "x1", False),
    ],
)
def test_a_line_is_found_by_its_words(query: str, line: str, found: bool) -> None:
    assert bool(list(words.find(stored(line), words.parse_query(query), 0))) is found


def test_lines_around_go_with_it_and_progress_bars_show_their_end() -> None:
    (hit,) = words.find(stored("a", "b", "10%\r100% done", "d"), words.parse_query("done"), 1)
    assert (hit.text, hit.before, hit.after) == ("100% done", ("b",), ("d",))
    assert hit.nanoseconds == 3_000_000_000


def test_own_lines_are_marked() -> None:
    (hit,) = words.find(own_line("placed on node n-1", 5), words.parse_query("n-1"), 0)
    assert hit.own


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_nothing_in_a_query_is_an_operator(dialect: str) -> None:
    hostile = words.parse_query("""a'b "c" -d (e) f:g h* ; DROP TABLE log_words -- \\ & | !""")
    asked = query_of(dialect, hostile.words)
    assert set(words_of(asked)) - {"and"} == set(hostile.words) - {"and"}


def pod(**fields) -> dict:
    return {"metadata": {"name": "p", "uid": "a-b", "namespace": "ns"}, **fields}


def told(state: dict, *, restarts: int = 0, last: dict | None = None) -> dict:
    return {"name": "c", "state": state, "restartCount": restarts, "lastState": last or {}}


@pytest.mark.parametrize(
    ("status", "found"),
    [
        (told({"waiting": {"reason": "ContainerCreating"}}), []),
        (told({"running": {}}), [(0, False, False)]),
        (told({"terminated": {"startedAt": "t"}}), [(0, True, False)]),
        (told({"terminated": {"startedAt": None}}), []),
        (
            told({"running": {}}, restarts=2, last={"terminated": {"exitCode": 1}}),
            [(1, True, True), (2, False, False)],
        ),
        (
            told(
                {"waiting": {"reason": "CrashLoopBackOff"}}, restarts=1, last={"terminated": {"exitCode": 1}}
            ),
            [(1, True, False)],
        ),
    ],
    ids=["not started", "runs", "ended", "never ran", "again", "crash loop"],
)
def test_each_start_of_a_container_has_its_log(status: dict, found: list[tuple]) -> None:
    seen = instances(pod(status={"containerStatuses": [status]}))
    assert [(one.key.attempt, one.ended, one.previous) for one in seen] == found


@pytest.mark.parametrize(
    ("policy", "namespace", "label", "recorded"),
    [
        ("all", "ns", None, True),
        ("all", "kube-system", None, False),
        ("all", "kube-system", "true", True),
        ("all", "ns", "false", False),
        ("labelled", "ns", None, False),
        ("labelled", "ns", "true", True),
        ("none", "ns", "true", False),
    ],
)
def test_whose_logs_are_kept(policy, namespace: str, label: str | None, recorded: bool) -> None:
    labels = {"labels": {"seaway.dev/record": label}} if label else {}
    assert is_recorded({"metadata": {"namespace": namespace, **labels}}, policy) is recorded
