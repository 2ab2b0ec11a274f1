"""`seaway logs`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from seaway.cli import exits
from seaway.cli.arguments import Output, complete_runs
from seaway.cli.asked import advice
from seaway.cli.context import connect, note
from seaway.cli.follow import Waiting, write_log
from seaway.cli.output import Format
from seaway.sdk.errors import SeawayError

EPILOG = """\b
Examples:
  seaway logs train-1                 what it has said so far
  seaway logs -f train-1              and what it says from now on
  seaway logs --attempt 1 train-1     its first try only
  seaway logs pod/NAME                of a pod made with kubectl, also after it is gone
  seaway logs --grep "epoch 3"        lines with both words, in all logs, newest first
  seaway logs --grep '"out of memory"'   lines with these words one after the other
  seaway logs --grep error -C 2 train-1
  seaway logs --grep loss=nan -o json    for programs"""
CONTEXT_SETTINGS = {"allow_interspersed_args": True}
Run = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]",
        help="The run's name, as seaway ps shows it, or pod/NAME; with --grep all runs without it.",
        autocompletion=complete_runs,
        show_default=False,
    ),
]
Grep = Annotated[
    str | None,
    typer.Option(
        "--grep",
        metavar="WORDS",
        help="Find lines that hold all of these words, newest first; also in the logs of other pods that are kept. Case does "
        "not matter; a word is found where one begins (error: also errors, ValueError), a number as a whole.",
        show_default=False,
    ),
]
Around = Annotated[
    int | None,
    typer.Option(
        "--lines",
        "-C",
        metavar="N",
        min=0,
        max=20,
        help="With --grep: lines before and after each [default: 0].",
        show_default=False,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        "-n",
        metavar="N",
        min=1,
        max=1000,
        help="With --grep: at most so many lines [default: 50].",
        show_default=False,
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="With --grep: only lines since then: 10m, 2h, or a time such as 2026-01-02T03:04:05Z.",
        show_default=False,
    ),
]


def logs(
    run: Run = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    attempt: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Only this attempt, from 1 [default: all, oldest first]."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(metavar="TASK", help="Only this task, or this container of a pod [default: all]."),
    ] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", help="Put its time before each line.")] = False,
    grep: Grep = None,
    around: Around = None,
    limit: Limit = None,
    since: Since = None,
    output: Output = Format.TEXT,
) -> None:
    """Print a run's log, also of one that ended long ago; or find lines in all logs."""
    if grep is not None:
        _refuse_with_grep(follow=follow, attempt=attempt is not None, task=task is not None)
        from seaway.cli.grep import grep_logs  # late: most calls print a log

        as_json = output is Format.JSON
        grep_logs(grep, run, context=around or 0, limit=limit or 50, since=since, as_json=as_json)
        return
    _need_grep(lines=around, limit=limit, since=since, output=None if output is Format.TEXT else output)
    if run is None:
        raise SeawayError(
            "which run?", code="Usage", field="run",
            remedy="seaway ps -a lists them; seaway logs --grep WORDS looks in all of them",
        )  # fmt: skip
    kind, _, pod = run.rpartition("/")
    with connect() as client:
        if kind in ("pod", "pods", "po"):
            _refuse_of_pod(pod, follow=follow, attempt=attempt is not None)
            found = client.pod_logs(pod, container=task, timestamps=timestamps)
            write_log(found, sys.stdout.buffer, raw=sys.stdout.isatty())
            return
        raw = sys.stdout.isatty()
        try:
            if follow:
                chunks = client.follow_logs(run, attempt=attempt, task=task, timestamps=timestamps)
                with Waiting(connect, run, ending_apart=False) as waiting:
                    write_log(chunks, sys.stdout.buffer, raw=raw, say=waiting.say, began=waiting.end)
            else:
                chunks = client.read_logs(run, attempt=attempt, task=task, timestamps=timestamps)
                write_log(chunks, sys.stdout.buffer, raw=raw)
        except KeyboardInterrupt:
            if follow:
                note(f"\n{run} goes on. Stop it: {advice(f'stop {run}')}")
            raise typer.Exit(exits.INTERRUPTED) from None


def _refuse_of_pod(pod: str, *, follow: bool, attempt: bool) -> None:
    if follow or attempt:
        raise SeawayError(
            "the kept logs of a pod are read as they are now, every start of its containers",
            code="Usage",
            field="--follow" if follow else "--attempt",
            remedy=f"Leave it out; kubectl logs -f {pod} follows a pod that runs",
        )


def _need_grep(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            raise SeawayError(
                f"--{name} goes with --grep alone: a log is printed as it is, all of it",
                code="Usage",
                field=f"--{name}",
                remedy="Leave it out; seaway logs RUN | tail -n 20 prints the end of a log",
            )


def _refuse_with_grep(**given: bool) -> None:
    for name, is_given in given.items():
        if is_given:
            raise SeawayError(
                f"--{name} does not go with --grep, which looks in all attempts and tasks",
                code="Usage",
                field=f"--{name}",
                remedy="Leave it out: each line that is found says where it stands",
            )
