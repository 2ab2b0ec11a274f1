"""A team's cluster from nothing to a verdict: install as the namespace's administrator, log in, run, upgrade, uninstall."""

from __future__ import annotations

import base64

import pytest

from tests.scenarios.install.conftest import USER, Image, Namespace, Seaway, poll
from tools.s3_server.server import S3Server

pytestmark = [pytest.mark.registry, pytest.mark.usefixtures("image_node")]


@pytest.fixture
def installed(
    seaway: Seaway, namespace: Namespace, image: Image, postgres_url: str, s3_server: S3Server, free_port: int
) -> tuple[str, list[str]]:
    """The server's address, and the command that installed it."""
    url = f"https://127.0.0.1:{free_port}"
    namespace.secret("database", url=postgres_url.replace("postgresql+psycopg://", "postgresql://"))
    namespace.secret("s3", AWS_ACCESS_KEY_ID=s3_server.access_key, AWS_SECRET_ACCESS_KEY=s3_server.secret_key)
    values = {
        "port": free_port, "url": url, "runAsUser": USER, "database.secret": "database",
        "artifacts.url": f"s3://{s3_server.new_bucket()}/seaway", "artifacts.endpoint": s3_server.url,
        "artifacts.secret": "s3", "nodeSelector.seaway\\.dev/test": "image",
        "runs.security": "restricted", "runs.user": USER,
    }  # fmt: skip
    command = ["install", "--image", "seaway/server:test"]
    values |= {f"env.{name}": value for name, value in image.variables.items()}
    for name, value in values.items():
        command += ["--set", f"{name}={value}"]
    done = seaway(*command)
    assert "seaway login https://localhost:8443" in done.stdout
    return url, command


def secret(namespace: Namespace, name: str) -> dict[str, str]:
    data: dict[str, str] = namespace.get(f"api/v1 secrets/{name}")["data"]
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


def log_in(seaway: Seaway, namespace: Namespace, url: str) -> None:
    ca = seaway.folder / "ca.pem"
    ca.write_text(secret(namespace, "seaway-tls")["ca.crt"])
    token = secret(namespace, "seaway-token")["token"]
    seaway("login", url, "--ca", str(ca), "--token-stdin", "--no-keyring", stdin=token)


@pytest.mark.timeout(300)
def test_from_nothing_to_a_verdict(
    seaway: Seaway, namespace: Namespace, image: Image, installed: tuple[str, list[str]]
) -> None:
    url, command = installed
    (pod,) = namespace.get("api/v1 pods")["items"]
    assert pod["status"]["containerStatuses"][0]["ready"]
    log_in(seaway, namespace, url)
    (seaway.folder / "train.py").write_text(
        "import os\nopen(os.environ['SEAWAY_OUTPUTS'] + '/m', 'w').write('weights')\nprint('trained')\n"
    )
    variables = [f"--env={name}={value}" for name, value in image.variables.items()]
    done = seaway("run", "--name", "first", *variables, "train.py")
    assert "trained" in done.stdout
    assert seaway("outputs", "first").stdout.split()

    kept = secret(namespace, "seaway-token"), secret(namespace, "seaway-tls")
    upgraded = seaway(*command, "--set", "networkPolicy.enabled=true")
    assert "NetworkPolicy seaway" in upgraded.stderr
    assert (secret(namespace, "seaway-token"), secret(namespace, "seaway-tls")) == kept
    name = pod["metadata"]["name"]
    namespace.delete(f"api/v1 pods/{name}")
    poll(lambda: namespace.names("api/v1 pods") not in ([], [name]), "another pod")
    poll(lambda: "first" in seaway.run("ps", "--all").stdout, "the history outlives the pod")
    seaway(*command)
    assert namespace.names("apis/networking.k8s.io/v1 networkpolicies") == []

    before = namespace.names("api/v1 secrets")
    seaway("uninstall", code=64)
    seaway("uninstall", "--yes")
    assert namespace.names("apis/apps/v1 deployments") == []
    assert set(before) - set(namespace.names("api/v1 secrets")) == {"seaway-token", "seaway-tls"}
    assert namespace.names("api/v1 pods") == []
    assert "There is no installation" in seaway("uninstall", "--yes").stderr
