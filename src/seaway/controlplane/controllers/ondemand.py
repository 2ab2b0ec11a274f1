"""Controllers of kinds that few clusters have: their code is read when the first object of the kind is there.

An idle cluster so neither waits for them at its start nor keeps them in memory. The collection itself is watched by the
garbage collector anyway, and shared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module

from seaway.controlplane.controllers.context import Context
from seaway.objects.resource import Resource
from seaway.reconcile.manager import Runnable


class OnDemand:
    """A controller that begins when there is something to control."""

    def __init__(self, context: Context, name: str, resource: Resource, module: str, function: str) -> None:
        self.name = name
        self._context, self._module, self._function = context, module, function
        self._informer = context.informers.informer(resource)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Wait for the first object, then run the controller until cancelled; `ready` is called at once."""
        found = asyncio.Event()
        end = self._informer.subscribe(lambda *_: found.set())
        ready()
        try:
            await found.wait()
        finally:
            end()
        built: Runnable = getattr(import_module(self._module), self._function)(self._context)
        await built.run(lambda: None)


def on_demand(
    name: str, resource: Resource, module: str, function: str = "build"
) -> Callable[[Context], Runnable]:
    """Return what builds the controller of a kind.

    Args:
        name: of the controller.
        resource: whose first object begins it.
        module: under this package.
        function: of the module; given the context, returns the controller.
    """
    return lambda context: OnDemand(context, name, resource, f"{__package__}.{module}", function)
