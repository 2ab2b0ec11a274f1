"""Every part of the cluster's network, joined."""

from __future__ import annotations

from seaway.base.clock import Clock
from seaway.client.client import Client
from seaway.controlplane.network.proxy import ServiceProxy
from seaway.controlplane.network.settings import NetworkSettings
from seaway.reconcile.informer import Informers
from seaway.reconcile.manager import Runnable
from seaway.reconcile.recorder import EventRecorder


def build_network(
    client: Client, informers: Informers, recorder: EventRecorder, clock: Clock, settings: NetworkSettings
) -> tuple[Runnable, ...]:
    """Return what balances services, over informers that others share."""
    return (ServiceProxy(client, informers, recorder, clock, settings),)
