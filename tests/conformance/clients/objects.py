"""Objects that every client makes."""

from __future__ import annotations

from typing import Any

LINES = "import sys, time; print('one', flush=True); print('two', flush=True); time.sleep({seconds})"
ECHO = """
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Type', 'text/plain'); self.end_headers(); self.wfile.write(b"answered " + self.path.encode())
    def log_message(self, *_): pass
http.server.HTTPServer((os.environ["IP"], 8080), Answer).serve_forever()
"""


def container(program: str) -> dict[str, Any]:
    """Return a container that runs a Python program."""
    address = {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    return {"name": "main", "image": "python", "command": ["python", "-c", program], "env": [address]}


def pod(name: str, program: str, **labels: str) -> dict[str, Any]:
    """Return a pod that runs a Python program once."""
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container(program)]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def server(name: str) -> dict[str, Any]:
    """Return a pod that answers HTTP on port 8080, and is ready when it does."""
    made = pod(name, ECHO, app=name)
    made["spec"]["containers"][0] |= {
        "ports": [{"containerPort": 8080, "name": "http"}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
    }
    return made


def deployment(name: str, replicas: int = 1) -> dict[str, Any]:
    """Return a deployment of programs that wait."""
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [container("import signal; signal.pause()")],
        },
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def config_map(name: str, **data: str) -> dict[str, Any]:
    """Return a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def definition(kind: str, group: str) -> dict[str, Any]:
    """Return the definition of a namespaced kind with status and scale."""
    plural = f"{kind.lower()}s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    spec = {
        "type": "object",
        "properties": {"size": {"type": "integer", "default": 1}},
        "x-kubernetes-preserve-unknown-fields": True,
    }
    version = {
        "name": "v1", "served": True, "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": anything}}},
        "subresources": {
            "status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}
        },
    }  # fmt: skip
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural}, "versions": [version]},
    }  # fmt: skip
