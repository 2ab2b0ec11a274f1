"""Claims get volumes, and lose them; pods wait for theirs."""

from __future__ import annotations

import stat

import pytest

from seaway.objects import meta
from seaway.objects.builtin import (
    EVENTS,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
)
from seaway.objects.errors import Forbidden
from seaway.objects.meta import get_condition

MERGE = "application/merge-patch+json"


async def claim(world, name: str, storage_class: str | None = None, size: str = "1Gi", **spec) -> dict:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}} | spec
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return await world.client.create(
        PERSISTENT_VOLUME_CLAIMS, {"metadata": {"name": name}, "spec": spec}, "default"
    )


async def volume(world, name: str, size: str = "1Gi", **spec) -> dict:
    spec = {
        "capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/tmp"},
    } | spec  # fmt: skip
    return await world.client.create(PERSISTENT_VOLUMES, {"metadata": {"name": name}, "spec": spec})


async def phase(world, resource, name: str, wanted: str) -> dict:
    async def there():
        found = await world.read(resource, name, "default" if resource.namespaced else None)
        return found if found and found["status"].get("phase") == wanted else None

    return await world.until(there)


async def mounting(world, name: str, claim_name: str, **spec) -> dict:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}]
    return await world.pod(name, volumes=volumes, **spec)


async def condition(world, name: str, words: str) -> dict:
    async def told():
        pod = await world.read(PODS, name)
        found = get_condition(pod, "PodScheduled")
        return pod if found and words in found.get("message", "") else None

    return await world.until(told)


async def event(world, reason: str) -> dict:
    async def there():
        return next((one for one in await world.items(EVENTS) if one["reason"] == reason), None)

    return await world.until(there)


async def on_node(world, name: str) -> str:
    async def bound():
        return (await world.read(PODS, name))["spec"].get("nodeName")

    return await world.until(bound)


