"""How an attempt ended, in one value."""

from __future__ import annotations

from seaway.model.verdict import Verdict
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.rules.states import unknown
from seaway.platform.diagnosis.table import RULES

MOST_EVIDENCE = 5
"""Pieces of evidence that a verdict keeps."""


def find(facts: Facts) -> Finding:
    """Return the first finding of the table, or that nothing explains the facts."""
    return next((found for rule in RULES if (found := rule(facts)) is not None), None) or unknown(facts)


def judge(facts: Facts) -> Verdict:
    """Return how an attempt ended; its class decides whether it is tried again."""
    return as_verdict(find(facts))


def as_verdict(found: Finding) -> Verdict:
    """Return a finding as a verdict."""
    return Verdict(
        **{"class": found.class_},
        cause=found.cause,
        message=found.message,
        exit_code=found.exit_code,
        evidence=found.evidence[:MOST_EVIDENCE],
    )
