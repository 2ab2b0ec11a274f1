"""A storm over a team's server: two replicas on one PostgreSQL, the network between them and all else, and any cluster."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from seaway.client.client import Client
from seaway.controlplane.node.shim import files
from seaway.objects.builtin import PODS
from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import SeawayError
from tests.chaos.storm.faults import Faults
from tests.chaos.storm.remains import objects_of_runs, programs
from tools.replicas import Replicas, ServerProcess

T = TypeVar("T")
RECOVERS_WITHIN = 150.0
"""Seconds in which a server leads again after a fault, at most."""
PAST_THE_TERM = 20.0
"""Seconds after which a leader that was paused or cut off leads no more."""


FROZEN = "node frozen past its leases"
"""A fault that takes its time, so it strikes where it is named, and servers with `LEASE_FLAGS` are given."""
LEASE_FLAGS = ("--lease", "60s")
PAST_THE_LEASE = 140.0
"""Seconds after which two such leases are over, and the next attempts have begun."""


@dataclass
class ClusterHands:
    """What can be done to the machines of a cluster of ours, called in a thread of its own."""

    kill_api: Callable[[], None]
    """Kill the API server, and start it again."""
    kill_agent: Callable[[str], None]
    """Kill a node's agent alone, and start it again; its containers go on."""
    cut_power: Callable[[str], None]
    """Take a node's power away, and give it back."""
    freeze: Callable[[str, int], Callable[[], None]] | None = None
    """Have a node's agent and containers stand still (programs are known by the witness's port), until what is returned is called; None where that cannot be."""


@dataclass
class TeamFaults(Faults):
    """All that can strike a team's server and its cluster."""

    stage: TeamStage | None = None

    @property
    def table(self) -> dict[str, tuple[Callable[[], str], int]]:
        """Each fault, with how often it is drawn among the others."""
        hands = self._stage.hands
        found = {FROZEN: (self.freeze_node, 1)} if hands.freeze is not None else {}
        return (
            super().table
            | found
            | {
                "server killed": (lambda: self._signalled(signal.SIGKILL), 4),
                "server ended in order": (lambda: self._signalled(signal.SIGTERM), 1),
                "server paused": (lambda: self.pause_server(self.choose.uniform(0.5, 5.0)), 2),
                "server paused past its term": (lambda: self.pause_server(PAST_THE_TERM), 1),
                "API cut": (lambda: self.cut("api", silently=False), 3),
                "API silent": (lambda: self.cut("api", silently=True), 2),
                "database cut": (lambda: self.cut("database", silently=False), 1),
                "database silent": (lambda: self.cut("database", silently=True), 1),
                "API server killed": (lambda: self._done(hands.kill_api), 2),
                "agent killed": (lambda: self._on_node(hands.kill_agent), 2),
                "node killed": (lambda: self._on_node(hands.cut_power), 2),
                "node object deleted": (self.delete_node, 1),
            }
        )

    def strike(self, name: str) -> None:
        """Have one fault strike, note it, and wait until a server leads: a busy machine takes its time to start one."""
        super().strike(name)
        deadline = time.monotonic() + RECOVERS_WITHIN
        while not self._stage.call(self._stage.replicas.serves()) and time.monotonic() < deadline:
            time.sleep(0.1)

    def pause_server(self, seconds: float) -> str:
        """Stop one replica's process for a while."""
        server = self._server()
        server.signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            with suppress(ProcessLookupError):
                server.signal(signal.SIGCONT)
        return f"{server.name} for {seconds:.1f} s"

    def cut(self, network: str, *, silently: bool) -> str:
        """Cut one replica off from its API server or its database for a while."""
        server = self._server()
        forwarder = server.api if network == "api" else server.database
        target = forwarder.target
        assert target is not None, "one fault strikes at a time"
        seconds = self.choose.choice([1.0, 4.0, PAST_THE_TERM])
        forwarder.silence() if silently else forwarder.cut()
        try:
            time.sleep(seconds)
        finally:
            forwarder.restore(target)
        return f"{server.name} for {seconds:.1f} s"

    def freeze_node(self) -> str:
        """Have a node stand still until the next attempts of what it ran have begun, and come back."""
        node, freeze = self._with_client(self._busy_node), self._stage.hands.freeze
        assert freeze is not None, "it is in the table"
        thaw = freeze(node, self.port)
        try:
            self._with_client(lambda client: self._take_away(client, node))
            time.sleep(PAST_THE_LEASE)
        finally:
            thaw()
        return node

    async def _busy_node(self, client: Client) -> str:
        """Choose among the nodes on which something runs: what stands still elsewhere harms nobody."""
        pods = (await client.list(PODS, self.namespace))["items"]
        running = {pod["spec"].get("nodeName") for pod in pods if pod["status"].get("phase") == "Running"}
        busy = [node for node in self.nodes if node in running]
        if not busy:
            raise SeawayError("no program runs")
        return self.choose.choice(busy)

    async def _take_away(self, client: Client, node: str) -> str:
        """Delete a node's pods as the cluster does where it does not answer for minutes."""
        pods = await client.list(PODS, self.namespace, field_selector=f"spec.nodeName={node}")
        for pod in pods["items"]:
            await client.delete(PODS, pod["metadata"]["name"], self.namespace, grace_seconds=1)
        return node

    def _signalled(self, number: signal.Signals) -> str:
        server = self._server()
        server.signal(number)
        self._seconds(0.0, 2.0)
        return server.name  # whoever keeps it alive starts it again

    def _server(self) -> ServerProcess:
        """Choose a replica, more often the one that leads."""
        replicas = self._stage.replicas
        chosen = replicas.standby if self.choose.random() < 0.25 else replicas.leader
        if chosen.process is None or chosen.process.returncode is not None:
            raise SeawayError("it is being started")
        return chosen

    def _done(self, act: Callable[[], None]) -> str:
        act()
        return "done"

    def _on_node(self, act: Callable[[str], None]) -> str:
        node = self._node()
        act(node)
        return node

    @property
    def _stage(self) -> TeamStage:
        assert self.stage is not None, "it is given"
        return self.stage


