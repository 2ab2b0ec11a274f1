"""What may be written to pods/ephemeralcontainers."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.controlplane.kinds.pod_ephemeral import validate_ephemeral
from seaway.controlplane.kinds.pods import POD


def pod(*added: dict[str, Any]) -> dict[str, Any]:
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "d", "uid": "u", "resourceVersion": "1"},
        "spec": {"containers": [{"name": "main", "image": "python"}], "ephemeralContainers": list(added)},
    }
    POD.default(made)
    return made


LOOK = {"name": "look", "image": "python"}
REFUSAL = "cannot be set for an Ephemeral Container"


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        pytest.param([], [LOOK], None, id="added"),
        pytest.param([], [LOOK | {"targetContainerName": "main"}], None, id="beside a container"),
        pytest.param([LOOK], [LOOK, {"name": "more", "image": "python"}], None, id="another one"),
        pytest.param([LOOK], [], ("spec.ephemeralContainers", 'existing ephemeral containers "look" may not be removed'), id="removed"),
        pytest.param([LOOK], [LOOK | {"image": "other"}], ("spec.ephemeralContainers", 'existing ephemeral containers "look" may not be changed'), id="changed"),
        pytest.param([], [LOOK | {"name": "main"}], ("spec.ephemeralContainers[0].name", 'Duplicate value: "main"'), id="a name that is taken"),
        pytest.param([], [{"name": "look"}], ("spec.ephemeralContainers[0].image", "Required value"), id="no image"),
        pytest.param([], [LOOK | {"targetContainerName": "no"}], ("spec.ephemeralContainers[0].targetContainerName", 'Not found: "no"'), id="no such target"),
        pytest.param([], [LOOK | {"ports": [{"containerPort": 80}]}], ("spec.ephemeralContainers[0].ports", REFUSAL), id="ports"),
        pytest.param([], [LOOK | {"lifecycle": {"preStop": {"sleep": {"seconds": 1}}}}], ("spec.ephemeralContainers[0].lifecycle", REFUSAL), id="hooks"),
        pytest.param([], [LOOK | {"resources": {"limits": {"cpu": "1"}}}], ("spec.ephemeralContainers[0].resources", REFUSAL), id="resources"),
    ],
)  # fmt: skip
def test_faults(before, after, fault):
    found = [(cause.field, cause.message) for cause in validate_ephemeral(pod(*after), pod(*before))]
    if fault is None:
        assert found == []
    else:
        assert any(field == fault[0] and fault[1] in message for field, message in found), found
