"""Finding lines by their words, and which logs containers have. Tables for the pure parts."""

from __future__ import annotations

import pytest

from seaway.base.clock import rfc3339_nano
from seaway.platform.database.log_words import distinct_words, query_of, words_of
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
        ("error", "2 errors", True),
        ("error", "ValueError: x", True),
        ("Error:", "ValueError: x", True),
        ("valueerror", "ValueError: x", True),
        ("errorhandler", "MyErrorHandler", True),
        ("memory", "torch.OutOfMemoryError", True),
        ("killed", "OOMKilled", True),
        ("rror", "error", False),
        ("loss", "val_loss=0.3", True),
        ("loss=0.3", "loss=0.3", True),
        ("loss=0.3", "loss=0.31 of 3", False),
        ("0.3", "10.3", False),
        ("epoch 3", "epoch 30, 13 of 3a", False),
        ("epoch 3", "epochs: 3", True),
        ("-5", "at -5 degrees", True),
        ("--lr=1e-3", "train.py --lr=1e-3", True),
        ("3fa9", "commit 3fa9b2c", True),
        ('"out of memory"', "CUDA out of  memory.", True),
        ('"out of memory"', "out of the memory", False),
        ("'out of memory'", "CUDA out of memory", True),
        ('"status": 500', '{"status": 500}', True),
        ('"loss": "nan"', '{"loss": "nan"}', True),
        ('"', 'a "b', True),
        ("it's", "it's here", True),
        ("学習", "今日は学習中です", True),
        ("loss", "損失loss=1", True),
        ("習学", "学習", False),
        ("cafe\u0301", "caf\u00e9 au lait", True),
        ("\u00e9t\u00e9", "e\u0301te\u0301", True),
        ("\U0001e900\U0001e901", "\U0001e922\U0001e923", True),
        ("🎉", "done 🎉", True),
        ("a_b", "a_b", True),
        ("don't", "DON'T", True),
    ],
)
def test_a_line_is_found_by_its_words(query: str, line: str, found: bool) -> None:
    asked = words.parse_query(query)
    assert bool(list(words.find(stored(line), asked, 0))) is found
    if found:  # or the index would say that there is nothing to look at
        known = set(words.piece_words(stored(line)).split(" "))
        for word, begins in asked.words:
            assert any(one.startswith(word) if begins else one == word for one in known), word


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("loss=0\\.[0-9]+", True),
        ("a.*b", True),
        ("^Epoch", True),
        ("err*", True),
        ("warn|error", True),
        ("[seaway]", False),
        ("loss=0.3", False),
        ("what?", False),
        ("2 * 3", False),
    ],
)
def test_an_expression_is_told_from_words(query: str, expected: bool) -> None:
    assert words.looks_like_an_expression(query) is expected


def test_what_is_no_name_is_one_word() -> None:
    noise = "aBcDeFgHiJkLmNoPqRsT"
    assert distinct_words(noise) == {noise.lower()}


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
    assert set(words_of(asked.casefold())) - {"and"} == {wanted.word for wanted in hostile.words} - {"and"}


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
