"""A storm over one home: `seaway up` with some nodes, everything in one daemon."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from seaway.sdk.client import SeawayClient
from seaway.sdk.cluster import ClusterClient
from seaway.sdk.home import Home as HomeFolder
from tests.chaos.clocks import HOUR, ClockHome
from tests.chaos.storm.faults import Faults
from tests.chaos.storm.remains import mounts_below, objects_of_runs, programs

NAMESPACE = "seaway-default"
EARLIEST, LATEST = -10 * HOUR, -2 * HOUR
"""How far the clock is from the machine's: never ahead of it, as what a daemon signs would not be valid yet."""


@dataclass
class HomeFaults(Faults):
    """All that can strike one home."""

    home: Any = None
    client: SeawayClient | None = None
    disk: Path | None = None
    """Where room can be taken away: a small file system that holds the home; None for none."""
    clock: ClockHome | None = None
    """The home, where its clock can be set."""

    @property
    def table(self) -> dict[str, tuple[Callable[[], str], int]]:
        """Each fault, with how often it is drawn among the others."""
        found = super().table | {
            "daemon killed": (self.kill_daemon, 4),
            "daemon paused": (self.pause_daemon, 2),
            "fork server killed": (self.kill_fork_server, 3),
            "node killed": (self.kill_node, 4),
            "node drained": (self.drain, 3),
            "namespace deleted": (self.delete_namespace, 1),
            "node object deleted": (self.delete_node, 1),
            "pressure": (self.press, 2),
            "registry out": (self.registry_out, 1),
        }
        if self.disk is not None:
            found["disk filled"] = (self.fill_disk, 2)
        if self.clock is not None:
            found["clock set"] = (self.set_clock, 5)
        return found

    def kill_daemon(self) -> str:
        self.home.kill_daemon()
        self._seconds(0.0, 1.5)
        self.home.seaway("up", "--nodes", str(len(self.nodes)))
        return "daemon"

    def pause_daemon(self) -> str:
        pid = self.home.daemon_pid()
        self._pause(psutil.Process(pid))
        return str(pid)

    def kill_fork_server(self) -> str:
        servers = []
        for process in self.home.processes():
            with suppress(psutil.Error):
                if process.name() == "seaway-forks":
                    servers.append(process)
        if not servers:
            return "missed: no fork server"
        process = self.choose.choice(servers)
        process.kill()
        return str(process.pid)

    def kill_node(self) -> str:
        node = self._node()
        cluster = self._cluster()
        cluster.act(node, "kill")
        self._seconds(0.0, 4.0)
        cluster.act(node, "restore")
        return node

    def drain(self) -> str:
        node = self._node()
        cluster = self._cluster()
        cluster.drain(node)
        self._seconds(0.0, 2.0)
        cluster.act(node, "uncordon")
        return node

    def press(self) -> str:
        node = self._node()
        cluster = self._cluster()
        cluster.press(node, [self.choose.choice(["memory", "disk", "pid"])])
        self._seconds(1.0, 6.0)
        cluster.act(node, "restore")
        return node

    def registry_out(self) -> str:
        cluster = self._cluster()
        cluster.set_registry_outage(out=True)
        self._seconds(0.5, 3.0)
        cluster.set_registry_outage(out=False)
        return "registry"

    def fill_disk(self) -> str:
        assert self.disk is not None
        filler = self.disk / "filler"
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(b"\0" * (1 << 20))
        self._seconds(0.5, 3.0)
        filler.unlink()
        return str(self.disk)

    def set_clock(self) -> str:
        assert self.clock is not None
        hours = self.choose.choice([h for h in (-2, 2) if LATEST >= self.shifts[-1] + h * HOUR >= EARLIEST])
        self.clock.step_clock(hours * HOUR)
        return f"by {hours} h"

    def _cluster(self) -> ClusterClient:
        assert self.client is not None, "it is given"
        return ClusterClient(self.client)


@dataclass
class HomeStage:
    """A home as a storm uses it: a client, what can strike, what must not be left behind."""

    home: Any
    nodes: int = 3
    disk: Path | None = None

    def up(self) -> None:
        """Start the daemon, or wait for it."""
        self.home.seaway("up", "--nodes", str(self.nodes))

    def client(self) -> SeawayClient:
        """Return a patient client of the server."""
        folder = HomeFolder(self.home.path)
        where = folder.endpoint()
        return SeawayClient(where.url, where.token, where.ca, locate=folder.endpoint, patience=100.0)

    def faults(self, choose: random.Random, port: int, client: SeawayClient) -> Faults:
        """Return what can strike here."""
        names = [f"node-{number}" for number in range(1, self.nodes + 1)]
        kubeconfig = self.home.path / "kubeconfig"
        found = HomeFaults(
            kubeconfig, NAMESPACE, choose, names, port, home=self.home, client=client, disk=self.disk
        )
        if isinstance(self.home, ClockHome):
            found.clock, found.shifts = self.home, self.home.shifts
        return found

    def log(self) -> str:
        """Return the end of the daemon's log."""
        return str(self.home.log())

    def story(self, run: str) -> str:
        """Return all that is known of a run."""
        return str(self.home.seaway("timeline", run, check=False))

    def complaints(self) -> list[str]:
        """Return what the daemon's log says that it may never say."""
        lines = (self.home.path / "daemon.log").read_text().splitlines()
        bad = ("Traceback", " error ", "Bad file descriptor", "Illegal seek", ": 500 in")
        full = "no room to write"  # it is right to complain of that
        return [line for line in lines if any(word in line for word in bad) and full not in line]

    def left(self, port: int) -> list[str]:
        """Return what stays behind: pods, tokens, processes, containers' folders, unfinished uploads."""
        found = objects_of_runs(self.home.path / "kubeconfig", NAMESPACE)
        found += [str(path) for path in (self.home.path / "cluster" / "nodes").glob("*/pods/*")]
        found += [str(path) for path in (self.home.path / "server" / "artifacts" / "incoming").glob("*")]
        servers = self.nodes + 1  # a fork server for each node, and the daemon
        processes = self.home.processes()
        if len(processes) > servers:
            found += [f"process {p.pid} {' '.join(p.cmdline())[:150]}" for p in processes]
        found += [f"program {p.pid}" for p in programs(port)]
        return found + mounts_below(f"{self.home.path}/cluster")
