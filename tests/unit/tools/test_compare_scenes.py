"""Answers of a scene without what may differ: uids and versions keep who is who."""

from __future__ import annotations

import pytest

from tools.compare.calls import Answer
from tools.compare.numbered import Numbers

ONE, TWO = "0f4c3cf4-8f4b-4b7e-9c53-1f2a5e3d7c11", "1f4c3cf4-8f4b-4b7e-9c53-1f2a5e3d7c11"


def test_the_same_uid_and_version_stay_the_same():
    numbers = Numbers()
    bodies = [
        numbers.normalise(Answer(200, {}, {"uid": uid, "resourceVersion": version}))["body"]
        for uid, version in ((ONE, "7"), (TWO, "8"), (ONE, "8"))
    ]
    assert bodies == [
        {"uid": "<uid 0>", "resourceVersion": "<version 0>"},
        {"uid": "<uid 1>", "resourceVersion": "<version 1>"},
        {"uid": "<uid 0>", "resourceVersion": "<version 1>"},
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"resourceVersion": "9", "items": []}, {"resourceVersion": "<version>", "items": []}),
        ({"continue": "abc"}, {"continue": "<continue>"}),
        ({"description": "what it is"}, {"description": "<words>"}),
        ({"cells": ["a", "5s", "5"]}, {"cells": ["a", "<age>", "5"]}),
        ({"cells": ["5s"], "other": "5s"}, {"cells": ["<age>"], "other": "5s"}),
        ({"at": "2026-11-22T09:00:00Z"}, {"at": "<time>"}),
        ({"managedFields": [{"manager": "b"}, {"manager": "a"}]}, {"managedFields": [{"manager": "a"}, {"manager": "b"}]}),
        ({"items": [{"name": "b"}, {"name": "a"}]}, {"items": [{"name": "b"}, {"name": "a"}]}),
    ],
)  # fmt: skip
def test_what_may_differ_is_taken_out(before, after):
    assert Numbers().normalise(Answer(200, {}, before))["body"] == after


def test_a_fault_that_is_told_twice_counts_once():
    def status(*causes):
        listed = [{"reason": "FieldValueInvalid", "message": m, "field": f} for f, m in causes]
        told = ", ".join(dict.fromkeys(f"{f}: {m}" for f, m in causes))
        message = f'Pod "a" is invalid: [{told}]'
        return Answer(422, {}, {"kind": "Status", "message": message, "details": {"causes": listed}})

    once = Numbers().normalise(status(("a", "x"), ("b", "y")))
    assert once == Numbers().normalise(status(("a", "x"), ("b", "y"), ("a", "x")))
    assert once["body"]["message"] == 'Pod "a" is invalid: <causes>'
