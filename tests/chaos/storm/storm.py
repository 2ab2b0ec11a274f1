"""A storm from beginning to end: runs are submitted while faults strike, all must end, and what was seen is judged."""

from __future__ import annotations

import io
import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Protocol

from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import SeawayError
from tests.chaos.storm import judge
from tests.chaos.storm.faults import Faults
from tests.chaos.storm.witness import Execution, Witness
from tests.chaos.storm.workload import Work, plan

ENDS_WITHIN = 180.0
"""Seconds after the last fault in which everything has ended."""


class Stage(Protocol):
    """Where a storm takes place."""

    def client(self) -> SeawayClient:
        """Return a patient client of the server."""
        ...

    def faults(self, choose: random.Random, port: int, client: SeawayClient) -> Faults:
        """Return what can strike there."""
        ...

    def log(self) -> str:
        """Return the end of what the server wrote."""
        ...

    def story(self, run: str) -> str:
        """Return all that is known of a run."""
        ...

    def complaints(self) -> list[str]:
        """Return what the server wrote and may never write."""
        ...

    def left(self, port: int) -> list[str]:
        """Return what stays behind."""
        ...


@dataclass
class Storm:
    """One storm."""

    stage: Stage
    seed: int
    runs: int
    only: tuple[str, ...] = ()
    """The faults that strike; all where none is named."""
    pause: tuple[float, float] = (0.05, 0.5)
    """Seconds between two faults."""
    in_flight: int = 12
    """Runs that have not ended, at most."""
    works: list[Work] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    missing_lines: int = 0

    def ride(self, witness: Witness) -> Faults:
        """Run it; return the faults that struck. What is wrong stands in `violations` then."""
        choose, began = random.Random(self.seed), time.time()
        with self.stage.client() as client, self.stage.client() as other:
            faults = self.stage.faults(random.Random(self.seed + 1), witness.port, other)
            over = threading.Event()
            thread = threading.Thread(target=self._strike, args=(faults, over), daemon=True)
            thread.start()
            try:
                for number in range(self.runs):
                    work = plan(choose, number, witness.port)
                    witness.failures |= {(work.name, task): count for task, count in work.failures.items()}
                    self._wait_for_room(client)
                    self._submit(client, work)
                    self.works.append(work)
            finally:
                over.set()
                thread.join()
            views = {
                name: judge.in_machine_time(view, faults.shifts, began, time.time())
                for name, view in self._ended(client).items()
            }
            self._judge(client, views, witness, faults)
        self._nothing_left(witness.port)
        return faults

    def _strike(self, faults: Faults, over: threading.Event) -> None:
        table = {
            name: weight for name, (_, weight) in faults.table.items() if not self.only or name in self.only
        }
        while not over.wait(faults.choose.uniform(*self.pause)):
            (name,) = faults.choose.choices(list(table), list(table.values()))
            try:
                faults.strike(name)
            except Exception as error:  # the storm must tell, and go on to its end
                self.violations.append(f"the fault {name!r} could not strike: {error!r}")
                return

    def _submit(self, client: SeawayClient, work: Work) -> None:
        """Submit a run; a server whose disk is full refuses it, and nothing of it is there then."""
        deadline = time.monotonic() + ENDS_WITHIN
        while True:
            try:
                client.submit(work.spec)
                return
            except SeawayError as error:
                if error.code != "StorageFull" or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _wait_for_room(self, client: SeawayClient) -> None:
        deadline = time.monotonic() + ENDS_WITHIN
        while len(client._patience.patiently(lambda: client.runs(limit=100))) >= self.in_flight:
            assert time.monotonic() < deadline, f"nothing ends\n{self.stage.log()}"
            time.sleep(0.1)

    def _ended(self, client: SeawayClient) -> dict[str, dict[str, Any]]:
        deadline, views = time.monotonic() + ENDS_WITHIN, {}
        for work in self.works:
            try:
                views[work.name] = client.wait_until_ended(
                    work.name, timeout=max(1.0, deadline - time.monotonic())
                )
            except TimeoutError:
                view = client.run(work.name)
                self.violations.append(
                    f"{work.name} does not end: {view['phase']}, {view['message']}; {view['tasks']}"
                )
        return views

    def _judge(
        self, client: SeawayClient, views: dict[str, dict[str, Any]], witness: Witness, faults: Faults
    ) -> None:
        by_run: dict[str, list[Execution]] = defaultdict(list)
        by_lock: dict[str, list[Execution]] = defaultdict(list)
        by_task: dict[str, list[Execution]] = defaultdict(list)
        for each in witness.executions:
            by_run[each.run].append(each)
            by_task[f"{each.run}/{each.task}"].append(each)
            if each.lock:
                by_lock[each.lock].append(each)
        for lock, holders in by_lock.items():
            self.violations += judge.overlaps(holders, f"two hold the lock {lock}")
        for task, executions in by_task.items():
            self.violations += judge.overlaps(executions, f"two attempts of {task} at once")
        for work in self.works:
            if (view := views.get(work.name)) is None:
                continue
            own = by_run[work.name]
            self.violations += judge.judge_run(work, view, own, faults.strikes)
            self.violations += judge.judge_outputs(work, view, self._outputs(client, work), own)
            self.violations += judge.judge_checkpoints(work, own)
            self._judge_logs(client, work, view, own, faults)

    def _judge_logs(
        self, client: SeawayClient, work: Work, view: dict[str, Any], own: list[Execution], faults: Faults
    ) -> None:
        attempts = {(t["name"], a["number"]): a for t in view["tasks"] for a in t["attempts"]}
        for attempt in attempts.values():
            if attempt["verdict"]:
                self.verdicts[f"{attempt['verdict']['class']} {attempt['verdict']['cause']}"] += 1
        for each in own:
            if (each.task, each.attempt) not in attempts:
                continue
            text = b"".join(client.read_logs(work.name, task=each.task, attempt=each.attempt)).decode()
            fault, missing = judge.judge_log(text, each, faults.strikes, attempts[each.task, each.attempt])
            self.missing_lines += missing
            if fault:
                self.violations.append(f"{work.name}/{each.task} attempt {each.attempt}: {fault}\n{text}")

    def _outputs(self, client: SeawayClient, work: Work) -> list[tuple[str, str]]:
        found = []
        for output in client.outputs(work.name):
            content = io.BytesIO()
            client.download(work.name, output["task"], output["path"], content)
            found.append((output["task"], content.getvalue().decode()))
        return found

    def _nothing_left(self, port: int) -> None:
        """No pod, token, process, container's folder or unfinished upload stays behind."""
        deadline = time.monotonic() + 60
        while (left := self.stage.left(port)) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.violations += [f"left behind: {what}" for what in left]
        self.violations += [f"the server's log: {line}" for line in self.stage.complaints()]
