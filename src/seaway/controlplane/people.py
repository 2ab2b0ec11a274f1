"""Who gets which kubeconfig: the cluster's owner administers everything, its user works in the workspace's namespace.

The user sees the whole cluster but its Secrets, and changes only what lies in the namespace.
"""

from __future__ import annotations

from contextlib import suppress

from seaway.client.client import Client
from seaway.controlplane.apiserver.bootstrap_roles import USERS_GROUP, users_binding
from seaway.controlplane.apiserver.pki import Pki
from seaway.controlplane.home import Place, write_kubeconfig
from seaway.objects.builtin import NAMESPACES, ROLE_BINDINGS
from seaway.objects.errors import AlreadyExists

USER = "seaway-user"


def write_kubeconfigs(place: Place, pki: Pki, namespace: str, now: float) -> None:
    """Write both kubeconfigs, mode 0600."""
    user = pki.client_pair("user", USER, (USERS_GROUP,), now)
    write_kubeconfig(place.kubeconfig, place.url, pki.ca, pki.admin, namespace)
    write_kubeconfig(place.user_kubeconfig, place.url, pki.ca, user, namespace)


async def let_users_in(administrator: Client, namespace: str) -> None:
    """Make the workspace's namespace, and let users edit what lies in it."""
    with suppress(AlreadyExists):  # of an earlier start
        await administrator.create(NAMESPACES, {"metadata": {"name": namespace}})
    with suppress(AlreadyExists):  # what the owner made of it since then stays
        await administrator.create(ROLE_BINDINGS, users_binding(namespace))
