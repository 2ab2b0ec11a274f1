"""Manifests: YAML or values in, applied objects out; and which resource a name or a manifest means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from seaway.client.client import Client
from seaway.client.discovery import discover, resources_of
from seaway.client.request import Request
from seaway.client.waiting import wait_for
from seaway.objects.builtin import CUSTOM_RESOURCE_DEFINITIONS
from seaway.objects.resource import Resource

Object = dict[str, Any]
Manifests = str | Path | Mapping[str, Any] | Iterable[Mapping[str, Any]]
"""YAML text, a file or folder of YAML, one object, or several."""
_FIRST = ("Namespace", "CustomResourceDefinition")
"""Others may need these."""


class ManifestError(ValueError):
    """A manifest cannot be read or applied. The message names the document and the remedy."""


def read_manifests(source: Manifests) -> list[Object]:
    """Return the objects of manifests: lists taken apart, those that others need first.

    Raises:
        ManifestError: no YAML, or a document without `apiVersion`, `kind` or a name.
        OSError: a file cannot be read.
    """
    found = [item for name, document in _documents(source) for item in _items(name, document)]
    return sorted(
        found, key=lambda item: _FIRST.index(item["kind"]) if item["kind"] in _FIRST else len(_FIRST)
    )


def _documents(source: Manifests) -> Iterable[tuple[str, Any]]:
    if isinstance(source, Path):
        files = sorted(source.glob("*.y*ml")) if source.is_dir() else [source]
        if not files:
            raise ManifestError(f"{source} holds no YAML files: name a folder of manifests, or a file")
        for file in files:
            yield from _parsed(str(file), file.read_text())
    elif isinstance(source, str):
        yield from _parsed("the manifest", source)
    else:
        objects = [source] if isinstance(source, Mapping) else list(source)
        yield from ((f"object {number}", one) for number, one in enumerate(objects, 1))


def _parsed(name: str, text: str) -> Iterable[tuple[str, Any]]:
    try:
        for number, document in enumerate(yaml.safe_load_all(text), 1):
            if document is not None:
                yield f"document {number} of {name}", document
    except yaml.YAMLError as error:
        raise ManifestError(f"{name} is no YAML: {error}") from error


def _items(name: str, document: Any) -> list[Object]:
    if not isinstance(document, Mapping):
        hint = "; give a file as a pathlib.Path" if isinstance(document, str) else ""
        raise ManifestError(f"{name} should be an object with apiVersion and kind{hint}")
    for field in ("apiVersion", "kind"):
        if not isinstance(document.get(field), str):
            raise ManifestError(
                f"{name} needs {field}: a text such as {'v1' if field == 'apiVersion' else 'Pod'}"
            )
    if document["kind"] == "List":
        return [item for one in document.get("items") or () for item in _items(f"an item of {name}", one)]
    metadata = document.get("metadata")
    if not isinstance(metadata, Mapping) or not (metadata.get("name") or metadata.get("generateName")):
        raise ManifestError(f"{name} ({document['kind']}) needs metadata.name")
    return [dict(document)]


async def apply_all(client: Client, objects: Iterable[Object], namespace: str) -> list[Object]:
    """Apply objects server-side, one after the other; return them as stored.

    Those without a namespace go to the one given, those with `generateName` are created, and a custom resource
    definition is waited for until its objects are served.
    """
    stored = []
    for given in objects:
        resource = await resource_of(client, given["apiVersion"], given["kind"])
        metadata = dict(given["metadata"])
        if resource.namespaced:
            metadata.setdefault("namespace", namespace)
        wanted = {**given, "metadata": metadata}
        if metadata.get("name"):
            stored.append(await client.apply(resource, wanted, force=True))
        else:
            stored.append(await client.create(resource, wanted))
        if resource.group_resource == CUSTOM_RESOURCE_DEFINITIONS.group_resource:
            await wait_for(client, resource, metadata["name"], "condition=Established")
    return stored


async def resource_of(client: Client, api_version: str, kind: str) -> Resource:
    """Return the resource that a manifest is of.

    Raises:
        ManifestError: the cluster serves no such kind.
        ApiError: the group and version are not served.
    """
    group, _, version = api_version.rpartition("/")
    path = f"/apis/{api_version}" if group else f"/api/{version}"
    for resource in resources_of(group, version, await client.send(Request("GET", path))):
        if resource.kind == kind:
            return resource
    raise ManifestError(f"the cluster serves no kind {kind} in {api_version}: apply its definition first")


async def resource_named(client: Client, name: str) -> Resource:
    """Return the resource that a name means, as kubectl reads it: kind, plural, singular or short, with `.group` or not.

    Raises:
        ManifestError: the cluster serves no such resource.
    """
    lowered = name.lower()
    for resource in await discover(client):
        names = {resource.kind.lower(), resource.plural, resource.singular_name, *resource.short_names}
        if lowered in names or (resource.group and lowered in {f"{one}.{resource.group}" for one in names}):
            return resource
    raise ManifestError(
        f"the cluster serves no resource named {name!r}: apply its definition first, or see its spelling"
    )
