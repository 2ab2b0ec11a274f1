"""Verdicts are kept with what their sentences were made from, and shown without."""

from __future__ import annotations

import json

import pytest

from seaway.base.messages import Message, joined, spoken_in, wording
from seaway.model.verdict import Evidence, Verdict, VerdictClass
from tests.languages import Marked

LIMIT = wording(
    "it did not start within its wait limit of {limit}; at the end: {why}", limit="2h", why="x {y}"
)


def verdict(message: str, *quotes: str) -> Verdict:
    evidence = tuple(Evidence(source="seaway", quote=quote) for quote in quotes)
    return Verdict(**{"class": VerdictClass.USER}, cause="X", message=message, exit_code=1, evidence=evidence)


@pytest.mark.parametrize(
    ("judged", "said"),
    [
        pytest.param(verdict("it failed"), ["it failed"], id="plain words"),
        pytest.param(verdict(LIMIT), ["<it did not start within its wait limit of 2h; at the end: x {y}>"], id="a message"),
        pytest.param(verdict(wording("no {what}", what=wording("room"))), ["<no <room>>"], id="a message in a message"),
        pytest.param(verdict(joined("; ", (LIMIT, "a"))), ["<<it did not start within its wait limit of 2h; at the end: x {y}>; a>"], id="joined"),
        pytest.param(verdict("it failed", "KeyError: 'lr'", wording("a stop was asked for")), ["it failed", "KeyError: 'lr'", "<a stop was asked for>"], id="evidence"),
        pytest.param(verdict(wording("it took {seconds:.0f} s", seconds=1.5)), ["<it took 2 s>"], id="a number"),
    ],
)  # fmt: skip
def test_a_stored_verdict_is_read_in_another_language(judged: Verdict, said: list[str]) -> None:
    again = Verdict.from_stored(json.loads(json.dumps(judged.as_stored())))
    assert again == judged
    assert again.as_stored() == judged.as_stored()
    assert [
        spoken_in(text, Marked()) for text in (again.message, *(one.quote for one in again.evidence))
    ] == said


def test_what_is_stored_says_the_english_words_to_whoever_reads_no_more_of_it() -> None:
    stored = verdict(LIMIT, LIMIT).as_stored()
    assert (stored["message"], stored["evidence"][0]["quote"]) == (LIMIT, LIMIT)


def test_what_is_shown_of_a_verdict_are_its_words_alone() -> None:
    shown = verdict(LIMIT, LIMIT).model_dump(mode="json", by_alias=True)
    assert shown.keys() == {"class", "cause", "message", "exit_code", "evidence"}
    assert shown["evidence"][0].keys() == {"source", "time", "quote"}


def test_what_an_earlier_release_stored_is_read_as_it_is() -> None:
    earlier = verdict(LIMIT, LIMIT).model_dump(mode="json", by_alias=True)
    again = Verdict.from_stored(earlier)
    assert again == verdict(LIMIT, LIMIT)
    assert not isinstance(again.message, Message)
