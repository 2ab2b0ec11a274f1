"""`seaway uninstall`."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from seaway.cli import install_composition as composition
from seaway.cli.context import note
from seaway.cli.install import Kubeconfig, KubeContext, Name, Namespace, Timeout
from seaway.sdk.errors import SeawayError
from seaway.sdk.submit import seconds as parse_seconds

EPILOG = """\b
Examples:
  seaway uninstall -n research                   asks first; the data stay for a later install
  seaway uninstall -n research --delete-data     the volume with all runs goes too, for good
  seaway uninstall -n research --delete-data --workspace vision    where you may not look at all namespaces

\b
What lies in a PostgreSQL database and an object storage is never touched."""


def uninstall(
    name: Name = "seaway",
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: KubeContext = None,
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="Remove the volume and what is left of runs too, for good.")
    ] = False,
    workspace: Annotated[
        list[str] | None,
        typer.Option(
            "--workspace",
            metavar="NAME",
            help="A workspace whose runs' pods are to go too; all are looked for without this.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    timeout: Timeout = "2m",
) -> None:
    """Remove exactly what seaway install made. The volume with the data stays, if it is not asked for."""
    seconds = parse_seconds("--timeout", timeout)
    target = composition.Target(name, kubeconfig, context, namespace)
    spaces = workspace or []
    plan = asyncio.run(composition.plan_uninstall(target, spaces, data=delete_data))
    if delete_data and not plan.everywhere:
        note(
            f"Only the namespace {plan.namespace} was looked at for pods of runs: you may not look at all. Name the server's other "
            "workspaces, if it has any: --workspace NAME"
        )
    if not plan.goes and not (delete_data and plan.runs):
        note(f"There is no installation {name} in the namespace {plan.namespace}.")
        _say_kept(plan)
        return
    note(f"From the namespace {plan.namespace}:")
    for one in plan.goes:
        note(f"  {one}")
    _say_runs(plan, delete_data=delete_data)
    _confirm(yes=yes)
    asyncio.run(
        composition.uninstall(
            target, plan, spaces, lambda line: note(f"removed {line}"), data=delete_data, timeout=seconds
        )
    )
    _say_kept(plan)


def _say_runs(plan: composition.Plan, *, delete_data: bool) -> None:
    if not plan.runs:
        return
    pods, them = ("one pod of a run", "it") if plan.runs == 1 else (f"{plan.runs} pods of runs", "them")
    if plan.spaces != [plan.namespace]:
        pods += f" in {', '.join(plan.spaces)}"
    if delete_data:
        note(f"  {pods}: nobody could go on with {them}")
    else:
        note(f"  (not {pods}: a later install goes on with {them})")


def _say_kept(plan: composition.Plan) -> None:
    for one in plan.stays:
        note(f"kept: {one} (the data of all runs; seaway uninstall --delete-data removes it)")


def _confirm(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise SeawayError(
            "nobody is there to confirm this", code="Usage", field="--yes", remedy="Confirm it with --yes"
        )
    if not typer.confirm("Remove this?", err=True):
        note("Nothing was removed.")
        raise typer.Exit
