"""Produce endings of pods for real, and record what kubectl prints of each into the corpus.

    python tools/record_endings.py [--cluster embedded|real] [NAME...]

Each ending of tools/endings is made in a namespace of its own, many at once; when `seaway why --from` says what is
expected, the dump and the logs are written to tests/corpus. What is not reached in time is told, with what was said.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tools.endings.ending import Ending  # noqa: E402
from tools.endings.grounds import Ground, embedded_ground, real_ground  # noqa: E402
from tools.endings.producing import SECONDS, Produced, Producer  # noqa: E402
from tools.endings.table import ENDINGS  # noqa: E402
from tools.real_kubernetes.control_plane import Settings, run_control_plane  # noqa: E402
from tools.webhook_server import run_webhook_server  # noqa: E402

CORPUS = ROOT / "tests" / "corpus"
AT_ONCE = 8
HOW = {
    "embedded": "recorded by tools/record_endings.py on Seaway's embedded cluster",
    "real": "recorded by tools/record_endings.py on Kubernetes' own control plane 1.36 with a node of Seaway's",
}
_INSTALLED = "/usr/local"
"""What stands in a recording for where this machine has Python and the project."""


def write(cluster: str, name: str, produced: Produced, folder: Path) -> None:
    """Write a recording, without the folders of this machine."""
    ending = produced.ending
    assert ending is not None
    expect = {"class": ending.class_, "cause": ending.cause, "level": ending.level, "retry": ending.retry}
    expect |= {key: value for key, value in (("message", ending.message), ("next", ending.next)) if value}
    recorded: dict[str, Any] = {
        "how": HOW[cluster] + (f"; {ending.played}" if ending.played else ""),
        "expect": expect,
        **({"ask": ending.ask} if ending.ask else {}),
        **({"logs": produced.logs} if produced.logs else {}),
        "objects": json.loads(json.dumps(produced.objects, sort_keys=True)),
    }
    plain = json.loads(without_folders(json.dumps(recorded), folder))
    text = yaml.safe_dump(plain, sort_keys=False, width=150)
    (CORPUS / f"{cluster}-{name}.yaml").write_text(text)


def without_folders(text: str, folder: Path) -> str:
    """Return a text in which the folders of Python and of the project are those of a usual installation."""
    places = {
        sys.prefix,
        sys.base_prefix,
        sys.exec_prefix,
        str(ROOT),
        str(Path(sys.executable).resolve().parents[1]),
    }
    for place in sorted(places - {_INSTALLED, "/usr"}, key=len, reverse=True):
        text = text.replace(place, _INSTALLED)
    return text.replace(str(folder.resolve()), "/var/lib/seaway").replace(str(folder), "/var/lib/seaway")


async def produce_all(
    ground: Ground,
    folder: Path,
    endings: Mapping[str, Ending],
    seconds: float,
    done: Callable[[str, Produced], None],
) -> None:
    """Produce endings, several at once; tell what became of each."""
    at_once = asyncio.Semaphore(AT_ONCE)
    folder.mkdir(parents=True, exist_ok=True)
    with run_webhook_server(folder) as webhook:
        producer = Producer(ground, webhook)

        async def one(name: str, ending: Ending) -> None:
            async with at_once:
                done(name, await producer.produce(name, ending, seconds))

        try:
            await asyncio.gather(*(one(name, ending) for name, ending in endings.items()))
        finally:
            await producer.close()


@asynccontextmanager
async def grounds_of(kind: str, folder: Path) -> AsyncIterator[Any]:
    """Give what makes a cluster of a kind for endings."""
    if kind == "embedded":
        yield embedded_ground
        return
    settings = Settings(controller_flags=["--node-monitor-grace-period=16s"])
    with run_control_plane(folder / "plane", settings) as plane:
        yield lambda where, _: real_ground(plane, where)


async def main() -> int:
    """Record the endings that were asked for; return how many were not reached."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--cluster", choices=tuple(HOW), default="embedded")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="how long to wait for one (%(default)g)"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="all where none is named")
    given = parser.parse_args()
    if shutil.which("kubectl") is None:
        print("kubectl is not installed")
        return 1
    chosen = {
        name: ending for name, ending in ENDINGS.items()
        if (not given.names or name in given.names) and ending.only in ("", given.cluster)
    }  # fmt: skip
    own = {name: ending for name, ending in chosen.items() if ending.node is not None}
    shared = {name: ending for name, ending in chosen.items() if ending.node is None}
    missed = []

    def done(name: str, produced: Produced) -> None:
        if produced.fault:
            missed.append(name)
            print(f"{name}: {produced.fault}", flush=True)
        else:
            write(given.cluster, name, produced, folder)

    with tempfile.TemporaryDirectory() as named:
        folder = Path(named)
        async with grounds_of(given.cluster, folder) as make:
            for number, endings in enumerate(filter(None, (shared, own))):
                async with make(folder / str(number), endings) as ground:
                    await produce_all(ground, folder / "webhook", endings, given.seconds, done)
    print(f"{len(chosen) - len(missed)} of {len(chosen)} recorded")
    return len(missed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