async def test_a_claim_of_the_default_class_waits_for_its_first_pod(world, volumes_folder) -> None:
    made = await _with_classes(world, claim(world, "data"))
    assert made["spec"]["storageClassName"] == "standard"
    assert meta.finalizers(made) == ["kubernetes.io/pvc-protection"]
    told = await event(world, "WaitForFirstConsumer")
    assert told["message"] == "waiting for first consumer to be created before binding"
    await world.node("a")
    await mounting(world, "user", "data")
    assert await on_node(world, "user") == "a"
    bound = await phase(world, PERSISTENT_VOLUME_CLAIMS, "data", "Bound")
    name = bound["spec"]["volumeName"]
    found = await world.read(PERSISTENT_VOLUMES, name, None)
    assert found["spec"]["claimRef"]["name"] == "data"
    terms = found["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["values"] == ["a"]
    assert bound["status"] == {
        "phase": "Bound",
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
    }
    modes = [stat.S_IMODE(folder.stat().st_mode) for folder in (volumes_folder, volumes_folder / name)]
    assert modes == [0o700, 0o777], (
        "a pod's own user may write to its claim; others of the machine see nothing"
    )


async def _with_classes(world, making):
    async def classes():
        return len(await world.items(STORAGE_CLASSES, None)) == 2

    await world.until(classes)
    return await making


async def test_a_claim_grows_and_goes_with_its_data(world, volumes_folder) -> None:
    await _with_classes(world, claim(world, "data", "standard-immediate"))
    bound = await phase(world, PERSISTENT_VOLUME_CLAIMS, "data", "Bound")
    folder = volumes_folder / bound["spec"]["volumeName"]
    (folder / "file").write_text("kept")
    more = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    await world.client.patch(PERSISTENT_VOLUME_CLAIMS, "data", more, "default", content_type=MERGE)

    async def grown():
        found = await world.read(PERSISTENT_VOLUME_CLAIMS, "data")
        return found["status"]["capacity"] == {"storage": "2Gi"} and not found["status"].get("conditions")

    await world.until(grown)
    assert (await event(world, "VolumeResizeSuccessful"))["message"] == "Resize volume succeeded"
    assert (await world.read(PERSISTENT_VOLUMES, folder.name, None))["spec"]["capacity"] == {"storage": "2Gi"}
    await world.node("a")
    pod = await mounting(world, "user", "data")
    await on_node(world, "user")
    await world.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
    assert meta.deletion_timestamp(await world.read(PERSISTENT_VOLUME_CLAIMS, "data"))
    await world.client.delete(PODS, "user", "default", grace_seconds=0, uid=meta.uid(pod))
    await world.gone(PERSISTENT_VOLUME_CLAIMS, "data")
    await world.gone(PERSISTENT_VOLUMES, folder.name, None)
    assert not folder.exists()


async def test_only_bound_claims_of_classes_that_allow_it_grow(world, volumes_folder) -> None:
    await volume(world, "fixed", storageClassName="fixed")
    await claim(world, "data", "fixed")
    await claim(world, "waiting", "fixed", "9Gi")
    await phase(world, PERSISTENT_VOLUME_CLAIMS, "data", "Bound")
    more = {"spec": {"resources": {"requests": {"storage": "20Gi"}}}}
    for name, why in (("data", "only dynamically provisioned pvc can be resized"), ("waiting", "Only bound")):
        with pytest.raises(Forbidden, match=why):
            await world.client.patch(PERSISTENT_VOLUME_CLAIMS, name, more, "default", content_type=MERGE)


async def test_volumes_are_matched_kept_and_protected(world, volumes_folder) -> None:
    await volume(world, "large", "10Gi", storageClassName="manual")
    await volume(
        world, "small", "2Gi", storageClassName="manual", accessModes=["ReadWriteOnce", "ReadOnlyMany"]
    )
    await volume(
        world, "meant", "1Gi", storageClassName="manual", claimRef={"namespace": "default", "name": "later"}
    )
    for name in ("large", "small", "meant"):
        await phase(world, PERSISTENT_VOLUMES, name, "Available")
    await claim(world, "data", "manual", "1Gi", accessModes=["ReadWriteOnce"])
    bound = await phase(world, PERSISTENT_VOLUME_CLAIMS, "data", "Bound")
    assert bound["spec"]["volumeName"] == "large"  # the fewest access modes come first, as in Kubernetes
    await claim(world, "later", "manual")
    assert (await phase(world, PERSISTENT_VOLUME_CLAIMS, "later", "Bound"))["spec"]["volumeName"] == "meant"
    await world.client.delete(PERSISTENT_VOLUMES, "large")
    assert meta.deletion_timestamp(await world.read(PERSISTENT_VOLUMES, "large", None))
    await world.client.delete(PERSISTENT_VOLUME_CLAIMS, "later", "default")
    await phase(world, PERSISTENT_VOLUMES, "meant", "Released")
    await world.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
    await world.gone(PERSISTENT_VOLUMES, "large", None)


async def test_what_a_claim_waits_for_is_told(world, volumes_folder) -> None:
    await world.node("a")
    await claim(world, "nothing", "")
    told = await event(world, "FailedBinding")
    assert told["message"] == "no persistent volumes available for this claim and no storage class is set"
    await claim(world, "unknown", "absent")
    told = await event(world, "ProvisioningFailed")
    assert told["message"] == 'storageclass.storage.k8s.io "absent" not found'
    await mounting(world, "immediate", "nothing")
    helpless = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    pod = await condition(world, "immediate", "unbound immediate")
    assert get_condition(pod, "PodScheduled")["message"] == (
        f"0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. {helpless}"
    )
    await mounting(world, "early", "missing")
    pod = await condition(world, "early", "missing")
    assert get_condition(pod, "PodScheduled")["message"] == (
        f'0/1 nodes are available: persistentvolumeclaim "missing" not found. {helpless}'
    )


async def test_a_claim_for_one_pod_is_not_shared(world, volumes_folder) -> None:
    await world.node("a")
    await _with_classes(world, claim(world, "data", accessModes=["ReadWriteOncePod"]))
    first = await mounting(world, "first", "data")
    await on_node(world, "first")
    await mounting(world, "second", "data")
    pod = await condition(world, "second", "ReadWriteOncePod")
    assert get_condition(pod, "PodScheduled")["message"].startswith(
        "0/1 nodes are available: 1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode "
        "already in-use by another pod. preemption: 0/1 nodes are available: 1 No preemption victims found"
    )
    await world.end(first)
    assert await on_node(world, "second") == "a"


async def test_an_ephemeral_volume_has_a_claim_that_goes_with_the_pod(world, volumes_folder) -> None:
    await world.node("a")
    template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    pod = await _with_classes(
        world,
        world.pod("scratch", volumes=[{"name": "data", "ephemeral": {"volumeClaimTemplate": template}}]),
    )
    assert await on_node(world, "scratch") == "a"
    bound = await phase(world, PERSISTENT_VOLUME_CLAIMS, "scratch-data", "Bound")
    assert meta.controller_of(bound)["uid"] == meta.uid(pod)
    await world.client.delete(PODS, "scratch", "default", grace_seconds=0, uid=meta.uid(pod))
    await world.gone(PERSISTENT_VOLUME_CLAIMS, "scratch-data")
    await world.gone(PERSISTENT_VOLUMES, bound["spec"]["volumeName"], None)


async def test_a_volume_is_measured_while_a_pod_uses_it_and_too_much_is_told(world, volumes_folder) -> None:
    await world.node("a")
    made = await _with_classes(world, claim(world, "data", size="1Mi"))
    files = {"metadata": {"annotations": {"seaway.dev/max-files": "2"}}}
    await world.client.patch(PERSISTENT_VOLUME_CLAIMS, "data", files, "default", content_type=MERGE)
    await mounting(world, "user", "data")
    bound = await phase(world, PERSISTENT_VOLUME_CLAIMS, "data", "Bound")
    folder = volumes_folder / bound["spec"]["volumeName"]
    (folder / "file").write_bytes(b"x" * 900_000)
    nearly = await event(world, "VolumeNearlyFull")
    assert "of 1Mi (8" in nearly["message"]
    assert "1 of 2 files" in nearly["message"]
    (folder / "second").write_bytes(b"x" * 900_000)
    over = await event(world, "VolumeOverLimit")
    assert (over["type"], over["involvedObject"]["uid"]) == ("Warning", meta.uid(made))
    assert "Sizes are measured here, not enforced" in over["message"]
    annotations = meta.annotations_of(await world.read(PERSISTENT_VOLUME_CLAIMS, "data"))
    assert int(annotations["seaway.dev/used-bytes"]) > 1 << 20
    assert annotations["seaway.dev/used-files"] == "2"
    (folder / "second").unlink()
    (folder / "file").unlink()
    assert "within its limits again" in (await event(world, "VolumeWithinLimits"))["message"]
