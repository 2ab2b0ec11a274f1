"""The protocol, scene by scene: what our API server answers is what Kubernetes' own answers, or it is listed why not."""

from __future__ import annotations

import pytest

from tests.conformance.compare.scenes import access, custom, lists, managed, patches, paths, tables

SCENES = {
    f"{module.__name__.rpartition('.')[2]}: {scene.name}": scene
    for module in (paths, lists, patches, managed, custom, tables, access)
    for scene in module.SCENES
}


@pytest.mark.parametrize("name", SCENES)
def test_both_servers_answer_alike(stage, name):
    found = stage.unlisted(SCENES[name])
    assert not found, "\n".join(map(str, found))
