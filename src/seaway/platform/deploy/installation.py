"""A server put into a cluster, and taken out again: the calls. Everything may be repeated."""

from __future__ import annotations

import base64
import datetime
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from seaway.base.clock import Clock, SystemClock
from seaway.client.client import Client
from seaway.client.logs import LogOptions
from seaway.client.request import Request
from seaway.objects.builtin import NAMESPACES, PERSISTENT_VOLUME_CLAIMS, PODS, SECRETS
from seaway.objects.errors import ApiError, Forbidden, NotFound
from seaway.objects.resource import Resource
from seaway.objects.workloads import DEPLOYMENTS
from seaway.platform.certificates import AUTHORITY_LIFE, Pair, lives, make_authority, make_certificate
from seaway.platform.deploy.kinds import CLUSTER_WIDE, KINDS, SERVICE_MONITORS
from seaway.platform.deploy.manifests import Credentials, cluster_wide_names, manifests
from seaway.platform.deploy.progress import Progress, progress
from seaway.platform.deploy.release import MANAGER, NAMES_ANNOTATION, Object, Release
from seaway.platform.deploy.values import Values

LOOPBACK = ("127.0.0.1", "::1")
"""A port is forwarded to these."""
RENEW_BEFORE = datetime.timedelta(days=90)
POLL_SECONDS = 1.0
LOG_LINES = 15


@dataclass(frozen=True, slots=True)
class Found:
    """An object of an installation, as the cluster has it."""

    resource: Resource
    name: str
    namespace: str | None

    def __str__(self) -> str:
        return f"{self.resource.kind} {self.name}"


def fresh_credentials(values: Values, release: Release, now: datetime.datetime) -> Credentials:
    """Return credentials that nobody has seen."""
    return _complete(values, release, now, token="", kept={}, names="")


async def kept_credentials(
    client: Client, values: Values, release: Release, now: datetime.datetime
) -> Credentials:
    """Return the credentials of an earlier installation, and new ones where there are none or other names are wanted."""
    token, _ = await _secret(client, release, release.token_secret)
    kept, annotations = await _secret(client, release, release.tls_secret)
    names = annotations.get(NAMES_ANNOTATION, "")
    return _complete(values, release, now, token=token.get("token", ""), kept=kept, names=names)


def _complete(
    values: Values, release: Release, now: datetime.datetime, *, token: str, kept: dict[str, str], names: str
) -> Credentials:
    wanted = release.host_names(values)
    authority = Pair(kept.get("ca.crt", ""), kept.get("ca.key", ""))
    if not authority.key or not lives(authority.certificate.encode(), now + RENEW_BEFORE):
        authority, names = make_authority("seaway CA", now), ""
    served = Pair(kept.get("tls.crt", ""), kept.get("tls.key", ""))
    if names != ",".join(wanted) or not lives(served.certificate.encode(), now + RENEW_BEFORE):
        served = make_certificate("seaway", authority, [*wanted, *LOOPBACK], now, AUTHORITY_LIFE)
    return Credentials(
        token or secrets.token_urlsafe(32),
        authority.certificate,
        authority.key,
        served.certificate,
        served.key,
    )


