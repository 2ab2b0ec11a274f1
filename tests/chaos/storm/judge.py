"""What must hold after a storm: pure functions from what was seen to a list of sentences, one for each violation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from tests.chaos.storm.faults import Strike
from tests.chaos.storm.witness import TEARS, Execution
from tests.chaos.storm.workload import Work

OWN = ("program killed", "runner killed", "child killed")
"""Faults that are the program's own end to everybody who looks: they count as its failure."""
HARMLESS = (
    "daemon killed",
    "daemon paused",
    "fork server killed",
    "registry out",
    "secrets deleted",
    "disk filled",
    "server killed",
    "server ended in order",
    "server paused",
    "server paused past its term",
    "API cut",
    "API silent",
    "database cut",
    "database silent",
    "API server killed",
    "agent killed",
    "clock set",
)
"""Faults after which every attempt goes on."""
LINGERS = 20.0
"""Seconds after a fault in which an attempt may still be lost by it."""
SUDDEN = ("node killed", "pod deleted by force")
"""Faults after which what a program said last may not have reached the disk."""
KEEPERS = ("daemon killed", "daemon paused", "agent killed")
"""Faults that, with the shim's own end, leave nobody who holds what a program said last."""


def judge_run(
    work: Work, view: dict[str, Any], executions: Sequence[Execution], strikes: Sequence[Strike]
) -> list[str]:
    """Return what is wrong with how a run ended."""
    found: list[str] = []
    for task in view["tasks"]:
        own = [each for each in executions if each.task == task["name"]]
        found += [f"{work.name}/{task['name']}: {fault}" for fault in _judge_task(work, task, own, strikes)]
        if task["phase"] == "skipped":
            needs = [each for each in view["tasks"] if each["name"] in task["after"]]
            if not any(each["phase"] in ("failed", "skipped") for each in needs):
                found.append(f"{work.name}/{task['name']}: skipped although all before it succeeded")
    phases = {task["phase"] for task in view["tasks"]}
    expected = "succeeded" if phases == {"succeeded"} else "failed"
    if view["phase"] != expected:
        found.append(f"{work.name}: {view['phase']}, its tasks {sorted(phases)}")
    return found + [f"{work.name}: {fault}" for fault in _order(work, executions)]


def _judge_task(
    work: Work, task: dict[str, Any], executions: Sequence[Execution], strikes: Sequence[Strike]
) -> list[str]:
    found: list[str] = []
    attempts, spec = task["attempts"], work.task(task["name"])
    if [attempt["number"] for attempt in attempts] != list(range(1, len(attempts) + 1)):
        found.append(f"its attempts are numbered {[attempt['number'] for attempt in attempts]}")
    numbers = [each.attempt for each in executions]
    if len(set(numbers)) != len(numbers):
        found.append(f"an attempt was executed twice: {numbers}")
    if set(numbers) - {attempt["number"] for attempt in attempts}:
        found.append(f"executed were {numbers}, known are {len(attempts)}")
    by_number = {each.attempt: each for each in executions}
    for attempt in attempts:
        fault = _judge_attempt(work, attempt, by_number.get(attempt["number"]), strikes, task["name"])
        if fault:
            found.append(f"attempt {attempt['number']}: {fault}; {attempt['verdict']}")
    failed = sum(attempt["verdict"]["class"] == "user" for attempt in attempts if attempt["verdict"])
    if failed > spec["retries"] + 1:
        found.append(
            f"its program's failures were tried again {failed - 1} times, asked for were {spec['retries']}"
        )
    last = attempts[-1]["verdict"]["class"] if attempts and attempts[-1]["verdict"] else None
    expected = {
        "user": "failed",
        "deadline": "failed",
        "resource": "failed",
        "succeeded": "succeeded",
        None: "skipped",
    }.get(last)
    if task["phase"] != expected:
        found.append(f"{task['phase']}, and its last attempt {last}")
    if last == "user" and failed <= spec["retries"]:
        found.append(f"given up after {failed} failures, with {spec['retries']} retries")
    return found


def _judge_attempt(
    work: Work, attempt: dict[str, Any], seen: Execution | None, strikes: Sequence[Strike], task: str
) -> str:
    """Return what is wrong with an attempt's verdict, "" for nothing."""
    if attempt["verdict"] is None:
        return f"no verdict, {attempt['phase']}"
    class_ = attempt["verdict"]["class"]
    told = seen.told if seen is not None else None
    key = (work.name, task, attempt["number"])
    hit = {strike.fault for strike in strikes if key in strike.attempts}
    if class_ == "succeeded":
        return "" if told == 0 else f"succeeded, and its program was told {told}"
    if class_ == "user":
        return (
            ""
            if told == TEARS or hit.intersection(OWN)
            else f"failed by itself, told {told}, hit by {hit or 'nothing'}"
        )
    if class_ == "deadline":
        return "" if work.hangs else "a deadline that it does not have"
    if class_ == "resource":
        return "" if work.fills else "a limit that it did not reach"
    if class_ == "infrastructure":
        lossy = [
            strike for strike in strikes if strike.fault not in (*HARMLESS, *OWN) and _during(strike, attempt)
        ]
        return "" if lossy or "runner killed" in hit else "lost, and nothing struck it"
    return "such a verdict can come of nothing that struck"


