"""Run Kubernetes' own control plane on free ports of 127.0.0.1, each start with certificates of its own.

Source: the flags of each command.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from seaway.controlplane.apiserver.pki import Pair, Pki, ensure_pki
from tools.real_kubernetes.build import NOT_BUILT, TOOL
from tools.real_kubernetes.flags import (
    HOST,
    api_server_flags,
    controller_manager_flags,
    etcd_flags,
    scheduler_flags,
)

_READY_SECONDS = 120.0
_TRIES = 3
"""Starts of a server whose port another program took between choosing and binding it."""
_ENDS_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""Has the kernel end a program with the thread that started it, however that ends; Linux with util-linux."""


class NotBuilt(Exception):
    """The binaries are not in the cache; the message says how to get them."""


class DidNotStart(Exception):
    """A program ended, or was not ready in time; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between tests and benchmarks."""

    durable: bool = False
    """Whether etcd waits for the disk; tests throw their data away."""
    scheduler: bool = True
    """Whether kube-scheduler runs."""
    controllers: bool = True
    """Whether kube-controller-manager runs."""
    api_flags: Sequence[str] = ()
    """Further flags of kube-apiserver."""
    controller_flags: Sequence[str] = ()
    """Further flags of kube-controller-manager, for example "--node-monitor-grace-period=20s"."""


@dataclass(slots=True)
class ControlPlane:
    """A running control plane."""

    folder: Path
    settings: Settings
    pki: Pki
    url: str = ""
    """https URL of kube-apiserver."""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    """By the command's name."""
    etcd_url: str = ""
    """https URL of etcd; kube-apiserver's client certificate opens it."""

    @property
    def kubeconfig(self) -> Path:
        """Return the kubeconfig of a member of system:masters."""
        return self.folder / "kubeconfig"

    @property
    def ca(self) -> Path:
        """Return the authority of all certificates (PEM)."""
        return self.pki.ca.certificate

    @property
    def ca_key(self) -> Path:
        """Return the authority's key, for a test that issues a node's serving certificate."""
        return self.pki.ca.key

    def user_kubeconfig(self, user: str, groups: Sequence[str] = ()) -> Path:
        """Return a kubeconfig with a client certificate of this user."""
        name = user.replace(":", "-").replace("/", "-")
        path = self.folder / f"kubeconfig-{name}"
        write_kubeconfig(path, self.url, self.ca, self.pki.client_pair(name, user, groups, time.time()))
        return path

    def start_apiserver(self) -> None:
        """Start kube-apiserver, on the port that it had before; return when it is ready."""
        port = int(self.url.rpartition(":")[2])
        self.processes["kube-apiserver"] = _start(
            self,
            "kube-apiserver",
            [*api_server_flags(port, self.etcd_url, self.pki), *self.settings.api_flags],
        )
        _wait_ready(self, "kube-apiserver", f"{self.url}/readyz")

    def stop_apiserver(self) -> None:
        """Kill kube-apiserver; etcd keeps what it acknowledged."""
        _stop(self.processes.pop("kube-apiserver"))


@contextmanager
def run_control_plane(folder: Path, settings: Settings | None = None) -> Iterator[ControlPlane]:
    """Run etcd, kube-apiserver and what the settings ask for until the block is left; ready when entered.

    Raises:
        NotBuilt: `make real-kubernetes` has not run.
        DidNotStart: a part ended or was not ready in time.
    """
    if not TOOL.is_built():
        raise NotBuilt(NOT_BUILT)
    settings = settings or Settings()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = (HOST, "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.96.0.1")
    plane = ControlPlane(folder, settings, ensure_pki(folder / "pki", names, time.time()))
    with ExitStack() as stack:
        stack.callback(_stop_all, plane)
        _start_etcd(plane)
        _start_first_apiserver(plane)
        pair = plane.pki.client_pair("admin", "seaway-admin", ("system:masters",), time.time())
        write_kubeconfig(plane.kubeconfig, plane.url, plane.ca, pair)
        if settings.controllers:
            kubeconfig = plane.user_kubeconfig("system:kube-controller-manager")
            stack.enter_context(
                run_controller_manager(kubeconfig, folder, plane.pki, settings.controller_flags)
            )
        if settings.scheduler:
            stack.enter_context(run_scheduler(plane.user_kubeconfig("system:kube-scheduler"), folder))
        yield plane


