"""`seaway prove`."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer

from seaway.cli import exits, proof
from seaway.cli import run_options as option
from seaway.cli.arguments import Output
from seaway.cli.asked import advice
from seaway.cli.context import Target, current_target, note
from seaway.cli.output import GREEN, RED, Format, paint, print_fields, print_json
from seaway.cli.run import IS_COMMAND, ProgramCommand
from seaway.cli.submitting import check, connect_or_start, prepare, submit
from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import InvalidInput, SeawayError
from seaway.sdk.paths import ENDED
from seaway.sdk.submit import Options, seconds

EPILOG = """\b
Examples:
  seaway prove train.py --epochs 20            what follows the script belongs to it
  seaway prove digits-k2x7f                    a run from before, once more
  seaway prove --after 45s digits-k2x7f        options stand before the run or script
  seaway prove --after 45s --memory 8Gi train.py
  seaway prove --seed 7 -o json train.py       the same moment again, the outcome as JSON

\b
The program is run, killed once (SIGKILL, no grace, as when its machine is lost), and runs on
in a new attempt, elsewhere if need be. The moment is random: between 10 and 90 s after its
start, and within the middle of its duration for a run that has succeeded before.
Exit code: 0 if it resumed from its checkpoint and ended well, else 1. Of a run that has
succeeded before it is also said whether the outputs are the same.

\b
Ctrl-C stops the run."""
CONTEXT_SETTINGS = {"allow_interspersed_args": False}
_RUN = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LOOK = 0.3
"""Seconds between two looks at a run that has not started yet."""
_SILENCE = 2.0
"""Seconds after which a runner that builds an environment has said so."""
_LONGEST_STEM = 33
_NAMES = 100


class COMMAND_CLASS(ProgramCommand):  # noqa: N801
    """Says what may be proven."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the usage line's parts."""
        return ["[OPTIONS]", "RUN | SCRIPT.py [ARGS]... (or: -- COMMAND [ARGS]...)"]


After = Annotated[
    str | None,
    typer.Option(
        "--after", metavar="DURATION", help="Kill it so long after its start, not at a random moment."
    ),
]
OnceSaved = Annotated[
    bool, typer.Option("--once-saved", help="Count from its first checkpoint, not from its start.")
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", min=0, help="Choose the moment that this seed chose before."),
]
Task = Annotated[
    str | None, typer.Option("--task", metavar="NAME", help="Which task of a run with several is killed.")
]


def prove(
    ctx: typer.Context,
    program: option.Program = None,
    after: After = None,
    once_saved: OnceSaved = False,
    seed: Seed = None,
    task: Task = None,
    output: Output = Format.TEXT,
    name: option.Name = None,
    workspace: option.Workspace = None,
    cpu: option.Cpu = None,
    memory: option.Memory = None,
    scratch: option.Scratch = None,
    cache: option.Cache = None,
    volume: option.Volume = None,
    gpu: option.Gpu = 0,
    gpu_kind: option.GpuKind = None,
    image: option.Image = None,
    requirements: option.Requirements = None,
    env: option.Env = None,
    secret: option.Secret = None,
    wait_limit: option.WaitLimit = None,
    timeout: option.Timeout = None,
    stop_if_hung: option.StopIfHung = None,
    retries: option.Retries = 0,
    retry_on: option.RetryOn = None,
    on_oom: option.OnOom = None,
    memory_cap: option.MemoryCap = None,
    lock: option.Lock = None,
    workdir: option.Workdir = None,
    up: option.Up = False,
) -> None:
    """Run a program, kill it once as if its machine were lost, and say whether it resumed and what was lost."""
    variables, secret_names = tuple(env or ()), tuple(secret or ())
    options = Options(
        name, cpu, memory, gpu, image, variables, secret_names, timeout, retries, workdir,
        tuple(retry_on or ()), on_oom, memory_cap, lock, gpu_kind, scratch, workspace, stop_if_hung, wait_limit,
        tuple(volume or ()), cache,
    )  # fmt: skip
    words, is_command = tuple(program or ()), bool(ctx.meta.get(IS_COMMAND))
    asked = _Asked(words, options, requirements, is_command, task)
    moment = None if after is None else seconds("--after", after)
    asked.check()
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    result = _proven(asked, moment, chosen, once_saved=once_saved, start=up, output=output)
    raise typer.Exit(exits.OK if result.proven else exits.NO_CODE)


