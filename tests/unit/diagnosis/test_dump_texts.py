"""Texts that people give as dumps and logs: what is read of them, and what is said of those that are none."""

from __future__ import annotations

import json

import pytest
import yaml

from seaway.platform.diagnosis.dump.documents import parse_log
from seaway.platform.diagnosis.dump.printed import NotADump, parse_objects


def pods(count: int, padding: int = 0) -> list[dict]:
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p-{i}", "annotations": {"note": "x" * padding}}}
        for i in range(count)
    ]  # fmt: skip


def listed(items: list[dict]) -> str:
    return yaml.safe_dump(
        {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}
    )


def names(text: str) -> list[str]:
    return [one["metadata"]["name"] for one in parse_objects(text)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("$ kubectl get pod -o yaml\n" + listed(pods(2)), id="with the command"),
        pytest.param("```yaml\n" + listed(pods(2)) + "```\n", id="fenced"),
        pytest.param("Warning: v1 ComponentStatus is deprecated\n" + listed(pods(2)), id="after a warning"),
        pytest.param("\ufeff" + listed(pods(2)).replace("\n", "\r\n"), id="from Windows"),
    ],
)
def test_what_a_terminal_puts_around_a_dump_is_left_out(text: str) -> None:
    assert names(text) == ["p-0", "p-1"]


@pytest.mark.parametrize("write", [listed, lambda items: json.dumps({"kind": "List", "items": items}, indent=2)], ids=["yaml", "json"])  # fmt: skip
def test_a_dump_that_ends_in_the_middle_is_read_as_far_as_it_goes_and_that_is_said(write) -> None:
    items = pods(3)
    items[2]["metadata"]["annotations"]["note"] = 'a "quoted" word: and: colons'
    text, noted = write(items), []
    cut = text[: text.index("quoted")]
    assert [one["metadata"]["name"] for one in parse_objects(cut, noted.append)][:2] == ["p-0", "p-1"]
    assert noted == ["it ends in the middle: what is missing is not explained"]


def test_a_whole_dump_is_read_without_a_remark() -> None:
    noted: list[str] = []
    parse_objects(listed(pods(2)), noted.append)
    assert noted == []


def test_a_large_dump_is_read_in_parts_and_says_the_same() -> None:
    items = pods(30, padding=100_000)
    assert parse_objects(listed(items)) == parse_objects(json.dumps({"kind": "List", "items": items}))


def test_a_large_dump_whose_parts_refer_to_each_other_is_read_as_one() -> None:
    labels = {"app": "x"}
    items = pods(30, padding=100_000)
    for item in items:
        item["metadata"]["labels"] = labels
    text = listed(items)
    assert "*id001" in text
    assert [one["metadata"]["labels"] for one in parse_objects(text)] == [labels] * 30


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("No resources found in ml namespace.\n", "in the namespace ml"),
        ("Name:         train\nNamespace:    ml\nNode:  a/10.0.0.1\nEvents:  <none>\n", "kubectl describe"),
        ("NAME    READY   STATUS    RESTARTS   AGE\ntrain   0/1     Error     0          4m\n", "table"),
        ("LAST SEEN   TYPE      REASON   OBJECT      MESSAGE\n3m          Warning   Failed   pod/train   no\n", "table"),
        ("Error from server (Forbidden): pods is forbidden\n", "an error of kubectl's"),
        ('Traceback (most recent call last):\n  File "a.py", line 1\nValueError: x\n', "--log"),
    ],
)  # fmt: skip
def test_of_what_is_no_dump_it_is_said_what_it_is(text: str, said: str) -> None:
    with pytest.raises(NotADump, match=said):
        parse_objects(text)


@pytest.mark.parametrize(
    ("line", "text", "time"),
    [
        ('{"log": "KeyError: 1\\n", "stream": "stderr", "time": "2025-06-03T09:00:00Z"}', "KeyError: 1", "2025-06-03T09:00:00Z"),
        ('{"level": "info", "msg": "epoch 1"}', "INFO epoch 1", ""),
        ('{"level": "error", "msg": "failed", "exc_info": "Traceback\\nValueError: x"}', "failed\nTraceback\nValueError: x", ""),
        ('{"loss": 0.2}', '{"loss": 0.2}', ""),
        ("{not json}", "{not json}", ""),
    ],
)  # fmt: skip
def test_a_line_that_is_a_json_object_is_read_for_what_it_says(line: str, text: str, time: str) -> None:
    log = parse_log(line)
    assert log.text == text
    assert (log.times[0] if log.times else "") == time


def test_what_was_appended_to_a_dump_does_not_replace_it() -> None:
    one = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p-9\n"
    assert names(one + listed(pods(2))) == ["p-9", "p-0", "p-1"]
    assert names(f"kind: Pod\napiVersion: v1\nmetadata: {{name: p-8}}\n---\n{one}") == ["p-8", "p-9"]


@pytest.mark.parametrize("value", ["&a [*a]", "[&a [1,1,1,1,1,1,1,1,1]" + "".join(f", &{c} [{','.join([f'*{p}'] * 9)}]" for p, c in zip("abcdefghi", "bcdefghij", strict=True)) + "]"], ids=["itself", "a billion"])  # fmt: skip
def test_aliases_that_stand_for_too_much_are_refused(value: str) -> None:
    with pytest.raises(NotADump, match="aliases"):
        parse_objects(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec: {value}\n")


def test_an_alias_is_read() -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {a: &a {b: 1}, c: *a}\n"
    assert parse_objects(text)[0]["spec"] == {"a": {"b": 1}, "c": {"b": 1}}
