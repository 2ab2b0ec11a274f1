"""Files of volumes for containers that run as another user."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.controlplane.node.ownership import owned
from seaway.controlplane.node.payloads import File

FILES = {"token": File(b"t", 0o600), "ca": File(b"c"), "key": File(b"k", 0o400)}


def pod(of_pod: dict[str, Any], *containers: dict[str, Any]) -> dict[str, Any]:
    return {
        "spec": {
            "securityContext": of_pod,
            "containers": [{"securityContext": one} for one in containers or ({},)],
        }
    }


@pytest.mark.parametrize(
    ("shown", "token", "key"),
    [
        (pod({}), File(b"t", 0o600), FILES["key"]),
        (pod({"runAsUser": 0}), File(b"t", 0o600), FILES["key"]),
        (pod({"runAsUser": 7}), File(b"t", 0o600, user=7), FILES["key"]),
        (pod({}, {"runAsUser": 7}, {"runAsUser": 7}), File(b"t", 0o600, user=7), FILES["key"]),
        (pod({}, {"runAsUser": 7}, {}), File(b"t", 0o644), FILES["key"]),
        (pod({"runAsUser": 7, "fsGroup": 5}), File(b"t", 0o640, group=5), File(b"k", 0o440, group=5)),
    ],
    ids=["nothing said", "root", "one user", "the same user in each", "several users", "a group for files"],
)  # fmt: skip
def test_owners(shown: dict[str, Any], token: File, key: File) -> None:
    given = owned(FILES, ["token"], shown, 0)
    assert (given["token"], given["key"]) == (token, key)


def test_a_node_that_is_not_root_gives_nothing_away() -> None:
    assert owned(FILES, ["token"], pod({"runAsUser": 7, "fsGroup": 5}), 1000) == FILES
