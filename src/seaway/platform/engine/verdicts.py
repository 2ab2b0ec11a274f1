"""The questions to diagnosis, as the engine asks them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seaway.model.verdict import Explanation, Verdict
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.verdict import as_verdict, find, judge
from seaway.platform.diagnosis.why import explain
from seaway.platform.engine.situation import Blocker


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is asked of diagnosis."""

    judge: Callable[[Facts], Verdict]
    """How did an attempt end?"""
    examine: Callable[[Facts, str], Blocker]
    """What does a pod wait for, that shows this reason?"""
    explain: Callable[[Facts], Explanation]
    """What is a user told?"""


def _examine(facts: Facts, reason: str) -> Blocker:
    found = find(facts)
    return Blocker(reason, found.message, as_verdict(found) if found.permanent else None)


DIAGNOSIS = Diagnosis(judge, _examine, explain)
