"""The protocol, scene by scene: what our API server answers is what Kubernetes' own answers, or it is listed why not."""

from __future__ import annotations

import pytest

from tests.conformance.compare.scenes import access, custom, lists, managed, patches, paths, tables, tenancy
from tools.compare.listed import PAGE, read_listed

pytestmark = pytest.mark.real

SCENES = {
    f"{module.__name__.rpartition('.')[2]}: {scene.name}": scene
    for module in (paths, lists, patches, managed, custom, tables, access, tenancy)
    for scene in module.SCENES
}
LISTED = {row.id: row for row in read_listed(PAGE.read_text()) if row.id.startswith("protocol-")}
WITNESSES = {
    "protocol-methods": "paths: wrong verbs on object",
    "protocol-kinds-named": "patches: update",
    "protocol-kinds-deleted": "paths: delete bodies",
    "protocol-callers-faults": "lists: resourceVersion of get",
    "protocol-yaml-twice": "paths: fieldValidation",
    "protocol-yaml-twice-warning": "managed: apply faults",
    "protocol-watch-ahead": "lists: watch of a future revision",
    "protocol-deletion-event": "lists: watch of a status",
    "protocol-deletion-event-version": "lists: watch of a status",
    "protocol-strategic-types": "patches: strategic faults",
    "protocol-strategic-directives": "patches: strategic faults",
    "protocol-patched-parts": "patches: strategic of pods",
    "protocol-patched-template": "patches: strategic of jobs",
    "protocol-applied-twice": "managed: apply jobs twice",
    "protocol-patched-uid": "patches: binding",
    "protocol-null-selector": "managed: apply pod env",
    "protocol-null-applied": "managed: apply null values",
    "protocol-null-left": "custom: apply gives up untyped values",
    "protocol-null-left-fault": "custom: apply gives up an untyped map",
    "protocol-emptied-metadata": "custom: apply empty labels",
    "protocol-number-format": "custom: custom faults",
    "protocol-scale-path": "custom: custom faults",
    "protocol-scale-version": "custom: custom status and scale",
    "protocol-protobuf": "tables: accept",
    "protocol-empty-rules": "tables: table of roles",
    "protocol-anonymous": "access: bad tokens",
    "protocol-audiences": "access: reviews by an administrator",
}
"""The scene that shows a listed difference."""
BY_CHANCE = {"protocol-binding-named"}
"""Which binding either server meets first is in no order."""


@pytest.mark.parametrize("name", SCENES)
def test_both_servers_answer_alike(stage, name):
    found = stage.unlisted(SCENES[name])
    assert not found, "\n".join(map(str, found))


def test_every_row_has_a_scene():
    assert set(LISTED) == WITNESSES.keys() | BY_CHANCE


@pytest.mark.parametrize("name", WITNESSES)
def test_the_difference_is_there(stage, name):
    found = stage.differences(SCENES[WITNESSES[name]])
    assert any(LISTED[name].covers(difference) for difference in found), "this row can go"
