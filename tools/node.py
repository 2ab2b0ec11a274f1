"""Run one node, or hollow ones, against any control plane: `python -m tools.node --help`. For tests and benchmarks.

Says `ready` on its output when the node is registered. SIGTERM, SIGINT and (where asked) the end of the input end the
containers too; whatever else ends this process leaves them to the next one with the same folder.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from seaway.base.logs import configure
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpSettings, HttpTransport
from seaway.controlplane.node.images import default_images
from seaway.controlplane.node.join import JoinSettings, run_node
from seaway.controlplane.node.settings import ImageEnvironment, NodeSettings
from seaway.controlplane.node.simulated import SimulatedNodes, SimulatedSettings
from seaway.controlplane.node.trouble import KINDS, Trouble


def main(arguments: Sequence[str]) -> None:
    """Run until told to stop."""
    asked = _parser().parse_args(arguments)
    configure(asked.log_level, sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(_simulate(asked) if asked.simulated else _run(asked))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools.node", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--name", default="node")
    parser.add_argument("--folder", type=Path, help="where the node keeps its containers")
    parser.add_argument(
        "--simulated", type=int, default=0, metavar="COUNT", help="hollow nodes instead of a real one"
    )
    parser.add_argument("--label", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--hidden", action="append", default=[], help="a folder that no container may see")
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="an image whose PATH is this folder",
    )
    parser.add_argument("--heartbeat-seconds", type=float, default=10.0)
    parser.add_argument(
        "--until-input-ends", action="store_true",
        help="stop when the standard input ends; a line of it (memory, disk, pid, registry) is a trouble to pretend",
    )  # fmt: skip
    parser.add_argument("--pretend-gpus", type=int, default=0, metavar="COUNT")
    parser.add_argument("--plain", action="store_true", help="no Linux namespaces")
    parser.add_argument(
        "--stop-seconds", type=float, default=2.0, help="longest grace of pods when the node stops"
    )
    parser.add_argument("--log-level", default="info")
    return parser


async def _run(asked: argparse.Namespace) -> None:
    node = NodeSettings(
        name=asked.name,
        folder=asked.folder,
        labels=_labels(asked),
        hidden=tuple(asked.hidden),
        heartbeat_seconds=asked.heartbeat_seconds,
        namespaces=not asked.plain,
        pretend_gpus=asked.pretend_gpus,
        images=default_images() | dict(_image(one) for one in asked.image),
    )
    trouble = Trouble()
    async with run_node(JoinSettings(asked.kubeconfig, node), trouble=trouble) as agent:

        def provoke(word: str) -> None:
            trouble.registry_out |= word == "registry"
            trouble.pressure |= {word} & set(KINDS)
            agent.look_again()

        stop = _stop_event(until_input_ends=asked.until_input_ends, told=provoke)
        print("ready", flush=True)
        await stop.wait()
        await agent.shutdown(asked.stop_seconds)


def _image(told: str) -> tuple[str, ImageEnvironment]:
    name, _, folder = told.partition("=")
    return name, ImageEnvironment(env={"PATH": folder, "LANG": "C.UTF-8"}, visible=(folder,))


async def _simulate(asked: argparse.Namespace) -> None:
    client = Client(HttpTransport(load_kubeconfig(asked.kubeconfig), HttpSettings(user_agent="seaway-node")))
    settings = SimulatedSettings(
        prefix=asked.name, labels=_labels(asked), heartbeat_seconds=asked.heartbeat_seconds
    )
    stop = _stop_event(until_input_ends=asked.until_input_ends)
    playing = asyncio.create_task(
        SimulatedNodes(client, asked.simulated, settings).run(lambda: print("ready", flush=True))
    )
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if playing.done():
        playing.result()
    playing.cancel()
    stopping.cancel()
    await asyncio.gather(playing, stopping, return_exceptions=True)
    await client.close()


def _labels(asked: argparse.Namespace) -> dict[str, str]:
    return dict(label.split("=", 1) for label in asked.label)


def _stop_event(*, until_input_ends: bool, told: Callable[[str], None] = print) -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_input_ends:
        # Whoever started this holds the other end of the pipe, and lets go of it however it ends itself.
        def read() -> None:
            words = os.read(sys.stdin.fileno(), 4096).decode().split()
            for word in words:
                told(word)
            if not words:
                stop.set()

        loop.add_reader(sys.stdin.fileno(), read)
    return stop


if __name__ == "__main__":
    main(sys.argv[1:])
