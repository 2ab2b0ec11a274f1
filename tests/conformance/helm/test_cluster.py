"""The chart and `seaway install --dry-run` on Kubernetes' own API server, in a namespace that enforces Pod Security."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance.helm.conftest import CHART, SECONDS, Helm
from tests.conformance.helm.tables import GOOD, IMAGE
from tools.helm.fetch import NOT_FETCHED, find


@dataclass(frozen=True)
class Kubectl:
    """One kubectl in one namespace."""

    binary: Path
    kubeconfig: Path
    namespace: str

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [str(self.binary), "--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace, *arguments],
            input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.kubeconfig.parent)},
        )  # fmt: skip
        assert done.returncode == 0, f"kubectl {arguments}: {done.stderr}{done.stdout}"
        assert "would violate PodSecurity" not in done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))

    def secret(self, name: str) -> dict[str, str]:
        data = self.json("get", "secret", name)["data"]
        return {key: base64.b64decode(text).decode() for key, text in data.items()}


@pytest.fixture
def kubectl(real_kubeconfig: Path) -> Iterator[Kubectl]:
    """Kubectl in a new namespace that lets no pod in that is not restricted."""
    binary = find("kubectl")
    if binary is None:
        pytest.skip(NOT_FETCHED)
    made = Kubectl(binary, real_kubeconfig, f"chart-{secrets.token_hex(4)}")
    made("create", "namespace", made.namespace)
    labels = [f"pod-security.kubernetes.io/{what}=restricted" for what in ("enforce", "warn")]
    made("label", "namespace", made.namespace, *labels)
    yield made
    made("delete", "namespace", made.namespace, "--wait=false")


@pytest.fixture
def helm_there(helm_binary: Path, tmp_path: Path, real_kubeconfig: Path) -> Helm:
    """Helm with the real cluster."""
    return Helm(helm_binary, tmp_path, real_kubeconfig)


ROWS = ["least", "two replicas", "compatible object storage", "ingress of another class", "network policy with peers",
        "nodes", "resources", "variables", "placement", "platform chooses the user", "load balancer"]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_the_api_server_takes_every_object(helm: Helm, kubectl: Kubectl, row: str) -> None:
    arguments = ("template", "seaway", str(CHART), "--namespace", kubectl.namespace)
    written = helm(*arguments, values={"image": IMAGE, **GOOD[row]})
    taken = kubectl("apply", "--dry-run=server", "--validate=strict", "--filename", "-", stdin=written)
    assert taken.count("created (server dry run)") == written.count("\nkind: ")


def test_the_api_server_takes_what_install_prints(kubectl: Kubectl) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "seaway", "install", "--dry-run", "-n", kubectl.namespace, "--image", IMAGE],
        capture_output=True, text=True, timeout=SECONDS, check=True,
    )  # fmt: skip
    assert "keep these manifests private" in done.stderr
    taken = kubectl("apply", "--dry-run=server", "--validate=strict", "--filename", "-", stdin=done.stdout)
    assert taken.count("created (server dry run)") == len(list(yaml.safe_load_all(done.stdout)))


def test_install_upgrade_uninstall(helm_there: Helm, kubectl: Kubectl) -> None:
    """Token, authority and data outlive an upgrade; the data outlive an uninstall, and a second install takes them up."""
    place = ("seaway", str(CHART), "--namespace", kubectl.namespace)
    notes = helm_there("install", *place, values={"image": IMAGE})
    assert f"kubectl -n {kubectl.namespace} get secret seaway-token" in notes
    token, tls = kubectl.secret("seaway-token"), kubectl.secret("seaway-tls")
    helm_there("upgrade", *place, values={"image": IMAGE, "logLevel": "debug"})
    assert (kubectl.secret("seaway-token"), kubectl.secret("seaway-tls")) == (token, tls)
    helm_there("upgrade", *place, values={"image": IMAGE, "tls": {"names": ["seaway.example.com"]}})
    renamed = kubectl.secret("seaway-tls")
    assert renamed["ca.crt"] == tls["ca.crt"], "live runs trust it"
    assert renamed["tls.crt"] != tls["tls.crt"]
    pod = kubectl.json("get", "deployment", "seaway")["spec"]["template"]
    assert "seaway.example.com" in pod["metadata"]["annotations"]["seaway.dev/certificate-names"]
    helm_there("uninstall", "seaway", "--namespace", kubectl.namespace)
    left = kubectl("get", "deployment,service,role,rolebinding,pvc,secret,serviceaccount", "--output", "name")
    ours = set(left.split()) - {"serviceaccount/default"}  # a controller makes that one, where it has come by
    assert ours == {"persistentvolumeclaim/seaway-data"}
    helm_there("install", *place, values={"image": IMAGE})
    assert kubectl.secret("seaway-token") != token
