"""`seaway install` and `seaway uninstall` on Kubernetes' own API server, without a node: what they make, say and leave."""

from __future__ import annotations

import json
import os
import pty
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.install.conftest import Namespace, Seaway
from tests.waiting import wait_until
from tools.real_kubernetes.control_plane import ControlPlane
from tools.real_kubernetes.node import call

INSTALL = ("install", "--image", "registry.example.com/seaway:1", "--timeout", "1s")
CLAIMS = "api/v1 persistentvolumeclaims"
RUN = {"seaway.dev/run-uid": "1", "seaway.dev/run": "r"}


def test_a_server_that_does_not_start_is_told_with_its_reason(seaway: Seaway) -> None:
    done = seaway(*INSTALL, code=75)
    for made in (
        "ServiceAccount seaway",
        "Role seaway",
        "PersistentVolumeClaim seaway-data",
        "Deployment seaway",
    ):
        assert made in done.stderr.splitlines()
    assert "error: the server is not ready within 1 s: 0 of 1 ready" in done.stderr
    assert "try: kubectl -n" in done.stderr


def test_a_namespace_that_will_refuse_runs_is_named(seaway: Seaway) -> None:
    said = "note: the namespace enforces Pod Security's level restricted"
    assert said in seaway(*INSTALL, code=75).stderr
    assert said not in seaway(*INSTALL, "--set", "runs.security=restricted", code=75).stderr


def test_what_helm_made_is_left_to_helm(seaway: Seaway, namespace: Namespace) -> None:
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    container = {"name": "server", "image": "python"}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    body = {"metadata": {"name": "seaway", "labels": labels}, "spec": spec}
    namespace.post("apis/apps/v1 deployments", body)
    done = seaway(*INSTALL, code=64)
    assert "is Helm's" in done.stderr
    assert namespace.names("api/v1 secrets") == []


def test_what_is_no_longer_wanted_goes(seaway: Seaway, namespace: Namespace) -> None:
    ingresses = "apis/networking.k8s.io/v1 ingresses"
    seaway(*INSTALL, "--set", "ingress.enabled=true", "--set", "ingress.host=a.example.com", code=75)
    assert namespace.names(ingresses) == ["seaway"]
    done = seaway(*INSTALL, "--set", "artifacts.url=s3://b", "--set", "database.secret=db", code=75)
    assert namespace.names(ingresses) == []
    assert "Ingress seaway removed" in done.stderr
    assert namespace.names(CLAIMS) == ["seaway-data"], "data are never removed by the way"


def test_what_the_server_may_do(seaway: Seaway, namespace: Namespace) -> None:
    """Its account works in its own namespace, and reads nobody's Secrets anywhere."""
    seaway(*INSTALL, code=75)
    account = f"system:serviceaccount:{namespace.name}:seaway"
    own = {
        ("create", "pods"): True, ("get", "pods/log"): True, ("create", "secrets"): True, ("delete", "secrets"): True,
        ("get", "secrets"): False, ("list", "secrets"): False, ("watch", "secrets"): False,
        ("create", "pods/exec"): False, ("update", "roles"): False, ("get", "configmaps"): False,
    }  # fmt: skip
    others = {("get", "secrets"): False, ("create", "pods"): False, ("list", "nodes"): False}

    def may(where: str, verb: str, what: str) -> bool:
        resource, _, subresource = what.partition("/")
        asked = {"namespace": where, "verb": verb, "resource": resource, "subresource": subresource}
        spec = {"user": account, "resourceAttributes": asked}
        review = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        return bool(call(namespace.plane, "POST", review, {"spec": spec})["status"]["allowed"])

    wait_until(lambda: may(namespace.name, "create", "pods"), "the authoriser knows the Role", seconds=120)
    assert {asked: may(namespace.name, *asked) for asked in own} == own
    assert {asked: may("default", *asked) for asked in others} == others


def test_two_installations_beside_each_other(seaway: Seaway, namespace: Namespace) -> None:
    seaway(*INSTALL, code=75)
    seaway(*INSTALL, "--name", "second", code=75)
    seaway("uninstall", "--name", "second", "--yes")
    assert namespace.names("apis/apps/v1 deployments") == ["seaway"]
    assert namespace.names(CLAIMS) == ["seaway-data", "second-data"]


