"""Kubernetes' own binder and ours get the same claims and volumes: which claim gets which, and what is said of the others."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from seaway.controlplane.controllers.volumeplan import plan_claim
from seaway.objects import meta
from seaway.objects.builtin import EVENTS, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES

pytestmark = pytest.mark.real

Object = dict[str, Any]
MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany")
CASES = 30


def drawn(number: int, namespace: str) -> tuple[list[Object], Object]:
    """Return volumes and a claim of a class of their own, always the same for a number."""
    draw = random.Random(number)
    storage_class = f"{namespace}-{number}"
    volumes = []
    for index in range(draw.randrange(4)):
        spec = {
            "capacity": {"storage": f"{draw.choice((1, 2, 5))}Gi"},
            "accessModes": draw.sample(MODES, draw.randrange(1, 4)),
            "storageClassName": draw.choice((storage_class, storage_class, f"{storage_class}-other")),
            "volumeMode": draw.choice(("Filesystem", "Filesystem", "Block")),
            "hostPath": {"path": "/srv"},
        }
        if draw.random() < 0.2:
            spec["claimRef"] = {"namespace": namespace, "name": draw.choice((f"c{number}", "another"))}
        labels = draw.choice(({}, {"disk": "ssd"}, {"disk": "hdd"}))
        metadata = {"name": f"{storage_class}-v{index}", "labels": labels}
        volumes.append({"metadata": metadata, "spec": spec})
    spec = {
        "accessModes": draw.sample(MODES, draw.randrange(1, 3)),
        "resources": {"requests": {"storage": f"{draw.choice((1, 2, 3))}Gi"}},
        "storageClassName": storage_class,
        "volumeMode": draw.choice(("Filesystem", "Filesystem", "Block")),
    }
    if draw.random() < 0.3:
        spec["selector"] = {"matchLabels": {"disk": draw.choice(("ssd", "hdd"))}}
    if volumes and draw.random() < 0.3:
        spec["volumeName"] = draw.choice(volumes)["metadata"]["name"]
    return volumes, {"metadata": {"name": f"c{number}", "namespace": namespace}, "spec": spec}


async def test_both_binders_bind_alike(place) -> None:
    found: list[str] = []
    for number in range(CASES):
        volumes, claim = drawn(number, place.namespace)
        made = []
        for volume in volumes:
            await place.client.create(PERSISTENT_VOLUMES, volume)
            name = meta.name(volume)
            made.append(
                await place.until(PERSISTENT_VOLUMES, name, lambda one: one["status"]["phase"] == "Available")
            )
        pending = await place.client.create(PERSISTENT_VOLUME_CLAIMS, claim, place.namespace)
        plan = plan_claim(pending, {meta.name(one): one for one in made}, {}, [])
        theirs = await _settled(place, pending, plan)
        ours = (
            plan.bind and meta.name(plan.bind),
            plan.phase,
            plan.told and (plan.told.reason, plan.told.message),
        )
        if theirs != ours:
            found.append(f"case {number}: ours {ours}, theirs {theirs}")
        await place.client.delete(PERSISTENT_VOLUME_CLAIMS, meta.name(claim), place.namespace)
        await place.gone(PERSISTENT_VOLUME_CLAIMS, meta.name(claim))
        for volume in volumes:
            await place.client.delete(PERSISTENT_VOLUMES, meta.name(volume))
    assert not found, "\n".join(found)


async def _settled(place, claim: Object, plan: Any) -> Any:
    """Return what became of a claim: its volume, phase and event, as soon as it is bound or spoken of."""
    name = meta.name(claim)
    silent = not plan.bind and not plan.told
    async with asyncio.timeout(60):
        while True:
            current = await place.client.get(PERSISTENT_VOLUME_CLAIMS, name, place.namespace)
            if current["status"]["phase"] == "Bound":
                return current["spec"]["volumeName"], "Bound", None
            selector = f"involvedObject.uid={meta.uid(claim)}"
            events = (await place.client.list(EVENTS, place.namespace, field_selector=selector))["items"]
            if events:
                return None, "Pending", (events[0]["reason"], events[0]["message"])
            if silent:
                return None, "Pending", None
            await asyncio.sleep(0.02)


async def test_a_claim_of_a_delayed_class_waits_for_its_first_pod_in_both(place) -> None:
    name = f"delayed-{place.namespace}"
    more = {"provisioner": "example.com/p", "volumeBindingMode": "WaitForFirstConsumer"}
    storage_class = await place.create(STORAGE_CLASSES, name, **more)
    spec = {
        "accessModes": ["ReadWriteOnce"], "storageClassName": name,
        "resources": {"requests": {"storage": "1Gi"}},
    }  # fmt: skip
    claim = await place.create(PERSISTENT_VOLUME_CLAIMS, "data", spec=spec)
    plan = plan_claim(claim, {}, {name: storage_class}, [])
    assert await _settled(place, claim, plan) == (None, "Pending", (plan.told.reason, plan.told.message))
    await place.client.delete(STORAGE_CLASSES, name)