@dataclass
class TeamStage:
    """A team's server as a storm uses it, from threads beside the loop that runs it."""

    replicas: Replicas
    kubeconfig: Path
    nodes: Sequence[str]
    hands: ClusterHands
    node_folders: Sequence[Path] = ()
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def client(self) -> SeawayClient:
        """Return a patient client of the server."""
        url, ca = str(self.replicas.http.base_url), self.replicas.ca.read_text()
        return SeawayClient(url, self.replicas.token, ca, patience=300.0, replicated=True)

    def faults(self, choose: random.Random, port: int, client: SeawayClient) -> Faults:
        """Return what can strike here."""
        return TeamFaults(
            self.kubeconfig, self.replicas.cluster.namespace, choose, self.nodes, port, stage=self
        )

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Have the loop do something, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    async def keep_alive(self) -> None:
        """Start each replica again that has ended, as a Deployment does, until cancelled."""
        while True:
            for server in self.replicas.servers.values():
                if server.process is not None and server.process.returncode is not None:
                    with suppress(AssertionError):  # it ended again: its database or cluster is away
                        await server.start()
            await asyncio.sleep(0.1)

    def log(self) -> str:
        """Return the end of what the servers wrote."""
        return self.replicas.logs()

    def story(self, run: str) -> str:
        """Return all that is known of a run."""
        with self.client() as client:
            return str(client.timeline(run))

    def complaints(self) -> list[str]:
        """Return what the servers wrote and may never write."""
        found = []
        for name, server in self.replicas.servers.items():
            lines = (server.folder / "log").read_text(errors="replace").splitlines()
            found += [f"{name}: {line}" for line in lines if "Traceback" in line or ": 500 in" in line]
        return found

    def left(self, port: int) -> list[str]:
        """Return what stays behind: pods, tokens, programs, containers' folders, unfinished uploads."""
        found = objects_of_runs(self.kubeconfig, self.replicas.cluster.namespace)
        found += [f"program {p.pid}" for p in programs(port)]
        for folder in self.node_folders:
            found += [str(path) for path in folder.glob("pods/*")]
        return found + [str(path) for path in self.replicas.folder.glob("artifacts/incoming/*")]


def end_containers(node: Path) -> None:
    """End every process of a node's containers, their shims too, as a power cut does. Its agent must be dead."""
    for process in containers(node):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def containers(node: Path) -> list[psutil.Process]:
    """Return every process of a node's containers, each before those that it started."""
    found: list[psutil.Process] = []
    for state in node.glob("pods/*/containers/*/*/state.json"):
        with suppress(psutil.Error, FileNotFoundError):
            shim = psutil.Process(files.read_json(str(state))["shim"])
            if shim.name() == "seaway-shim":
                found += [shim, *shim.children(recursive=True)]
    return found


def freeze(agent: int, node: Path, port: int) -> Callable[[], None]:
    """Have a node's agent and containers stand still; return what has them go on, programs after their runners.

    Args:
        agent: its process.
        node: its folder.
        port: the witness's, by which programs are known.
    """
    still = [psutil.Process(agent), *containers(node)]
    for process in still:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    known = set(programs(port))

    def go_on(processes: Sequence[psutil.Process]) -> None:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def thaw() -> None:
        go_on([process for process in still if process not in known])
        psutil.wait_procs([process for process in still if process in known], timeout=10)
        go_on(still)

    return thaw
