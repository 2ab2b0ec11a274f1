"""What a cluster serves: all its resources, as values.

Source: Kubernetes API concepts, "API Discovery" (unaggregated, which every version serves).
"""

from __future__ import annotations

import asyncio
from typing import Any

from seaway.client.client import Client
from seaway.client.request import Request
from seaway.objects.errors import NotFound, ServiceUnavailable
from seaway.objects.resource import Resource

Object = dict[str, Any]


async def discover(client: Client) -> list[Resource]:
    """Return every resource served, each group in its preferred version.

    A group that cannot answer now (its API service is down, its definition is just being removed) is left out.
    """
    groups: Object = await client.send(Request("GET", "/apis"))
    paths = [("", "v1", "/api/v1")]
    for group in groups.get("groups") or ():
        version = (group.get("preferredVersion") or group["versions"][0])["version"]
        paths.append((group["name"], version, f"/apis/{group['name']}/{version}"))
    found = await asyncio.gather(*(_resources(client, *path) for path in paths))
    return [resource for resources in found for resource in resources]


async def _resources(client: Client, group: str, version: str, path: str) -> list[Resource]:
    try:
        listed: Object = await client.send(Request("GET", path))
    except (NotFound, ServiceUnavailable):
        return []
    return resources_of(group, version, listed)


def resources_of(group: str, version: str, listed: Object) -> list[Resource]:
    """Return the resources of an APIResourceList, each with its subresources."""
    entries = listed.get("resources") or ()
    subresources: dict[str, set[str]] = {}
    for entry in entries:
        plural, slash, subresource = entry["name"].partition("/")
        if slash:
            subresources.setdefault(plural, set()).add(subresource)
    return [
        Resource(
            group,
            version,
            entry["kind"],
            entry["name"],
            namespaced=entry["namespaced"],
            singular=entry.get("singularName") or "",
            short_names=tuple(entry.get("shortNames") or ()),
            categories=tuple(entry.get("categories") or ()),
            subresources=frozenset(subresources.get(entry["name"], ())),
            verbs=tuple(entry.get("verbs") or ()),
        )
        for entry in entries
        if "/" not in entry["name"]
    ]
