"""Produce endings of pods for real, and record what kubectl prints of each into the corpus.

    python tools/record_endings.py [--cluster embedded|real] [NAME...]

Each ending of tools/endings.py is made in a namespace of its own, all at once; when `seaway why --from` says what is
expected, the dump and the logs are written to tests/corpus. What is not reached in time is told, with what was said.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from seaway.model.verdict import Explanation  # noqa: E402
from seaway.platform.diagnosis.dump.documents import parse_log, parse_objects  # noqa: E402
from seaway.platform.diagnosis.dump.explain import NoSubject, explain_dump  # noqa: E402
from tools.endings import ENDINGS, Ending  # noqa: E402

CORPUS = ROOT / "tests" / "corpus"
SECONDS = 120
KINDS = "pod,event,job,rs,deployment,pvc"
HOW = {
    "embedded": "recorded by tools/record_endings.py on Seaway's embedded cluster",
    "real": "recorded by tools/record_endings.py on Kubernetes' own control plane 1.36 with a node of Seaway's",
}


class Recorder:
    """Makes endings with kubectl, and reads them back."""

    def __init__(self, kubeconfig: Path, cluster: str) -> None:
        self._kubeconfig, self._cluster = kubeconfig, cluster

    def kubectl(self, *words: str, text: str | None = None) -> str:
        """Run kubectl; return what it prints, "" where it fails."""
        command = ["kubectl", "--kubeconfig", str(self._kubeconfig), *words]
        return subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=60, check=False
        ).stdout

    def make(self, name: str, ending: Ending) -> None:
        """Make the objects of an ending in a namespace of its own."""
        self.kubectl("create", "namespace", name)
        until = time.monotonic() + 20
        while not self.kubectl("get", "serviceaccount", "default", "-n", name) and time.monotonic() < until:
            time.sleep(0.1)
        for one in ending.objects:
            self.kubectl("apply", "-n", name, "-f", "-", text=json.dumps(one))

    async def record(self, name: str, ending: Ending) -> str:
        """Wait until an ending is explained as expected, and write it down; return what is wrong, "" for nothing."""
        await asyncio.to_thread(self.make, name, ending)
        said, acted = "nothing was seen", not ending.then
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            dump, logs = await asyncio.to_thread(self.look, name)
            if not acted and '"running"' in json.dumps(yaml.safe_load(dump)):
                await asyncio.to_thread(self.kubectl, *ending.then, "-n", name)
                acted = True
            try:
                told, _ = explain_dump(
                    parse_objects(dump), [parse_log(text, of) for of, text in logs.items()]
                )
            except NoSubject as error:
                said = str(error)
            else:
                said = f"{told.cause}, {told.class_}, {told.level}: {told.message}"
                if _fits(told, ending) and _settled(dump):
                    self.write(name, ending, dump, logs)
                    return ""
            await asyncio.sleep(1.0)
        return f"expected {ending.cause}, {ending.class_}, {ending.level}; last said: {said}"

    def look(self, name: str) -> tuple[str, dict[str, str]]:
        """Return the dump and the logs of a namespace, as kubectl prints them."""
        found = parse_objects(self.kubectl("get", KINDS, "-n", name, "-o", "yaml"))
        nodes = parse_objects(self.kubectl("get", "nodes", "-o", "yaml"))
        dump = yaml.safe_dump(
            {"kind": "List", "items": [_small(one) for one in (*found, *nodes)]}, sort_keys=False, width=150
        )
        logs = {}
        for pod, container, previous in _containers(found):
            words = ["logs", pod, "-n", name, "-c", container, *(["--previous"] if previous else [])]
            if text := self.kubectl(*words):
                logs[f"{pod}_{container}.log"] = text[-3000:]
        return dump, logs

    def write(self, name: str, ending: Ending, dump: str, logs: dict[str, str]) -> None:
        """Write a recording."""
        expect = {"class": ending.class_, "cause": ending.cause, "level": ending.level, "retry": ending.retry}
        if ending.message:
            expect["message"] = ending.message
        recorded: dict[str, Any] = {
            "how": HOW[self._cluster],
            "expect": expect,
            **({"logs": logs} if logs else {}),
        }
        recorded["objects"] = yaml.safe_load(dump)["items"]
        text = yaml.safe_dump(recorded, sort_keys=False, width=150)
        (CORPUS / f"{self._cluster}-{name}.yaml").write_text(text)


def _fits(told: Explanation, ending: Ending) -> bool:
    return (told.class_, told.cause, told.level, told.retry) == (
        ending.class_,
        ending.cause,
        ending.level,
        ending.retry,
    )


def _settled(dump: str) -> bool:
    """Tell whether every job whose pods have failed says so itself."""
    jobs = [one for one in yaml.safe_load(dump)["items"] if one["kind"] == "Job"]
    return all(not job["status"].get("active") or not job["status"].get("failed") for job in jobs)


def _containers(objects: list[Any]) -> Iterator[tuple[str, str, bool]]:
    for one in objects:
        if one["kind"] == "Pod":
            for part in ("initContainerStatuses", "containerStatuses"):
                for status in one["status"].get(part) or ():
                    again = bool((status.get("lastState") or {}).get("terminated"))
                    yield one["metadata"]["name"], status["name"], again


def _small(found: Any) -> dict[str, Any]:
    """Return an object without what says nothing about an ending."""
    kept = json.loads(json.dumps(found))
    for name in ("managedFields", "resourceVersion", "annotations", "generation"):
        kept["metadata"].pop(name, None)
    if kept["kind"] == "Node":
        for name in (
            "images",
            "addresses",
            "daemonEndpoints",
            "capacity",
            "config",
            "features",
            "runtimeHandlers",
        ):
            kept["status"].pop(name, None)
        kept["status"]["nodeInfo"] = {
            key: value
            for key, value in kept["status"].get("nodeInfo", {}).items()
            if key in ("architecture", "kubeletVersion")
        }
    if kept["kind"] == "Pod":
        for name in ("tolerations", "volumes"):
            if name == "tolerations" or all("projected" in volume for volume in kept["spec"].get(name, ())):
                kept["spec"].pop(name, None)
        for one in (*kept["spec"].get("containers", ()), *kept["spec"].get("initContainers", ())):
            one.pop("volumeMounts", None)
    return kept


@asynccontextmanager
async def cluster_of(kind: str, folder: Path) -> AsyncIterator[Path]:
    """Run a cluster of a kind; give its kubeconfig."""
    if kind == "embedded":
        from seaway.controlplane.cluster import ClusterSettings, run_cluster

        async with run_cluster(ClusterSettings(home=folder / "home", node_stop_seconds=2.0)) as running:
            yield running.kubeconfig
        return
    from tools.real_kubernetes.control_plane import run_control_plane
    from tools.real_kubernetes.node import run_node

    with run_control_plane(folder) as plane, run_node(plane, folder / "node-1", "node-1"):
        yield plane.kubeconfig


async def main() -> int:
    """Record the endings that were asked for; return how many were not reached."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--cluster", choices=tuple(HOW), default="embedded")
    parser.add_argument("names", nargs="*", metavar="NAME", help="all where none is named")
    given = parser.parse_args()
    if shutil.which("kubectl") is None:
        print("kubectl is not installed")
        return 1
    chosen = {
        name: ending for name, ending in ENDINGS.items()
        if (not given.names or name in given.names) and (ending.everywhere or given.cluster == "embedded")
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        async with cluster_of(given.cluster, Path(folder)) as kubeconfig:
            recorder, at_once = Recorder(kubeconfig, given.cluster), asyncio.Semaphore(6)

            async def one(name: str, ending: Ending) -> str:
                async with at_once:
                    return await recorder.record(name, ending)

            wrong = await asyncio.gather(*(one(name, ending) for name, ending in chosen.items()))
    missed = {name: fault for name, fault in zip(chosen, wrong, strict=True) if fault}
    for name, fault in missed.items():
        print(f"{name}: {fault}")
    print(f"{len(chosen) - len(missed)} of {len(chosen)} recorded")
    return len(missed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
