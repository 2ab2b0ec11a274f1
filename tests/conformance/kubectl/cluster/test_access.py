"""Who may do what: service accounts from inside a pod, and the cluster's own parts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.kubectl

Kubectl = Any
Object = dict[str, Any]
Pod = Callable[..., Object]
Phase = Callable[[str, str], None]

NODE = ("--as=system:node:node-1", "--as-group=system:nodes", "--as-group=system:authenticated")
PARTS = {
    "node": NODE,
    "scheduler": ("--as=system:kube-scheduler",),
    "controllers": ("--as=system:kube-controller-manager",),
}

CALL = """
import os, pathlib, ssl, time, urllib.error, urllib.request
place = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")
trust = ssl.create_default_context(cafile=place / "ca.crt")
server = "https://{KUBERNETES_SERVICE_HOST}:{KUBERNETES_SERVICE_PORT}".format(**os.environ)
url = f"{server}/api/v1/namespaces/{(place / 'namespace').read_text()}/pods"
token = (place / "token").read_text()
last = None
while last != 200:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        code = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)).open(request).status
    except urllib.error.HTTPError as error:
        code = error.code
    if code != last:
        print(code, flush=True)
    last = code
    time.sleep(0.1)
"""


def test_a_pod_calls_the_api_as_its_service_account(kubectl: Kubectl, pod: Pod, phase_is: Phase) -> None:
    """403 until a role is bound, then 200."""
    kubectl("create", "serviceaccount", "reader")
    container = {"command": ["python", "-c", CALL]}
    kubectl("apply", "-f", "-", stdin=pod("caller", "", container=container, serviceAccountName="reader"))
    kubectl("wait", "--for=condition=Ready", "pod/caller", "--timeout=60s")
    following = kubectl.start("logs", "-f", "caller")
    assert following.stdout is not None
    assert following.stdout.readline() == "403\n"
    kubectl("create", "role", "pods", "--verb=list", "--resource=pods")
    kubectl("create", "rolebinding", "pods", "--role=pods", f"--serviceaccount={kubectl.namespace}:reader")
    assert following.communicate(timeout=90)[0] == "200\n"
    phase_is("caller", "Succeeded")


def test_a_token_speaks_for_its_account_until_the_account_is_gone(kubectl: Kubectl) -> None:
    kubectl("create", "serviceaccount", "robot")
    token = kubectl("create", "token", "robot").strip()
    server = kubectl("config", "view", "--raw", "-o", "jsonpath={.clusters[0].cluster.server}")
    # Without the administrator's certificate, which would win over the token.
    bare = (f"--server={server}", "--insecure-skip-tls-verify", "--kubeconfig=/dev/null", f"--token={token}")
    said = kubectl.json("auth", "whoami", *bare)
    assert said["status"]["userInfo"]["username"] == f"system:serviceaccount:{kubectl.namespace}:robot"
    assert "cannot list resource" in kubectl.fails("get", "pods", *bare)
    kubectl("delete", "serviceaccount", "robot")
    assert "Unauthorized" in kubectl.fails("auth", "whoami", *bare)
    assert "Unauthorized" in kubectl.fails("get", "pods", *bare[:-1], "--token=a.b.c")


MAY: dict[str, dict[tuple[str, str], str]] = {
    "node": {
        ("get", "pods"): "no", ("patch", "pods/status"): "yes", ("create", "serviceaccounts/token"): "no",
        ("get", "secrets"): "no", ("list", "nodes"): "no", ("create", "pods"): "yes",
        ("create", "events"): "yes", ("delete", "namespaces"): "no", ("create", "namespaces"): "no",
        ("delete", "nodes"): "no", ("update", "secrets"): "no", ("patch", "jobs"): "no",
        ("create", "rolebindings"): "no", ("create", "pods/binding"): "no",
    },
    "scheduler": {
        ("create", "pods/binding"): "yes", ("patch", "pods/status"): "yes", ("get", "secrets"): "no",
        ("create", "pods"): "no", ("delete", "namespaces"): "no",
    },
    "controllers": {
        ("create", "pods"): "yes", ("delete", "widgets.example.com"): "yes",
        ("update", "namespaces/finalize"): "yes", ("create", "clusterrolebindings"): "no",
        ("impersonate", "users"): "no", ("create", "serviceaccounts/token"): "no",
    },
}  # fmt: skip


@pytest.mark.parametrize("who", MAY)
def test_the_clusters_parts_have_roles_of_their_own(kubectl: Kubectl, who: str) -> None:
    def answer(verb: str, what: str) -> str:
        resource, _, subresource = what.partition("/")
        asked = ("auth", "can-i", verb, resource, f"--subresource={subresource}", *PARTS[who])
        return str(kubectl.try_(*asked).out.strip())

    assert {asked: answer(*asked) for asked in MAY[who]} == MAY[who]


def test_a_node_writes_only_what_is_its_own(kubectl: Kubectl, pod: Pod) -> None:
    """Its role lets it patch nodes, pods, leases and ask for tokens; admission narrows that to its own."""
    kubectl("apply", "-f", "-", stdin=pod("web", "sleep 1000"))
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    label, other = '{"metadata":{"labels":{"a":"b"}}}', ("--as=system:node:node-2", *NODE[1:])
    assert "can only delete pods with" in kubectl.fails("delete", "pod", "web", *other)
    refused = kubectl.fails("patch", "node", "node-1", "-p", label, *other)
    assert 'User "system:node:node-2" cannot get resource "nodes"' in refused
    assert "cannot delete resource" in kubectl.fails("delete", "namespace", kubectl.namespace, *NODE)
    assert "can only create mirror pods" in kubectl.fails(
        "create", "-f", "-", *NODE, stdin=pod("mine", "true")
    )
    token = ("create", "token", "default", "--bound-object-kind=Pod", "--bound-object-name=web")
    assert kubectl(*token, *NODE).count(".") == 2
    assert 'cannot create resource "serviceaccounts/token"' in kubectl.fails(*token, *other)
    assert "only for tokens that are bound" in kubectl.fails("create", "token", "default", *NODE)


def test_nobody_gives_away_more_than_they_have(kubectl: Kubectl) -> None:
    namespace = kubectl.namespace
    kubectl("create", "serviceaccount", "lead")
    kubectl("create", "rolebinding", "lead", "--clusterrole=admin", f"--serviceaccount={namespace}:lead")
    lead = f"--as=system:serviceaccount:{namespace}:lead"
    kubectl("create", "role", "reader", "--verb=get", "--resource=pods", lead)
    wanted = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "more"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    }  # fmt: skip
    refused = kubectl.fails("create", "-f", "-", lead, stdin=wanted)
    assert "is attempting to grant RBAC permissions not currently held" in refused
    binding = (
        "create",
        "rolebinding",
        "more",
        "--clusterrole=cluster-admin",
        f"--serviceaccount={namespace}:lead",
    )
    assert "not currently held" in kubectl.fails(*binding, lead)


def test_secrets_are_not_in_what_everybody_may_view(kubectl: Kubectl) -> None:
    account = f"system:serviceaccount:{kubectl.namespace}:default"
    kubectl(
        "create", "rolebinding", "v", "--clusterrole=view", f"--serviceaccount={kubectl.namespace}:default"
    )
    listed = json.loads(kubectl("get", "pods", "-o", "json", f"--as={account}"))
    assert listed["items"] == []
    assert 'cannot list resource "secrets"' in kubectl.fails("get", "secrets", f"--as={account}")
