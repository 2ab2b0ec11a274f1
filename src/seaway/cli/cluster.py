"""`seaway cluster`: look at the nodes of this machine's cluster, and provoke what happens to real ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from seaway.cli.arguments import Output
from seaway.cli.confirm_off import confirm_off
from seaway.cli.context import connect, note, require_local
from seaway.cli.groups import command_group
from seaway.cli.output import Format, print_json, print_table
from seaway.sdk.client import SeawayClient
from seaway.sdk.cluster import ClusterClient
from seaway.sdk.errors import SeawayError
from seaway.sdk.submit import seconds

POLL = 0.5
EPILOG = """\b
Examples:
  seaway up --nodes 3 --gpus a100:2
  seaway cluster nodes                      the nodes, and what is provoked
  seaway cluster drain node-2               its pods leave, as for maintenance; cordoned
  seaway cluster cordon node-1              it takes nothing new; what runs there goes on
  seaway cluster uncordon node-2
  seaway cluster kill node-3                power cut: its programs end, it says nothing any more
  seaway cluster pressure node-1 memory     too little memory: a pod is evicted every 10 s
  seaway cluster restore node-1             power and room are back
  seaway cluster registry-outage on         no image can be pulled
  seaway cluster confirm-off gpu-7          its machine is off: its runs go on elsewhere
  seaway cluster confirm-off gpu-7 --undo   it is on again

Only for the cluster of this machine (seaway up), but for confirm-off, which administrators of any
server may use. A pretended trouble ends with seaway down; a cordon and what was confirmed stay."""
APP = command_group(EPILOG)
APP.command("confirm-off")(confirm_off)


def complete_nodes(incomplete: str) -> list[str]:
    """Return names of nodes that begin so; none where no server answers."""
    try:
        with connect() as client:
            names = [node["name"] for node in ClusterClient(client).state()["nodes"]]
    except (SeawayError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete)]


Node = Annotated[
    str,
    typer.Argument(
        metavar="NODE",
        help="The node's name, as seaway cluster nodes shows it.",
        autocompletion=complete_nodes,
    ),
]


@APP.callback()
def cluster(ctx: typer.Context) -> None:
    """Look at the nodes of this machine's cluster, and provoke on purpose what happens to real ones: for learning and for tests."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


@APP.command()
def nodes(output: Output = Format.TEXT) -> None:
    """List the nodes, and what is provoked on them."""
    state = _ask("nodes", lambda asked: asked.state())
    if output is Format.JSON:
        print_json(state)
        return
    rows = [
        (n["name"], _status(n), str(n["pods"]), " ".join(dict.fromkeys(n["taints"]))) for n in state["nodes"]
    ]
    print_table(("NODE", "STATUS", "PODS", "TAINTS"), rows)
    if state["registry_outage"]:
        note("The image registry is out: seaway cluster registry-outage off")


@APP.command()
def cordon(node: Node, output: Output = Format.TEXT) -> None:
    """Have nothing new placed on a node; what runs there stays."""
    _act("cordon", node, output, f"{node} cordoned")


@APP.command()
def uncordon(node: Node, output: Output = Format.TEXT) -> None:
    """Have pods placed on a node again."""
    _act("uncordon", node, output, f"{node} uncordoned")


@APP.command()
def drain(
    node: Node,
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="How long to wait at most.")] = "120s",
    output: Output = Format.TEXT,
) -> None:
    """Cordon a node and have its pods leave. They leave gracefully, as before maintenance, and as PodDisruptionBudgets allow; returns when they have."""
    deadline, limit = time.monotonic(), seconds("--timeout", timeout)
    said: dict[str, str] = {}
    with _client("drain") as client:
        asked = ClusterClient(client)
        while left := asked.drain(node):
            for pod in left:
                who = f"{pod['namespace']}/{pod['name']}"
                if said.get(who) != pod["reason"]:
                    note(f"{who}: {pod['reason']}")
                said[who] = pod["reason"]
            if time.monotonic() - deadline > limit:
                names = ", ".join(f"{pod['namespace']}/{pod['name']}" for pod in left)
                raise SeawayError(
                    f"after {timeout} {node} still has {names}",
                    code="Temporary",
                    remedy=f"seaway cluster drain {node} --timeout 10m, or: seaway cluster uncordon {node}",
                )
            time.sleep(POLL)
    if output is Format.JSON:
        print_json({"node": node, "drained": sorted(said)})
        return
    print(f"{node} drained")


@APP.command()
def kill(node: Node, output: Output = Format.TEXT) -> None:
    """Lose a node, as in a power cut. Its programs end at once and it reports nothing any more. After 40 s Kubernetes notices; seaway cluster restore brings it back."""
    _act("kill", node, output, f"{node} killed")


@APP.command()
def restore(node: Node, output: Output = Format.TEXT) -> None:
    """End what is provoked on a node. A killed one starts again, one under pressure has room again. A cordon stays."""
    _act("restore", node, output, f"{node} restored")


@APP.command()
def pressure(
    node: Node,
    kinds: Annotated[
        list[str] | None,
        typer.Argument(metavar="[memory|disk|pid]...", help="What it is short of [default: memory]."),
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Make a node short of memory, disk or PIDs. It behaves as if it were: it is tainted, and evicts one pod every 10 s until restored."""
    wanted = kinds or ["memory"]
    for kind in wanted:
        if kind not in ("memory", "disk", "pid"):
            raise SeawayError(
                f"{kind!r} is nothing that a node can be short of",
                code="Usage",
                field="kinds",
                remedy=f"seaway cluster pressure {node} memory (or disk, or pid)",
            )
    answer = _ask("pressure", lambda asked: asked.press(node, wanted))
    _say(answer, output, f"{node} is short of {', '.join(wanted)}")


@APP.command("registry-outage")
def registry_outage(
    state: Annotated[str, typer.Argument(metavar="on|off", help="Whether it is out.")],
    output: Output = Format.TEXT,
) -> None:
    """Have the image registry out, or back. Images that a node has not used yet, and those with imagePullPolicy Always, cannot be pulled."""
    if state not in ("on", "off"):
        raise SeawayError(
            f"{state!r} is neither on nor off",
            code="Usage",
            field="state",
            remedy="seaway cluster registry-outage on",
        )
    answer = _ask("registry-outage", lambda asked: asked.set_registry_outage(out=state == "on"))
    _say(answer, output, "the image registry is out" if state == "on" else "the image registry answers")


def _act(action: str, node: str, output: Format, text: str) -> None:
    _say(_ask(action, lambda asked: asked.act(node, action)), output, text)


def _say(answer: dict[str, Any], output: Format, text: str) -> None:
    if output is Format.JSON:
        print_json(answer)
    else:
        print(text)


def _ask(command: str, question: Callable[[ClusterClient], dict[str, Any]]) -> dict[str, Any]:
    with _client(command) as client:
        return question(ClusterClient(client))


def _client(command: str) -> SeawayClient:
    require_local(
        f"cluster {command}",
        "seaway cluster is for the cluster that seaway up starts on this machine; a team's is in its administrators' hands (kubectl drain)",
    )
    return connect()


def _status(node: dict[str, Any]) -> str:
    """Say how a node is, in a few words."""
    words = ["killed"] if node["killed"] else []
    words.append("ready" if node["ready"] else "not ready")
    words += ["cordoned"] if node["cordoned"] else []
    words += [f"short of {kind}" for kind in node["short_of"]]
    words += ["simulated"] if node["simulated"] else []
    return ", ".join(words)