def _during(strike: Strike, attempt: dict[str, Any]) -> bool:
    created, finished = _seconds(attempt["created"]), _seconds(attempt["finished"])
    return strike.began <= finished + 2 and created <= strike.ended + LINGERS


def in_machine_time(
    view: dict[str, Any], shifts: Sequence[float], began: float, ended: float
) -> dict[str, Any]:
    """Return a run with its attempts' times by the machine's clock, which the cluster's was ahead of.

    Args:
        view: the run as it ended.
        shifts: by how many seconds, one after the other; they are further apart than the storm is long.
        began: when the storm began, in seconds since the epoch.
        ended: when it ended.
    """

    def of(text: str) -> str:
        found = min((_seconds(text) - shift for shift in shifts), key=lambda at: abs(2 * at - began - ended))
        return datetime.fromtimestamp(found, UTC).isoformat()

    def attempt(said: dict[str, Any]) -> dict[str, Any]:
        return said | {key: of(said[key]) for key in ("created", "finished") if said[key]}

    tasks = [task | {"attempts": [attempt(said) for said in task["attempts"]]} for task in view["tasks"]]
    return view | {"tasks": tasks}


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _order(work: Work, executions: Sequence[Execution]) -> list[str]:
    """Find tasks that began before what they come after had ended."""
    found = []
    for task in work.spec["tasks"]:
        began = min((each.began for each in executions if each.task == task["name"]), default=None)
        for need in task["after"]:
            last = max((each.last for each in executions if each.task == need), default=None)
            if began is not None and (last is None or last > began):
                found.append(f"{task['name']} began before {need} had ended")
    return found


def overlaps(executions: Iterable[Execution], what: str) -> list[str]:
    """Find two that ran at the same time: a program's own signs of life decide."""
    ordered = sorted(executions, key=lambda each: each.began)
    return [
        f"{what}: {one.run}/{one.task} attempt {one.attempt} lived {one.last - other.began:.3f} s beside "
        f"{other.run}/{other.task} attempt {other.attempt}"
        for one, other in pairwise(ordered)
        if one.last > other.began
    ]


def judge_log(
    text: str, execution: Execution, strikes: Sequence[Strike], attempt: dict[str, Any]
) -> tuple[str, int]:
    """Return what is wrong with an attempt's log ("" for nothing), and how many lines that were said are missing at its end.

    A line in the middle may never be missing, and none may be there twice. The last ones may be where a machine lost its
    power; the log says so then.
    """
    own = f"line {execution.attempt} "
    said = [
        int(line.rpartition(own)[2]) for line in text.splitlines() if own in line and "[seaway]" not in line
    ]
    if said != list(range(len(said))):
        return f"the lines of its log are {said}", 0
    missing = max(0, execution.lines - len(said))
    struck = {strike.fault for strike in strikes if _during(strike, attempt)}
    sudden = struck.intersection(SUDDEN) or ("shim killed" in struck and struck.intersection(KEEPERS))
    if missing and not sudden:
        return f"its log ends after {len(said)} lines, and {execution.lines} were said", missing
    if missing and "the end of the log may be missing" not in text:
        return (
            f"its log does not say that its end may be missing: {len(said)} of {execution.lines} lines",
            missing,
        )
    return "", missing


def judge_outputs(
    work: Work, view: dict[str, Any], outputs: Sequence[tuple[str, str]], executions: Sequence[Execution]
) -> list[str]:
    """Return what is wrong with what was committed: for each task that came to its end one file, of its last attempt.

    Args:
        work: the run as it was submitted.
        view: the run as it ended.
        outputs: each committed file's task and content.
        executions: of the run.
    """
    found = []
    for task in view["tasks"]:
        contents = [content for name, content in outputs if name == task["name"]]
        last = task["attempts"][-1]["number"] if task["attempts"] else 0
        told = {each.attempt for each in executions if each.task == task["name"] and each.told is not None}
        if task["phase"] == "succeeded" and len(contents) != 1:
            found.append(f"{work.name}/{task['name']}: {len(contents)} outputs")
        for content in contents:
            attempt = int(content.split()[2])
            if content.split()[:2] != [work.name, task["name"]] or attempt not in told:
                found.append(f"{work.name}/{task['name']}: a stranger's output {content[:60]!r}")
            if task["phase"] == "succeeded" and attempt != last:
                found.append(
                    f"{work.name}/{task['name']}: the output of attempt {attempt}, the last is {last}"
                )
    return found


def judge_checkpoints(work: Work, executions: Sequence[Execution]) -> list[str]:
    """Find a task whose checkpoint stands where no attempt can have brought it, or goes back."""
    found = []
    for task in work.spec["tasks"]:
        reached = resumed = 0
        own = sorted(
            (each for each in executions if each.task == task["name"]), key=lambda each: each.attempt
        )
        for each in own:
            if not resumed <= each.resumed <= reached:
                found.append(
                    f"{work.name}/{task['name']}: attempt {each.attempt} resumed at {each.resumed}, after {resumed} "
                    f"and with {reached} reached"
                )
            resumed = max(resumed, each.resumed)
            reached = max(reached, each.resumed + each.lines + 1)
    return found
