"""Recorded endings of pods: each dump of tests/corpus, explained, says what it is known to say."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from seaway.platform.diagnosis.dump.cluster import Cluster
from seaway.platform.diagnosis.dump.documents import parse_log
from seaway.platform.diagnosis.dump.explain import explain_dump
from seaway.platform.diagnosis.dump.printed import parse_objects
from seaway.platform.diagnosis.dump.subject import choose
from seaway.platform.diagnosis.table import RULES

FOLDER = Path(__file__).parents[2] / "corpus"
ENDINGS = sorted(FOLDER.glob("*.yaml"))
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_WORDS = 110
FILE_BYTES = 20_000


@cache
def load(path: Path):
    ending = yaml.load(path.read_text(), LOADER)
    dumps = (
        ending["dumps"] if "dumps" in ending else [json.dumps({"kind": "List", "items": ending["objects"]})]
    )
    objects = [one for text in dumps for one in parse_objects(text)]
    logs = [parse_log(text, name) for name, text in (ending.get("logs") or {}).items()]
    return ending, objects, logs


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len(ENDINGS) >= 80


@pytest.mark.parametrize("path", ENDINGS, ids=lambda path: path.stem)
def test_an_ending_is_explained(path: Path) -> None:
    ending, objects, logs = load(path)
    assert ending["how"], "say how it was produced"
    assert path.stat().st_size < FILE_BYTES
    expected = ending["expect"]
    told, _ = explain_dump(objects, logs, ending.get("ask", ""))
    assert (told.class_, told.cause, told.level, told.retry) == (
        expected["class"], expected["cause"], expected["level"], expected["retry"],
    ), told.message  # fmt: skip
    if "subject" in expected:
        assert told.subject == expected["subject"]
    assert re.search(expected.get("message", ""), told.message), told.message
    assert re.search(expected.get("next", ""), told.next_step), told.next_step
    assert re.search(expected.get("evidence", ""), " | ".join(piece.quote for piece in told.evidence))
    assert told.evidence, "an explanation shows what it rests on"
    said = (told.message, told.done, told.next_step, *(piece.quote for piece in told.evidence))
    assert sum(len(text.split()) for text in said) <= MOST_WORDS
    assert "{run}" not in told.next_step
    assert "checkpoint" not in told.done


OF_RUNS = {
    "drained", "stopped", "timed_out", "waits_for_others", "skipped", "deleted", "deleted_before_start", "runner_failed", "no_python", "old_python",
    "pod_gone", "given_up", "preempted", "lost_on_purpose",
    "hangs", "stopping", "stopped_as_hung", "gpu_idle", "removed", "not_started_in_time", "started_too_late",
}  # fmt: skip
"""Rules about runs of Seaway's, and about what is gone from the cluster, which no dump shows: their tests are in this folder and in tests/scenarios."""


def test_every_rule_has_an_ending_that_it_explains() -> None:
    decided: set[str] = set()
    for path in ENDINGS:
        ending, objects, logs = load(path)
        facts = choose(Cluster(objects), logs, ending.get("ask", "")).facts
        decided |= {rule.__name__ for rule in RULES if rule(facts) is not None}
    assert {rule.__name__ for rule in RULES} - decided - OF_RUNS == set()
