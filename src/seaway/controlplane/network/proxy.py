"""Balance services: a listener for each address and port that has endpoints.

What kube-proxy is on real Kubernetes, but that connections pass through this process. All is level-triggered: a service's
listeners are made equal to what `balance` says; what cannot be listened on is said in an event and tried again.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterable
from typing import Any

from seaway.base.clock import Clock
from seaway.client.client import Client
from seaway.controlplane.network.balance import Bind, Target, is_balanced, targets, unserved
from seaway.controlplane.network.settings import NetworkSettings
from seaway.controlplane.network.tcp import TcpListener
from seaway.controlplane.network.udp import UdpListener
from seaway.objects.builtin import ENDPOINT_SLICES, SERVICES
from seaway.objects.meta import deletion_timestamp, labels, namespace
from seaway.reconcile.controller import DONE, Controller, Outcome, RequeueAfter
from seaway.reconcile.informer import Informers
from seaway.reconcile.recorder import EventRecorder
from seaway.reconcile.sources import Source

Object = dict[str, Any]
Listener = TcpListener | UdpListener
SERVICE_NAME = "kubernetes.io/service-name"
BY_SERVICE = "service"
_LASTING_SECONDS = 300.0
"""How soon to look again where only a change of the machine's settings helps."""


def service_of(endpoint_slice: Object) -> Iterable[str]:
    """Return the key of the service that a slice is of."""
    named = labels(endpoint_slice).get(SERVICE_NAME)
    return (f"{namespace(endpoint_slice)}/{named}",) if named else ()


def why_not(bind: Bind, error: OSError) -> str:
    """Return a sentence that says why an address cannot be listened on, and what helps."""
    where = f"{bind.address}:{bind.port}/{bind.protocol}"
    if isinstance(error, PermissionError):
        remedy = (
            f"choose a port from 1024 up, or allow it: sysctl net.ipv4.ip_unprivileged_port_start={bind.port}"
        )
        return f"{where} cannot be opened without root: {remedy}"
    if error.errno == errno.EADDRINUSE:
        remedy = "a program that listens on all addresses has to listen on its pod's own ($POD_IP) instead"
        return f"{where} is taken by another program, which answers there: {remedy}"
    if error.errno == errno.EADDRNOTAVAIL:
        remedy = f"add it (macOS: sudo ifconfig lo0 alias {bind.address}), or use kubectl port-forward"
        return f"this machine does not have the address {bind.address}: {remedy}"
    return f"{where} cannot be opened: {error.strerror or error}"


class ServiceProxy:
    """Holds the listeners of all services."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: EventRecorder,
        clock: Clock,
        settings: NetworkSettings,
    ) -> None:
        self.name = "service proxy"
        self._client, self._recorder, self._clock, self._settings = client, recorder, clock, settings
        self._services = informers.informer(SERVICES)
        self._slices = informers.informer(ENDPOINT_SLICES, indices={BY_SERVICE: service_of})
        self._listeners: dict[str, dict[Bind, Listener]] = {}
        self._told: dict[str, str] = {}
        self._retired: set[Listener] = set()
        sources = (Source(self._services), Source(self._slices, service_of))
        self._controller = Controller(self.name, sources, self._reconcile, clock=clock)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Balance until cancelled; then nothing is listened on any more."""
        try:
            await self._controller.run(ready)
        finally:
            self._retired |= {one for listeners in self._listeners.values() for one in listeners.values()}
            await asyncio.gather(*(listener.stop() for listener in self._retired))

    async def _reconcile(self, service_key: str) -> Outcome:
        service = self._services.get(service_key)
        if service is not None and deletion_timestamp(service) is not None:
            service = None
        slices = self._slices.by_index(BY_SERVICE, service_key) if service else ()
        wanted = targets(service, slices, self._settings.node_port_address) if service else {}
        problems = await self._level(service_key, wanted)
        if service is None:
            self._told.pop(service_key, None)
            return DONE
        self._tell(service_key, service, problems)
        await self._publish(service, served=not problems)
        if not problems:
            return DONE
        passing = any(error.errno == errno.EADDRINUSE for error in problems.values())
        return RequeueAfter(self._settings.retry_seconds if passing else _LASTING_SECONDS)

    async def _level(self, service_key: str, wanted: dict[Bind, Target]) -> dict[str, OSError]:
        """Make a service's listeners as wanted; return what could not be opened, in sentences, and why."""
        listeners = self._listeners.setdefault(service_key, {})
        for bind in listeners.keys() - wanted.keys():
            self._retire(listeners.pop(bind))
        problems: dict[str, OSError] = {}
        for bind, target in wanted.items():
            if bind in listeners:
                listeners[bind].target = target
                continue
            kind = TcpListener if bind.protocol == "TCP" else UdpListener
            listener: Listener = kind(bind, target, self._clock)
            try:
                await listener.open()
            except OSError as error:
                problems[why_not(bind, error)] = error
                continue
            listeners[bind] = listener
        if not listeners:
            del self._listeners[service_key]
        return problems

    def _retire(self, listener: Listener) -> None:
        """Take no more connections; those that are open go on."""
        listener.close()
        self._retired = {
            one for one in (*self._retired, listener) if isinstance(one, TcpListener) and one.open_now
        }

    def _tell(self, service_key: str, service: Object, problems: Iterable[str]) -> None:
        """Say in an event what does not work, once for each change of it."""
        paths = unserved(service)
        said = [*problems, *([f"No effect here: {', '.join(paths)}"] if paths else [])]
        text = "; ".join(said)
        if text and self._told.get(service_key) != text:
            self._recorder.event(service, "Warning", "NotServed", text)
        self._told[service_key] = text

    async def _publish(self, service: Object, *, served: bool) -> None:
        """Say in the status of a LoadBalancer service where it answers: on its cluster address, like all on this machine."""
        if not is_balanced(service):
            return
        points = [{"ip": service["spec"]["clusterIP"], "ipMode": "VIP"}] if served else []
        balancer = {"ingress": points} if points else {}
        if (service.get("status") or {}).get("loadBalancer", {}) != balancer:
            status = {**(service.get("status") or {}), "loadBalancer": balancer}
            await self._client.replace(SERVICES, {**service, "status": status}, "status")
