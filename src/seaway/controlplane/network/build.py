"""Every part of the cluster's network, joined."""

from __future__ import annotations

from typing import NamedTuple

from seaway.base.clock import Clock
from seaway.client.client import Client
from seaway.controlplane.network.ingress import IngressProxy
from seaway.controlplane.network.names import Names
from seaway.controlplane.network.proxy import ServiceProxy
from seaway.controlplane.network.settings import NetworkSettings
from seaway.reconcile.informer import Informers
from seaway.reconcile.manager import Runnable
from seaway.reconcile.recorder import EventRecorder


class Network(NamedTuple):
    """The parts."""

    names: Names
    """What the nodes ask."""
    parts: tuple[Runnable, ...]


def build_network(
    client: Client, informers: Informers, recorder: EventRecorder, clock: Clock, settings: NetworkSettings
) -> Network:
    """Return what balances services, knows their names and serves Ingresses, over informers that others share."""
    names = Names(informers, settings)
    services = ServiceProxy(client, informers, recorder, clock, settings)
    return Network(names, (names, services, IngressProxy(client, informers, recorder, clock, settings)))
