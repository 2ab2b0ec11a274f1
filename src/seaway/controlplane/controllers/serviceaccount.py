"""Every namespace has its `default` service account and the cluster's certificate authority as `kube-root-ca.crt`.

Source: kube-controller-manager's serviceaccount and root-ca-cert-publisher controllers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.controlplane.controllers.context import Context
from seaway.objects.builtin import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS
from seaway.objects.errors import AlreadyExists, Forbidden, NotFound
from seaway.objects.meta import deletion_timestamp, name, namespace
from seaway.reconcile.controller import DONE, Controller, Outcome
from seaway.reconcile.sources import Source

Object = dict[str, Any]
ROOT_CA = "kube-root-ca.crt"


def build(context: Context) -> Controller:
    """Return the controller."""
    client, informers = context.client, context.informers
    namespaces = informers.informer(NAMESPACES)
    accounts = informers.informer(SERVICE_ACCOUNTS)
    configs = informers.informer(CONFIG_MAPS, field_selector=f"metadata.name={ROOT_CA}")
    certificate = context.settings.ca_certificate

    async def reconcile(key: str) -> Outcome:
        owner = namespaces.get(key)
        if owner is None or deletion_timestamp(owner) is not None:
            return DONE
        try:
            if accounts.get(f"{key}/default") is None:
                await _create(SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": key}})
            config = configs.get(f"{key}/{ROOT_CA}")
            if certificate and (config is None or config.get("data") != {"ca.crt": certificate}):
                await _publish(key, config)
        except (Forbidden, NotFound):
            if (current := namespaces.get(key)) is not None and deletion_timestamp(current) is None:
                raise
        return DONE

    async def _publish(key: str, config: Object | None) -> None:
        data = {"ca.crt": certificate}
        if config is None:
            await _create(CONFIG_MAPS, {"metadata": {"name": ROOT_CA, "namespace": key}, "data": data})
        else:
            await client.replace(CONFIG_MAPS, {**config, "data": data})

    async def _create(resource: Any, obj: Object) -> None:
        try:
            await client.create(resource, obj)
        except AlreadyExists:
            return  # the informer has not seen it yet; its event comes back here

    sources = (Source(namespaces), Source(accounts, _of_default), Source(configs, _of_any))
    return Controller("serviceaccount", sources, reconcile, clock=context.clock)


def _of_default(account: Object) -> Iterable[str]:
    return (namespace(account),) if name(account) == "default" else ()


def _of_any(config: Object) -> Iterable[str]:
    return (namespace(config),)
