"""Quoting: without secrets, and short, of a sentence as a whole."""

from __future__ import annotations

import pytest

from seaway.base.messages import Message, as_words, spoken_in, wording
from seaway.platform.diagnosis.evidence import LONGEST_QUOTE, blanked
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.why import explain
from seaway.platform.engine.idleness import words
from tests.languages import Marked

FACTS = Facts("r", secret_values=("hunter22",))
REASON = " ".join(f"word{number}" for number in range(60))


@pytest.mark.parametrize("reason", [REASON, f"hunter22 {REASON}", REASON[:280]])
def test_a_sentence_is_shortened_as_the_same_text_is(reason: str) -> None:
    said = blanked(FACTS, wording("the policy {policy!r} denied it: {reason}", policy="p", reason=reason))
    assert said == blanked(FACTS, f"the policy 'p' denied it: {reason}")
    assert isinstance(said, Message)
    assert "hunter22" not in f"{said} {as_words(said)} {spoken_in(said, Marked())}"
    assert len(said) <= LONGEST_QUOTE


def test_a_sentence_that_is_long_by_its_own_words_loses_none() -> None:
    said = wording("because {reason}" + " of this" * 50, reason="x" * 20)
    assert blanked(FACTS, said) == said


def test_what_fills_a_sentence_in_stays_apart_from_its_words() -> None:
    refused = wording("a service that it needs is not running{host}", host=" (db.ml)")
    for said, other in (
        (refused, "<a service that it needs is not running (db.ml)>"),
        (
            wording("it waits for {what}", what=words("futex_wait_queue")),
            "<it waits for <<a lock> (futex_wait_queue)>>",
        ),
    ):
        assert blanked(FACTS, said) == said
        assert spoken_in(blanked(FACTS, said), Marked()) == other


def test_evidence_of_ours_that_is_long_is_said_in_every_language() -> None:
    waits_for = wording("the cluster does not answer: {error}", error=f"first {'x ' * 80}last")
    told = explain(Facts("r", waiting=True, waits_for=waits_for)).spoken_in(Marked())
    quote = told.evidence[0].quote
    assert quote.startswith("<the cluster does not answer: first x ")
    assert quote.endswith(" x last>")
    assert len(quote.split()) < 20
