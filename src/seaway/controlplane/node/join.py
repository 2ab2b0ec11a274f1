"""Join another control plane: settings and a kubeconfig in, a running node out. The composition of a node on its own."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from seaway.base.clock import Clock, SystemClock
from seaway.base.tasks import Services
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpSettings, HttpTransport
from seaway.controlplane.node.agent import NodeAgent
from seaway.controlplane.node.settings import NodeSettings, ServingSettings
from seaway.controlplane.node.trouble import Trouble
from seaway.controlplane.ranges import claim_range


class CannotJoin(Exception):  # reads as what happened
    """The node cannot be run as asked; the message says what to change."""


@dataclass(frozen=True, slots=True)
class JoinSettings:
    """How a node joins a control plane that runs elsewhere."""

    kubeconfig: Path
    """Of the user system:node:NAME in the group system:nodes, as the Node authorizer wants it."""
    node: NodeSettings
    """Its `serving`, `api_host`, `api_port` and `addresses` are filled in from the fields below and the kubeconfig."""
    client_ca: Path | None = None
    """Authority of the API server's client certificate for nodes (PEM); None: the one that the kubeconfig trusts."""
    port: int = 0
    """Of the node's server; 0: any free one."""
    certificate: Path | None = None
    """What the node's server shows (PEM), with `key`; None: the cluster is asked to sign one."""
    key: Path | None = None
    addresses: str = ""
    """Range of the pods' addresses, the node's own first; empty: a part of 127.0.0.0/8 that is free on this machine and
    then kept. An API server elsewhere needs one that it can reach."""
    transport: HttpSettings = field(default_factory=lambda: HttpSettings(user_agent="seaway-node"))


@asynccontextmanager
async def run_node(
    settings: JoinSettings, clock: Clock | None = None, trouble: Trouble | None = None
) -> AsyncIterator[NodeAgent]:
    """Run a node until the block is left; it is registered when entered. Its containers go on: see `NodeAgent.shutdown`.

    Args:
        settings: how it joins.
        clock: measures heartbeats, probes, back-off.
        trouble: what is pretended to be wrong with it.

    Raises:
        ConfigError: the kubeconfig cannot be used.
        CannotJoin: another process runs the node of this folder, or no authority of callers is known.
        AllRangesTaken: no range of loopback addresses is free.
        ServiceFailed: the node died; the block is cancelled.
    """
    clock = clock or SystemClock()
    connection = load_kubeconfig(settings.kubeconfig)
    folder = settings.node.folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(folder), _range(folder, settings.addresses) as addresses:
        client_ca = settings.client_ca or _trusted(folder, connection.ca)
        url = urlsplit(connection.server)
        node = replace(
            settings.node,
            addresses=addresses,
            api_host=url.hostname or "",
            api_port=url.port or 443,
            hidden=(*settings.node.hidden, str(folder.resolve()), str(settings.kubeconfig.resolve())),
            serving=ServingSettings(client_ca, settings.port, settings.certificate, settings.key),
        )
        client = Client(HttpTransport(connection, settings.transport))
        try:
            async with Services() as services:
                agent = NodeAgent(client, node, clock, trouble)
                await services.start(node.name, agent.run)
                yield agent
        finally:
            await client.close()


def _trusted(folder: Path, ca: bytes | None) -> Path:
    if ca is None:
        raise CannotJoin("the kubeconfig names no certificate authority: say whose certificates callers show")
    path = folder / "client-ca.crt"
    path.write_bytes(ca)
    return path


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: two processes that run the same pods would run them twice."""
    descriptor = os.open(folder / "node.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise CannotJoin(f"the node in {folder} runs already: stop it, or choose another folder") from None
    finally:
        os.close(descriptor)


@contextmanager
def _range(folder: Path, asked: str) -> Iterator[str]:
    if asked:
        yield asked
        return
    note = folder / "addresses.json"
    kept = int(json.loads(note.read_text())) if note.exists() else None
    second, claim = claim_range(kept)
    try:
        note.write_text(json.dumps(second))
        yield f"127.{second}.0.0/16"
    finally:
        if claim is not None:
            claim.close()
