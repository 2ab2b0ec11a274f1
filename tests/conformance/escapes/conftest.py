"""Two servers to break out of: ours alone, and Kubernetes' own; with people, nodes and things of others on them."""

from __future__ import annotations

import base64
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from seaway.controlplane.apiserver.pki import Pair, Pki
from tests.conformance.escapes.attempts import (
    BINDINGS,
    JSON,
    RBAC,
    REQUESTS,
    ROLES,
    Attempt,
    Object,
    binding,
    certificate_request,
    pod,
    role,
    rule,
)
from tools.compare.calls import Answer
from tools.compare.connection import Endpoint
from tools.compare.messages import ALLOWED, Message
from tools.compare.servers import run_ours
from tools.compare.wire import Wire

SECRET = "Z29sZC1pcy1oZXJl"
"""What nobody may get to see (base64)."""
_NUMBERS = itertools.count(1)


@dataclass
class Town:
    """One server with two namespaces, and a wire for each caller."""

    endpoint: Endpoint
    is_ours: bool
    mine: str = field(default_factory=lambda: f"mine-{next(_NUMBERS)}")
    theirs: str = field(default_factory=lambda: f"theirs-{next(_NUMBERS)}")
    wires: dict[str, Wire] = field(default_factory=dict)
    token: str = ""

    def wire(self, user: str, *groups: str) -> Wire:
        """Return the connections of a user, with a certificate of the server's authority."""
        if user not in self.wires:
            folder = self.endpoint.certificate.parent
            authority = Pair(folder / "ca.crt", folder / "ca.key")
            pki = Pki(folder, authority, authority, authority, folder / "none")
            pair = pki.client_pair(f"escape-{user.replace(':', '-')}", user, groups, time.time())
            self.wires[user] = Wire(Endpoint(self.endpoint.url, self.endpoint.ca, pair.certificate, pair.key))
        return self.wires[user]

    def send(self, attempt: Attempt) -> Answer:
        """Try something."""
        headers = attempt.headers
        if attempt.who == "account":
            headers = (*headers, ("Authorization", f"Bearer {self.token}"))
        message = Message(
            attempt.method, attempt.path, attempt.body, attempt.media if attempt.body is not None else "", headers,
            anonymous=attempt.who in ("nobody", "account"),
        )  # fmt: skip
        node = attempt.who.startswith("node-")
        user = f"system:node:{attempt.who}" if node else attempt.who
        wire = self.wire(user, *(("system:nodes",) if node else ()))
        return wire.send(self._placed(message).filled("", ()))

    def admin(self, method: str, path: str, body: object = None) -> Answer:
        """Do something as an administrator, which has to work."""
        message = self._placed(Message(method, path, body, JSON if body is not None else ""))
        answer = self.wire("mayor", "system:masters").send(message.filled("", ()))
        assert answer.status < 300 or answer.status == 409, (method, path, answer.body)
        return answer

    def wait(self, user: str, path: str, *groups: str) -> None:
        """Wait until a user may read something: Kubernetes sees new bindings a moment later."""
        self.wire(user, *groups).send(self._placed(Message(ALLOWED, path)).filled("", ()))

    def _placed(self, message: Message) -> Message:
        def placed(value: object) -> object:
            if isinstance(value, str):
                return value.replace("{mine}", self.mine).replace("{theirs}", self.theirs)
            if isinstance(value, dict):
                return {key: placed(inner) for key, inner in value.items()}
            return [placed(inner) for inner in value] if isinstance(value, list) else value

        headers = tuple((name, str(placed(value))) for name, value in message.headers)
        return Message(
            message.method, str(placed(message.target)), placed(message.body), message.content_type, headers,
            message.events, message.anonymous,
        )  # fmt: skip


def build(town: Town) -> None:
    """Make the people and things of both namespaces."""
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    town.admin("POST", "/api/v1/namespaces", {"metadata": {"name": "{mine}", "labels": level}})
    town.admin("POST", "/api/v1/namespaces", {"metadata": {"name": "{theirs}"}})
    for namespace, names in (("{mine}", ("default",)), ("{theirs}", ("default", "boss"))):
        for name in names:
            town.admin(
                "POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}}
            )
    for node in ("node-a", "node-b"):
        town.admin("POST", "/api/v1/nodes", {"metadata": {"name": node}})
    _things(town)
    _rights(town)
    asked = town.admin("POST", "/api/v1/namespaces/{mine}/serviceaccounts/default/token", {"spec": {}})
    town.token = asked.body["status"]["token"]
    _request(town)
    for user, path in (
        ("mallory", "/api/v1/namespaces/{mine}/pods"),
        ("climber", f"{RBAC}/clusterroles"),
        ("reader", "/api/v1/namespaces/{mine}/configmaps/a"),
    ):
        town.wait(user, path)
    town.wait("system:node:node-a", "/api/v1/namespaces/{mine}/secrets/used", "system:nodes")


