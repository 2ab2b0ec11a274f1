"""The comparison of two API servers: its pure parts."""

from __future__ import annotations

import pytest

from tools.compare.calls import Answer, Call, Edit, NotPossible
from tools.compare.differences import ABSENT, Difference, differences
from tools.compare.listed import Listed, read_listed, unlisted
from tools.compare.normalise import normalise

UID = "0f4c3cf4-8f4b-4b7e-9c53-1f2a5e3d7c11"


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/api/v1/namespaces/{namespace}/pods", "POST pods"),
        ("/api/v1/namespaces/{namespace}/pods/a", "POST pods"),
        ("/api/v1/namespaces/{namespace}/pods/a/status", "POST pods/status"),
        ("/apis/batch/v1/namespaces/{namespace}/jobs", "POST jobs"),
        ("/api/v1/namespaces", "POST namespaces"),
        ("/api/v1/namespaces/a", "POST namespaces"),
        ("/api/v1/namespaces/a/finalize", "POST namespaces/finalize"),
        ("/apis/scheduling.k8s.io/v1/priorityclasses/a", "POST priorityclasses"),
        ("/apis", "POST /apis"),
        ("/version", "POST /version"),
    ],
)
def test_a_call_is_labelled_by_method_and_resource(path, label):
    assert Call("POST", path).label == label


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"metadata": {"uid": UID}}, {"metadata": {"uid": "<uid>"}}),
        ({"metadata": {"resourceVersion": "17"}}, {"metadata": {"resourceVersion": "<resourceVersion>"}}),
        ({"metadata": {"resourceVersion": ""}}, {"metadata": {"resourceVersion": ""}}),
        ({"at": "2026-11-22T09:00:00Z"}, {"at": "<time>"}),
        ({"at": "2026-11-22T09:00:00.000000Z"}, {"at": "<microtime>"}),
        ({"at": "2020-01-02T03:04:05Z"}, {"at": "2020-01-02T03:04:05Z"}),
        ({"clusterIP": "10.96.3.4"}, {"clusterIP": "<address>"}),
        ({"nodePort": 30123}, {"nodePort": "<node port>"}),
        ({"nodePort": 7}, {"nodePort": 7}),
        ({"name": "kube-api-access-abcde"}, {"name": "kube-api-access-<random>"}),
        ({UID: 1}, {"<uid>": 1}),
        (
            {"metadata": {"generateName": "a-", "name": "a-bcdfg"}},
            {"metadata": {"generateName": "a-", "name": "a-<random>"}},
        ),
        (
            {"metadata": {"generateName": "a-", "name": "other"}},
            {"metadata": {"generateName": "a-", "name": "other"}},
        ),
        (
            {"metadata": {"generateName": "0", "uid": "065bf33a-eb8f-46b8-8a0b-000bcdfe09d8"}},
            {"metadata": {"generateName": "0", "uid": "<uid>"}},
        ),
        ("text", "text"),
    ],
)
def test_what_may_differ_is_taken_out(before, after):
    prefix = before.get("metadata", {}).get("generateName", "") if isinstance(before, dict) else ""
    assert normalise(Answer(200, {}, before), prefix) == {"status": 200, "body": after}


def test_only_headers_that_count_are_kept():
    answer = Answer(200, {"content-type": "application/json", "date": "now", "warning": '299 - "x"'}, None)
    assert normalise(answer) == {
        "status": 200,
        "content-type": "application/json",
        "warning": '299 - "x"',
        "body": None,
    }


def _status(message, *causes):
    listed = [{"reason": "FieldValueInvalid", "message": m, "field": f} for f, m in causes]
    return Answer(422, {}, {"kind": "Status", "message": message, "details": {"causes": listed}})


def test_the_order_of_faults_does_not_count():
    one = _status('Pod "a" is invalid: [a: x, b: y]', ("a", "x"), ("b", "y"))
    other = _status('Pod "a" is invalid: [b: y, a: x]', ("b", "y"), ("a", "x"))
    assert normalise(one) == normalise(other)
    assert normalise(one)["body"]["message"] == 'Pod "a" is invalid: <causes>'


def test_a_message_that_says_something_else_than_its_faults_counts():
    right = _status('Pod "a" is invalid: a: x', ("a", "x"))
    wrong = _status('Pod "a" is invalid: a: z', ("a", "x"))
    assert normalise(right) != normalise(wrong)


def test_differences_name_the_field():
    ours = {"body": {"a": [1, 2], "b": {"c": True}, "same": 1}}
    theirs = {"body": {"a": [1], "b": {"c": 1, "d": None}, "same": 1}}
    assert differences("GET pods", ours, theirs) == [
        Difference("GET pods", "body.a[1]", "2", ABSENT),
        Difference("GET pods", "body.b.c", "true", "1"),
        Difference("GET pods", "body.b.d", ABSENT, "null"),
    ]


def test_an_edit_is_made_of_an_earlier_answer():
    edit = Edit(0, ({"op": "add", "path": "/data", "value": {"a": "b"}},))
    assert edit.apply([Answer(201, {}, {"kind": "ConfigMap"})]) == {"kind": "ConfigMap", "data": {"a": "b"}}


@pytest.mark.parametrize(
    "answers", [[], [Answer(404, {}, {})], [Answer(200, {}, [])]], ids=["none", "failed", "other form"]
)
def test_an_edit_of_what_is_not_there_is_not_possible(answers):
    with pytest.raises(NotPossible):
        Edit(0, ({"op": "remove", "path": "/a/b"},)).apply(answers)


PAGE = """
| id | call | field | ours | Kubernetes | why |
| --- | --- | --- | --- | --- | --- |
| `one` | `* pods` | `body.message` | `*` | `*a \\| b*` | Because. |
"""


def test_the_page_is_read():
    assert read_listed(PAGE) == [Listed("one", "* pods", "body.message", "*", "*a | b*", "Because.")]


def test_a_row_with_too_few_cells_is_refused():
    with pytest.raises(ValueError, match="cells"):
        read_listed("| `one` | `two` |")


@pytest.mark.parametrize(
    ("difference", "covered"),
    [
        (Difference("PUT pods", "body.message", '"x"', '"a | b"'), True),
        (Difference("PUT pods", "body.message", ABSENT, '"a | b\n"'), True),
        (Difference("PUT pods", "body.messages", '"x"', '"a | b"'), False),
        (Difference("PUT podsets", "body.message", '"x"', '"a | b"'), False),
        (Difference("PUT pods", "body.message", '"x"', '"c"'), False),
    ],
)
def test_a_row_covers_what_all_its_cells_match(difference, covered):
    assert unlisted([difference], read_listed(PAGE)) == ([] if covered else [difference])
