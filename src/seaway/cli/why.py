"""`seaway why`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from seaway.base.languages import catalogue
from seaway.base.messages import Catalogue, spoken_in, wording
from seaway.cli.arguments import Output, complete_runs
from seaway.cli.context import connect
from seaway.cli.language import Language
from seaway.cli.language import language as chosen
from seaway.cli.output import BOLD, DIM, GREEN, RED, YELLOW, Format, paint, print_json
from seaway.cli.subjects import subject
from seaway.sdk.errors import SeawayError

EPILOG = """\b
Examples:
  seaway why train-1                       why it failed, or what it waits for
  seaway why --task prepare train-1        one task of a run with several
  seaway why pod/web-0                     also what is no run's: pod, job, node, pvc; also one that is gone
  kubectl get pod,event,node,pvc,job,rs -o yaml > dump.yaml
  seaway why --language de train-1         in German; also es, fr and zh
  seaway why --from dump.yaml              a failure on any cluster, without a server
  seaway why --from dump.yaml --log train.log pod/train-0"""

_COLOURS = {"succeeded": GREEN, "cancelled": YELLOW, None: YELLOW}
_KINDS = ("pod", "job", "node", "pvc")
_OTHERS = "what makes pods is explained by what kubectl prints: kubectl get deploy,rs,sts,ds,cronjob,job,pod,event,node -o yaml | seaway why --from - {name}"
_LEVELS = {
    "code": wording(", in the code"),
    "data": wording(", in the data"),
    "spec": wording(", in the spec"),
    "container": wording(", in the container"),
    "node": wording(", in the node"),
    "cluster": wording(", in the cluster"),
}
_SOURCES = {
    "log": wording("log"),
    "event": wording("event"),
    "node": wording("node"),
    "submission": wording("submission"),
    "claim": wording("claim"),
    "pod spec": wording("pod spec"),
}
"""Where evidence is from, as people are told; a kind by itself, or its status, is Kubernetes' word."""
_STATUS = " status"
Name = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]",
        help="The run's name, as seaway ps shows it; pod/NAME, job/NAME, node/NAME or pvc/NAME for what is no run's, also where it is gone; with --from a name, or kind/name.",
        autocompletion=complete_runs,
        show_default=False,
    ),
]
Dumps = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        metavar="FILE",
        help="Explain what kubectl get pod,event,node,pvc,job,rs -o yaml printed on any cluster; no server is asked. "
        "- for standard input; may be given several times.",
        show_default=False,
    ),
]
Logs = Annotated[
    list[str] | None,
    typer.Option(
        "--log",
        metavar="FILE",
        help="With --from: what kubectl logs printed of the container; may be given several times.",
        show_default=False,
    ),
]
Task = Annotated[
    str | None,
    typer.Option(
        "--task", metavar="TASK", help="Which task of a run with several [default: the one that tells most]."
    ),
]


def why(
    run: Name = None,
    task: Task = None,
    from_: Dumps = None,
    log: Logs = None,
    language: Language = None,
    output: Output = Format.TEXT,
) -> None:
    """Say what happened to a run, why, and what to do; with the evidence for it."""
    others: tuple[str, ...] = ()
    wanted = chosen(language)
    if from_:
        from seaway.cli.dump_composition import explain_files

        explanation, others = explain_files(from_, log or (), run or "", wanted)
    elif log:
        raise SeawayError(
            "--log belongs to --from: the log of a run is known already",
            code="Usage",
            field="log",
            remedy="Leave it out",
        )
    elif run is None:
        raise SeawayError(
            "which run?",
            code="Usage",
            field="run",
            remedy="seaway ps lists them; seaway why --from FILE explains a dump",
        )
    else:
        kind, name = subject(run, _KINDS, "can be explained", _OTHERS.format(name=run))
        with connect() as client:
            if kind == "run":
                explanation = client.why(name, task=task, language=wanted)
            else:
                explanation = client.why_object(kind, name, language=wanted)
    if output is Format.JSON:
        print_json(explanation)
        return
    words = catalogue(wanted)
    print_explanation(explanation, words)
    if others:
        shown = ", ".join(others[:5]) + (" ..." if len(others) > 5 else "")
        said = wording(
            "Others with trouble of their own: {names}. To have one explained, add its name.", names=shown
        )
        print(paint(f"\n{spoken_in(said, words)}", DIM))


def print_explanation(explanation: dict[str, Any], words: Catalogue) -> None:
    """Draw an `Explanation`, with its headings in the same language."""
    kind = explanation.get("class")
    print(paint(explanation["message"], _COLOURS.get(kind, RED)))
    level = _LEVELS.get(explanation.get("level") or "", "")
    again = wording(", trying again unchanged is right") if explanation.get("retry") else ""
    about = f"{spoken_in(level, words)}{spoken_in(again, words)}"
    print(paint(f"{explanation['subject']}: {explanation['cause']}{about}", DIM))
    if explanation.get("evidence"):
        print()
        print(paint(spoken_in(wording("Evidence"), words), BOLD))
        for item in explanation["evidence"]:
            time = f" {item['time']}" if item.get("time") else ""
            source = spoken_in(_source(item["source"]), words)
            print(f"  {paint(source + time, DIM)}")
            for line in _printable(item["quote"]).splitlines():
                print(f"    {line}")
    if explanation.get("done"):
        print(f"\n{paint(spoken_in(wording('Done'), words), BOLD)}  {explanation['done']}")
    if explanation.get("next_step"):
        print(f"\n{paint(spoken_in(wording('Next'), words), BOLD)}  {explanation['next_step']}")


def _source(source: str) -> str:
    if source.endswith(_STATUS):
        return wording("{kind} status", kind=source.removesuffix(_STATUS))
    return _SOURCES.get(source, source)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() or character in "\n\t" else " " for character in text)
