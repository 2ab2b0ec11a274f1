"""Whom a container runs as, and what of a pod's wishes is refused or told."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from typing import Any

import pytest

from seaway.controlplane.node.fields import ConfigError
from seaway.controlplane.node.names import hosts_table
from seaway.controlplane.node.security import Host, Identity, identity
from seaway.controlplane.node.shim import root
from seaway.controlplane.node.unserved import message, unserved

ROOT, USER, PLAIN = Host(0, 0), Host(1000, 1000), Host(0, 0, "the kernel forbids it")
PLAIN_USER = Host(1000, 1000, "the kernel forbids it")


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
        (USER, {"runAsUser": 0}, {}, Identity(mapped=(0, 0))),
        (USER, {}, {"runAsGroup": 0}, Identity(mapped=(1000, 0))),
        (USER, {"runAsUser": 7, "fsGroup": 5, "supplementalGroups": [7]}, {}, Identity(mapped=(7, 7))),
        (USER, {"fsGroup": 5}, {}, Identity()),
        (PLAIN, {"runAsUser": 0}, {}, Identity()),
    ],
    ids=["nothing asked", "a user", "of the pod", "the container's wins", "groups", "non-root is kept", "taken back",
         "read-only root", "the node's own user", "seen as root", "seen as another group", "seen as another user",
         "volumes are the node's user's anyway", "plain, as it is"],
)  # fmt: skip
def test_whom_a_container_runs_as(
    host: Host, pod: dict[str, Any], container: dict[str, Any], expected: Identity
) -> None:
    assert of(host, pod, container) == expected


@pytest.mark.parametrize(
    ("host", "container", "message"),
    [
        (PLAIN_USER, {"runAsUser": 0}, "the node runs as user 1000 and may not become another"),
        (PLAIN_USER, {"runAsGroup": 0}, "the node runs as user 1000 and may not become another"),
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


def _seen(wanted: tuple[int, int], telling: int) -> None:
    """Be a node without root, enter a container's namespaces and tell who that is; never returns."""
    try:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            ctypes.CDLL(None).prctl(
                4, 1, 0, 0, 0
            )  # its own files in /proc are its own again, as after a new start
        root.leave_namespaces(wanted)
        os.write(telling, f"{os.getuid()} {os.getgid()}".encode())
    except OSError as error:
        os.write(telling, f"refused: {error}".encode())
    finally:
        os._exit(0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has user namespaces")
@pytest.mark.parametrize("wanted", [(7, 8), (0, 0)], ids=["another user", "root"])
def test_without_root_a_container_sees_itself_as_whom_it_wants_to_be(wanted: tuple[int, int]) -> None:
    told, telling = os.pipe()
    pid = os.fork()
    if pid == 0:
        _seen(wanted, telling)
    os.close(telling)
    with os.fdopen(told) as answer:
        seen = answer.read()
    os.waitpid(pid, 0)
    if seen.startswith("refused: "):
        pytest.skip(f"no user namespaces here: {seen}")
    assert seen == f"{wanted[0]} {wanted[1]}"


def test_without_root_there_is_one_group() -> None:
    with pytest.raises(ConfigError, match="supplementalGroups: the container cannot have the groups 5, 6"):
        of(USER, {"runAsUser": 7, "supplementalGroups": [6, 7, 5]}, {})


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