@contextmanager
def run_scheduler(
    kubeconfig: Path, folder: Path, flags: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Run kube-scheduler against any API server; its log is `kube-scheduler.log` in the folder."""
    with _program(
        "kube-scheduler",
        folder,
        [*scheduler_flags(kubeconfig), *flags],
    ) as process:
        yield process


@contextmanager
def run_controller_manager(
    kubeconfig: Path, folder: Path, pki: Pki, flags: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Run kube-controller-manager against any API server whose authority and keys `pki` holds."""
    with _program(
        "kube-controller-manager", folder, [*controller_manager_flags(kubeconfig, pki), *flags]
    ) as process:
        yield process


def write_kubeconfig(path: Path, url: str, ca: Path, pair: Pair) -> None:
    """Write a kubeconfig with everything inside; JSON is YAML."""

    def encoded(file: Path) -> str:
        return base64.b64encode(file.read_bytes()).decode()

    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "real", "cluster": {"server": url, "certificate-authority-data": encoded(ca)}}],
        "users": [
            {
                "name": "user",
                "user": {
                    "client-certificate-data": encoded(pair.certificate),
                    "client-key-data": encoded(pair.key),
                },
            }
        ],
        "contexts": [{"name": "real", "context": {"cluster": "real", "user": "user"}}],
        "current-context": "real",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=1))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def _start_etcd(plane: ControlPlane) -> None:
    for attempt in range(_TRIES):
        plane.etcd_url = f"https://{HOST}:{free_port()}"
        peer = f"http://{HOST}:{free_port()}"
        flags = etcd_flags(
            plane.folder / "etcd", plane.etcd_url, peer, plane.pki, durable=plane.settings.durable
        )
        plane.processes["etcd"] = _start(plane, "etcd", flags)
        try:
            _wait_ready(plane, "etcd", f"{plane.etcd_url}/health")
            return
        except DidNotStart as error:
            if "address already in use" not in str(error) or attempt == _TRIES - 1:
                raise


def _start_first_apiserver(plane: ControlPlane) -> None:
    for attempt in range(_TRIES):
        plane.url = f"https://{HOST}:{free_port()}"
        try:
            plane.start_apiserver()
            return
        except DidNotStart as error:
            if "address already in use" not in str(error) or attempt == _TRIES - 1:
                raise


@contextmanager
def _program(name: str, folder: Path, flags: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    if not TOOL.is_built():
        raise NotBuilt(NOT_BUILT)
    process = _launch(name, folder, flags)
    try:
        yield process
    finally:
        _stop(process)


def _start(plane: ControlPlane, name: str, flags: Sequence[str]) -> subprocess.Popen[bytes]:
    return _launch(name, plane.folder, flags)


def _launch(name: str, folder: Path, flags: Sequence[str]) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [*_ENDS_WITH_PARENT, str(TOOL.folder() / name), *flags],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip


def _wait_ready(plane: ControlPlane, name: str, url: str) -> None:
    """Return when a server's health endpoint says so."""
    pair = plane.pki.client_pair("admin", "seaway-admin", ("system:masters",), time.time())
    context = ssl.create_default_context(cafile=str(plane.ca))
    context.load_cert_chain(pair.certificate, pair.key)
    deadline = time.monotonic() + _READY_SECONDS
    said = ""
    while time.monotonic() < deadline:
        if plane.processes[name].poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, context=context, timeout=5):
                return
        except (urllib.error.URLError, OSError) as error:
            said = str(error)
        time.sleep(0.05)
    raise DidNotStart(
        f"{name} is not ready ({said}); the end of its log:\n{_end_of_log(plane.folder / f'{name}.log')}"
    )


def _end_of_log(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-20:])


def _stop_all(plane: ControlPlane) -> None:
    for name in reversed(list(plane.processes)):
        _stop(plane.processes[name])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Kill a process: its data are a test's, and a graceful stop waits for every watch."""
    process.kill()
    process.wait()