async def _secret(client: Client, release: Release, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return a Secret's texts and annotations; nothing where there is none."""
    try:
        found = await client.get(SECRETS, name, release.namespace)
    except NotFound:
        return {}, {}
    data = {key: base64.b64decode(text).decode() for key, text in (found.get("data") or {}).items()}
    return data, found["metadata"].get("annotations") or {}


class MadeByHelm(Exception):
    """The installation of this name is Helm's."""


class Embedded(Exception):
    """The cluster is one machine's, embedded in a Seaway that has a server already."""


async def check_namespace(client: Client, values: Values, release: Release) -> str | None:
    """Return what is to be said of the namespace ("" for nothing), None where there is none.

    Raises:
        MadeByHelm: Helm has installed there under this name: two tools would undo each other's work.
        Embedded: the cluster has a server already, and runs on one machine only.
    """
    if "+seaway" in str((await client.send(Request("GET", "/version"))).get("gitVersion")):
        raise Embedded
    try:
        namespace = await client.get(NAMESPACES, release.namespace)
    except NotFound:
        return None
    except Forbidden:  # what follows tells
        namespace = {"metadata": {}}
    deployments, _ = await client.list_all(DEPLOYMENTS, release.namespace)
    for one in deployments:
        managed_by = (one["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by")
        if one["metadata"]["name"] == release.name and managed_by == "Helm":
            raise MadeByHelm(release.name)
    return hint(values, namespace)


def hint(values: Values, namespace: Object) -> str:
    """Return what a namespace's rules mean for runs, "" where they mean nothing."""
    labels = namespace["metadata"].get("labels") or {}
    enforced = labels.get("pod-security.kubernetes.io/enforce")
    if enforced == "restricted" and values.runs.security != "restricted":
        return (
            "the namespace enforces Pod Security's level restricted: runs will be refused without "
            "--set runs.security=restricted"
        )
    return ""


async def create_namespace(client: Client, namespace: str) -> None:
    """Make a namespace."""
    await client.create(NAMESPACES, {"metadata": {"name": namespace}})


async def apply(
    client: Client, values: Values, release: Release, now: datetime.datetime
) -> AsyncIterator[str]:
    """Bring a cluster to what the values say; yields what was done, a line each.

    What an earlier installation had and this one has not is removed; volume claims stay.

    Raises:
        ApiError: the cluster refuses an object; those before it are applied, and trying again is right.
    """
    wanted = manifests(values, release, await kept_credentials(client, values, release, now))
    for one in wanted:
        await client.apply(KINDS[one["kind"]], one, force=True)
        yield f"{one['kind']} {one['metadata']['name']}"
    kept = {(one["kind"], one["metadata"]["name"]) for one in wanted}
    for found in await find(client, release):
        if (found.resource.kind, found.name) not in kept and found.resource != PERSISTENT_VOLUME_CLAIMS:
            await _delete(client, found)
            yield f"{found} removed"


async def find(client: Client, release: Release) -> list[Found]:
    """Return what is installed under a name, in the order in which it was applied."""
    selector = ",".join(
        f"{key}={value}"
        for key, value in {**release.selector, "app.kubernetes.io/managed-by": MANAGER}.items()
    )
    found: list[Found] = []
    for resource in KINDS.values():
        if resource in CLUSTER_WIDE:
            found += await _find_cluster_wide(client, resource, release)
            continue
        try:
            items, _ = await client.list_all(resource, release.namespace, label_selector=selector)
        except NotFound:  # a kind that this cluster does not serve
            continue
        except Forbidden:
            if resource != SERVICE_MONITORS:
                raise
            continue  # who may not look did not make one either
        found += [Found(resource, item["metadata"]["name"], release.namespace) for item in items]
    return found


async def _find_cluster_wide(client: Client, resource: Resource, release: Release) -> list[Found]:
    """Look for the names that there may be. Who may not look did not make them either."""
    found = []
    for name in cluster_wide_names(release):
        try:
            item = await client.get(resource, name)
        except (NotFound, Forbidden):
            continue
        if (item["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == MANAGER:
            found.append(Found(resource, name, None))
    return found


async def watch_start(
    client: Client, values: Values, release: Release, *, timeout: float, clock: Clock | None = None
) -> AsyncIterator[Progress]:
    """Yield how far the start is whenever that changed, until it is ready, has failed or `timeout` seconds have passed."""
    clock = clock or SystemClock()
    selector = ",".join(f"{key}={value}" for key, value in release.selector.items())
    end, last = clock.monotonic() + timeout, None
    while True:
        deployment = await client.get(DEPLOYMENTS, release.name, release.namespace)
        pods = await client.list(PODS, release.namespace, label_selector=selector)
        now = progress(deployment, pods["items"], elected=bool(values.database.secret))
        if now != last:
            yield now
        last = now
        if now.ready or now.failed or clock.monotonic() >= end:
            return
        await clock.sleep(POLL_SECONDS)


async def last_lines(client: Client, release: Release, pod: str) -> list[str]:
    """Return what a server's log said last, also that of one that has ended."""
    for previous in (True, False):
        try:
            options = LogOptions(previous=previous, tail_lines=LOG_LINES)
            async with client.logs(pod, release.namespace, "server", options) as chunks:
                text = b"".join([chunk async for chunk in chunks]).decode(errors="replace")
        except ApiError:
            continue
        if text.strip():
            return text.rstrip().splitlines()
    return []


async def remove(
    client: Client, release: Release, found: Sequence[Found], *, timeout: float, clock: Clock | None = None
) -> AsyncIterator[str]:
    """Delete what was found, the last applied first, and wait until the server's pods have ended; yields lines.

    Raises:
        TimeoutError: pods are still there after `timeout` seconds.
    """
    clock = clock or SystemClock()
    for one in reversed(found):
        await _delete(client, one)
        yield str(one)
    selector = ",".join(f"{key}={value}" for key, value in release.selector.items())
    end = clock.monotonic() + timeout
    while (await client.list(PODS, release.namespace, label_selector=selector))["items"]:
        if clock.monotonic() >= end:
            raise TimeoutError(f"the server's pods have not ended within {timeout:g} s")
        await clock.sleep(POLL_SECONDS)


async def _delete(client: Client, found: Found) -> None:
    try:
        await client.delete(found.resource, found.name, found.namespace, propagation="Background")
    except NotFound:
        return
