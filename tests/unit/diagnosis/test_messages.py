"""Whatever an explanation says can be said in another language: its own words are templates, all else is quoted or typed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.base.messages import Message
from seaway.platform.diagnosis.dump.explain import explain_dump
from tests.unit.diagnosis.test_corpus import ENDINGS, load

_COMMAND = re.compile(r"^(?:seaway|kubectl|pip|uv|echo|helm|python|docker|ssh|gcloud|az|aws|eksctl) ")
_TYPED = ("*.sh text eol=lf",)
"""What is typed into files."""
_CONDITION = re.compile(r"\b\w+ is (?:True|False|Unknown): ")
"""As Kubernetes' own tables say it."""
_WORDS = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,} [A-Za-z]{2,}")


def leaves(text: str) -> Iterator[str]:
    """Yield what is not a message's own words."""
    if not isinstance(text, Message):
        yield text
        return
    for value in text.values.values():
        if isinstance(value, str):
            yield from leaves(value)


def english(text: str, seen: str) -> str:
    """Return a part of a text that no language changes though it is English of ours, "" where there is none."""
    for leaf in leaves(text):
        for sentence in _WORDS.findall(leaf):
            told = _COMMAND.match(leaf) or _CONDITION.search(leaf) or leaf in _TYPED
            if not told and sentence not in seen:
                return leaf
    return ""


@pytest.mark.parametrize("path", ENDINGS, ids=lambda path: path.stem)
def test_what_is_said_of_an_ending_is_said_by_messages(path: Path) -> None:
    ending, objects, logs = load(path)
    told, _ = explain_dump(objects, logs, ending.get("ask", ""))
    dumped = json.dumps([objects, [log.text for log in logs]], default=str)
    seen = " ".join(re.sub(r"\\+n", " ", dumped).replace('\\"', '"').split())
    quotes = [one.quote for one in told.evidence]
    for said in (told.message, told.done, told.next_step, *quotes):
        assert not english(said, seen), repr(said)
