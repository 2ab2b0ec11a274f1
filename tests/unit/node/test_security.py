"""Whom a container runs as, and what of a pod's wishes is refused or told."""

from __future__ import annotations

import re
from typing import Any

import pytest

from seaway.controlplane.node.fields import ConfigError
from seaway.controlplane.node.names import hosts_table
from seaway.controlplane.node.security import Host, Identity, identity
from seaway.controlplane.node.unserved import message, unserved

ROOT, USER, PLAIN = Host(0, 0), Host(1000, 1000), Host(0, 0, "the kernel forbids it")


def of(host: Host, pod: dict[str, Any], container: dict[str, Any]) -> Identity:
    return identity({"spec": {"securityContext": pod}}, {"name": "c", "securityContext": container}, host)


@pytest.mark.parametrize(
    ("host", "pod", "container", "expected"),
    [
        (ROOT, {}, {}, Identity()),
        (ROOT, {}, {"runAsUser": 7}, Identity(7, 7)),
        (ROOT, {"runAsUser": 7, "runAsGroup": 8}, {}, Identity(7, 8)),
        (ROOT, {"runAsUser": 7}, {"runAsUser": 9, "runAsGroup": 1}, Identity(9, 1)),
        (ROOT, {"runAsUser": 7, "fsGroup": 5, "supplementalGroups": [6, 5]}, {}, Identity(7, 7, (5, 6))),
        (ROOT, {"runAsNonRoot": True, "runAsUser": 7}, {}, Identity(7, 7)),
        (ROOT, {"runAsNonRoot": True}, {"runAsNonRoot": False}, Identity()),
        (ROOT, {}, {"readOnlyRootFilesystem": True}, Identity(read_only_root=True)),
        (USER, {"runAsUser": 1000, "runAsNonRoot": True}, {}, Identity()),
        (PLAIN, {"runAsUser": 0}, {}, Identity()),
    ],
    ids=["nothing asked", "a user", "of the pod", "the container's wins", "groups", "non-root is kept", "taken back",
         "read-only root", "the node's own user", "plain, as it is"],
)  # fmt: skip
def test_whom_a_container_runs_as(
    host: Host, pod: dict[str, Any], container: dict[str, Any], expected: Identity
) -> None:
    assert of(host, pod, container) == expected


@pytest.mark.parametrize(
    ("host", "container", "message"),
    [
        (USER, {"runAsUser": 0}, "the node runs as user 1000 and may not become another"),
        (USER, {"runAsGroup": 0}, "the node runs as user 1000 and may not become another"),
        (PLAIN, {"runAsUser": 7}, "plain processes here (the kernel forbids it)"),
        (PLAIN, {"readOnlyRootFilesystem": True}, "readOnlyRootFilesystem cannot be served"),
        (ROOT, {"runAsNonRoot": True}, "container has runAsNonRoot and image will run as root"),
        (ROOT, {"runAsNonRoot": True, "runAsUser": 0}, "runAsUser is 0"),
    ],
    ids=["not root", "group, not root", "plain", "read-only, plain", "non-root", "non-root and root"],
)
def test_what_cannot_be_served_is_refused(host: Host, container: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        of(host, {}, container)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"dnsPolicy": "ClusterFirst", "securityContext": {"runAsUser": 1}, "containers": [{"name": "c", "tty": True}]}, []),
        ({"hostPID": True, "dnsPolicy": "None"}, ["spec.hostPID"]),
        ({"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}, ["spec.securityContext.seccompProfile"]),
        ({"containers": [{"securityContext": {"privileged": True, "capabilities": {"drop": ["ALL"]}}}]},
         ["spec.containers[0].securityContext.privileged", "spec.containers[0].securityContext.capabilities"]),
        ({"initContainers": [{"volumeDevices": [{}], "securityContext": {"allowPrivilegeEscalation": False}}]},
         ["spec.initContainers[0].volumeDevices", "spec.initContainers[0].securityContext.allowPrivilegeEscalation"]),
        ({"containers": [{"volumeMounts": [{"mountPropagation": "None"}, {"mountPropagation": "Bidirectional"}]}]},
         ["spec.containers[0].volumeMounts[1].mountPropagation"]),
    ],
    ids=["defaults", "of the pod", "of the pod's security", "of a container", "of an init container", "mounts"],
)  # fmt: skip
def test_what_has_no_effect_is_named(spec: dict[str, Any], expected: list[str]) -> None:
    assert unserved({"spec": spec}) == expected


def test_without_files_of_its_own_a_pod_cannot_be_given_names() -> None:
    spec = {"dnsPolicy": "None", "hostAliases": [{}], "dnsConfig": {"searches": ["x"]}}
    paths = ["spec.hostAliases", "spec.dnsConfig", "spec.dnsPolicy"]
    assert unserved({"spec": spec}, namespaces=False) == paths


def test_the_message_names_all_of_it() -> None:
    assert message(["spec.a", "spec.b"]) == "No effect on this node: spec.a, spec.b"


def test_table_of_hosts() -> None:
    aliases = [{"ip": "10.0.0.1", "hostnames": ["db", "db.local"]}]
    pod = {"metadata": {"name": "p", "namespace": "d"}, "spec": {"hostAliases": aliases}}
    assert hosts_table(pod, "127.1.0.2").splitlines() == [
        "127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", "127.1.0.2\tp", "10.0.0.1\tdb\tdb.local",
    ]  # fmt: skip