def _proven(
    asked: _Asked, moment: float | None, seed: int, *, once_saved: bool, start: bool, output: Format
) -> proof.Proof:
    """Run it, kill it, and show the outcome; Ctrl-C stops the run."""
    target = current_target()
    with connect_or_start(target, start=start) as client:
        spec, task, known = asked.specification(client, target)
        moment = moment or proof.moment(Random(seed), known)  # noqa: S311 - it decides when, nothing secret
        run = asked.submit(client, spec)
        begin = "first checkpoint" if once_saved else "start"
        note(f"run {run}: it is killed {moment:g} s after its {begin} (seed {seed})")
        try:
            result, kill = _watch(client, run, task, moment, once_saved=once_saved)
            result = asked.compared(client, run, result)
        except KeyboardInterrupt:
            _stop(target, run)
            raise
    if output is Format.JSON:
        print_json(proof.as_json(result, kill, run, seed, moment))
    else:
        _show(result, kill)
    return result


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be proven: a program, or what was run before."""

    words: tuple[str, ...]
    options: Options
    requirements: Path | None
    is_command: bool
    task: str | None

    @property
    def earlier(self) -> bool:
        """It is a run from before."""
        return names_run(self.words, is_command=self.is_command)

    def check(self) -> None:
        """Raise SeawayError for what is wrong with it, before anything is done."""
        if not self.words:
            remedy = "seaway prove SCRIPT.py, seaway prove RUN, or seaway prove -- COMMAND"
            raise SeawayError("there is nothing to prove", code="Usage", remedy=remedy)
        if self.earlier:
            _require_plain(self.words, self.options, self.requirements)
        else:
            check(self.words, self.options, is_command=self.is_command)

    def specification(
        self, client: SeawayClient, target: Target
    ) -> tuple[Mapping[str, Any], str, float | None]:
        """Return what to submit, the task to kill, and how long that takes in seconds, where that is known."""
        if not self.earlier:
            spec = prepare(
                client, target, self.words, self.options, self.requirements, is_command=self.is_command
            )
            return spec, _task_of(spec, self.task), None
        before = client.run(self.words[0])
        task = _task_of(before["spec"], self.task)
        return before["spec"], task, proof.duration(before, task)

    def compared(self, client: SeawayClient, run: str, result: proof.Proof) -> proof.Proof:
        """Return an outcome with how the outputs compare, where an earlier run that was not killed has made some."""
        if not self.earlier or not result.proven or client.run(self.words[0])["phase"] != "succeeded":
            return result
        before, after = client.outputs(self.words[0]), client.outputs(run)
        return replace(result, outputs=proof.compare(self.words[0], before, after))

    def submit(self, client: SeawayClient, spec: Mapping[str, Any]) -> str:
        """Submit it; return the run's name."""
        return _submit_again(client, self.words[0], spec) if self.earlier else submit(client, dict(spec))


def names_run(words: tuple[str, ...], *, is_command: bool) -> bool:
    """Return whether what was typed names a run, and no script."""
    if is_command or not words or Path(words[0]).suffix or Path(words[0]).exists():
        return False
    return _RUN.fullmatch(words[0]) is not None


def _require_plain(words: tuple[str, ...], options: Options, requirements: Path | None) -> None:
    if len(words) == 1 and options == Options() and requirements is None:
        return
    raise SeawayError(
        f"{words[0]!r} names a run, which is run again as it was: it takes no arguments and none of the options of seaway run",
        code="Usage",
        remedy=f"Name the script; or put prove's own options before the run: seaway prove --after 10s {words[0]}",
    )


def _task_of(spec: Mapping[str, Any], asked: str | None) -> str:
    names = [found.get("name", "main") for found in spec["tasks"]]
    if asked is None and len(names) == 1:
        return str(names[0])
    if asked in names:
        return str(asked)
    what = "the run has several tasks" if asked is None else f"the run has no task {asked!r}"
    raise InvalidInput(what, code="Usage", field="--task", remedy=f"Give one of: {', '.join(names[:20])}")


def _submit_again(client: SeawayClient, earlier: str, spec: Mapping[str, Any]) -> str:
    """Submit what was run before under a name that says what for."""
    before = re.sub(r"-proof(-[0-9]+)?$", "", earlier)
    stem = f"{before[:_LONGEST_STEM].rstrip('-')}-proof"
    for number in range(1, _NAMES):
        name = stem if number == 1 else f"{stem[: 40 - len(str(number)) - 1]}-{number}"
        try:
            return submit(client, {**spec, "name": name})
        except SeawayError as error:
            if error.status != 409 or number == _NAMES - 1:
                raise
    raise AssertionError("unreachable")


