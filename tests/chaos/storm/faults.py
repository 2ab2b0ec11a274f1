"""What strikes: each fault is a method that does it, waits where it takes time, and undoes it."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.errors import ClientError
from seaway.client.http import HttpTransport
from seaway.objects.builtin import NAMESPACES, NODES, PODS, SECRETS
from seaway.objects.errors import ApiError
from seaway.sdk.errors import SeawayError
from tests.chaos.storm.remains import programs


@dataclass
class Strike:
    """One fault that struck. Times are seconds since the epoch."""

    fault: str
    target: str
    began: float
    ended: float = 0.0
    attempts: frozenset[tuple[str, str, int]] = frozenset()
    """The attempts whose processes were hit, as far as that was aimed at."""


@dataclass
class Faults:
    """What can strike runs anywhere: their processes, and their objects in the cluster."""

    kubeconfig: Path
    """An administrator's."""
    namespace: str
    """The runs'."""
    choose: random.Random
    nodes: Sequence[str]
    port: int
    """The witness's, by which its programs are known."""
    strikes: list[Strike] = field(default_factory=list)
    shifts: list[float] = field(default_factory=lambda: [0.0])
    """By how many seconds the cluster's clocks were ahead of the machine's, one after the other."""

    @property
    def table(self) -> dict[str, tuple[Callable[[], str], int]]:
        """Each fault, with how often it is drawn among the others."""
        return {
            "shim killed": (lambda: self.kill(2), 4),
            "runner killed": (lambda: self.kill(1), 2),
            "program killed": (lambda: self.kill(0), 2),
            "child killed": (self.kill_child, 2),
            "shim paused": (lambda: self.pause(2), 1),
            "runner paused": (lambda: self.pause(1), 1),
            "program paused": (lambda: self.pause(0), 1),
            "pod evicted": (self.evict, 3),
            "pod deleted": (lambda: self.delete_pod(None), 3),
            "pod deleted by force": (lambda: self.delete_pod(0), 3),
            "secrets deleted": (self.delete_secrets, 1),
        }

    def strike(self, name: str) -> None:
        """Have one fault strike, and note it."""
        strike = Strike(name, "", time.time())
        self.strikes.append(strike)
        self._hit: set[tuple[str, str, int]] = set()
        try:
            strike.target = self.table[name][0]()
        except (
            SeawayError,
            ApiError,
            ClientError,
            psutil.Error,
        ) as error:  # the home is in the middle of another
            strike.target = f"missed: {error}"
        strike.attempts = frozenset(self._hit)
        strike.ended = time.time()

    def counts(self) -> Counter[str]:
        """Return how often each fault struck."""
        return Counter(strike.fault for strike in self.strikes if not strike.target.startswith("missed"))

    def kill(self, generation: int) -> str:
        process = self._aim(generation)
        process.send_signal(signal.SIGKILL)
        return f"{process.pid} {sorted(self._hit)}"

    def pause(self, generation: int) -> str:
        process = self._aim(generation)
        self._pause(process)
        return f"{process.pid} {sorted(self._hit)}"

    def kill_child(self) -> str:
        children = [p for p in self._members() if p.name() == "sleep"]
        if not children:
            return "missed: no child"
        process = self.choose.choice(children)
        self._note(process)
        process.kill()
        return str(process.pid)

    def evict(self) -> str:
        async def act(client: Client, pod: str) -> None:
            body = {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": pod, "namespace": self.namespace},
            }
            await client.create_subresource(PODS, pod, "eviction", body, self.namespace)

        return self._on_pod(act)

    def delete_pod(self, grace: int | None) -> str:
        async def act(client: Client, pod: str) -> None:
            await client.delete(PODS, pod, self.namespace, grace_seconds=grace)

        return self._on_pod(act)

    def delete_secrets(self) -> str:
        async def act(client: Client) -> str:
            await client.delete_collection(SECRETS, self.namespace)
            return "secrets"

        return self._with_client(act)

    def delete_namespace(self) -> str:
        async def act(client: Client) -> str:
            await client.delete(NAMESPACES, self.namespace)
            return self.namespace

        return self._with_client(act)

    def delete_node(self) -> str:
        node = self._node()

        async def act(client: Client) -> str:
            await client.delete(NODES, node)
            return node

        return self._with_client(act)

    def _on_pod(self, act: Callable[[Client, str], Any]) -> str:
        async def find_and_act(client: Client) -> str:
            pods = (await client.list(PODS, self.namespace, label_selector="seaway.dev/run"))["items"]
            live = [
                pod["metadata"]["name"]
                for pod in pods
                if pod["status"].get("phase") in ("Pending", "Running")
            ]
            if not live:
                return "missed: no pod"
            pod = self.choose.choice(sorted(live))
            await act(client, pod)
            return pod

        return self._with_client(find_and_act)

    def _with_client(self, act: Callable[[Client], Any]) -> str:
        async def run() -> str:
            client = Client(HttpTransport(load_kubeconfig(self.kubeconfig)), field_manager="chaos")
            try:
                return await act(client)
            finally:
                await client.close()

        return asyncio.run(run())

    def _node(self) -> str:
        return self.choose.choice(self.nodes)

    def _seconds(self, least: float, most: float) -> None:
        time.sleep(self.choose.uniform(least, most))

    def _pause(self, process: psutil.Process) -> None:
        process.send_signal(signal.SIGSTOP)
        try:
            self._seconds(0.5, 4.0)
        finally:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    def _members(self) -> list[psutil.Process]:
        """Return the live processes of all programs: those that the runners started, and their children."""
        return programs(self.port)

    def _aim(self, generation: int) -> psutil.Process:
        found = [process for process in self._members() if process.name() != "sleep"]
        if not found:
            raise SeawayError("no program")
        program = self.choose.choice(found)
        self._note(program)
        return [program, *program.parents()][generation]

    def _note(self, process: psutil.Process) -> None:
        environ = process.environ()
        self._hit.add((environ["SEAWAY_RUN"], environ["SEAWAY_TASK"], int(environ["SEAWAY_ATTEMPT"])))