def _things(town: Town) -> None:
    secret: Object = {"metadata": {"name": "gold"}, "data": {"key": SECRET}}
    town.admin("POST", "/api/v1/namespaces/{theirs}/secrets", secret)
    for name in ("used", "unused"):
        town.admin("POST", "/api/v1/namespaces/{mine}/secrets", {"metadata": {"name": name}})
    for name in ("a", "b"):
        town.admin("POST", "/api/v1/namespaces/{mine}/configmaps", {"metadata": {"name": name}})
    volume = {"name": "s", "secret": {"secretName": "used"}}
    mine, theirs = "/api/v1/namespaces/{mine}/pods", "/api/v1/namespaces/{theirs}/pods"
    town.admin("POST", mine, pod("runs", nodeName="node-a", volumes=[volume]))
    town.admin("POST", mine, pod("free", schedulingGates=[{"name": "x.com/y"}]))
    town.admin("POST", theirs, pod("victim", nodeName="node-b", serviceAccountName="boss"))
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    made = town.admin("POST", "/api/v1/namespaces/{mine}/resourcequotas", quota).body
    counted = {**made, "status": {"hard": {"pods": "0"}, "used": {"pods": "0"}}}
    town.admin("PUT", "/api/v1/namespaces/{mine}/resourcequotas/q/status", counted)


def _rights(town: Town) -> None:
    group = "rbac.authorization.k8s.io"
    parts = [
        town.admin("GET", f"{RBAC}/clusterroles/system:aggregate-to-{part}").body
        for part in ("admin", "edit", "view")
    ]
    whole = role("{mine}-admin", *(one for part in parts for one in part["rules"]))
    town.admin("POST", f"{RBAC}/clusterroles", whole)  # where no controller has put it together
    town.admin("POST", BINDINGS, binding("own", "ClusterRole", "{mine}-admin"))
    town.admin("POST", BINDINGS, binding("powerful", "ClusterRole", "cluster-admin", "mayor"))
    town.admin("POST", ROLES, role("small", rule(["get"], ["pods"])))
    town.admin("POST", ROLES, role("huge", rule(["*"], ["*"], "*")))
    town.admin(
        "POST", ROLES, role("one", rule(["get", "list", "watch"], ["configmaps"], resourceNames=["a"]))
    )
    town.admin("POST", BINDINGS, binding("one", "Role", "one", "reader"))
    roles, bindings = f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings"
    verbs = ["get", "list", "create", "update", "patch"]
    writes = role("{mine}-climb", rule(verbs, ["clusterroles", "clusterrolebindings"], group))
    town.admin("POST", roles, writes)
    town.admin("POST", roles, role("{mine}-small", rule(["get"], ["clusterroles"], group)))
    town.admin("POST", bindings, binding("{mine}-climb", "ClusterRole", "{mine}-climb", "climber"))
    asks = role("{mine}-asks", rule(["create", "get"], ["certificatesigningrequests"], "certificates.k8s.io"))
    town.admin("POST", roles, asks)
    town.admin("POST", bindings, binding("{mine}-asks", "ClusterRole", "{mine}-asks"))


def _request(town: Town) -> None:
    spec = {
        "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"],
        "request": certificate_request("mallory", "team"),
    }  # fmt: skip
    town.admin("POST", REQUESTS, {"metadata": {"name": "{mine}-own"}, "spec": spec})


@pytest.fixture(scope="module", params=["ours", pytest.param("kubernetes", marks=pytest.mark.real)])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    if request.param == "ours":
        with run_ours(tmp_path_factory.mktemp("ours")) as endpoint:
            yield from _inhabited(Town(endpoint, is_ours=True))
    else:
        pair = request.getfixturevalue("both")
        yield from _inhabited(Town(pair.theirs.endpoint, is_ours=False))


def _inhabited(town: Town) -> Iterator[Town]:
    assert base64.b64decode(SECRET)
    try:
        build(town)
        yield town
    finally:
        for wire in town.wires.values():
            wire.close()