def _stop(target: Target, run: str) -> None:
    with target.connect() as client:  # the other one was broken off in the middle of a request
        client.stop(run)
    note(f"\n{run} is being stopped. It can be looked at: {advice(f'show {run}')}")


def _watch(
    client: SeawayClient, run: str, task: str, after: float, *, once_saved: bool
) -> tuple[proof.Proof, proof.Kill | None]:
    """Follow a run through its kill to its end."""
    started = _await_start(client, run, task)
    if started is None:
        return proof.ended_early(client.run(run), after), None
    began, started = _await_program(client, run, task, started)
    begins = _await_save(client, run, task) if once_saved else began
    if begins is None:
        return proof.ended_early(client.run(run), after, unsaved=True), None
    view = _wait(client, run, max(0.05, begins + after - time.monotonic()))
    if view["phase"] in ENDED:
        return proof.ended_early(view, after), None
    try:
        loss = client.lose(run, task)
    except SeawayError as error:
        if error.status != 409:
            raise
        return proof.ended_early(client.wait_until_ended(run), after), None
    kill = proof.Kill(loss, started)
    saved = "with a checkpoint" if loss.get("checkpoint") else "without a checkpoint"
    note(f"killed attempt {loss['attempt']} {saved}; waiting until the run has ended")
    view = client.wait_until_ended(run)
    log = _log_after(client, run, task, loss["attempt"], view)
    return proof.judge(kill, view, log), kill


def _await_start(client: SeawayClient, run: str, task: str) -> str | None:
    """Return when the task's program started; None where the run ended before."""
    said = ""
    while True:
        view = client.run(run)
        found = next(found for found in view["tasks"] if found["name"] == task)
        if view["phase"] in ENDED:
            return None
        if found["phase"] == "running" and found["attempts"] and found["attempts"][-1].get("started"):
            note(f"attempt {found['attempts'][-1]['number']} runs")
            return str(found["attempts"][-1]["started"])
        message = found.get("message") or found["phase"]
        if message != said:
            note(message)
            said = message
        client.wait(run, timeout=_LOOK)


def _await_program(client: SeawayClient, run: str, task: str, started: str) -> tuple[float, str]:
    """Wait until an attempt's environment is built: its program starts after that; return when, by this clock and the server's."""
    began, told = time.monotonic(), False
    view = client.run(run)
    spec = next(found for found in view["spec"]["tasks"] if found.get("name", "main") == task)
    number = next(found for found in view["tasks"] if found["name"] == task)["attempts"][-1]["number"]
    while spec.get("environment") and view["phase"] not in ENDED:
        log = b"".join(client.logs(run, task=task, attempt=number, timestamps=True)).decode(errors="replace")
        builds, built = proof.preparation(proof.unlabelled(log, task))
        if built:
            return time.monotonic(), built
        if not builds and time.monotonic() > began + _SILENCE:  # this node has it already
            break
        if builds and not told:
            note("its environment is being built; the time counts from then on")
            told = True
        view = client.wait(run, timeout=_LOOK)
    return began, started


def _await_save(client: SeawayClient, run: str, task: str) -> float | None:
    """Wait until a task has saved a checkpoint; return when, by this clock, None where its run has ended before."""
    while not any(saved["task"] == task for saved in client.checkpoints(run)):
        if client.wait(run, timeout=_LOOK)["phase"] in ENDED:
            return None
    return time.monotonic()


def _wait(client: SeawayClient, run: str, period: float) -> dict[str, Any]:
    """Return the run when it has ended, or as it is after so many seconds."""
    try:
        return client.wait_until_ended(run, timeout=period)
    except TimeoutError:
        return client.run(run)


def _log_after(client: SeawayClient, run: str, task: str, killed: int, view: Mapping[str, Any]) -> str:
    found = next(found for found in view["tasks"] if found["name"] == task)
    if not any(attempt["number"] == killed + 1 for attempt in found["attempts"]):
        return ""
    log = b"".join(client.read_logs(run, task=task, attempt=killed + 1)).decode(errors="replace")
    return proof.unlabelled(log, task)


def _show(result: proof.Proof, kill: proof.Kill | None) -> None:
    word = paint("proven:", GREEN) if result.proven else paint("not proven:", RED)
    print(f"{word} {result.message}")
    print_fields(proof.lines(result, kill))
    if result.next_step:
        print(f"next: {result.next_step}")
