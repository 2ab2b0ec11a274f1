"""Producing an ending: its objects are made, what is to happen happens, and it is explained until it says what it must."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from seaway.base.clock import rfc3339
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.client.logs import LogOptions
from seaway.model.verdict import Explanation
from seaway.objects.builtin import (
    CRON_JOBS,
    EVENTS,
    JOBS,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    SERVICE_ACCOUNTS,
)  # fmt: skip
from seaway.objects.errors import ApiError, NotFound
from seaway.objects.quantity import parse_quantity
from seaway.objects.workloads import DEPLOYMENTS, REPLICA_SETS
from seaway.platform.diagnosis.dump.documents import parse_log
from seaway.platform.diagnosis.dump.explain import NoSubject, explain_dump
from seaway.platform.diagnosis.dump.printed import parse_objects
from tools.endings.ending import Ending, Object
from tools.endings.grounds import Ground
from tools.webhook_server import WebhookServer

SECONDS = 240.0
_PAUSE = 0.7
_KINDS = (PODS, EVENTS, JOBS, CRON_JOBS, REPLICA_SETS, DEPLOYMENTS, PERSISTENT_VOLUME_CLAIMS)
_LOG_CHARACTERS = 3000


@dataclass(slots=True)
class Produced:
    """What became of an ending."""

    fault: str = ""
    """What is wrong, "" for nothing."""
    objects: list[Object] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    told: Explanation | None = None
    ending: Ending | None = None
    """With the names of this place filled in."""


class Producer:
    """Makes endings on a cluster.

    Args:
        ground: the cluster.
        webhook: for endings that an admission webhook decides.
    """

    def __init__(self, ground: Ground, webhook: WebhookServer) -> None:
        self._ground, self._webhook = ground, webhook
        self._connection = load_kubeconfig(ground.kubeconfig)
        self._client = Client(HttpTransport(self._connection))

    async def close(self) -> None:
        """Let go of the cluster."""
        await self._client.close()

    async def produce(self, name: str, ending: Ending, seconds: float = SECONDS) -> Produced:
        """Make an ending in a namespace of its name; return what was seen when it was explained as expected.

        Args:
            name: of the ending.
            ending: what is made.
            seconds: how long to wait for it.
        """
        node = await self._ground.own_node(name, ending) if ending.node is not None else ""
        words = {
            "@NAMESPACE@": name, "@NODE@": node, "@SERVER@": self._connection.server,
            "@WEBHOOK@": self._webhook.url(""), "@BUNDLE@": self._webhook.bundle, "@EARLIER@": rfc3339(time.time() - 300),
            **await self._most(node),
        }  # fmt: skip
        ending = _filled(ending, words)
        await self._prepare(name, node, ending)
        try:
            return await self._until_explained(name, node, ending, seconds)
        finally:
            await self._clean(ending)

    async def _until_explained(self, name: str, node: str, ending: Ending, seconds: float) -> Produced:
        said, provoked, acted = "nothing was seen", ending.provoke is None, not ending.then
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            objects = await self._objects(name, node)
            text = json.dumps(objects, sort_keys=True, separators=(",", ":"))
            if not provoked and ending.when in text:
                assert ending.provoke is not None
                await self._ground.provoke(ending.provoke, node)
                provoked = True
            elif provoked and not acted and (ending.after if ending.provoke else ending.when) in text:
                for words in ending.then:
                    await self._kubectl(name, *words)
                acted = True
            elif provoked and acted:
                produced = _explained(objects, await self._logs(objects), ending)
                said = produced.fault
                if not said and _settled(objects):
                    return produced
            await asyncio.sleep(_PAUSE * (4 if ending.slow else 1))
        return Produced(f"expected {ending.cause}, {ending.class_}, {ending.level}; last said: {said}")

    async def _prepare(self, name: str, node: str, ending: Ending) -> None:
        await self._client.create(NAMESPACES, {"metadata": {"name": name}})
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            try:
                await self._client.get(SERVICE_ACCOUNTS, "default", name)
                break
            except NotFound:
                await asyncio.sleep(0.1)
        wanted = ending.node or {}
        for label, value in wanted.get("labels", {}).items():
            await self._kubectl(name, "label", "node", node, f"{label}={value}")
        for taint in wanted.get("taints", ()):
            await self._kubectl(name, "taint", "node", node, taint)
        if wanted.get("cordoned"):
            await self._kubectl(name, "cordon", node)
        for one in ending.objects:
            await self._kubectl(name, "apply", "-f", "-", text=json.dumps(one))
            if one["kind"] == "ValidatingAdmissionPolicyBinding":
                await self._until_refused(name)

    async def _until_refused(self, namespace: str) -> None:
        """Wait until a policy holds: an API server takes it up a while after it was made."""
        pod = {"metadata": {"name": "tried"}, "spec": {"containers": [{"name": "main", "image": "python"}]}}
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            try:
                await self._client.create(PODS, pod, namespace, dry_run=True)
            except ApiError:
                return
            await asyncio.sleep(0.1)

    async def _clean(self, ending: Ending) -> None:
        """Remove what an ending made beside its namespace, and would be in the way of others."""
        for one in ending.objects:
            if one["kind"].endswith(("Configuration", "Policy", "Binding")):
                await self._kubectl("", "delete", one["kind"], one["metadata"]["name"], "--wait=false")

    async def _most(self, node: str) -> dict[str, str]:
        """Return three quarters of what a node has: two pods that ask for so much have no room on it."""
        if not node:
            return {}
        has = (await self._client.get(NODES, node))["status"]["allocatable"]
        cpu, memory = parse_quantity(has["cpu"]), parse_quantity(has["memory"])
        return {"@CPU@": f"{int(cpu * 750)}m", "@MEMORY@": f"{int(memory * 3 / 4 / 2**20)}Mi"}

    async def _objects(self, name: str, node: str) -> list[Object]:
        """Return what kubectl prints of a namespace and its nodes."""
        found: list[Object] = []
        for resource in _KINDS:
            found += _of_kind(resource, await self._client.list(resource, name))
        nodes = _of_kind(NODES, await self._client.list(NODES))
        found += [one for one in nodes if not node or one["metadata"]["name"] in (node, self._ground.shared)]
        if node:
            events = _of_kind(EVENTS, await self._client.list(EVENTS, "default"))
            found += [one for one in events if one["involvedObject"].get("name") == node]
        return [_small(one) for one in found]

    async def _logs(self, objects: list[Object]) -> dict[str, str]:
        logs = {}
        for pod, namespace, container, previous in _containers(objects):
            options = LogOptions(previous=previous, tail_lines=100)
            try:
                async with self._client.logs(pod, namespace, container, options) as chunks:
                    text = b"".join([chunk async for chunk in chunks]).decode(errors="replace")
            except ApiError:
                continue
            if text:
                logs[f"{pod}_{container}.log"] = text[-_LOG_CHARACTERS:]
        return logs

    async def _kubectl(self, namespace: str, *words: str, text: str | None = None) -> None:
        """Run kubectl; what it refuses is what some endings are about."""
        place = ("-n", namespace) if namespace else ()
        line = ["kubectl", "--kubeconfig", str(self._ground.kubeconfig), *place, *words]
        await asyncio.to_thread(
            subprocess.run, line, input=text, capture_output=True, text=True, timeout=120, check=False
        )


def _explained(objects: list[Object], logs: dict[str, str], ending: Ending) -> Produced:
    try:
        parsed = [parse_log(text, name) for name, text in logs.items()]
        told, _ = explain_dump(
            parse_objects(json.dumps({"kind": "List", "items": objects})), parsed, ending.ask
        )
    except NoSubject as error:
        return Produced(str(error))
    said = f"{told.cause}, {told.class_}, {told.level}: {told.message}; {told.next_step}"
    seen = (told.class_, told.cause, told.level, told.retry)
    fits = seen == (ending.class_, ending.cause, ending.level, ending.retry)
    fits = fits and bool(re.search(ending.message, told.message) and re.search(ending.next, told.next_step))
    return Produced("" if fits else said, objects, logs, told, ending)


def _settled(objects: list[Object]) -> bool:
    """Tell whether every job whose pods have failed says so itself."""
    statuses = [one["status"] for one in objects if one["kind"] == "Job"]
    return all(not status.get("active") or not status.get("failed") for status in statuses)


def _filled(ending: Ending, words: dict[str, str]) -> Ending:
    def fill(value: Any) -> Any:
        text = json.dumps(value)
        for word, meant in words.items():
            text = text.replace(word, json.dumps(meant)[1:-1])
        return json.loads(text)

    return replace(
        ending, objects=tuple(fill(ending.objects)), then=tuple(tuple(line) for line in fill(ending.then)),
        ask=fill(ending.ask), message=fill(ending.message), next=fill(ending.next),
    )  # fmt: skip


def _of_kind(resource: Any, listed: Object) -> list[Object]:
    version = f"{resource.group}/{resource.version}" if resource.group else resource.version
    return [{"apiVersion": version, "kind": resource.kind, **one} for one in listed["items"]]


def _containers(objects: list[Object]) -> Iterator[tuple[str, str, str, bool]]:
    for one in objects:
        if one["kind"] == "Pod":
            for part in ("initContainerStatuses", "containerStatuses"):
                for status in one.get("status", {}).get(part) or ():
                    if {"running", "terminated"} & (status.get("state") or {}).keys() or status.get(
                        "restartCount"
                    ):
                        again = bool((status.get("lastState") or {}).get("terminated"))
                        yield one["metadata"]["name"], one["metadata"]["namespace"], status["name"], again


_OF_A_NODE = ("images", "addresses", "daemonEndpoints", "capacity", "config", "features", "runtimeHandlers")


def _small(found: Object) -> Object:
    """Return an object without what says nothing about an ending."""
    kept: Object = json.loads(json.dumps(found))
    for name in ("managedFields", "resourceVersion", "annotations", "generation"):
        kept["metadata"].pop(name, None)
    if kept["kind"] == "Node":
        for name in _OF_A_NODE:
            kept["status"].pop(name, None)
        info = kept["status"].get("nodeInfo", {})
        kept["status"]["nodeInfo"] = {
            key: info[key] for key in ("architecture", "kubeletVersion") if key in info
        }
    if kept["kind"] == "Pod":
        for name in ("tolerations", "volumes"):
            if name == "tolerations" or all("projected" in volume for volume in kept["spec"].get(name, ())):
                kept["spec"].pop(name, None)
        for one in (*kept["spec"].get("containers", ()), *kept["spec"].get("initContainers", ())):
            one.pop("volumeMounts", None)
    return kept
