"""What `why` tells people to type is typed, as it stands, on both clusters; and it helps."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.client.request import Request
from seaway.objects.builtin import CRON_JOBS, JOBS, PODS
from seaway.objects.errors import NotFound
from tests.kubectl import BINARIES, NO_KUBECTL
from tests.waiting import until
from tools.endings.grounds import Ground, embedded_ground, real_ground
from tools.endings.producing import Producer
from tools.endings.table import ENDINGS
from tools.real_kubernetes.control_plane import ControlPlane
from tools.webhook_server import run_webhook_server

Check = Callable[[Client, str], Any]


def pods_are(*phases: str) -> Check:
    async def check(client: Client, namespace: str) -> bool:
        pods = (await client.list(PODS, namespace))["items"]
        return bool(pods) and all(pod["status"].get("phase") in phases for pod in pods)

    return check


async def pod_is_gone(client: Client, namespace: str) -> bool:
    try:
        await client.get(PODS, "train", namespace)
    except NotFound:
        return True
    return False


async def goes_on(client: Client, namespace: str) -> bool:
    return not (await client.get(CRON_JOBS, "nightly", namespace))["spec"].get("suspend")


async def ends_once(client: Client, namespace: str) -> bool:
    return bool((await client.get(JOBS, "api-once", namespace)).get("status", {}).get("succeeded"))


async def may_list_pods(client: Client, namespace: str) -> bool:
    asked = {"verb": "list", "resource": "pods", "namespace": namespace}
    spec = {"user": f"system:serviceaccount:{namespace}:default", "resourceAttributes": asked}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    answer = await client.send(
        Request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body=review)
    )
    return bool(answer["status"]["allowed"])


STEPS: dict[str, Check] = {
    "secret-missing": pods_are("Succeeded"),
    "secret-key-missing": pods_are("Succeeded"),
    "secret-volume-missing": pods_are("Succeeded"),
    "config-map-missing": pods_are("Succeeded"),
    "config-map-key-missing": pods_are("Succeeded"),
    "config-map-volume-missing": pods_are("Succeeded"),
    "account-missing": pods_are("Succeeded"),
    "job-suspended": pods_are("Succeeded"),
    "cron-job-suspended": goes_on,
    "finalizer": pod_is_gone,
    "exit-0-in-a-crash-loop": ends_once,
    "forbidden-by-rbac": may_list_pods,
    "node-cordoned": pods_are("Succeeded"),
}


def typed(step: str) -> str:
    """Return the commands of a step: what it says around them is no shell's."""
    return step[step.index("kubectl") :].partition("; ")[0]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["embedded", pytest.param("real", marks=pytest.mark.real)])
async def test_what_is_told_helps(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """All at once, on one cluster."""
    if not BINARIES:
        pytest.skip(NO_KUBECTL)
    if kind == "real":
        plane: ControlPlane = request.getfixturevalue("real_control_plane")
        made: Any = real_ground(plane, tmp_path)
    else:
        made = embedded_ground(tmp_path, {name: ENDINGS[name] for name in STEPS})
    async with made as ground:
        with run_webhook_server(tmp_path) as webhook:
            producer = Producer(ground, webhook)
            client = Client(HttpTransport(load_kubeconfig(ground.kubeconfig)))
            try:
                async with asyncio.TaskGroup() as group:
                    for name in STEPS:
                        group.create_task(helps(name, ground, producer, client), name=name)
            finally:
                await client.close()
                await producer.close()


async def helps(name: str, ground: Ground, producer: Producer, client: Client) -> None:
    produced = await producer.produce(name, ENDINGS[name])
    assert not produced.fault, name
    assert produced.told is not None
    environment = {**os.environ, "KUBECONFIG": str(ground.kubeconfig)}
    environment["PATH"] = f"{BINARIES[-1].parent}{os.pathsep}{environment['PATH']}"
    command = typed(produced.told.next_step)
    done = await asyncio.to_thread(
        subprocess.run,
        ["sh", "-c", command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{name}: {command}: {done.stderr}"
    await until(lambda: STEPS[name](client, name), f"{name}: {command}", seconds=120)
