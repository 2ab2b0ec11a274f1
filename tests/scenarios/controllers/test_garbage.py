"""Owners and dependents, namespaces, and the objects every namespace has."""

from __future__ import annotations

import pytest

from seaway.objects.builtin import (
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    NAMESPACES,
    NODES,
    SECRETS,
    SERVICE_ACCOUNTS,
)
from seaway.objects.errors import Conflict, Forbidden
from seaway.objects.meta import deletion_timestamp, finalizers, get_condition
from seaway.objects.resource import Resource


def reference(owner: dict, kind: str = "ConfigMap", block: bool = False) -> dict:
    metadata = owner["metadata"]
    return {
        "apiVersion": "v1",
        "kind": kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "blockOwnerDeletion": block,
    }


async def config(world, name: str, *owners: dict, namespace: str = "default", **metadata) -> dict:
    metadata = {"name": name, "namespace": namespace, "ownerReferences": list(owners), **metadata}
    return await world.client.create(CONFIG_MAPS, {"metadata": metadata})


async def test_dependents_of_dependents_go_in_the_background(world) -> None:
    top = await config(world, "top")
    middle = await config(world, "middle", reference(top))
    await config(world, "bottom", reference(middle))
    await config(world, "other")
    await world.client.delete(CONFIG_MAPS, "top", "default", propagation="Background")
    await world.gone(CONFIG_MAPS, "bottom")
    assert await world.read(CONFIG_MAPS, "middle") is None
    assert await world.read(CONFIG_MAPS, "other") is not None


async def test_in_the_foreground_the_owner_waits_for_those_that_block(world) -> None:
    owner = await config(world, "owner")
    await config(world, "blocking", reference(owner, block=True), finalizers=["example.com/hold"])
    await config(world, "free", reference(owner))
    await world.client.delete(CONFIG_MAPS, "owner", "default", propagation="Foreground")
    await world.gone(CONFIG_MAPS, "free")

    async def held():
        blocking = await world.read(CONFIG_MAPS, "blocking")
        return deletion_timestamp(blocking)

    await world.until(held)
    assert "foregroundDeletion" in finalizers(await world.read(CONFIG_MAPS, "owner"))
    await world.client.patch(CONFIG_MAPS, "blocking", {"metadata": {"finalizers": None}}, "default")
    await world.gone(CONFIG_MAPS, "owner")


async def test_orphans_lose_their_reference_and_stay(world) -> None:
    owner = await config(world, "owner")
    await config(world, "child", reference(owner))
    await world.client.delete(CONFIG_MAPS, "owner", "default", propagation="Orphan")
    await world.gone(CONFIG_MAPS, "owner")
    child = await world.read(CONFIG_MAPS, "child")
    assert not child["metadata"].get("ownerReferences")


async def test_one_owner_of_two_is_enough_to_stay(world) -> None:
    one, two = await config(world, "one"), await config(world, "two")
    await config(world, "child", reference(one), reference(two))
    await world.client.delete(CONFIG_MAPS, "one", "default")

    async def disowned():
        child = await world.read(CONFIG_MAPS, "child")
        return [r["name"] for r in child["metadata"]["ownerReferences"]] == ["two"]

    await world.until(disowned)
    await world.client.delete(CONFIG_MAPS, "two", "default")
    await world.gone(CONFIG_MAPS, "child")


@pytest.mark.parametrize("fault", ["never existed", "other uid", "other namespace"])
async def test_an_absent_owner(world, fault: str) -> None:
    """Name and uid must both be those of an object in the dependent's own namespace."""
    await world.client.create(NAMESPACES, {"metadata": {"name": "elsewhere"}})
    owner = await config(world, "owner", namespace="elsewhere" if fault == "other namespace" else "default")
    named = reference(owner)
    if fault != "other namespace":
        named["uid"] = "00000000-0000-0000-0000-000000000000"
    if fault == "never existed":
        named["name"] = "nobody"
    await config(world, "child", named)
    await world.gone(CONFIG_MAPS, "child")
    assert await world.read(CONFIG_MAPS, "owner", owner["metadata"]["namespace"]) is not None


async def test_a_cluster_scoped_owner(world) -> None:
    await world.node("n")
    node = await world.read(NODES, "n", None)
    await config(world, "child", reference(node, "Node"))
    gone = {**reference(node, "Node"), "uid": "00000000-0000-0000-0000-000000000000"}
    await config(world, "judged-after-it", gone)
    await world.gone(CONFIG_MAPS, "judged-after-it")
    assert await world.read(CONFIG_MAPS, "child") is not None
    await world.client.delete(NODES, "n")
    await world.gone(CONFIG_MAPS, "child")


async def test_custom_resources_are_collected_too(world) -> None:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "boats", "singular": "boat", "kind": "Boat"}
    spec = {"group": "example.com", "names": names, "scope": "Namespaced", "versions": [version]}
    await world.client.create(
        CUSTOM_RESOURCE_DEFINITIONS, {"metadata": {"name": "boats.example.com"}, "spec": spec}
    )
    boats = Resource("example.com", "v1", "Boat", "boats")
    owner = await config(world, "owner")

    async def created():
        metadata = {"name": "boat", "namespace": "default", "ownerReferences": [reference(owner)]}
        return await world.client.create(boats, {"metadata": metadata})

    await world.until(created)
    await world.client.delete(CONFIG_MAPS, "owner", "default")
    await world.gone(boats, "boat")


async def test_every_namespace_gets_its_account_and_the_authority(world) -> None:
    await world.client.create(NAMESPACES, {"metadata": {"name": "new"}})

    async def there():
        return await world.read(SERVICE_ACCOUNTS, "default", "new") and await world.read(
            CONFIG_MAPS, "kube-root-ca.crt", "new"
        )

    assert (await world.until(there))["data"] == {"ca.crt": "the authority"}
    await world.client.delete(SERVICE_ACCOUNTS, "default", "new")
    await world.client.patch(CONFIG_MAPS, "kube-root-ca.crt", {"data": {"ca.crt": "forged"}}, "new")
    await world.until(there)

    async def restored():
        return (await world.read(CONFIG_MAPS, "kube-root-ca.crt", "new"))["data"]["ca.crt"] == "the authority"

    await world.until(restored)


async def test_a_namespace_goes_with_all_it_holds_and_says_what_it_waits_for(world) -> None:
    await world.client.create(NAMESPACES, {"metadata": {"name": "doomed"}})
    await config(world, "held", namespace="doomed", finalizers=["example.com/hold"])
    await world.client.create(SECRETS, {"metadata": {"name": "secret", "namespace": "doomed"}})
    await world.client.delete(NAMESPACES, "doomed")
    await world.gone(SECRETS, "secret", "doomed")

    async def told():
        namespace = await world.read(NAMESPACES, "doomed", None)
        condition = get_condition(namespace, "NamespaceFinalizersRemaining")
        return condition and condition["status"] == "True" and condition

    assert "example.com/hold in 1 resource instances" in (await world.until(told))["message"]
    with pytest.raises((Forbidden, Conflict), match="terminat"):
        await config(world, "late", namespace="doomed")
    await world.client.patch(CONFIG_MAPS, "held", {"metadata": {"finalizers": None}}, "doomed")
    await world.gone(NAMESPACES, "doomed", None)
