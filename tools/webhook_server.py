"""A small admission webhook, for tests: answers by path, over TLS with a certificate of its own authority.

`/allow`, `/deny`, `/label`, `/annotate`, `/warn`, `/hang`, `/broken`, `/error`, `/wrong-uid`, `/bad-patch` say what it does.
"""

from __future__ import annotations

import base64
import datetime
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from seaway.controlplane.apiserver.pki import ensure_pki

Object = dict[str, Any]


@dataclass
class WebhookServer:
    """Where it is, whom it is trusted by, and what it was asked."""

    port: int
    bundle: str
    """The certificate authority, as a `caBundle`."""
    asked: list[Object] = field(default_factory=list)
    """The requests of the reviews, oldest first."""
    paths: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"https://127.0.0.1:{self.port}{path}"

    def client(self, path: str) -> Object:
        """Return a `clientConfig` of a path."""
        return {"url": self.url(path), "caBundle": self.bundle}


def webhook(server: WebhookServer, path: str, **given: Any) -> Object:
    """Return a webhook of a configuration: of config maps, where nothing else is given."""
    rule = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    return {
        "name": "a.example.com", "rules": [rule], "clientConfig": server.client(path), "sideEffects": "None",
        "admissionReviewVersions": ["v1"], **given,
    }  # fmt: skip


def _patched(response: Object, operations: list[Object]) -> Object:
    text = base64.b64encode(json.dumps(operations).encode()).decode()
    return {**response, "patchType": "JSONPatch", "patch": text}


def respond(path: str, request: Object) -> Object:
    """Return the response to a review's request."""
    response: Object = {"uid": request["uid"], "allowed": True}
    labels = ((request.get("object") or {}).get("metadata") or {}).get("labels")
    match path:
        case "/deny":
            return {
                **response,
                "allowed": False,
                "status": {"code": 403, "message": "not today", "reason": "Forbidden"},
            }
        case "/deny-plainly":
            return {**response, "allowed": False}
        case "/warn":
            return {**response, "warnings": ["mind the gap"], "auditAnnotations": {"seen": "yes"}}
        case "/label":
            first = [] if labels else [{"op": "add", "path": "/metadata/labels", "value": {}}]
            return _patched(
                response, [*first, {"op": "add", "path": "/metadata/labels/hooked", "value": "yes"}]
            )
        case "/count":
            first = [] if labels else [{"op": "add", "path": "/metadata/labels", "value": {}}]
            count = str(int((labels or {}).get("count", "0")) + 1)
            return _patched(
                response, [*first, {"op": "add", "path": "/metadata/labels/count", "value": count}]
            )
        case "/bad-patch":
            return _patched(response, [{"op": "remove", "path": "/metadata/nothing/here"}])
        case "/wrong-uid":
            return {**response, "uid": "another"}
        case "/patch-without-type":
            return {**response, "patch": "W10="}
    return response


@contextmanager
def run_webhook_server(folder: Path) -> Iterator[WebhookServer]:
    """Serve on a free port of 127.0.0.1.

    Args:
        folder: for its keys.
    """
    pki = ensure_pki(folder, ["127.0.0.1", "localhost"], datetime.datetime.now(datetime.UTC).timestamp())
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(pki.server.certificate, pki.server.key)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            path = self.path.partition("?")[0]
            review = json.loads(body)
            served.asked.append(review["request"])
            served.paths.append(self.path)
            if path == "/hang":
                served.released.wait()
            answer = {
                "kind": "AdmissionReview",
                "apiVersion": review["apiVersion"],
                "response": respond(path, review["request"]),
            }
            text = (
                b"no json"
                if path == "/broken"
                else b"{}"
                if path == "/empty"
                else json.dumps(answer).encode()
            )
            try:
                self.send_response(500 if path == "/error" else 200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            except OSError:
                self.close_connection = True  # the caller did not wait

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(
            self, request: object, client_address: object
        ) -> None: ...  # a caller that does not trust it

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = trust.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    bundle = base64.b64encode(pki.ca.certificate.read_bytes()).decode()
    served = WebhookServer(server.server_address[1], bundle)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
