"""What a controller is built from."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.base.clock import Clock
from seaway.client.client import Client
from seaway.controlplane.controllers.settings import ControllersSettings
from seaway.reconcile.informer import Informers
from seaway.reconcile.recorder import EventRecorder


@dataclass(frozen=True, slots=True)
class Context:
    """Shared by all controllers of a cluster."""

    client: Client
    informers: Informers
    recorder: EventRecorder
    clock: Clock
    settings: ControllersSettings
