"""The volumes of one pod: fetched, written, kept up to date."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seaway.controlplane.node import claims, payloads, volumes
from seaway.controlplane.node.context import NodeContext
from seaway.controlplane.node.eviction import binary
from seaway.controlplane.node.fields import ConfigError, PodFacts
from seaway.controlplane.node.ownership import owned
from seaway.controlplane.node.payloads import MountError
from seaway.controlplane.node.processes import WRITTEN
from seaway.objects.builtin import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS
from seaway.objects.errors import NotFound
from seaway.objects.quantity import canonical

Object = Mapping[str, Any]
_RESOURCES = {"configmaps": CONFIG_MAPS, "secrets": SECRETS}
_RENEW = 0.8
"""A token is renewed after this part of its life, as the kubelet does."""


class Objects:
    """Config maps and secrets of one namespace, as fetched for one purpose."""

    def __init__(self, found: Mapping[tuple[str, str], Object]) -> None:
        self._found = found

    def __call__(self, plural: str, name: str) -> Object | None:
        """Return the object, None where it does not exist."""
        return self._found.get((plural, name))


async def fetch(context: NodeContext, namespace: str, wanted: Iterable[tuple[str, str]]) -> Objects:
    """Fetch config maps and secrets; those that do not exist are left out. Raises ApiError, Unreachable."""
    found = {}
    for plural, name in sorted(wanted):
        try:
            obj = await context.client.get(_RESOURCES[plural], name, namespace)
        except NotFound:
            continue
        found[plural, name] = {"kind": "Secret" if plural == "secrets" else "ConfigMap", **obj}
    return Objects(found)


class PodVolumes:
    """What one pod has mounted."""

    def __init__(self, context: NodeContext, uid: str) -> None:
        self._context = context
        self.folder = context.pod_folder(uid) / "volumes"
        self._tokens: dict[tuple[str, str], tuple[str, float]] = {}
        self.paths: dict[str, Path] = {}
        """Where each volume lies."""
        self.written: frozenset[str] = frozenset()
        """Names of the volumes whose files the node writes."""
        self.read_only: frozenset[str] = frozenset()
        """Names of the volumes that no container may write to: those, and claims that the pod may only read."""

    async def set_up(self, facts: PodFacts) -> None:
        """Make every volume ready.

        Raises:
            MountError: one cannot be; the message names it, worded as the kubelet words it.
            ApiError, Unreachable: the API server refused or did not answer.
        """
        specs = facts.pod["spec"].get("volumes") or ()
        self.written = frozenset(v["name"] for v in specs if payloads.is_written(v))
        self.read_only = self.written | {v["name"] for v in specs if claims.read_only(v)}
        for volume in specs:
            try:
                if volume["name"] in self.written:
                    await self._write(facts, volume)
                else:
                    self.paths[volume["name"]] = await self._plain(facts.pod, volume)
            except (MountError, ConfigError, OSError) as error:
                raise MountError(
                    f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}'
                ) from error

    async def _plain(self, pod: Object, volume: Object) -> Path:
        wanted = (pod["spec"].get("securityContext") or {}).get("fsGroup")
        group = int(wanted) if wanted is not None and os.geteuid() == 0 else None
        if "emptyDir" in volume:  # a folder on the node's own disk: made sooner than another thread begins
            return volumes.plain_volume(self.folder, volume, group)
        meant = await claims.resolve(self._context.client, pod, volume)
        path = await asyncio.to_thread(volumes.plain_volume, self.folder, meant.volume)
        if meant.given and group is not None:
            await asyncio.to_thread(claims.give_to_group, path, group)
        return path

    async def refresh(self, facts: PodFacts) -> None:
        """Write again what changed. Raises as `set_up`."""
        for volume in facts.pod["spec"].get("volumes") or ():
            if volume["name"] in self.written:
                await self._write(facts, volume)

    def remove_written(self) -> None:
        """Remove what the pod's containers and the node wrote for as long as the pod lasts; logs stay, and claims.

        Source: the kubelet unmounts the volumes of a pod that has ended, and removes dead containers under disk pressure.

        Raises:
            OSError: something could not be removed.
        """
        volumes.remove_folder(self.folder)
        for name in WRITTEN:
            for folder in self.folder.parent.glob(f"containers/*/*/{name}"):
                volumes.remove_folder(folder)

    async def _write(self, facts: PodFacts, volume: Object) -> None:
        namespace = facts.pod["metadata"]["namespace"]
        issued = {wanted.path: await self._token(facts.pod, wanted) for wanted in payloads.tokens(volume)}
        lookup = await fetch(self._context, namespace, payloads.references(volume))
        files = payloads.payload(facts, volume, lookup, issued)
        files = owned(files, issued, facts.pod, os.geteuid())
        path = self.folder / volume["name"]
        # A few small files: cheaper than a hop to another thread.
        volumes.write_payload(path, files)
        self.paths[volume["name"]] = path

    async def _token(self, pod: Object, wanted: payloads.TokenWanted) -> str:
        key = (wanted.audience, wanted.path)
        token, until = self._tokens.get(key, ("", 0.0))
        now = self._context.clock.monotonic()
        if token and now < until:
            return token
        metadata, account = pod["metadata"], pod["spec"].get("serviceAccountName") or "default"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [wanted.audience] if wanted.audience else [],
                "expirationSeconds": wanted.seconds,
                "boundObjectRef": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
            },
        }
        try:
            answer = await self._context.client.create_subresource(
                SERVICE_ACCOUNTS, account, "token", request, metadata["namespace"]
            )
        except NotFound as error:
            raise MountError(f"failed to fetch token: {error}") from error
        token = answer["status"]["token"]
        self._tokens[key] = (token, now + wanted.seconds * _RENEW)
        return str(token)


def over_limit(pod: Object, folder: Path, containers: Path) -> str | None:
    """Return why a pod uses more local storage than it may, None where it does not; reads the disk.

    Args:
        pod: the object.
        folder: of its volumes.
        containers: of its containers.
    """
    for volume in pod["spec"].get("volumes") or ():
        limit = (volume.get("emptyDir") or {}).get("sizeLimit")
        if limit and volumes.size_of(folder / volume["name"]) > payloads.size(limit):
            return f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{limit}". '
    limits = [limit for container in _lasting(pod) if (limit := _storage_limit(container))]
    if limits:
        most = sum(payloads.size(limit) for limit in limits)
        if volumes.size_of(folder) + volumes.size_of(containers) > most:
            total = canonical(limits[0]) if len(limits) == 1 else binary(most)
            return f"Pod ephemeral local storage usage exceeds the total limit of containers {total}. "
    for container in _lasting(pod):
        limit = _storage_limit(container)
        used = sum(volumes.size_of(Path(entry)) for entry in _attempts(containers / container["name"]))
        if limit and used > payloads.size(limit):
            return f'Container {container["name"]} exceeded its local ephemeral storage limit "{limit}". '
    return None


def limits_storage(pod: Object) -> bool:
    """Tell whether a pod has a limit that `over_limit` checks."""
    return any((v.get("emptyDir") or {}).get("sizeLimit") for v in pod["spec"].get("volumes") or ()) or any(
        _storage_limit(container) for container in _lasting(pod)
    )


def _lasting(pod: Object) -> list[Any]:
    """Return the containers that are there as long as the pod: the sidecars too."""
    inits = pod["spec"].get("initContainers") or ()
    return [*pod["spec"]["containers"], *(c for c in inits if c.get("restartPolicy") == "Always")]


def _storage_limit(container: Mapping[str, Any]) -> str:
    return str(((container.get("resources") or {}).get("limits") or {}).get("ephemeral-storage") or "")


def _attempts(folder: Path) -> list[str]:
    return [entry.path for entry in os.scandir(folder)] if folder.exists() else []
