"""The engine's calls to Kubernetes: each may be repeated without harm, each answer is a value."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.client.request import JSON_PATCH
from seaway.objects.builtin import NAMESPACES, PODS, SECRETS
from seaway.objects.errors import (
    AlreadyExists,
    ApiError,
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RequestEntityTooLarge,
)
from seaway.platform.workloads import labels

log = logging.getLogger(__name__)
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Created:
    """The pod exists and is the attempt's, made now or before."""

    pod: Object


@dataclass(frozen=True, slots=True)
class Refused:
    """The API server will not have this pod, however often it is asked."""

    message: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """Not now; asking again later is right."""

    message: str


_PASSING = ("exceeded quota", "being terminated", "error looking up service account")
"""What Kubernetes says where a pod is forbidden now but may be allowed later."""


async def create_pod(client: Client, manifest: Object) -> Created | Refused | Postponed:
    """Create an attempt's pod, or adopt it where an earlier call made it."""
    namespace = manifest["metadata"]["namespace"]
    try:
        return Created(await client.create(PODS, manifest, namespace))
    except AlreadyExists:
        return await _adopt(client, manifest)
    except NotFound as error:
        return await _make_namespace(client, namespace, error)
    except Forbidden as error:
        passing = any(words in error.message for words in _PASSING)
        return Postponed(error.message) if passing else Refused(error.message)
    except (Invalid, BadRequest, RequestEntityTooLarge) as error:
        return Refused(error.message)
    except ApiError as error:
        return Postponed(f"the cluster does not take the pod now: {error.message}")
    except ClientError as error:
        return Postponed(f"the cluster does not answer: {error}")


async def _adopt(client: Client, manifest: Object) -> Created | Postponed:
    """Return the pod that has the name already: ours, or one that has to go first."""
    name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
    try:
        pod = await client.get(PODS, name, namespace)
    except (ApiError, ClientError) as error:
        return Postponed(f"the pod {name} exists already and cannot be read: {error}")
    if is_same_attempt(pod, manifest):
        return Created(pod)
    return Postponed(
        f"a pod named {name} that is not of this run is in the namespace {namespace}: "
        f"it starts when that one is gone (kubectl delete pod {name} -n {namespace}, or submit under another name)"
    )


def is_same_attempt(pod: Object, manifest: Object) -> bool:
    """Return whether a pod is the attempt that a manifest describes."""
    theirs, ours = pod["metadata"].get("labels") or {}, manifest["metadata"]["labels"]
    return all(theirs.get(key) == ours[key] for key in (labels.RUN_UID, labels.TASK, labels.ATTEMPT))


async def _make_namespace(client: Client, namespace: str, missing: ApiError) -> Postponed:
    try:
        await client.create(
            NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        )
    except AlreadyExists:
        return Postponed(f"the namespace {namespace} has just been made")
    except ApiError as error:
        return Postponed(f"{missing.message}, and it cannot be made here: {error.message}")
    except ClientError as error:
        return Postponed(f"the cluster does not answer: {error}")
    return Postponed(f"the namespace {namespace} has just been made")


async def put_secret(client: Client, manifest: Object) -> Postponed | None:
    """Create a run's token Secret, or put it in place of another run's; None where it is there."""
    name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
    try:
        await client.create(SECRETS, manifest, namespace)
    except AlreadyExists:
        return await _replace_secret(client, manifest)
    except NotFound as error:
        return await _make_namespace(client, namespace, error)
    except (ApiError, ClientError) as error:
        return Postponed(f"the Secret {name} cannot be made: {error}")
    return None


async def _replace_secret(client: Client, manifest: Object) -> Postponed | None:
    name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
    uid = manifest["metadata"]["labels"][labels.RUN_UID]
    try:
        there = await client.get(SECRETS, name, namespace)
        if (there["metadata"].get("labels") or {}).get(labels.RUN_UID) == uid:
            return None
        await client.delete(SECRETS, name, namespace, uid=there["metadata"].get("uid"))
    except (ApiError, ClientError) as error:
        return Postponed(f"the Secret {name} is there already and cannot be replaced: {error}")
    return Postponed(f"the Secret {name} of an earlier run has just been removed")


async def delete_secret(client: Client, name: str, namespace: str, run_uid: str) -> None:
    """Delete a run's token Secret, where it is still there and still this run's."""
    try:
        there = await client.get(SECRETS, name, namespace)
        if (there["metadata"].get("labels") or {}).get(labels.RUN_UID) == run_uid:
            await client.delete(SECRETS, name, namespace, uid=there["metadata"].get("uid"))
    except (NotFound, Conflict):
        return


async def delete_left_over_secrets(client: Client, namespace: str, is_live: Callable[[str], bool]) -> None:
    """Delete the token Secrets of runs that have ended: an earlier process did not come to it."""
    try:
        found, _ = await client.list_all(SECRETS, namespace, label_selector=labels.RUN_UID)
        for secret in found:
            uid = secret["metadata"]["labels"][labels.RUN_UID]
            if not is_live(uid):
                await delete_secret(client, secret["metadata"]["name"], namespace, uid)
    except (ApiError, ClientError) as error:
        log.warning("Secrets of ended runs cannot be removed from %s now: %s", namespace, error)


async def ensure_namespace(client: Client, namespace: str) -> None:
    """Make the namespace where it is missing and that is allowed; where not, each pod's creation says what is wrong."""
    try:
        await client.get(NAMESPACES, namespace)
    except NotFound as error:
        await _make_namespace(client, namespace, error)
    except (ApiError, ClientError) as error:
        log.warning("the namespace %s cannot be looked at: %s", namespace, error)


async def delete_pod(client: Client, pod: Object, *, grace_seconds: int | None = None) -> None:
    """Delete a pod gracefully, where it is still the same one."""
    metadata = pod["metadata"]
    try:
        await client.delete(
            PODS,
            metadata["name"],
            metadata["namespace"],
            grace_seconds=grace_seconds,
            uid=metadata.get("uid"),
        )
    except (NotFound, Conflict):  # gone, or another of this name
        return


async def release_pod(client: Client, pod: Object) -> None:
    """Take Seaway's finalizer off a pod that has ended, and let it go."""
    metadata = pod["metadata"]
    if not metadata.get("deletionTimestamp"):
        await delete_pod(client, pod, grace_seconds=0)
    held = metadata.get("finalizers") or []
    if labels.FINALIZER not in held:
        return
    where = f"/metadata/finalizers/{held.index(labels.FINALIZER)}"
    patch = [{"op": "test", "path": where, "value": labels.FINALIZER}, {"op": "remove", "path": where}]
    try:
        await client.patch(PODS, metadata["name"], patch, metadata["namespace"], content_type=JSON_PATCH)
    except NotFound:
        return
