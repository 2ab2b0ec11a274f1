"""Who gets which kubeconfig: the cluster's owner administers everything, its user works in the workspace's namespace.

The user sees the whole cluster but its Secrets, and changes only what lies in the namespace.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from seaway.base.clock import Clock
from seaway.client.client import Client
from seaway.controlplane.apiserver.bootstrap_roles import USERS_GROUP, users_binding
from seaway.controlplane.apiserver.pki import Pair, Pki, ensure_pki
from seaway.controlplane.home import Place, write_kubeconfig
from seaway.objects.builtin import NAMESPACES, ROLE_BINDINGS
from seaway.objects.errors import AlreadyExists, Forbidden, NotFound
from seaway.objects.meta import deletion_timestamp
from seaway.reconcile.controller import DONE, Controller, Outcome
from seaway.reconcile.informer import Informers
from seaway.reconcile.sources import Source

Object = dict[str, Any]
log = logging.getLogger(__name__)
USER = "seaway-user"
WORKSPACE_ANNOTATION = "seaway.dev/workspace"
"""On the namespaces that Seaway's server makes."""


def write_kubeconfigs(place: Place, pki: Pki, namespace: str, now: float) -> None:
    """Write both kubeconfigs, mode 0600."""
    user = pki.client_pair("user", USER, (USERS_GROUP,), now)
    write_kubeconfig(place.kubeconfig, place.url, pki.ca, pki.admin, namespace)
    write_kubeconfig(place.user_kubeconfig, place.url, pki.ca, user, namespace)


def renew_certificates(place: Place, pki: Pki, hosts: Sequence[str], namespace: str, now: float) -> None:
    """Make the certificates anew that are about to expire, and the kubeconfigs that hold them. Raises PkiBroken, OSError.

    The authority stays: whoever trusts it goes on trusting the API server.
    """
    pairs = (pki.admin, Pair(pki.folder / "user.crt", pki.folder / "user.key"))
    before = [pair.certificate.read_bytes() for pair in pairs]
    ensure_pki(pki.folder, hosts, now, starting=False)
    pki.client_pair("user", USER, (USERS_GROUP,), now)
    if before != [pair.certificate.read_bytes() for pair in pairs]:
        write_kubeconfigs(place, pki, namespace, now)


async def let_users_in(administrator: Client, namespace: str) -> str:
    """Make the workspace's namespace, and let users edit what lies in it; return its uid, "" while it is being deleted."""
    with suppress(AlreadyExists):  # of an earlier start
        await administrator.create(NAMESPACES, {"metadata": {"name": namespace}})
    try:
        with suppress(AlreadyExists):  # what the owner made of it since then stays
            await administrator.create(ROLE_BINDINGS, users_binding(namespace))
        return str((await administrator.get(NAMESPACES, namespace))["metadata"]["uid"])
    except (Forbidden, NotFound):
        log.info("the namespace %s is being deleted; it is made anew when it has gone", namespace)
        return ""


def build_workspace(
    administrator: Client, informers: Informers, namespace: str, prepared: str, clock: Clock
) -> Controller:
    """Return what makes the workspace's namespace anew when somebody deletes it, and lets users edit what lies in workspaces.

    Args:
        administrator: may grant rights.
        informers: shared with the other controllers.
        namespace: the default workspace's.
        prepared: what `let_users_in` returned at the start. Rights that the owner takes away from it later stay away.
        clock: where time comes from.
    """
    namespaces = informers.informer(NAMESPACES)
    done = {namespace: prepared}

    async def reconcile(name: str) -> Outcome:
        found = namespaces.get(name)
        if found is None:
            done.pop(name, None)
        if name == namespace:
            if found is None or _is_new(found, done.get(name)):
                done[name] = await let_users_in(administrator, name)
        elif found is not None and _is_workspace(found) and _is_new(found, done.get(name)):
            with suppress(AlreadyExists, Forbidden, NotFound):  # there already, or the namespace is ending
                await administrator.create(ROLE_BINDINGS, users_binding(name))
            done[name] = found["metadata"]["uid"]
        return DONE

    return Controller("workspace", (Source(namespaces),), reconcile, clock=clock)


def _is_new(namespace: Object, known: str | None) -> bool:
    """Whether nothing was done yet for a namespace that stays."""
    return deletion_timestamp(namespace) is None and namespace["metadata"]["uid"] != known


def _is_workspace(namespace: Object) -> bool:
    """Whether Seaway's server made the namespace for a workspace."""
    return WORKSPACE_ANNOTATION in (namespace["metadata"].get("annotations") or {})
