"""How pods find services by name: a DNS server where its port can be opened, a table of hosts for each pod where not."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable
from typing import Any

from seaway.controlplane.network.balance import has_address
from seaway.controlplane.network.dns import NameServer
from seaway.controlplane.network.proxy import BY_SERVICE, service_of
from seaway.controlplane.network.settings import NetworkSettings
from seaway.controlplane.network.zone import Zone
from seaway.objects.builtin import ENDPOINT_SLICES, NAMESPACES, SERVICES
from seaway.objects.meta import key, namespace
from seaway.reconcile.informer import Informers

log = logging.getLogger(__name__)
Object = dict[str, Any]
_MASTER = "default/kubernetes"


class Names:
    """What the nodes are told of names and services; see `Neighbours` of `seaway.controlplane.node`."""

    def __init__(self, informers: Informers, settings: NetworkSettings) -> None:
        self.name, self.domain = "names", settings.domain
        self._settings = settings
        self._services = services = informers.informer(SERVICES)
        self._slices = informers.informer(ENDPOINT_SLICES, indices={BY_SERVICE: service_of})
        namespaces = informers.informer(NAMESPACES)
        self.zone = Zone(
            domain=settings.domain,
            service=services.get,
            slices=lambda found: self._slices.by_index(BY_SERVICE, found),
            has_namespace=lambda found: namespaces.get(found) is not None,
            services=services.list,
            pods=ipaddress.IPv4Network(settings.pod_network),
        )
        self.name_server = ""
        """Address of the DNS server; empty where there can be none: then tables of hosts do."""

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Answer until cancelled, where the port of DNS can be opened."""
        server = NameServer(self.zone, self._settings.name_server)
        try:
            if self._settings.dns:
                await server.open()
                self.name_server = server.address
        except OSError as error:
            where = f"{server.address}:53"
            log.info("no DNS server on %s (%s): pods find services in their /etc/hosts", where, error)
        await server.run(ready)

    def services(self, place: str) -> list[Object]:
        """Return the services with an address that pods of a namespace get variables of."""
        return [
            service
            for service in self._services.list()
            if has_address(service) and (namespace(service) == place or key(service) == _MASTER)
        ]

    def hosts(self, place: str) -> str:
        """Return the table of hosts for pods of a namespace; empty where they ask a DNS server."""
        return "" if self.name_server else self.zone.hosts(place)

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call a function whenever tables of hosts may have changed; return what ends that."""
        ends = [one.subscribe(lambda *_: changed()) for one in (self._services, self._slices)]

        def end() -> None:
            for one in ends:
                one()

        return end
