"""kubectl with a user's kubeconfig, and in the hands of whoever lets users in."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

pytestmark = pytest.mark.kubectl
Kubectl = Any


@pytest.fixture
def user(kubectl: Kubectl, cluster_kubeconfig: Path) -> Iterator[Kubectl]:
    """Kubectl as it comes out of `seaway kubeconfig`."""
    made = replace(
        kubectl, kubeconfig=cluster_kubeconfig.with_name("kubeconfig-user"), namespace="seaway-default"
    )
    yield made
    made.end()


def test_a_user_can_delete_nothing_of_others(
    user: Kubectl, kubectl: Kubectl, cluster_kubeconfig: Path
) -> None:
    kubectl("run", "theirs", "--image=python", "--command", "--", "sleep", "100")
    there = replace(user, namespace=kubectl.namespace)
    said = there.fails("delete", "pods,ns", "--all")
    assert 'pods "theirs" is forbidden: User "seaway-user" cannot delete resource "pods"' in said
    assert 'User "seaway-user" cannot delete resource "namespaces"' in said
    assert "theirs" in there("get", "pods", "-o", "name")
    assert kubectl.namespace in kubectl("get", "namespaces", "-o", "name")
    log = (cluster_kubeconfig.parents[1] / "log").read_text()
    assert 'refused: pods "theirs" is forbidden: User "seaway-user" cannot delete' in log
    assert 'refused: namespaces "default" is forbidden' in log
    text = (cluster_kubeconfig.parent / "cluster" / "audit.log").read_text()
    events = [json.loads(line) for line in text.splitlines()]
    refused = [
        event for event in events
        if event["responseStatus"]["code"] == 403 and event["user"]["username"] == "seaway-user"
    ]  # fmt: skip
    tried = {(event["verb"], event["objectRef"]["resource"], event["objectRef"]["name"]) for event in refused}
    assert {("delete", "pods", "theirs"), ("delete", "namespaces", kubectl.namespace)} <= tried
    assert all(event["userAgent"].startswith("kubectl") for event in refused)


def test_nobody_else_is_acted_for(user: Kubectl, kubectl: Kubectl, cluster_kubeconfig: Path) -> None:
    kubectl("run", "theirs", "--image=python", "--command", "--", "sleep", "100")
    there = replace(user, namespace=kubectl.namespace)
    assert "cannot impersonate" in there.fails("delete", "pod", "theirs", "--as=system:admin")
    text = (cluster_kubeconfig.parent / "cluster" / "audit.log").read_text()
    assert any(
        "cannot impersonate" in json.loads(line)["responseStatus"].get("message", "")
        for line in text.splitlines()
    )


def test_a_user_works_in_the_workspace(user: Kubectl) -> None:
    assert "seaway:users" in user("auth", "whoami")
    assert user("auth", "can-i", "create", "deployments") == "yes\n"
    listed = user("auth", "can-i", "--list")
    assert "pods/exec" in listed
    assert user.try_("auth", "can-i", "get", "secrets", "-n", "kube-system").out == "no\n"
    user("run", "mine", "--image=python", "--restart=Never", "--command", "--", "python", "-c", "print(1)")
    user("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/mine", "--timeout=60s")
    assert user("logs", "mine") == "1\n"
    user("delete", "pod", "mine")
    for kind in ("nodes", "namespaces", "storageclasses", "events"):
        user("get", kind, "-A")
    assert "forbidden" in user.fails("get", "secrets", "-A")


def test_a_new_user_the_standard_way(kubectl: Kubectl, user: Kubectl, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ada")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    name = f"ada-{kubectl.namespace}"
    kubectl("create", "-f", "-", stdin={
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name},
        "spec": {
            "request": base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"],
        },
    })  # fmt: skip
    assert "Pending" in kubectl("get", "csr", name)
    assert "forbidden" in user.fails("certificate", "approve", name)
    assert "approved" in kubectl("certificate", "approve", name)
    kubectl("wait", "--for=jsonpath={.status.certificate}", f"csr/{name}", "--timeout=60s")
    assert "Approved,Issued" in kubectl("get", "csr", name)
    certificate = base64.b64decode(kubectl("get", "csr", name, "-o", "jsonpath={.status.certificate}"))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "ada.crt").write_bytes(certificate)
    (tmp_path / "ada.key").write_bytes(private)
    config = tmp_path / "config"
    config.write_text(kubectl.kubeconfig.read_text())
    ada = replace(kubectl, kubeconfig=config)
    pair = (f"--client-certificate={tmp_path}/ada.crt", f"--client-key={tmp_path}/ada.key", "--embed-certs")
    ada("config", "set-credentials", "ada", *pair)
    ada("config", "set-context", "--current", "--user=ada")
    assert "ada" in ada("auth", "whoami")
    assert "forbidden" in ada.fails("get", "pods")
    kubectl("create", "rolebinding", "ada", "--clusterrole=view", "--user=ada")
    ada("get", "pods")
    assert "forbidden" in ada.fails("get", "secrets")


def test_roles_are_reconciled_and_put_together(kubectl: Kubectl) -> None:
    part, whole = f"part-{kubectl.namespace}", f"whole-{kubectl.namespace}"
    rbac, label = "rbac.authorization.k8s.io/v1", {"of": kubectl.namespace}
    rule = {"apiGroups": [""], "resources": ["endpoints"], "verbs": ["get"]}
    roles = [
        {"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": part, "labels": label}, "rules": [rule]},
        {"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": whole},
         "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": label}]}, "rules": []},
    ]  # fmt: skip
    for role in roles:
        kubectl("auth", "reconcile", "-f", "-", stdin=role)
    kubectl(
        "wait", "--for=jsonpath={.rules[0].resources[0]}=endpoints", f"clusterrole/{whole}", "--timeout=60s"
    )
    kubectl("create", "rolebinding", "it", f"--clusterrole={whole}", "--user=bob")
    assert kubectl("auth", "can-i", "get", "endpoints", "--as=bob").endswith("yes\n")
    kubectl("delete", "clusterrole", part, whole)


def test_quotas_and_limits_are_described(kubectl: Kubectl) -> None:
    kubectl("create", "quota", "most", "--hard=pods=1,requests.cpu=1")
    kubectl("wait", "--for=jsonpath={.status.used.pods}=0", "quota/most", "--timeout=60s")
    limits = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "usual"},
              "spec": {"limits": [{"type": "Container", "defaultRequest": {"cpu": "100m"}}]}}  # fmt: skip
    kubectl("create", "-f", "-", stdin=limits)
    kubectl("run", "one", "--image=python", "--command", "--", "sleep", "100")
    said = kubectl.fails("run", "two", "--image=python")
    assert "exceeded quota: most, requested: pods=1, used: pods=1, limited: pods=1" in said
    described = kubectl("describe", "namespace", kubectl.namespace)
    assert "requests.cpu  100m  1" in described
    assert "Container  cpu" in described
    shown = kubectl("get", "quota,limits")
    assert "pods: 1/1, requests.cpu: 100m/1" in shown


def test_levels_of_pod_security_are_told(kubectl: Kubectl) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    done = kubectl.try_("label", "--dry-run=server", "namespace", kubectl.namespace, label)
    assert done.code == 0
    kubectl("run", "plain", "--image=python", "--command", "--", "sleep", "100")
    done = kubectl.try_("label", "namespace", kubectl.namespace, label)
    assert "existing pods in namespace" in done.err
    assert "plain: allowPrivilegeEscalation != false, unrestricted capabilities" in done.err
    assert 'violates PodSecurity "restricted:latest"' in kubectl.fails("run", "more", "--image=python")
    warned = kubectl.try_("create", "job", "j", "--image=python")
    assert 'Warning: would violate PodSecurity "restricted:latest"' in warned.err
