"""Quotas hold, however many write at once, and give back what goes; limit ranges fill in and bound."""

from __future__ import annotations

import asyncio

import pytest

from seaway.objects.builtin import (
    CONFIG_MAPS,
    JOBS,
    LIMIT_RANGES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    RESOURCE_QUOTAS,
    SERVICES,
)
from seaway.objects.errors import Forbidden


async def quota(world, hard: dict, **spec) -> None:
    """Create a quota and wait until it is counted."""
    body = {"metadata": {"name": "most", "namespace": "default"}, "spec": {"hard": hard, **spec}}
    await world.client.create(RESOURCE_QUOTAS, body)
    await used(world, dict.fromkeys(hard, "0"))


async def used(world, wanted: dict) -> None:
    """Wait until a quota says that so much is used."""

    async def counted() -> bool:
        return ((await world.read(RESOURCE_QUOTAS, "most")).get("status") or {}).get("used") == wanted

    await world.until(counted)


def claim(name: str, storage: str, **spec) -> dict:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}, **spec}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": asked}


async def test_writes_at_the_same_time_never_exceed_a_quota(world) -> None:
    await quota(world, {"pods": "5", "requests.cpu": "2"})

    async def attempt(number: int) -> str:
        try:
            await world.pod(f"p{number}", cpu="100m")
        except Forbidden as error:
            return error.message
        return ""

    outcomes = await asyncio.gather(*map(attempt, range(40)))
    refused = [outcome for outcome in outcomes if outcome]
    assert len(refused) == 35
    assert len(await world.items(PODS)) == 5
    assert all(
        "exceeded quota: most, requested: pods=1, used: pods=5, limited: pods=5" in one for one in refused
    )
    await used(world, {"pods": "5", "requests.cpu": "500m"})  # written with the pods: nothing to wait for


async def test_what_goes_and_what_ends_is_given_back(world) -> None:
    await quota(world, {"pods": "2", "count/pods": "3"})
    first, _ = await world.pod("one"), await world.pod("two")
    await used(world, {"pods": "2", "count/pods": "2"})
    await world.end(first)
    await used(world, {"pods": "1", "count/pods": "2"})
    await world.client.delete(PODS, "two", "default", grace_seconds=0)
    await used(world, {"pods": "0", "count/pods": "1"})


async def test_words_of_what_is_refused(world) -> None:
    await quota(world, {"requests.cpu": "1", "limits.memory": "1Gi"})
    with pytest.raises(Forbidden) as error:
        await world.pod("p")
    assert (
        error.value.message
        == 'pods "p" is forbidden: failed quota: most: must specify limits.memory for: main'
    )


@pytest.mark.parametrize(
    ("hard", "spec", "counts"),
    [
        ({"pods": "9"}, {"scopes": ["Terminating"]}, False),
        ({"pods": "9"}, {"scopes": ["NotTerminating"]}, True),
        ({"pods": "9"}, {"scopes": ["BestEffort"]}, False),
        ({"pods": "9"}, {"scopes": ["NotBestEffort"]}, True),
        ({"pods": "9"}, {"scopes": ["CrossNamespacePodAffinity"]}, False),
        ({"pods": "9"}, {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "DoesNotExist"}]}}, True),
        ({"pods": "9"}, {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}}, False),
    ],
)  # fmt: skip
async def test_scopes(world, hard: dict, spec: dict, counts: bool) -> None:
    await quota(world, hard, **spec)
    await world.pod("p")
    assert (await world.read(RESOURCE_QUOTAS, "most"))["status"]["used"] == {"pods": "1" if counts else "0"}


