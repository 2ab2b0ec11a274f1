"""Dumps that are damaged, cut down by hand, or of other kinds: an explanation or a clear error, never a traceback."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path

import pytest
import yaml

from seaway.platform.diagnosis.dump.documents import parse_log
from seaway.platform.diagnosis.dump.explain import NoSubject, explain_dump
from seaway.platform.diagnosis.dump.printed import NotADump, parse_objects

ENDINGS = sorted((Path(__file__).parents[2] / "corpus").glob("*.yaml"))
SEEDS = 4
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
WRONG = (None, "", "x", 0, 7, [], {}, [None], [{}], {"a": "b"}, True)


def spoil(value, chance: random.Random):
    """Take something out of a value somewhere, or put something wrong in its place."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        if chance.random() < 0.2:
            del value[key]
        else:
            value[key] = spoil(value[key], chance)
        return value
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        value[place] = spoil(value[place], chance)
        return value
    return copy.deepcopy(chance.choice(WRONG))


def _printed(dumps):
    return [dict(found) for text in dumps for found in parse_objects(text)]


@pytest.mark.parametrize("path", ENDINGS, ids=lambda path: path.stem)
def test_a_damaged_dump_is_no_traceback(path: Path) -> None:
    ending = yaml.load(path.read_text(), LOADER)
    logs = [parse_log(text, name) for name, text in (ending.get("logs") or {}).items()]
    for seed in range(SEEDS):
        chance = random.Random(f"{path.stem} {seed}")
        items = copy.deepcopy(ending["objects"] if "objects" in ending else _printed(ending["dumps"]))
        for _ in range(chance.randint(1, 4)):
            spoil(items, chance)
        try:
            told, _ = explain_dump(parse_objects(json.dumps({"kind": "List", "items": items})), logs)
        except (NotADump, NoSubject):
            continue
        except Exception as error:
            raise AssertionError(f"seed {path.stem} {seed}") from error
        assert told.message
