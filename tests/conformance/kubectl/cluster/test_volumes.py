"""What a container finds at its mount paths and in its environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.kubectl

Kubectl = Any
Object = dict[str, Any]
Pod = Callable[..., Object]
Phase = Callable[[str, str], None]


@pytest.fixture
def config(kubectl: Kubectl) -> None:
    """A config map and a secret that the pods use."""
    kubectl("create", "configmap", "settings", "--from-literal=color=red", "--from-literal=file.txt=hello")
    kubectl("create", "secret", "generic", "door", "--from-literal=password=hunter2")


def mounts(**paths: str) -> Object:
    return {"volumeMounts": [{"name": name, "mountPath": path} for name, path in paths.items()]}


def field(path: str) -> Object:
    return {"fieldRef": {"fieldPath": path}}


@pytest.mark.usefixtures("config")
def test_volumes_are_at_their_mount_paths(
    kubectl: Kubectl, pod: Pod, phase_is: Phase, tmp_path: Path
) -> None:
    (tmp_path / "host.txt").write_text("of the host\n")
    names = [{"path": "ns", **field("metadata.namespace")}, {"path": "labels", **field("metadata.labels")}]
    both = [
        {"configMap": {"name": "settings", "items": [{"key": "color", "path": "deep/c"}]}},
        {"secret": {"name": "door"}},
    ]
    volumes = [
        {"name": "config", "configMap": {"name": "settings"}},
        {"name": "secret", "secret": {"secretName": "door", "defaultMode": 0o400}},
        {"name": "both", "projected": {"sources": both}},
        {"name": "info", "downwardAPI": {"items": names}},
        {"name": "scratch", "emptyDir": {"medium": "Memory"}},
        {"name": "host", "hostPath": {"path": str(tmp_path), "type": "Directory"}},
    ]
    container = mounts(
        config="/v/config",
        secret="/v/secret",
        both="/v/both",
        info="/v/info",
        scratch="/v/scratch",
        host="/v/host",
    )
    container["volumeMounts"].append({"name": "config", "mountPath": "/v/one.txt", "subPath": "file.txt"})
    script = """
    cd /v; for f in config/color config/file.txt secret/password both/deep/c both/password info/ns info/labels one.txt; do
      echo "$f=$(cat $f)"; done
    cat host/host.txt; echo written > scratch/f && cat scratch/f; echo back > host/back.txt
    touch config/x 2>/dev/null || echo config is read-only; stat -L -c %a secret/password
    """
    kubectl("apply", "-f", "-", stdin=pod("web", script, container=container, volumes=volumes))
    phase_is("web", "Succeeded")
    assert kubectl("logs", "web").splitlines() == [
        "config/color=red", "config/file.txt=hello", "secret/password=hunter2", "both/deep/c=red",
        "both/password=hunter2", f"info/ns={kubectl.namespace}", 'info/labels=app="web"', "one.txt=hello",
        "of the host", "written", "config is read-only", "400",
    ]  # fmt: skip
    assert (tmp_path / "back.txt").read_text() == "back\n"
    described = kubectl("describe", "pod", "web")
    assert '/v/one.txt from config (rw,path="file.txt")' in described
    assert "hunter2" not in described


@pytest.mark.usefixtures("config")
def test_the_environment_is_made_of_all_its_sources(kubectl: Kubectl, pod: Pod, phase_is: Phase) -> None:
    sources: dict[str, Object] = {
        "NAME": field("metadata.name"),
        "LABEL": field("metadata.labels['app']"),
        "ADDRESS": field("status.podIP"),
        "NODE": field("spec.nodeName"),
        "ACCOUNT": field("spec.serviceAccountName"),
        "CPU": {"resourceFieldRef": {"resource": "limits.cpu"}},
        "MEMORY": {"resourceFieldRef": {"resource": "requests.memory", "divisor": "1Mi"}},
        "COLOR": {"configMapKeyRef": {"name": "settings", "key": "color"}},
        "NONE": {"configMapKeyRef": {"name": "gone", "key": "color", "optional": True}},
    }
    env = [{"name": name, "valueFrom": source} for name, source in sources.items()]
    container = {
        "env": [*env, {"name": "JOINED", "value": "$(NAME)-$$(NAME)-$(MISSING)"}],
        "envFrom": [
            {"configMapRef": {"name": "settings"}},
            {"prefix": "DOOR_", "secretRef": {"name": "door"}},
        ],
        "resources": {"limits": {"cpu": "1500m", "memory": "64Mi"}},
    }
    kubectl("apply", "-f", "-", stdin=pod("web", "env", container=container))
    phase_is("web", "Succeeded")
    found = dict(line.split("=", 1) for line in kubectl("logs", "web").splitlines())
    address = kubectl("get", "pod", "web", "-o", "jsonpath={.status.podIP}")
    wanted = {
        "NAME": "web", "LABEL": "web", "ADDRESS": address, "NODE": "node-1", "ACCOUNT": "default", "CPU": "2",
        "MEMORY": "64", "COLOR": "red", "JOINED": "web-$(NAME)-$(MISSING)", "color": "red", "DOOR_password": "hunter2",
    }  # fmt: skip
    assert {name: found.get(name) for name in wanted} == wanted
    assert "NONE" not in found
    assert found["KUBERNETES_SERVICE_HOST"]


@pytest.mark.usefixtures("config")
def test_a_changed_config_map_arrives_in_the_running_container(
    kubectl: Kubectl, pod: Pod, phase_is: Phase
) -> None:
    script = "until grep -q blue /v/color; do sleep 0.1; done; echo changed"
    volumes = [{"name": "config", "configMap": {"name": "settings"}}]
    kubectl("apply", "-f", "-", stdin=pod("web", script, container=mounts(config="/v"), volumes=volumes))
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    kubectl("patch", "configmap", "settings", "-p", '{"data":{"color":"blue"}}')
    phase_is("web", "Succeeded")
    assert kubectl("logs", "web") == "changed\n"
