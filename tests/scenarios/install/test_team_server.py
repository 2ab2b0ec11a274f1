"""A team's cluster from nothing to a verdict: install as the namespace's administrator, log in, run, upgrade, uninstall."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.install.conftest import USER, Image, Namespace, Seaway
from tools.helm.fetch import NOT_FETCHED, find
from tools.real_kubernetes.node import call
from tools.s3_server.server import S3Server

pytestmark = [pytest.mark.registry, pytest.mark.usefixtures("image_node_alone")]


def options(image: Image, port: int, **values: str) -> list[str]:
    """Return the options of an installation whose pods are processes of this machine."""
    values |= {
        "port": str(port), "url": f"https://127.0.0.1:{port}", "runAsUser": str(USER),
        "nodeSelector.seaway\\.dev/test": "image", "runs.security": "restricted", "runs.user": str(USER),
    }  # fmt: skip
    values |= {f"env.{name}": value for name, value in image.variables.items()}
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]


def secret(namespace: Namespace, name: str) -> dict[str, str]:
    data: dict[str, str] = namespace.get(f"api/v1 secrets/{name}")["data"]
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


def log_in(seaway: Seaway, namespace: Namespace, port: int) -> None:
    ca = seaway.folder / "ca.pem"
    ca.write_text(secret(namespace, "seaway-tls")["ca.crt"])
    token = secret(namespace, "seaway-token")["token"]
    arguments = ("--ca", str(ca), "--token-stdin", "--no-keyring")
    seaway("login", f"https://127.0.0.1:{port}", *arguments, stdin=token)


def run(seaway: Seaway, image: Image, name: str, program: str) -> str:
    """Run a program to its verdict; return its log."""
    (seaway.folder / "train.py").write_text(program)
    variables = [f"--env={variable}={value}" for variable, value in image.variables.items()]
    return seaway("run", "--name", name, *variables, "train.py").stdout


PROGRAM = """import os
with open(os.environ["SEAWAY_OUTPUTS"] + "/model", "w") as file:
    file.write("weights")
print("trained")
"""


@pytest.mark.timeout(300)
def test_with_database_and_object_storage(
    seaway: Seaway, namespace: Namespace, image: Image, postgres_url: str, s3_server: S3Server, free_port: int
) -> None:
    """From nothing to a verdict, an upgrade, an uninstall. The server keeps nothing in its pod."""
    namespace.secret("database", url=postgres_url.replace("postgresql+psycopg://", "postgresql://"))
    namespace.secret("s3", AWS_ACCESS_KEY_ID=s3_server.access_key, AWS_SECRET_ACCESS_KEY=s3_server.secret_key)
    values = {
        "database.secret": "database", "artifacts.secret": "s3", "artifacts.endpoint": s3_server.url,
        "artifacts.url": f"s3://{s3_server.new_bucket()}/seaway",
    }  # fmt: skip
    install = ["install", "--image", "seaway/server:test", *options(image, free_port, **values)]
    done = seaway(*install)
    assert "seaway login https://localhost:8443" in done.stdout
    (pod,) = namespace.get("api/v1 pods")["items"]
    assert pod["status"]["containerStatuses"][0]["ready"]
    assert pod["metadata"]["labels"]["seaway.dev/leader"] == "true"
    log_in(seaway, namespace, free_port)
    assert "trained" in run(seaway, image, "first", PROGRAM)
    assert "model" in seaway("outputs", "first").stdout

    kept = secret(namespace, "seaway-token"), secret(namespace, "seaway-tls")
    upgraded = seaway(*install, "--set", "networkPolicy.enabled=true")
    assert "NetworkPolicy seaway" in upgraded.stderr
    assert (secret(namespace, "seaway-token"), secret(namespace, "seaway-tls")) == kept
    seaway(*install)
    assert namespace.names("apis/networking.k8s.io/v1 networkpolicies") == []

    before = namespace.names("api/v1 secrets")
    seaway("uninstall", code=64)
    seaway("uninstall", "--yes")
    assert namespace.names("apis/apps/v1 deployments") == []
    assert set(before) - set(namespace.names("api/v1 secrets")) == {"seaway-token", "seaway-tls"}
    assert namespace.names("api/v1 pods") == []


@pytest.mark.timeout(300)
def test_with_a_volume(
    seaway: Seaway, namespace: Namespace, image: Image, free_port: int, tmp_path: Path
) -> None:
    """The least that is needed: one volume. What a team did outlives an uninstall, and Helm's server goes on with it."""
    helm = find("helm")
    if helm is None:
        pytest.skip(NOT_FETCHED)
    volume(namespace, tmp_path / "volume")
    install = ["install", "--image", "seaway/server:test", *options(image, free_port)]
    seaway(*install)
    log_in(seaway, namespace, free_port)
    assert "trained" in run(seaway, image, "first", PROGRAM)
    seaway("uninstall", "--yes")
    assert namespace.names("api/v1 persistentvolumeclaims") == ["seaway-data"]
    chart = seaway("install", "--chart").stdout.strip()
    place = (
        "--kubeconfig",
        str(seaway.kubeconfig),
        "--namespace",
        namespace.name,
        "--wait",
        "--timeout",
        "100s",
    )
    own = ("--set", "image=seaway/server:test", "--set", "storage.existingClaim=seaway-data")
    environment = {**os.environ, "HOME": str(tmp_path)}
    for command in (("install", "seaway", chart, *own, *install[3:]), ("uninstall", "seaway")):
        done = subprocess.run(
            [str(helm), *command, *place],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if command[0] == "install":
            log_in(seaway, namespace, free_port)
            assert "first" in seaway("ps", "--all").stdout
            seaway("download", "first")
            assert [path.read_text() for path in seaway.folder.rglob("model")] == ["weights"]
    seaway("uninstall", "--yes", "--delete-data")


def volume(namespace: Namespace, folder: Path) -> None:
    """Offer a folder of the node to the claim of the server."""
    folder.mkdir()
    term = {"key": "seaway.dev/test", "operator": "In", "values": ["image"]}
    spec = {
        "capacity": {"storage": "20Gi"}, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain",
        "local": {"path": str(folder)}, "claimRef": {"namespace": namespace.name, "name": "seaway-data"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}},
    }  # fmt: skip
    name = f"volume-{namespace.name}"
    call(namespace.plane, "POST", "/api/v1/persistentvolumes", {"metadata": {"name": name}, "spec": spec})
