"""An operator written with kopf, as a process of its own: handlers, finalizers, timers, events and peering."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seaway import testing
from tests.conformance.clients.conftest import until
from tests.conformance.clients.objects import definition

GROUP = "tea.example.com"
PEERING = {"apiVersion": "kopf.dev/v1", "kind": "KopfPeering", "metadata": {"name": "teas"}}


def tea(name: str, size: int) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/v1", "kind": "Tea", "metadata": {"name": name}, "spec": {"size": size}}


def peerings() -> dict[str, Any]:
    """Return the definition that kopf's documentation asks for."""
    made = definition("KopfPeering", "kopf.dev")
    made["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = {
        "type": "object", "properties": {"status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }  # fmt: skip
    del made["spec"]["versions"][0]["subresources"]
    return made


@pytest.fixture
def operator(shared: testing.Cluster, namespace: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    shared.apply([peerings(), definition("Tea", GROUP)])
    shared.apply(PEERING, namespace)
    file = Path(__file__).with_name("operator_of_teas.py")
    command = [sys.executable, "-m", "kopf", "run", "--namespace", namespace, "--priority", "7", str(file)]
    log = tmp_path / "operator.log"
    environment = os.environ | {"KUBECONFIG": str(shared.kubeconfig)}
    with (
        log.open("wb") as output,
        subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process,
    ):
        yield process
        process.terminate()
        code = process.wait(60)
    assert code == 0, log.read_text()


def test_an_operator(operator: subprocess.Popen[bytes], shared: testing.Cluster, namespace: str) -> None:
    shared.wait_for("kopfpeering", "teas", lambda found: found["status"], namespace, seconds=60)
    (peer,) = shared.get("kopfpeering", "teas", namespace)["status"].values()
    assert peer["priority"] == 7
    made_and_changed(shared, namespace)
    deleted(shared, namespace)
    refused(shared, namespace)


def made_and_changed(shared: testing.Cluster, namespace: str) -> None:
    shared.apply(tea("green", 2), namespace)
    made = shared.wait_for("tea", "green", lambda found: found["status"]["brewed"]["pot"], namespace)
    assert made is not None
    assert made["metadata"]["finalizers"] == [f"{GROUP}/finalizer"]
    pot = shared.get("cm", "green-pot", namespace)
    assert (pot["data"], pot["metadata"]["ownerReferences"][0]["uid"]) == (
        {"size": "2"},
        made["metadata"]["uid"],
    )
    shared.wait_for("tea", "green", lambda found: found["status"]["sips"] >= 2, namespace)
    shared.apply(tea("green", 3), namespace)
    shared.wait_for("cm", "green-pot", lambda found: found["data"]["size"] == "3", namespace)


def deleted(shared: testing.Cluster, namespace: str) -> None:
    """The handler runs before the object goes; what it owned goes with it."""
    shared.delete("tea", "green", namespace)
    shared.wait_for("tea", "green", "delete", namespace)
    assert shared.get("cm", "green-finished", namespace)
    shared.wait_for("cm", "green-pot", "delete", namespace)


def refused(shared: testing.Cluster, namespace: str) -> None:
    """An error of a handler is told in an event, and the object is left alone."""
    shared.apply(tea("huge", 10), namespace)

    def told() -> bool:
        return any(one["reason"] == "TooLarge" for one in shared.list("events", namespace))

    shared.wait_for("tea", "huge", lambda found: found["status"]["sips"], namespace)
    until(told)
    shared.delete("tea", "huge", namespace)
    shared.wait_for("tea", "huge", "delete", namespace)
