"""Quoting: without secrets, and short, of a sentence as a whole."""

from __future__ import annotations

import pytest

from seaway.base.messages import Message, wording
from seaway.platform.diagnosis.evidence import LONGEST_QUOTE, blanked
from seaway.platform.diagnosis.facts import Facts

FACTS = Facts("r", secret_values=("hunter22",))
REASON = " ".join(f"word{number}" for number in range(60))


@pytest.mark.parametrize("reason", [REASON, f"hunter22 {REASON}", REASON[:280]])
def test_a_sentence_is_shortened_as_the_same_text_is(reason: str) -> None:
    said = blanked(FACTS, wording("the policy {policy!r} denied it: {reason}", policy="p", reason=reason))
    assert said == blanked(FACTS, f"the policy 'p' denied it: {reason}")
    assert isinstance(said, Message)
    assert "hunter22" not in said
    assert len(said) <= LONGEST_QUOTE


def test_a_sentence_that_is_long_by_its_own_words_loses_none() -> None:
    said = wording("because {reason}" + " of this" * 50, reason="x" * 20)
    assert blanked(FACTS, said) == said