def live_run(namespace: Namespace, server: str = "") -> None:
    """Put a pod and a token there as a run has them, of a server that says who it is or of one that does not."""
    container = {"name": "main", "image": "python", "securityContext": {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"}}}  # fmt: skip
    annotations = {"seaway.dev/server": server} if server else {}
    metadata = {
        "name": "r-1",
        "labels": RUN,
        "finalizers": ["seaway.dev/recorded"],
        "annotations": annotations,
    }
    namespace.post("api/v1 pods", {"metadata": metadata, "spec": {"containers": [container]}})
    metadata = {"name": "r-token", "labels": RUN, "annotations": annotations}
    namespace.post("api/v1 secrets", {"metadata": metadata})


def test_runs_stay_for_a_later_install_or_go_with_the_data(seaway: Seaway, namespace: Namespace) -> None:
    seaway(*INSTALL, code=75)
    live_run(namespace)
    done = seaway("uninstall", "--yes")
    assert "not one pod of a run: a later install goes on with it" in done.stderr
    assert "kept: PersistentVolumeClaim seaway-data" in done.stderr
    assert namespace.names("api/v1 pods") == ["r-1"]
    assert namespace.names(CLAIMS) == ["seaway-data"]
    done = seaway("uninstall", "--yes", "--delete-data")
    assert "removed Pod r-1" in done.stderr
    assert namespace.names("api/v1 pods") == []
    assert namespace.names("api/v1 secrets") == []
    claims = namespace.get(CLAIMS)["items"]
    assert all("deletionTimestamp" in one["metadata"] for one in claims)
    assert "There is no installation" in seaway("uninstall", "--yes", "--delete-data").stderr


def test_what_runs_have_in_other_workspaces_goes_too_and_nobody_elses(
    seaway: Seaway, namespace: Namespace, workspaces: tuple[Namespace, Namespace], tmp_path: Path
) -> None:
    """Who may look at one namespace alone is told so, and may name the others as far as they let it."""
    seaway(*INSTALL, code=75)
    ours, others = workspaces
    live_run(ours, f"{namespace.name}/seaway")
    live_run(others, f"{others.name}/seaway")
    assert "you may not look at all" in seaway("uninstall", "--delete-data", code=64).stderr
    assert others.name in seaway("uninstall", "--yes", "--workspace", others.name, code=77).stderr
    admin = Seaway(tmp_path, namespace.plane.kubeconfig)
    done = admin("uninstall", "-n", namespace.name, "--yes", "--delete-data")
    assert f"one pod of a run in {ours.name}: nobody could go on with it" in done.stderr
    assert f"removed Pod r-1 in {ours.name}" in done.stderr
    assert "you may not look" not in done.stderr
    for kind in ("pods", "secrets"):
        assert ours.names(f"api/v1 {kind}") == []
        assert len(others.names(f"api/v1 {kind}")) == 1
    others_pod = others.get("api/v1 pods/r-1")
    others_pod["metadata"]["finalizers"] = []
    call(namespace.plane, "PUT", f"/api/v1/namespaces/{others.name}/pods/r-1", others_pod)


def test_nothing_goes_without_a_confirmation(seaway: Seaway, namespace: Namespace) -> None:
    seaway(*INSTALL, code=75)
    assert "--yes" in seaway("uninstall", code=64).stderr
    assert "Nothing was removed." in answer(seaway, "n")
    assert namespace.names("apis/apps/v1 deployments") == ["seaway"]
    assert "removed Deployment seaway" in answer(seaway, "y")
    assert namespace.names("apis/apps/v1 deployments") == []


def answer(seaway: Seaway, word: str) -> str:
    """Run an uninstall on a terminal, and answer its question."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "seaway", "uninstall"]
    environment = {
        **os.environ,
        "SEAWAY_HOME": str(seaway.folder / "home"),
        "KUBECONFIG": str(seaway.kubeconfig),
    }
    with subprocess.Popen(
        command, stdin=theirs, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        os.close(theirs)
        os.write(ours, f"{word}\n".encode())
        _, said = process.communicate(timeout=100)
        os.close(ours)
    assert process.returncode == 0, said
    return said


def test_what_install_did_not_make_is_not_touched(seaway: Seaway, namespace: Namespace) -> None:
    seaway(*INSTALL, code=75)
    labels = {"app.kubernetes.io/name": "seaway", "app.kubernetes.io/instance": "seaway"}
    namespace.post("api/v1 secrets", {"metadata": {"name": "mine", "labels": labels}})
    seaway("uninstall", "--yes")
    assert namespace.names("api/v1 secrets") == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("install",), 64, "image: name the server's image"),
        ((*INSTALL, "--set", "replicas=2"), 64, "more than one server needs a database"),
        ((*INSTALL, "--set", "replica=2"), 64, "replica: there is no such value"),
        ((*INSTALL, "--set", "replicas"), 64, "is no KEY=VALUE"),
        ((*INSTALL, "--name", "No"), 64, "'No' cannot be a name"),
        ((*INSTALL, "-n", "No_Space", "--dry-run"), 64, "'No_Space' cannot be a namespace's name"),
        ((*INSTALL, "--timeout", "soon"), 64, "--timeout"),
        ((*INSTALL, "--kubeconfig", "/nowhere"), 64, "--kubeconfig: the kubeconfig /nowhere cannot be read"),
        ((*INSTALL, "--context", "other"), 64, "no context 'other'"),
        ((*INSTALL, "--set", "rbac.nodes=true"), 77, "clusterroles"),
        ((*INSTALL, "-n", "default"), 77, "default"),
    ],
    ids=["no image", "replicas", "unknown", "no value", "name", "no namespace", "timeout", "kubeconfig", "context", "nodes", "namespace"],
)  # fmt: skip
def test_refusals(seaway: Seaway, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = seaway(*arguments, code=code)
    assert said in done.stderr
    assert "  try: " in done.stderr


def test_a_namespace_is_made_where_it_is_asked_for(
    real_control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"team-{secrets.token_hex(4)}"
    admin = Seaway(tmp_path, real_control_plane.kubeconfig)
    assert f"the namespace {name} does not exist" in admin(*INSTALL, "-n", name, code=64).stderr
    done = admin(
        *INSTALL,
        "-n",
        name,
        "--create-namespace",
        "--set",
        "rbac.nodes=true",
        "--set",
        "rbac.workspaces=true",
        code=75,
    )
    assert f"ClusterRole {name}-seaway-nodes" in done.stderr
    assert f"ClusterRole {name}-seaway-workspaces" in done.stderr
    admin("uninstall", "-n", name, "--yes")
    roles: Any = call(real_control_plane, "GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles")
    assert f"{name}-seaway-" not in json.dumps(roles)
    call(real_control_plane, "DELETE", f"/api/v1/namespaces/{name}")


def test_a_cluster_that_does_not_answer(seaway: Seaway) -> None:
    config = json.loads(seaway.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    seaway.kubeconfig.write_text(json.dumps(config))
    done = seaway(*INSTALL, code=69)
    assert "127.0.0.1:1" in done.stderr
