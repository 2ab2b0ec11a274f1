"""Helm, as a black box: a chart with a custom resource, hooks of every kind, lookups and tests lives its whole life."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from seaway import testing
from tests.conformance.helm.conftest import Helm
from tools.helm.fetch import NOT_FETCHED, find

CHART = Path(__file__).parent / "chart"
WAIT = ("--wait", "--timeout", "80s")


class Release:
    """One release of the chart in one namespace."""

    def __init__(self, helm: Helm, cluster: testing.Cluster, namespace: str) -> None:
        self.helm, self.cluster, self.namespace = helm, cluster, namespace
        self.name = f"shop-{namespace.rpartition('-')[2]}"

    def __call__(self, command: str, *arguments: str, values: Any = None) -> str:
        return self.helm(command, self.name, *arguments, "--namespace", self.namespace, values=values)

    def fails(self, command: str, *arguments: str, values: Any = None) -> str:
        return self.helm.fails(command, self.name, *arguments, "--namespace", self.namespace, values=values)

    def get(self, kind: str, suffix: str = "") -> dict[str, Any]:
        return self.cluster.get(kind, self.name + suffix, self.namespace)

    def hook(self, hook: str) -> str:
        """Return what a hook's pod printed."""
        (pod,) = self.cluster.list("pods", self.namespace, f"job-name={self.name}-{hook}")
        return self.cluster.logs(pod["metadata"]["name"], self.namespace)

    def history(self) -> list[tuple[int, str]]:
        listed = json.loads(self("history", "--output", "json"))
        return [(one["revision"], one["status"]) for one in listed]


@pytest.fixture
def release(shared: testing.Cluster, namespace: str, tmp_path: Path) -> Release:
    binary = find("helm")
    if binary is None:
        pytest.skip(NOT_FETCHED)
    return Release(Helm(binary, tmp_path, shared.kubeconfig), shared, namespace)


def test_a_release_lives_its_whole_life(release: Release) -> None:
    install(release)
    upgrade(release)
    roll_back(release)
    uninstall(release)


def install(release: Release) -> None:
    """With --wait it is ready; the definition was there before its object; hooks ran in their places."""
    notes = release("install", str(CHART), *WAIT)
    assert f"{release.name} is there." in notes
    assert release.get("deployment")["status"]["readyReplicas"] == 2
    assert release.get("gauges.shop.example.com")["spec"] == {"unit": "celsius", "precision": 2}
    assert release.get("cm")["data"]["SERVER"].startswith("v1.36.")
    assert release.hook("pre-install") == "pre-install of revision 1\n"
    assert release.hook("post-install") == "post-install of revision 1\n"
    stored = release.cluster.get("secret", f"sh.helm.release.v1.{release.name}.v1", release.namespace)
    assert (stored["type"], stored["metadata"]["labels"]["status"]) == ("helm.sh/release.v1", "deployed")
    assert "tested hello" in release("test", "--logs")


def upgrade(release: Release) -> None:
    """What is looked up stays; a failing hook stops an upgrade before it changes anything."""
    password = release.get("secret", "-password")["data"]["password"]
    assert len(base64.b64decode(password)) == 16
    release("upgrade", str(CHART), *WAIT, values={"greeting": "bonjour", "replicas": 1})
    assert release.get("secret", "-password")["data"]["password"] == password
    assert release.get("cm")["data"]["GREETING"] == "bonjour"
    status = release.get("deployment")["status"]
    assert (status["replicas"], status["readyReplicas"], status["updatedReplicas"]) == (1, 1, 1)
    assert release.hook("post-upgrade") == "post-upgrade of revision 2\n"
    said = release.fails("upgrade", str(CHART), *WAIT, values={"greeting": "bad", "migrationFails": True})
    assert "pre-upgrade hooks failed" in said
    assert release.get("cm")["data"]["GREETING"] == "bonjour"
    assert "at '/replicas'" in release.fails("upgrade", str(CHART), values={"replicas": -1})


def roll_back(release: Release) -> None:
    release("rollback", "1", *WAIT)
    assert release.history() == [(1, "superseded"), (2, "superseded"), (3, "failed"), (4, "deployed")]
    assert release.get("cm")["data"]["GREETING"] == "hello"
    assert release.get("deployment")["status"]["readyReplicas"] == 2
    assert release.hook("post-rollback") == "post-rollback of revision 1\n", "as it was written then"


def uninstall(release: Release) -> None:
    """What the chart made goes; definitions stay, as Helm means it, and so do hooks."""
    release("uninstall", *WAIT)
    cluster, namespace = release.cluster, release.namespace
    for kind in ("deployments", "services", "gauges", "replicasets"):
        assert cluster.list(kind, namespace) == [], kind
    assert not cluster.list("pods", namespace, f"app.kubernetes.io/instance={release.name}")
    assert not cluster.list("secrets", namespace, "owner=helm")
    assert cluster.get("crd", "gauges.shop.example.com")["status"]["acceptedNames"]["kind"] == "Gauge"
    assert release.hook("pre-delete").startswith("pre-delete of")
    assert json.loads(release.helm("list", "--namespace", namespace, "--output", "json")) == []


def test_an_install_that_is_not_ready_in_time_fails(release: Release) -> None:
    """And with --rollback-on-failure nothing of it stays."""
    arguments = ("--wait", "--timeout", "3s", "--rollback-on-failure")
    copy = release.helm.folder / "broken"
    shutil.copytree(CHART, copy)
    app = copy / "templates" / "app.yaml"
    app.write_text(app.read_text().replace("image: python", "image: no-such-image"))
    said = release.fails("install", str(copy), *arguments)
    assert "not ready" in said or "context deadline exceeded" in said
    release.cluster.wait_for("deployment", release.name, "delete", release.namespace)
    assert not release.cluster.list("secrets", release.namespace, "owner=helm")


def test_dry_runs_change_nothing(release: Release) -> None:
    before = release.cluster.list("secrets", release.namespace)
    release.cluster.apply(CHART / "crds" / "gauges.yaml")
    shown = release("install", str(CHART), "--dry-run=server")
    assert "kind: Deployment" in shown
    assert release.cluster.list("secrets", release.namespace) == before
    assert release.cluster.list("deployments", release.namespace) == []
