"""Run Seaway's own nodes under the real control plane, each a process: killed, stopped and started as a test wants."""

from __future__ import annotations

import json
import select
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.real_kubernetes.control_plane import ControlPlane, DidNotStart

_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.1


@dataclass(slots=True)
class RunningNode:
    """A node that was started, and may have been killed since."""

    plane: ControlPlane
    name: str
    folder: Path
    flags: Sequence[str] = ()
    python: str = sys.executable
    """Who runs it: its environment is what the images `seaway/*` and `python:3*` stand for."""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """Every process that ran the node, the latest last."""

    @property
    def log(self) -> Path:
        """Return what the node wrote about itself."""
        return self.folder.parent / f"{self.name}.log"

    def start(self) -> None:
        """Start the node; return when it is registered and the API server believes its certificate."""
        hollow = "--simulated" in self.flags  # many nodes in one process, which no node's own identity allows
        user = f"system:node:{self.name}"
        kubeconfig = self.plane.kubeconfig if hollow else self.plane.user_kubeconfig(user, ("system:nodes",))
        command = [self.python, "-m", "tools.node", "--kubeconfig", str(kubeconfig), "--name", self.name,
                   "--folder", str(self.folder), "--hidden", str(self.plane.folder), "--until-input-ends", *self.flags]  # fmt: skip
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )  # fmt: skip
        self.processes.append(process)
        self._wait("it registers", lambda: _says_ready(process))
        if not hollow:
            signed = self.folder / "serving" / "signed.crt"
            self._wait("its serving certificate is signed", lambda: signed.exists() or self._approve())

    def tell(self, trouble: str) -> None:
        """Have the node pretend a trouble: memory, disk, pid, registry."""
        pipe = self.processes[-1].stdin
        assert pipe is not None, "it was opened as a pipe"
        pipe.write(f"{trouble}\n".encode())
        pipe.flush()

    def kill(self) -> None:
        """Kill the node's process; its containers go on."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop the node and its containers."""
        self._end(signal.SIGTERM)

    def forget(self) -> None:
        """Take the node, or the hollow ones, out of the cluster: a scheduler would go on using it for a while."""
        names = [node["metadata"]["name"] for node in call(self.plane, "GET", "/api/v1/nodes")["items"]]
        hollow = "--simulated" in self.flags
        for name in names:
            if name == self.name or (hollow and name.startswith(self.name)):
                call(self.plane, "DELETE", f"/api/v1/nodes/{name}")

    def _end(self, number: int) -> None:
        process = self.processes[-1]
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(_STOP_SECONDS)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None, "both were opened as pipes"
                pipe.close()

    def _approve(self) -> bool:
        """Approve the node's requests for a serving certificate, as an administrator would."""
        path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
        for request in call(self.plane, "GET", path)["items"]:
            spec, status = request["spec"], request.get("status") or {}
            if spec.get("username") != f"system:node:{self.name}" or status.get("conditions"):
                continue
            condition = {
                "type": "Approved",
                "status": "True",
                "reason": "Test",
                "message": "a node of the tests",
            }
            request["status"] = {"conditions": [condition]}
            call(self.plane, "PUT", f"{path}/{request['metadata']['name']}/approval", request)
        return False

    def _wait(self, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not done():
            if self.processes[-1].poll() is not None or time.monotonic() > deadline:
                end = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
                raise DidNotStart(
                    f"node {self.name} did not get so far that {what}; the end of its log:\n{end}"
                )
            time.sleep(_POLL_SECONDS)


def _says_ready(process: subprocess.Popen[bytes]) -> bool:
    assert process.stdout is not None, "it was opened as a pipe"
    readable, _, _ = select.select([process.stdout], [], [], 0)
    return bool(readable) and process.stdout.readline() == b"ready\n"


@contextmanager
def run_node(
    plane: ControlPlane, folder: Path, name: str, flags: Sequence[str] = (), python: str = sys.executable
) -> Iterator[RunningNode]:
    """Run one of Seaway's nodes under a control plane until the block is left; ready when entered, forgotten afterwards.

    Args:
        plane: with controllers, which sign the node's certificate.
        folder: of the node.
        name: of the node.
        flags: further ones of `tools.node`, for example "--plain", or "--simulated", "100".
        python: the interpreter that runs it.
    """
    node = RunningNode(plane, name, folder, flags, python)
    try:
        node.start()
        yield node
    finally:
        if node.processes:
            if node.processes[-1].poll() is not None:
                node.start()  # a killed one has left its containers
            node.stop()
            node.forget()


def call(plane: ControlPlane, method: str, path: str, body: Any = None) -> Any:
    """Call the API server as its administrator; return the parsed answer."""
    pair = plane.pki.admin
    context = ssl.create_default_context(cafile=str(plane.ca))
    context.load_cert_chain(pair.certificate, pair.key)
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        plane.url + path, data, {"content-type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, context=context, timeout=30) as answer:
        return json.load(answer)
