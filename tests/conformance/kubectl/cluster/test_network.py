"""Services, their endpoints, Ingresses and proxies, as kubectl shows and uses them."""

from __future__ import annotations

import re
import subprocess
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.kubectl
Kubectl = Any
SERVE = """
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from " + self.path.encode())
    def log_message(self, *_): pass
http.server.HTTPServer((os.environ["POD_IP"], 8080), Answer).serve_forever()
"""


@pytest.fixture
def web(kubectl: Kubectl, pod: Callable[..., Any]) -> Kubectl:
    """A pod that answers, exposed as the service `web` on port 8000."""
    container = {
        "command": ["python", "-c", SERVE], "ports": [{"containerPort": 8080, "name": "http"}],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
    }  # fmt: skip
    kubectl("apply", "-f", "-", stdin=pod("web", "", container=container))
    kubectl("expose", "pod", "web", "--port=8000", "--target-port=http")
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    kubectl("wait", "--for=jsonpath={.subsets[0].addresses[0].ip}", "endpoints/web", "--timeout=60s")
    return kubectl


def fetch(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        return str(answer.read().decode())


def forwarding(kubectl: Kubectl, path: str, *arguments: str) -> str:
    """Run a command of kubectl that listens on a port of its choice; return what is answered at a path there."""
    command, environment = kubectl.command(*arguments)
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        assert found, line
        return fetch(f"http://127.0.0.1:{found[1]}{path}")
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def test_a_service_is_exposed_shown_and_reached(web: Kubectl) -> None:
    address = web("get", "pod", "web", "-o", "jsonpath={.status.podIP}")
    assert f"{address}:8080" in web("get", "endpoints", "web")
    shown = rf"IPv4\s+8080\s+{re.escape(address)}"
    wait_until(lambda: re.search(shown, web("get", "endpointslices")), "the service's slice")
    assert re.search(rf"Endpoints:\s+{re.escape(address)}:8080", web("describe", "service", "web"))
    assert forwarding(web, "/x", "port-forward", "service/web", ":8000") == "hello from /x"
    raw = f"/api/v1/namespaces/{web.namespace}/services/web:8000/proxy/y"
    assert web("get", "--raw", raw) == "hello from /y"
    assert forwarding(web, raw, "proxy", "--port=0") == "hello from /y"


def test_an_ingress_is_created_shown_and_served(web: Kubectl) -> None:
    web("create", "ingress", "web", "--rule=demo.localhost/*=web:8000")
    port = "{.status.loadBalancer.ingress[0].ports[0].port}"
    web("wait", f"--for=jsonpath={port}", "ingress/web", "--timeout=60s")
    assert re.search(r"web\s+<none>\s+demo.localhost\s+127.0.0.1\s+80", web("get", "ingress", "web"))
    number = web("get", "ingress", "web", "-o", f"jsonpath={port}")
    request = urllib.request.Request(f"http://127.0.0.1:{number}/z", headers={"Host": "demo.localhost"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        assert answer.read() == b"hello from /z"
    assert "seaway (default)" in web("get", "ingressclass")


def test_a_network_policy_is_accepted_and_told_to_be_unenforced(kubectl: Kubectl) -> None:
    def events() -> str:
        return str(kubectl("events", "--for=networkpolicy/none"))

    policy = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "none"},
        "spec": {"podSelector": {}},
    }  # fmt: skip
    kubectl("apply", "-f", "-", stdin=policy)
    kubectl("wait", "--for=jsonpath={.spec.policyTypes[0]}=Ingress", "networkpolicy/none", "--timeout=60s")
    wait_until(lambda: "NotEnforced" in events())
    assert "Not enforced: pods of Seaway's embedded cluster share this machine's network" in events()
