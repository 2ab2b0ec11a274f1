"""Daemon sets: the shell around `daemonplan.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.base.clock import Clock
from seaway.base.tasks import Backoff
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.workloads.children import (
    CONTROLLER,
    NAMESPACE,
    by_controller,
    by_namespace,
    candidates,
    claim,
    collided,
    owner_keys,
)
from seaway.controlplane.controllers.workloads.daemonnodes import new_pod, node_of
from seaway.controlplane.controllers.workloads.daemonplan import DaemonPlan, plan_daemon_set
from seaway.controlplane.controllers.workloads.history import REVISION_HASH, outdated, revision_label
from seaway.controlplane.controllers.workloads.pods import BURST, Hands
from seaway.controlplane.controllers.workloads.revisions import Collided, Keeper
from seaway.objects.builtin import NODES, PODS
from seaway.objects.meta import deletion_timestamp, key, labels, name, uid
from seaway.objects.workloads import DAEMON_SETS
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, Outcome, RequeueAfter
from seaway.reconcile.ownwrites import STALE, OwnWrites
from seaway.reconcile.sources import Source

Object = dict[str, Any]
COMPONENT = "daemonset-controller"
_BACKOFF = Backoff(initial=1.0, cap=900.0)


class FailedPods:
    """How long a failed pod stays on a node before the next one comes, longer each time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[int, float]] = {}

    def held(self, owner: Object, node: str) -> float:
        """Return the seconds for which a failed pod on a node stays still."""
        failures, since = self._known.get((uid(owner), node), (0, 0.0))
        return max(0.0, since + _BACKOFF.delay(failures) - self._clock.monotonic()) if failures else 0.0

    def note(self, owner: Object, node: str) -> None:
        """Remember that a failed pod was replaced; what lies long back is forgotten."""
        now = self._clock.monotonic()
        self._known = {k: v for k, v in self._known.items() if now - v[1] < 2 * _BACKOFF.cap}
        failures, _ = self._known.get((uid(owner), node), (0, 0.0))
        self._known[uid(owner), node] = failures + 1, now


class DaemonSetController:
    """Carries out plans."""

    def __init__(self, context: Context) -> None:
        self._client, self._clock = context.client, context.clock
        self._writes, self._failed = OwnWrites(), FailedPods(context.clock)
        self._sets = context.informers.informer(DAEMON_SETS, indices={NAMESPACE: by_namespace})
        self._pods = context.informers.informer(PODS, indices={CONTROLLER: by_controller})
        self._nodes = context.informers.informer(NODES)
        self._hands = Hands(context, COMPONENT, self._sets, self._pods, self._writes)
        self._keeper = Keeper(context, COMPONENT, self._sets, REVISION_HASH, self._writes)
        keys = owner_keys(DAEMON_SETS, self._sets)
        self.controller = Controller(
            "daemonset",
            (Source(self._sets), Source(self._pods, keys), Source(self._keeper.informer, keys), Source(self._nodes, self._all)),
            self.reconcile,
            clock=context.clock,
            settings=ControllerSettings(workers=context.settings.workers),
        )  # fmt: skip

    def _all(self, _: Object) -> Iterable[str]:
        return [key(one) for one in self._sets.list()]

    async def reconcile(self, set_key: str) -> Outcome:
        """Bring one daemon set forward by a step."""
        daemon_set = self._sets.get(set_key)
        if daemon_set is None or deletion_timestamp(daemon_set) is not None:
            self._writes.forget(set_key)
            return DONE
        if not self._writes.are_seen(set_key):
            return STALE
        if daemon_set["spec"]["selector"] == {}:
            message = "This daemon set is selecting all pods. A non-empty selector is required."
            self._hands.report(daemon_set, "SelectingAll", message, warning=True)
            return DONE
        pods = await self._hands.settle(daemon_set, claim(daemon_set, candidates(self._pods, daemon_set)))
        try:
            history = await self._keeper.history(daemon_set)
        except Collided:
            await self._hands.write_status(daemon_set, collided(daemon_set))
            return DONE
        revision = labels(history.newest)[REVISION_HASH]

        def held(node: str) -> float:
            return self._failed.held(daemon_set, node)

        plan = plan_daemon_set(daemon_set, self._nodes.list(), pods, revision, held, self._clock.now())
        await self._carry_out(daemon_set, plan, revision)
        hashes = set(map(revision_label, pods))
        live = {name(one) for one in history.revisions if labels(one).get(REVISION_HASH) in hashes}
        limit = daemon_set["spec"].get("revisionHistoryLimit", 10)
        await self._keeper.forget(daemon_set, outdated(history, live, limit))
        return DONE if plan.again is None else RequeueAfter(plan.again)

    async def _carry_out(self, daemon_set: Object, plan: DaemonPlan, revision: str) -> None:
        for pod in plan.ended:
            self._report_end(daemon_set, pod)
        wanted = [new_pod(daemon_set, node, revision) for node in plan.create[:BURST]]
        failure = await self._hands.create(daemon_set, wanted)
        failure = await self._hands.delete(daemon_set, plan.delete[:BURST]) or failure
        await self._hands.write_status(daemon_set, plan.status)
        if failure is not None:
            raise failure

    def _report_end(self, daemon_set: Object, pod: Object) -> None:
        where = f"daemon pod {key(pod)} on node {node_of(pod)}"
        if pod["status"]["phase"] == "Failed":
            self._failed.note(daemon_set, node_of(pod))
            message = f"Found failed {where}, will try to kill it"
            self._hands.report(daemon_set, "FailedDaemonPod", message, warning=True)
        else:
            message = f"Found succeeded {where}, will try to delete it"
            self._hands.report(daemon_set, "SucceededDaemonPod", message)


def build(context: Context) -> Controller:
    """Return the controller."""
    return DaemonSetController(context).controller
