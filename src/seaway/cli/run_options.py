"""The options of `seaway run`, one alias each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seaway.cli.arguments import complete_volumes, complete_workspaces

Program = Annotated[list[str] | None, typer.Argument(metavar="SCRIPT", hidden=True)]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="The run's name; made from the script's without this."),
]
Workspace = Annotated[
    str | None,
    typer.Option(
        "--workspace",
        metavar="NAME",
        help="Where: seaway workspace list shows them; the default one without this.",
        autocompletion=complete_workspaces,
    ),
]
Cpu = Annotated[str | None, typer.Option("--cpu", metavar="CORES", help='Cores, such as "2" or "500m".')]
Memory = Annotated[
    str | None, typer.Option("--memory", metavar="SIZE", help='Memory, such as "4Gi"; also its limit.')
]
Scratch = Annotated[
    str | None,
    typer.Option(
        "--scratch", metavar="SIZE", help='The most that it may leave in /tmp and its folder, such as "50Gi".'
    ),
]
Cache = Annotated[
    str | None,
    typer.Option(
        "--cache",
        metavar="SIZE",
        help='A folder on its node\'s own disk for what can be made anew, such as "100Gi"; gone with the attempt.',
    ),
]
Volume = Annotated[
    list[str] | None,
    typer.Option(
        "--volume",
        metavar="NAME[:PATH][:ro]",
        help="A volume of the workspace, at /volumes/NAME or PATH; ro: only to read. Repeatable.",
        autocompletion=complete_volumes,
    ),
]
Gpu = Annotated[
    int, typer.Option("--gpu", metavar="N", min=0, max=1024, help="How many GPUs.", show_default=False)
]
GpuKind = Annotated[
    str | None,
    typer.Option(
        "--gpu-kind",
        metavar="KIND",
        help="Which GPUs: the value of the nodes' label nvidia.com/gpu.product.",
    ),
]
Image = Annotated[
    str | None,
    typer.Option("--image", metavar="IMAGE", help="The container image; the server has a default."),
]
Requirements = Annotated[
    Path | None,
    typer.Option(
        "--requirements",
        metavar="FILE",
        help="requirements.txt, pyproject.toml or uv.lock with the packages.",
    ),
]
Env = Annotated[
    list[str] | None,
    typer.Option(
        "--env", "-e", metavar="NAME=VALUE", help="A variable; NAME alone passes yours on. Repeatable."
    ),
]
Secret = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="SECRET[:KEY]",
        help="A Kubernetes secret as variables; VARIABLE=SECRET:KEY renames. Repeatable.",
    ),
]
WaitLimit = Annotated[
    str | None,
    typer.Option(
        "--wait-limit",
        metavar="DURATION",
        help='Give the run up unless it has started within "30m", "2h": for the first start only, and anew after seaway retry.',
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout", metavar="DURATION", help='How long an attempt may run, such as "90s", "10m", "2h".'
    ),
]
StopIfHung = Annotated[
    str | None,
    typer.Option(
        "--stop-if-hung",
        metavar="DURATION",
        help='End an attempt that neither writes to its log nor uses the CPU for so long, such as "30m".',
    ),
]
Retries = Annotated[
    int,
    typer.Option(
        "--retries",
        metavar="N",
        min=0,
        max=1000,
        help="How often the program's own failure is tried again.",
        show_default=False,
    ),
]
RetryOn = Annotated[
    list[str] | None,
    typer.Option(
        "--retry-on",
        metavar="ENDING",
        help="Retry only these: user, resource, deadline, unknown, an exit code, a cause. Repeatable.",
    ),
]
OnOom = Annotated[
    str | None,
    typer.Option(
        "--on-oom", metavar="fail|grow", help="Out of memory: fail, or try again with twice as much."
    ),
]
MemoryCap = Annotated[
    str | None,
    typer.Option(
        "--memory-cap", metavar="SIZE", help="How far --on-oom grow goes; 4 times --memory without this."
    ),
]
Lock = Annotated[
    str | None,
    typer.Option("--lock", metavar="NAME", help="Wait until no other run holds this lock, and hold it."),
]
Workdir = Annotated[
    str | None, typer.Option("--workdir", metavar="DIR", help="The folder to start in, inside your code.")
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Print the run's name and return.")]
Up = Annotated[bool, typer.Option("--up", help="Start the server first where none runs.")]
