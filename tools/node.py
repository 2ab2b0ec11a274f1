"""Run one node, or hollow ones, against any control plane: `python -m tools.node --help`. For tests and benchmarks.

Says `ready` on its output when the node is registered. SIGTERM ends the containers too; whatever else ends this process
leaves them to the next one with the same folder.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from seaway.base.logs import configure
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpSettings, HttpTransport
from seaway.controlplane.node.join import JoinSettings, run_node
from seaway.controlplane.node.settings import NodeSettings
from seaway.controlplane.node.simulated import SimulatedNodes, SimulatedSettings


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
    parser.add_argument("--heartbeat-seconds", type=float, default=10.0)
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
        labels=dict(label.split("=", 1) for label in asked.label),
        hidden=tuple(asked.hidden),
        heartbeat_seconds=asked.heartbeat_seconds,
        namespaces=not asked.plain,
        pretend_gpus=0,
    )
    stop = _stop_event()
    async with run_node(JoinSettings(asked.kubeconfig, node)) as agent:
        print("ready", flush=True)
        await stop.wait()
        await agent.shutdown(asked.stop_seconds)


async def _simulate(asked: argparse.Namespace) -> None:
    client = Client(HttpTransport(load_kubeconfig(asked.kubeconfig), HttpSettings(user_agent="seaway-node")))
    settings = SimulatedSettings(prefix=asked.name, heartbeat_seconds=asked.heartbeat_seconds)
    stop = _stop_event()
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


def _stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


if __name__ == "__main__":
    main(sys.argv[1:])
