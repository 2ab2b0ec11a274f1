"""What is run: single tasks, chains and fan-outs, with outputs, checkpoints, locks, retries, a child, a deadline, a full disk."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

PROGRAM = """
import json, os, pathlib, socket, subprocess, sys, time
E = os.environ
lines, pause = int(E["LINES"]), float(E["PAUSE"])
step_file = pathlib.Path(E["SEAWAY_CHECKPOINT"]) / "step"
resumed = int(step_file.read_text()) if step_file.exists() else 0
witness = socket.create_connection(("127.0.0.1", int(E["WITNESS"])))
def tell(**words):
    witness.sendall(json.dumps(words).encode() + b"\\n")
now = time.monotonic()
attempt = int(E["SEAWAY_ATTEMPT"])
tell(run=E["SEAWAY_RUN"], task=E["SEAWAY_TASK"], attempt=attempt, lock=E["LOCK"], resumed=resumed, began=now, last=now)
child = subprocess.Popen(["sleep", "600"]) if E["CHILD"] else None
for number in range(lines):
    print("line", attempt, number, flush=True)
    tell(line=number, at=time.monotonic())
    draft = step_file.with_name(".draft")
    draft.write_text(str(resumed + number + 1))
    draft.replace(step_file)
    time.sleep(pause)
    if child is not None and child.poll() is not None:
        sys.exit(9)
if child is not None:
    child.kill()
    child.wait()
if E["FILLS"]:
    with open("large", "wb") as file:
        for _ in range(30):
            file.write(bytes(1 << 20))
if E["HANGS"] or E["FILLS"]:
    while True:
        tell(line=lines - 1, at=time.monotonic())
        time.sleep(0.05)
result = pathlib.Path(E["SEAWAY_OUTPUTS"]) / "result.txt"
result.write_text(f"{E['SEAWAY_RUN']} {E['SEAWAY_TASK']} {attempt} " + "x" * 20000)
tell(end=True, at=time.monotonic())
sys.exit(int(witness.makefile().readline()))
"""
LOCKS = ("features", "model")


@dataclass(frozen=True, slots=True)
class Work:
    """One run, and what shall become of it when nothing hits its programs."""

    name: str
    spec: dict[str, Any]
    failures: dict[str, int]
    """How often each task's program fails, by the tasks' names; only those that do."""
    hangs: bool = False
    """It runs into its deadline."""
    fills: bool = False
    """It fills its container's disk beyond its limit."""

    def task(self, name: str) -> dict[str, Any]:
        """Return a task as it was submitted."""
        return next(task for task in self.spec["tasks"] if task["name"] == name)


def plan(choose: random.Random, number: int, port: int) -> Work:
    """Draw a run."""
    name = f"storm-{number}"
    shape = choose.choice(["single", "single", "single", "chain", "fan", "deadline", "fills"])
    names = {"chain": ["a", "b", "c"], "fan": ["a", "b", "c", "d", "z"]}.get(shape, ["main"])
    after = {
        "chain": {"b": ["a"], "c": ["b"]},
        "fan": {"b": ["a"], "c": ["a"], "d": ["a"], "z": ["b", "c", "d"]},
    }
    failures: dict[str, int] = {}
    tasks = []
    for task in names:
        lock = choose.choice([*LOCKS, None, None, None]) if shape == "single" else None
        retries = choose.choice([0, 0, 2])
        if choose.random() < 0.3:
            failures[task] = choose.choice([1, retries + 1])
        env = {
            "WITNESS": str(port),
            "LINES": str(choose.randint(5, 40)),
            "PAUSE": str(choose.choice([0.02, 0.05, 0.1])),
            "LOCK": lock or "",
            "CHILD": choose.choice(["", "", "1"]),
            "HANGS": "1" if shape == "deadline" else "",
            "FILLS": "1" if shape == "fills" else "",
        }
        spec = {
            "name": task, "command": ["python", "-c", PROGRAM], "env": env, "retries": retries, "lock": lock,
            "timeout_seconds": 1800.0, "resources": {"cpu": "0.05", "memory": "64Mi"}, "after": after.get(shape, {}).get(task, []),
        }  # fmt: skip
        if shape == "deadline":
            failures.pop(task, None)
            spec |= {"timeout_seconds": 6.0, "retries": 0}
        if shape == "fills":
            failures.pop(task, None)
            spec |= {"retries": 0, "resources": {"cpu": "0.05", "memory": "64Mi", "scratch": "20Mi"}}
        tasks.append({key: value for key, value in spec.items() if value is not None})
    return Work(
        name, {"name": name, "tasks": tasks}, failures, hangs=shape == "deadline", fills=shape == "fills"
    )