async def test_things_that_are_no_pods_count_too(world) -> None:
    hard = {
        "services.nodeports": "1", "count/jobs.batch": "1", "configmaps": "9", "requests.storage": "5Gi",
        "fast.storageclass.storage.k8s.io/requests.storage": "1Gi",
    }  # fmt: skip
    body = {"metadata": {"name": "most", "namespace": "default"}, "spec": {"hard": hard}}
    await world.client.create(RESOURCE_QUOTAS, body)
    zeros = dict.fromkeys(hard, "0")
    await used(world, zeros | {"configmaps": "1"})  # that of the certificate authority
    port = {"spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    await world.client.create(SERVICES, {"metadata": {"name": "a", "namespace": "default"}, **port})
    with pytest.raises(Forbidden, match=r"requested: services\.nodeports=1, used: services\.nodeports=1"):
        await world.client.create(SERVICES, {"metadata": {"name": "b", "namespace": "default"}, **port})
    await world.client.create(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "default"}})
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "python"}]}}
    for name in ("one", "two"):
        job = {"metadata": {"name": name, "namespace": "default"}, "spec": {"template": template}}
        if name == "one":
            await world.client.create(JOBS, job)
            continue
        with pytest.raises(Forbidden, match=r"count/jobs\.batch=1"):
            await world.client.create(JOBS, job)
    await world.client.create(PERSISTENT_VOLUME_CLAIMS, claim("slow", "3Gi"))
    with pytest.raises(Forbidden, match=r"fast\.storageclass\.storage\.k8s\.io/requests\.storage=2Gi"):
        await world.client.create(PERSISTENT_VOLUME_CLAIMS, claim("fast", "2Gi", storageClassName="fast"))
    await used(
        world,
        zeros
        | {"configmaps": "2", "services.nodeports": "1", "count/jobs.batch": "1", "requests.storage": "3Gi"},
    )
    await world.client.delete(CONFIG_MAPS, "c", "default")
    await world.client.delete(SERVICES, "a", "default")
    await used(world, zeros | {"configmaps": "1", "count/jobs.batch": "1", "requests.storage": "3Gi"})


async def test_a_dry_run_is_judged_and_not_charged(world) -> None:
    await quota(world, {"pods": "1"})
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "m", "image": "python"}]}}
    await world.client.create(PODS, pod, "default", dry_run=True)
    await world.pod("p")
    with pytest.raises(Forbidden, match="exceeded quota"):
        await world.client.create(PODS, {**pod, "metadata": {"name": "q"}}, "default", dry_run=True)


async def test_limit_ranges_fill_in_and_bound(world) -> None:
    limits = [
        {"type": "Container", "max": {"memory": "1Gi"}, "default": {"cpu": "2"}, "defaultRequest": {"cpu": "500m"},
         "maxLimitRequestRatio": {"cpu": "4"}},
        {"type": "Pod", "max": {"cpu": "4"}},
        {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}},
    ]  # fmt: skip
    body = {"metadata": {"name": "bounds", "namespace": "default"}, "spec": {"limits": limits}}
    await world.client.create(LIMIT_RANGES, body)
    plain = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "m", "image": "python"}]}}
    pod = await world.client.create(PODS, plain, "default")
    assert pod["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "2", "memory": "1Gi"},
        "requests": {"cpu": "500m", "memory": "1Gi"},
    }
    assert pod["metadata"]["annotations"] == {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu, memory request for container m; cpu, memory limit for container m"
    }
    with pytest.raises(Forbidden) as error:
        await world.pod("q", cpu="100m")
    words = "cpu max limit to request ratio per Container is 4, but provided ratio is 20.000000"
    assert error.value.message == f'pods "q" is forbidden: {words}'
    three = [{"name": f"c{n}", "image": "python"} for n in range(3)]
    with pytest.raises(Forbidden, match="maximum cpu usage per Pod is 4, but limit is 6"):
        await world.client.create(PODS, {"metadata": {"name": "r"}, "spec": {"containers": three}}, "default")
    with pytest.raises(
        Forbidden, match="maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"
    ):
        await world.client.create(PERSISTENT_VOLUME_CLAIMS, claim("c", "3Gi"))
    with pytest.raises(
        Forbidden, match="minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi"
    ):
        await world.client.create(PERSISTENT_VOLUME_CLAIMS, claim("c", "1Mi"))
