"""Accidents: too much at once, too large, broken, deleted by mistake. Errors are sentences, and nothing changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.kubectl

Kubectl = Any
Object = dict[str, Any]
Pod = Callable[..., Object]


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.mark.parametrize("how", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_200_objects_are_applied_at_once(kubectl: Kubectl, how: tuple[str, ...]) -> None:
    many = {"apiVersion": "v1", "kind": "List", "items": [config_map(f"c{n}", a="1") for n in range(200)]}
    assert len(kubectl("apply", *how, "-f", "-", stdin=many).splitlines()) == 200
    assert len(kubectl("get", "configmaps", "-o", "name").splitlines()) == 201
    kubectl("delete", "configmaps", "--all", "--wait=false")


def test_a_hundred_pods_at_once_all_end(kubectl: Kubectl, pod: Pod) -> None:
    many = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [pod(f"p{n}", "echo $((6 * 7))") for n in range(100)],
    }
    for item in many["items"]:
        item["metadata"]["labels"] = {"all": "yes"}
    kubectl("create", "-f", "-", stdin=many)
    # kubectl wait asks for one pod after another, five in a second.
    going = ("get", "pods", "-l", "all=yes", "--field-selector=status.phase!=Succeeded", "-o", "name")
    wait_until(lambda: kubectl(*going) == "")
    assert len(kubectl("get", "pods", "-l", "all=yes", "-o", "name").splitlines()) == 100
    assert [kubectl("logs", f"p{number}") for number in (0, 50, 99)] == ["42\n"] * 3


@pytest.mark.parametrize(
    ("size", "words"),
    [(4 << 20, "Request entity too large: limit is 3145728"), (2 << 20, "Too long: may not be more than 1048576 bytes")],
    ids=["4 MiB", "2 MiB"],
)  # fmt: skip
def test_what_is_too_large_is_refused(kubectl: Kubectl, tmp_path: Path, size: int, words: str) -> None:
    large = tmp_path / "large.json"
    large.write_text(json.dumps(config_map("large", a="x" * size)))
    assert words in kubectl.fails("create", "-f", str(large))
    assert words in kubectl.fails("apply", "--server-side", "-f", str(large))
    assert "NotFound" in kubectl.fails("get", "configmap", "large")


def test_deleting_all_pods_and_namespaces_leaves_what_the_cluster_needs(kubectl: Kubectl, pod: Pod) -> None:
    """The classic slip: --all namespaces, although -n was given."""
    kubectl("create", "-f", "-", stdin=pod("web", "sleep 1000"))
    done = kubectl.try_("delete", "pods,namespaces", "--all", "--timeout=60s")
    assert done.code == 1
    assert "deleting cluster-scoped resources, not scoped to the provided namespace" in done.err
    for name in ("default", "kube-system", "kube-public"):
        assert f'namespaces "{name}" is forbidden: this namespace may not be deleted' in done.err
    assert f'namespace "{kubectl.namespace}" deleted' in done.out
    kubectl("wait", "--for=delete", f"namespace/{kubectl.namespace}", "--timeout=60s")
    kubectl("wait", "--for=create", "namespace/kube-node-lease", "--timeout=60s")
    kubectl("create", "namespace", kubectl.namespace)
    kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=60s")
    kubectl("run", "web", "--image=python:3.12", "--command", "--", "sleep", "60")
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")


_POD = "kind: Pod\napiVersion: v1\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1, 2", "error converting YAML to JSON"),
        ("kind: Pod\n\tfoo: x", "found a tab character that violates indentation"),
        ('{"kind": "Pod", "apiVersion": "v1"', "unexpected EOF"),
        ("just text", "error validating data"),
        ("", "no objects passed to apply"),
        ("[1, 2]", "error validating data"),
        ("apiVersion: v1\nmetadata: {name: x}", "kind not set"),
        (_POD + "metadata: {name: 5}\nspec: {containers: []}", "cannot unmarshal number"),
        (_POD + "metadata: [a]", "cannot unmarshal array"),
        (_POD + "metadata: {name: x}\nspec: 7", "spec"),
        (_POD + "metadata: {name: x}", "spec.containers: Required value"),
        (_POD + "metadata: {name: x}\nspec: {containers: [{name: a}]}", "spec.containers[0].image: Required value"),
        (_POD + "metadata: {name: x}\nspec: {containers: [{name: a, image: i, env: [{name: A, value: 1}]}]}", "EnvVar.spec.containers.env.value"),
        (_POD + "metadata: {name: x}\nspec: {nodeSelector: {a: true}, containers: [{name: a, image: i}]}", "nodeSelector"),
    ],
    ids=[
        "open list", "tab", "cut off", "text", "nothing", "a list", "no kind", "number as name", "list as metadata",
        "number as spec", "no spec", "no image", "number as variable", "bool as label",
    ],
)  # fmt: skip
def test_broken_files_are_refused_with_a_sentence(kubectl: Kubectl, text: str, words: str) -> None:
    assert words in kubectl.fails("apply", "-f", "-", stdin=text)
    assert kubectl("get", "pods", "-o", "name") == ""


def test_one_bad_object_among_good_ones_stops_only_itself(kubectl: Kubectl) -> None:
    items = [config_map("a"), {**config_map("B_ad")}, config_map("c")]
    done = kubectl.try_("apply", "-f", "-", stdin={"apiVersion": "v1", "kind": "List", "items": items})
    assert (done.code, done.out.split()) == (1, ["configmap/a", "created", "configmap/c", "created"])
    assert "metadata.name: Invalid value" in done.err


def test_a_namespace_that_does_not_exist_is_named(kubectl: Kubectl) -> None:
    assert 'namespaces "nowhere" not found' in kubectl.fails("run", "x", "--image=python", "-n", "nowhere")
    assert "No resources found in nowhere namespace" in kubectl.try_("get", "pods", "-n", "nowhere").err
