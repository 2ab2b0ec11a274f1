"""What a storm may leave nowhere: objects of runs in the cluster, programs, mounts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import psutil

from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.objects.builtin import PODS, SECRETS


def programs(port: int) -> list[psutil.Process]:
    """Return the live processes of the programs that know a witness: those that runners started, and their children."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            environ = process.environ()
            known = environ.get("WITNESS") == str(port) and "SEAWAY_TOKEN" not in environ
            if known and "SEAWAY_OUTPUTS" in environ and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def objects_of_runs(kubeconfig: Path, namespace: str) -> list[str]:
    """Return the pods (a finalizer holds them) and tokens of runs that are in a cluster."""

    async def listed() -> list[str]:
        client = Client(HttpTransport(load_kubeconfig(kubeconfig)), field_manager="chaos")
        try:
            return [
                f"{resource.plural} {found['metadata']['name']}"
                for resource in (PODS, SECRETS)
                for found in (await client.list(resource, namespace, label_selector="seaway.dev/run"))[
                    "items"
                ]
            ]
        finally:
            await client.close()

    return asyncio.run(listed())


def mounts_below(folder: str) -> list[str]:
    """Return the mounts in a folder."""
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if folder in line]
