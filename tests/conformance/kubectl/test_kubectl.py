"""What people do with kubectl works unchanged."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.kubectl

Kubectl = Any
"""The fixture's class lies in conftest.py, which tests cannot import."""


def pod(name: str = "web", **spec: Any) -> dict[str, Any]:
    """Return a pod that no scheduler will place."""
    container = {"name": "main", "image": "python:3.12", "command": ["sleep", "60"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [container]} | spec,
    }


def config_map(name: str = "settings", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def job(name: str = "train") -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "python:3.12"}]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template},
    }


def set_status(kubectl: Kubectl, name: str, status: dict[str, Any]) -> None:
    kubectl(
        "patch", "pod", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
    )


RUNNING = {
    "phase": "Running",
    "podIP": "127.1.0.9",
    "podIPs": [{"ip": "127.1.0.9"}],
    "conditions": [{"type": "Ready", "status": "True"}],
    "containerStatuses": [
        {
            "name": "main", "image": "python:3.12", "imageID": "", "ready": True, "restartCount": 0, "started": True,
            "state": {"running": {"startedAt": "2027-01-15T08:00:00Z"}},
        }
    ],
}  # fmt: skip


# ---- reading


def test_get_prints_the_columns_of_a_real_cluster(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("create", "-f", "-", stdin=pod(nodeName="node-1"))
    set_status(kubectl, "web", RUNNING)
    header, row = kubectl("get", "pods").splitlines()
    assert header.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert row.split()[:4] == ["web", "1/1", "Running", "0"]
    header, row = kubectl("get", "pods", "-o", "wide").splitlines()
    assert header.endswith("IP          NODE     NOMINATED NODE   READINESS GATES")
    assert row.split()[5:] == ["127.1.0.9", "node-1", "<none>", "<none>"]


def test_get_in_every_output_form(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("create", "-f", "-", stdin=pod())
    assert kubectl("get", "pod", "web", "-o", "name") == "pod/web\n"
    assert kubectl("get", "pod", "web", "-o", "jsonpath={.spec.restartPolicy}") == "Always"
    assert kubectl.json("get", "pod", "web")["spec"]["terminationGracePeriodSeconds"] == 30
    assert "restartPolicy: Always" in kubectl("get", "pod", "web", "-o", "yaml")
    columns = kubectl("get", "pods", "-o", "custom-columns=N:.metadata.name,I:.spec.containers[0].image")
    assert columns.splitlines()[1].split() == ["web", "python:3.12"]
    assert kubectl("get", "pods", "-o", "go-template={{range .items}}{{.metadata.name}}{{end}}") == "web"
    assert "pod/web" in kubectl("get", "all")
    assert "app=web" in kubectl("get", "pods", "--show-labels")


def test_get_selects(kubectl: Kubectl) -> None:
    for name in ("a", "b", "c"):
        kubectl("create", "-f", "-", stdin=pod(name, nodeName="node-1" if name == "c" else ""))
    assert kubectl("get", "pods", "-o", "name").split() == ["pod/a", "pod/b", "pod/c"]
    assert kubectl("get", "pods", "-l", "app in (a,b)", "-o", "name").split() == ["pod/a", "pod/b"]
    assert kubectl("get", "pods", "-l", "app!=a", "-o", "name").split() == ["pod/b", "pod/c"]
    assert kubectl("get", "po", "--field-selector", "spec.nodeName=node-1", "-o", "name").split() == ["pod/c"]
    assert kubectl("get", "po", "--field-selector", "status.phase!=Pending", "-o", "name") == ""
    assert kubectl("get", "pods", "--chunk-size=1", "-o", "name").split() == ["pod/a", "pod/b", "pod/c"]
    assert kubectl("get", "pods", "--sort-by=.metadata.name", "--no-headers").split()[0] == "a"
    assert f"{kubectl.namespace} " in kubectl.all_namespaces("get", "pods")
    assert "No resources found" in kubectl.try_("get", "secrets").err


def test_get_watches(each_kubectl: Kubectl) -> None:
    """-w prints the object and each change, until ended."""
    kubectl = each_kubectl
    kubectl("create", "-f", "-", stdin=pod())
    watching = kubectl.start("get", "pods", "-w", "--no-headers")
    try:
        assert watching.stdout is not None
        assert watching.stdout.readline().split()[:3] == ["web", "0/1", "Pending"]
        set_status(kubectl, "web", RUNNING)
        assert watching.stdout.readline().split()[:3] == ["web", "1/1", "Running"]
    finally:
        watching.kill()
        watching.communicate()


def test_describe(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("create", "-f", "-", stdin=pod())
    kubectl("create", "-f", "-", stdin=config_map(color="red"))
    kubectl("create", "-f", "-", stdin=job())
    assert "Image:      python:3.12" in kubectl("describe", "pod", "web")
    assert "red" in kubectl("describe", "configmap", "settings")
    assert "Parallelism:" in kubectl("describe", "job", "train")
    assert "Active" in kubectl("describe", "namespace", kubectl.namespace)


def test_logs(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("create", "-f", "-", stdin=pod(nodeName="node-1"))
    set_status(kubectl, "web", RUNNING)
    assert kubectl("logs", "web") == "first line\nsecond line\n"
    assert kubectl("logs", "-f", "web", "-c", "main") == "first line\nsecond line\n"
    assert "gone" in kubectl.fails("logs", "web", "-c", "gone")


def test_discovery_and_explain(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    resources = kubectl("api-resources", "-o", "wide")
    assert "pods" in resources
    assert "customresourcedefinitions" in resources
    assert kubectl("api-resources", "--namespaced=false", "-o", "name").split().count("nodes") == 1
    assert "batch/v1" in kubectl("api-versions").split()
    assert "Server Version: v1.36" in kubectl("version")
    explained = kubectl("explain", "pod.spec")
    assert "containers" in explained
    assert "The programs of the pod" in explained
    assert "backoffLimit\t<integer>" in kubectl("explain", "job.spec", "--recursive")
    assert "does not exist" in kubectl.fails("explain", "pod.spec.nothing")


def test_auth(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    assert kubectl("auth", "can-i", "create", "pods").strip() == "yes"
    account = f"system:serviceaccount:{kubectl.namespace}:default"
    assert kubectl.try_("auth", "can-i", "create", "pods", f"--as={account}").out.strip() == "no"
    assert "system:masters" in kubectl("auth", "whoami")
    assert "Forbidden" in kubectl.fails("get", "pods", f"--as={account}")
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods")
    kubectl(
        "create", "rolebinding", "readers", "--role=reader", f"--serviceaccount={kubectl.namespace}:default"
    )
    assert kubectl("get", "pods", f"--as={account}", "-o", "name") == ""
    assert "pods" in kubectl("auth", "can-i", "--list", f"--as={account}")


def test_events(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("create", "-f", "-", stdin=pod())
    event = {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "web.1"}, "reason": "Pulled", "type": "Normal",
        "message": "took the image", "count": 1, "firstTimestamp": "2027-01-15T08:00:00Z",
        "lastTimestamp": "2027-01-15T08:00:00Z", "source": {"component": "node"},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": kubectl.namespace},
    }  # fmt: skip
    kubectl("create", "-f", "-", stdin=event)
    assert "took the image" in kubectl("events")
    assert "took the image" in kubectl("events", "--for", "pod/web")
    assert "pod/web" in kubectl("get", "events", "--field-selector", "involvedObject.name=web")
    assert kubectl.json("get", "events.events.k8s.io", "web.1")["note"] == "took the image"


# ---- writing


def test_run_and_create_commands(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("run", "once", "--image=python:3.12", "--restart=Never", "--", "true")
    made = kubectl.json("get", "pod", "once")
    assert made["spec"]["restartPolicy"] == "Never"
    assert made["metadata"]["labels"] == {"run": "once"}
    kubectl("create", "configmap", "files", "--from-literal=a=1")
    kubectl("create", "secret", "generic", "keys", "--from-literal=token=abc")
    assert kubectl("get", "secret", "keys", "--no-headers").split()[:3] == ["keys", "Opaque", "1"]
    kubectl("create", "job", "short", "--image=python:3.12", "--", "true")
    assert kubectl("get", "jobs", "--no-headers").split()[:3] == ["short", "Running", "0/1"]
    kubectl("create", "service", "clusterip", "front", "--tcp=80:8080")
    assert kubectl("get", "service", "front", "--no-headers").split()[4] == "80/TCP"
    kubectl("create", "priorityclass", f"high-{kubectl.namespace}", "--value=10")
    kubectl("delete", "priorityclass", f"high-{kubectl.namespace}")
    assert "dry run" in kubectl("create", "configmap", "never", "--from-literal=a=1", "--dry-run=server")
    assert "NotFound" in kubectl.fails("get", "configmap", "never")
    assert "already exists" in kubectl.fails("create", "configmap", "files")


def test_apply_on_the_client(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    assert kubectl("apply", "-f", "-", stdin=config_map(a="1", b="2")) == "configmap/settings created\n"
    assert kubectl("apply", "-f", "-", stdin=config_map(a="1", b="2")) == "configmap/settings unchanged\n"
    assert kubectl("apply", "-f", "-", stdin=config_map(a="3")) == "configmap/settings configured\n"
    assert kubectl.json("get", "configmap", "settings")["data"] == {"a": "3"}
    diff = kubectl.try_("diff", "-f", "-", stdin=config_map(a="4"))
    assert diff.code == 1
    assert '+  a: "4"' in diff.out


def test_a_list_is_written_and_read_back(kubectl: Kubectl) -> None:
    """What `kubectl get -o yaml` printed can be applied; a List is validated by OpenAPI v2."""
    items = {"apiVersion": "v1", "kind": "List", "items": [config_map("a", k="1"), pod("b")]}
    assert kubectl("apply", "-f", "-", stdin=items) == "configmap/a created\npod/b created\n"
    printed = kubectl("get", "configmap/a", "pod/b", "-o", "yaml")
    assert kubectl("apply", "-f", "-", stdin=printed).split() == [
        "configmap/a",
        "configured",
        "pod/b",
        "configured",
    ]
    wrong = {"apiVersion": "v1", "kind": "List", "items": [config_map("a", k="1") | {"dat": {}}]}
    assert "dat" in kubectl.fails("apply", "-f", "-", stdin=wrong)


def test_apply_merges_lists_by_key(kubectl: Kubectl) -> None:
    """Strategic merge through OpenAPI v3: containers merge by name."""
    kubectl("apply", "-f", "-", stdin=job())
    changed = job()
    changed["spec"]["parallelism"] = 0
    changed["metadata"]["labels"] = {"new": "label"}
    assert kubectl("apply", "-f", "-", stdin=changed) == "job.batch/train configured\n"
    assert kubectl.json("get", "job", "train")["spec"]["parallelism"] == 0


def test_apply_on_the_server(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("apply", "--server-side", "-f", "-", stdin=config_map(a="1", b="1"))
    conflict = kubectl.fails(
        "apply", "--server-side", "--field-manager=other", "-f", "-", stdin=config_map(a="2")
    )
    assert 'conflict with "kubectl": .data.a' in conflict
    kubectl(
        "apply",
        "--server-side",
        "--field-manager=other",
        "--force-conflicts",
        "-f",
        "-",
        stdin=config_map(a="2"),
    )
    assert kubectl.json("get", "configmap", "settings")["data"] == {"a": "2", "b": "1"}
    managed = kubectl.json("get", "configmap", "settings", "--show-managed-fields")["metadata"][
        "managedFields"
    ]
    assert {entry["manager"] for entry in managed} == {"kubectl", "other"}


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("strategic", {"data": {"a": "2"}}),
        ("merge", {"data": {"a": "2"}}),
        ("json", [{"op": "replace", "path": "/data/a", "value": "2"}]),
    ],
)
def test_patch(kubectl: Kubectl, kind: str, patch: Any) -> None:
    kubectl("create", "-f", "-", stdin=config_map(a="1", b="1"))
    kubectl("patch", "configmap", "settings", f"--type={kind}", "-p", json.dumps(patch))
    assert kubectl.json("get", "configmap", "settings")["data"] == {"a": "2", "b": "1"}


def test_edit(each_kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl = each_kubectl
    editor = tmp_path / "editor"
    program = "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.write_text(p.read_text().replace('red', 'blue'))"
    editor.write_text(f"#!{sys.executable}\n{program}\n")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    kubectl("create", "-f", "-", stdin=config_map(color="red"))
    kubectl("edit", "configmap", "settings", editor=str(editor))
    assert kubectl.json("get", "configmap", "settings")["data"] == {"color": "blue"}


def test_replace_refuses_a_stale_object(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=config_map(a="1"))
    stale = kubectl.json("get", "configmap", "settings")
    kubectl("patch", "configmap", "settings", "-p", '{"data":{"a":"2"}}')
    stale["data"] = {"a": "3"}
    assert "the object has been modified" in kubectl.fails("replace", "-f", "-", stdin=stale)
    del stale["metadata"]["resourceVersion"]
    kubectl("replace", "-f", "-", stdin=stale)
    assert kubectl.json("get", "configmap", "settings")["data"] == {"a": "3"}


def test_label_and_annotate(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("create", "-f", "-", stdin=config_map())
    kubectl("label", "configmap", "settings", "team=a")
    assert "already has a value" in kubectl.fails("label", "configmap", "settings", "team=b")
    kubectl("label", "configmap", "settings", "team=b", "--overwrite")
    kubectl("annotate", "configmap", "settings", "note=hello")
    metadata = kubectl.json("get", "configmap", "settings")["metadata"]
    assert (metadata["labels"], metadata["annotations"]["note"]) == ({"team": "b"}, "hello")
    kubectl("label", "configmap", "settings", "team-")
    assert "labels" not in kubectl.json("get", "configmap", "settings")["metadata"]
    assert "invalid label value" in kubectl.fails("label", "configmap", "settings", "team=not valid")


def test_delete_gives_grace_to_pods_on_a_node(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("create", "-f", "-", stdin=pod(nodeName="node-1"))
    kubectl("delete", "pod", "web", "--grace-period=20", "--wait=false")
    metadata = kubectl.json("get", "pod", "web")["metadata"]
    assert metadata["deletionGracePeriodSeconds"] == 20
    assert "Terminating" in kubectl("get", "pod", "web")
    kubectl("delete", "pod", "web", "--grace-period=0", "--force")
    assert "NotFound" in kubectl.fails("get", "pod", "web")


def test_delete_many_and_by_file(kubectl: Kubectl) -> None:
    for name in ("a", "b"):
        kubectl("create", "-f", "-", stdin=config_map(name))
    kubectl("label", "configmap", "a", "b", "old=yes")
    kubectl("delete", "configmaps", "-l", "old=yes")
    assert "NotFound" in kubectl.fails("get", "configmap", "a")
    kubectl("create", "-f", "-", stdin=config_map("c"))
    kubectl("delete", "-f", "-", stdin=config_map("c"))
    assert "NotFound" in kubectl.fails("delete", "configmap", "c")
    assert kubectl("delete", "configmap", "c", "--ignore-not-found") == ""


@pytest.mark.parametrize(
    ("cascade", "finalizers"), [("foreground", ["foregroundDeletion"]), ("orphan", ["orphan"])]
)
def test_delete_cascades_as_asked(kubectl: Kubectl, cascade: str, finalizers: list[str]) -> None:
    """Without a garbage collector the finalizer stays, which shows what was asked."""
    kubectl("create", "-f", "-", stdin=job())
    kubectl("delete", "job", "train", f"--cascade={cascade}", "--wait=false")
    assert kubectl.json("get", "job", "train")["metadata"]["finalizers"] == finalizers
    kubectl("patch", "job", "train", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert "NotFound" in kubectl.fails("get", "job", "train")


def test_wait(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("create", "-f", "-", stdin=pod(nodeName="node-1"))
    waiting = kubectl.start("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    set_status(kubectl, "web", RUNNING)
    out, err = waiting.communicate(timeout=90)
    assert (waiting.returncode, out) == (0, "pod/web condition met\n"), err
    assert "condition met" in kubectl(
        "wait", "--for=jsonpath={.status.phase}=Running", "pod/web", "--timeout=5s"
    )
    waiting = kubectl.start("wait", "--for=delete", "pod/web", "--timeout=60s")
    kubectl("delete", "pod", "web", "--grace-period=0", "--force")
    _, err = waiting.communicate(timeout=90)
    assert waiting.returncode == 0, err


def test_custom_resources(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    group = f"{kubectl.namespace}.seaway.dev"
    structure = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {"size": {"type": "integer", "minimum": 1, "description": "How large."}},
            },
        },
    }
    version = {
        "name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": structure},
        "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
    }  # fmt: skip
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [version],
        },
    }
    kubectl("apply", "-f", "-", stdin=definition)
    kubectl("wait", "--for=condition=Established", f"crd/widgets.{group}", "--timeout=60s")
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 2}}
    kubectl("apply", "-f", "-", stdin=widget)
    header, row = kubectl("get", f"widgets.{group}").splitlines()
    assert (header.split(), row.split()) == (["NAME", "SIZE"], ["w", "2"])
    assert "How large." in kubectl("explain", "widgets.spec.size", f"--api-version={group}/v1")
    kubectl("patch", f"widgets.{group}", "w", "--type=merge", "-p", '{"spec":{"size":3}}')
    assert kubectl.json("get", f"widgets.{group}", "w")["spec"]["size"] == 3
    bad = widget | {"spec": {"size": 0}}
    assert "spec.size" in kubectl.fails("apply", "-f", "-", stdin=bad)
    unknown = widget | {"spec": {"colour": "red"}}
    assert 'unknown field "spec.colour"' in kubectl.fails("apply", "-f", "-", stdin=unknown)
    kubectl("delete", "crd", f"widgets.{group}")


# ---- bad input


def _with(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    made = pod()
    change(made)
    return made


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (_with(lambda p: p["spec"]["containers"][0].update(imagee="x")), 'unknown field "spec.containers[0].imagee"'),
        (_with(lambda p: p["spec"].update(containers="x")), "spec.containers"),
        (_with(lambda p: p["spec"].update(terminationGracePeriodSeconds="soon")), "terminationGracePeriodSeconds"),
        (_with(lambda p: p["spec"].update(restartPolicy="Sometimes")), 'spec.restartPolicy: Unsupported value: "Sometimes"'),
        (_with(lambda p: p["metadata"].update(name="Not_Valid")), "metadata.name: Invalid value"),
        (_with(lambda p: p["spec"]["containers"][0].pop("name")), "spec.containers[0].name: Required value"),
        (_with(lambda p: p["spec"]["containers"][0].update(resources={"limits": {"cpu": "many"}})), "quantities must match"),
        (_with(lambda p: p.update(apiVersion="v9")), 'no matches for kind "Pod" in version "v9"'),
        (_with(lambda p: p.pop("kind")), "kind"),
    ],
    ids=[
        "unknown field", "text for a list", "text for a number", "unknown word", "bad name", "no container name",
        "bad quantity", "unknown version", "no kind",
    ],
)  # fmt: skip
def test_bad_objects_are_refused_by_field(kubectl: Kubectl, obj: dict[str, Any], words: str) -> None:
    assert words in kubectl.fails("apply", "-f", "-", stdin=obj)
    assert kubectl("get", "pods", "-o", "name") == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("get", "pods", "-l", "a in (b"), "unable to parse requirement"),
        (("get", "pods", "--field-selector", "spec.nothing=1"), "field label not supported: spec.nothing"),
        (("get", "nothings"), 'the server doesn\'t have a resource type "nothings"'),
        (("get", "pod", "gone"), 'pods "gone" not found'),
        (("delete", "pod", "gone"), 'pods "gone" not found'),
        (("get", "--raw", "/api/v1/nothings"), "the server could not find the requested resource"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused_in_kubernetes_words(
    kubectl: Kubectl, arguments: tuple[str, ...], words: str
) -> None:
    assert words in kubectl.fails(*arguments)


def test_a_pods_fixed_fields_cannot_change(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=pod())
    said = kubectl.fails("patch", "pod", "web", "-p", '{"spec":{"restartPolicy":"Never"}}')
    assert "pod updates may not change fields other than" in said
    kubectl("set", "image", "pod/web", "main=python:3.13")
    assert kubectl.json("get", "pod", "web")["spec"]["containers"][0]["image"] == "python:3.13"


def test_yaml_that_cannot_be_read_is_refused(kubectl: Kubectl) -> None:
    assert "error" in kubectl.fails("apply", "-f", "-", stdin="a: [1, 2")
