"""Odd values in the further kinds are faults and no traceback."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from seaway.controlplane.kinds.declaration import Kind
from seaway.controlplane.kinds.further import FURTHER_KINDS
from tests.conformance.parts.samples import samples
from tests.unit.kinds.test_robustness import ODD, ROUNDS, places

VALID = {kind: obj for kind, name, obj in samples() if name in ("valid", "vct", "behavior")}


def complete(kind: Kind) -> dict[str, Any]:
    metadata = {"name": "one", "uid": "u", "creationTimestamp": "2027-01-15T08:00:00Z", "labels": {"a": "b"}}
    if kind.resource.namespaced:
        metadata["namespace"] = "default"
    identity = {"apiVersion": kind.resource.api_version, "kind": kind.resource.kind, "metadata": metadata}
    return identity | copy.deepcopy({k: v for k, v in VALID[kind.resource.kind].items() if k != "metadata"})


def go_through(kind: Kind, obj: dict[str, Any]) -> None:
    """Do with an object what a create and an update do."""
    kind.schema.prune(obj)
    if kind.schema.validate(obj):
        return  # refused by its structure
    old = complete(kind)
    for one in (obj, old):
        kind.default(one)
        kind.prepare_create(one)
    kind.validate(obj)
    kind.prepare_update(obj, old)
    kind.validate_update(obj, old)
    kind.warnings(obj, old)
    for column in kind.columns:
        column.cell(obj, 0.0)


@pytest.mark.parametrize("kind", FURTHER_KINDS, ids=lambda kind: kind.resource.group_resource)
def test_odd_values_are_faults_and_no_traceback(kind: Kind) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    print(f"seed {seed}")
    for _ in range(ROUNDS):
        obj = complete(kind)
        parent, key = chance.choice(list(places(obj)))
        parent[key] = copy.deepcopy(chance.choice(ODD))
        shown = copy.deepcopy(obj)
        try:
            go_through(kind, obj)
        except Exception as error:
            raise AssertionError(f"{shown}") from error
