"""Machines that are off, as an administrator confirms it: their pods may go on elsewhere, since nothing of them runs.

A node that does not answer may be cut off, with its programs running on; only somebody who has seen the machine knows.
Kubernetes takes the word for it as the taint `node.kubernetes.io/out-of-service` (KEP-2268): pods on the node are
removed although it confirms nothing, and their volumes are detached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from seaway.base.clock import Clock
from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.model.node import NodeView
from seaway.objects.builtin import NODES
from seaway.objects.errors import ApiError
from seaway.objects.errors import Conflict as ObjectConflict
from seaway.objects.errors import Forbidden as ObjectForbidden
from seaway.objects.errors import NotFound as ObjectNotFound
from seaway.objects.meta import get_condition
from seaway.objects.names import dns_subdomain_faults
from seaway.objects.pods import has_ended
from seaway.platform.cluster_view import ClusterView
from seaway.platform.database.records import ActRecord
from seaway.platform.engine.requests import Requests
from seaway.platform.engine.state import RunState
from seaway.platform.errors import Conflict, Forbidden, NotFound, Unavailable
from seaway.platform.history.acts import CONFIRM_OFF, UNDO_CONFIRM_OFF
from seaway.platform.history.recorder import Recorder
from seaway.platform.workloads import labels
from seaway.platform.workspaces.refusals import away

Object = dict[str, Any]
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
_TAINT = {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"}
_TRIES = 5


def taints(node: Object, *, off: bool) -> list[Object]:
    """Return the taints that a node has when it is, or is no longer, confirmed to be off."""
    present = (node.get("spec") or {}).get("taints") or []
    others = [taint for taint in present if taint.get("key") != OUT_OF_SERVICE]
    if not off:
        return others
    return present if len(others) != len(present) else [*present, _TAINT]


def patch(node: Object, *, off: bool, by: str) -> Object:
    """Return what is written onto a node as it was read: the taint and who confirmed it go on, or come off, as one."""
    metadata = node["metadata"]
    before = (metadata.get("annotations") or {}).get(labels.CONFIRMED_OFF_BY)
    fresh = off and not _is_confirmed(node)
    kept = by if fresh else before if off else None
    return {
        "metadata": {
            "resourceVersion": metadata["resourceVersion"],
            "annotations": {labels.CONFIRMED_OFF_BY: kept},
        },
        "spec": {"taints": taints(node, off=off) or None},
    }


def _is_confirmed(node: Object) -> bool:
    present = (node.get("spec") or {}).get("taints") or []
    return taints(node, off=False) != present


def answers(node: Object) -> bool:
    """Return whether a node still says how it is, be that well or not: of one that has fallen silent the cluster says Unknown."""
    return (get_condition(node, "Ready") or {}).get("status") in ("True", "False")


def view_of(node: Object, states: Iterable[RunState], pods: Sequence[Object] | None) -> NodeView:
    """Return a node with what is on it.

    Args:
        node: as the cluster shows it.
        states: of all runs that have not ended.
        pods: of the whole cluster; None where they may not be seen.
    """
    name = node["metadata"]["name"]
    ready = get_condition(node, "Ready") or {}
    told = ready.get("message") or ready.get("reason") or "it has said nothing yet"
    here = [
        pod for pod in pods or () if (pod.get("spec") or {}).get("nodeName") == name and not has_ended(pod)
    ]
    others = [pod for pod in here if labels.RUN_UID not in (pod["metadata"].get("labels") or {})]
    return NodeView(
        name=name,
        ready=ready.get("status") == "True",
        condition=f"Ready is {ready.get('status', 'Unknown')}: {told}",
        confirmed_off=_is_confirmed(node),
        confirmed_off_by=(node["metadata"].get("annotations") or {}).get(labels.CONFIRMED_OFF_BY, ""),
        runs=tuple(sorted(state.run.name for state in states if _is_on(state, name))),
        other_pods=None if pods is None else len(others),
    )


def _is_on(state: RunState, node: str) -> bool:
    return any(one.node == node and not one.phase.ended for one in state.attempts.values())


class ConfirmingOff:
    """Takes an administrator's word that a machine is off, and takes it back.

    Args:
        client: of the cluster; it must be allowed to patch nodes.
        view: what is seen of the cluster.
        requests: tells the runs on the node.
        states: of all runs that have not ended.
        recorder: keeps who confirmed what.
        clock: where time comes from.
    """

    def __init__(
        self, client: Client, view: ClusterView, requests: Requests, states: Callable[[], Iterable[RunState]],
        recorder: Recorder, clock: Clock,
    ) -> None:  # fmt: skip
        self._client, self._view, self._requests = client, view, requests
        self._states, self._recorder, self._clock = states, recorder, clock

    async def look(self, name: str) -> NodeView:
        """Return a node and what is on it. Raises NotFound; Forbidden where nodes may not be seen; Unavailable."""
        with _reachable():
            node, pods = await self._node(name), await self._view.everybodys_pods()
        return view_of(node, self._states(), pods)

    async def confirm(self, name: str, by: str) -> NodeView:
        """Have the pods of a node removed, whose machine is off.

        Raises:
            NotFound: there is no such node.
            Conflict: it answers, so that it is not off.
            Forbidden: the server may not see nodes, or not mark them.
            Unavailable: the cluster does not answer, or the node changes all the time.
        """
        before = await self._mark(name, by, off=True)
        if not before.confirmed_off:
            self._acted(name, CONFIRM_OFF, by)
            self._requests.tell_off(name, by)
        return await self.look(name)

    async def undo(self, name: str, by: str) -> NodeView:
        """Have pods placed on a node again. Raises as `confirm` does, whether it answers or not."""
        before = await self._mark(name, by, off=False)
        if before.confirmed_off:
            self._acted(name, UNDO_CONFIRM_OFF, by)
        return await self.look(name)

    async def _mark(self, name: str, by: str, *, off: bool) -> NodeView:
        """Write the taint, or take it off; only onto the node as it was read, so that none that answers again gets it."""
        for _ in range(_TRIES):
            with _reachable():
                node = await self._node(name)
            before = view_of(node, (), ())
            if off and answers(node):
                raise _still_on(name, before)
            try:
                with _reachable():
                    await self._client.patch(NODES, name, patch(node, off=off, by=by))
            except ObjectConflict:
                continue
            except ObjectNotFound as error:
                raise self._unknown(name) from error
            except ObjectForbidden as error:
                raise Forbidden(
                    f"this server may not mark nodes ({error.message})", remedy=_by_hand(name, off=off)
                ) from error
            return before
        raise Unavailable(
            f"the node {name} changes all the time", field="node", remedy="Try again in a moment."
        )

    async def _node(self, name: str) -> Object:
        if dns_subdomain_faults(name):  # it would be another place in the cluster's API
            raise self._unknown(name)
        try:
            return await self._client.get(NODES, name)
        except ObjectNotFound as error:
            raise self._unknown(name) from error
        except ObjectForbidden as error:
            raise Forbidden(
                f"this server may not see nodes ({error.message})", remedy=_by_hand(name, off=True)
            ) from error

    def _unknown(self, name: str) -> NotFound:
        known = ", ".join(node["metadata"]["name"] for node in self._view.all_nodes()[:10])
        return NotFound(
            f"there is no node {name!r}", field="node", remedy=f"The nodes are {known}" if known else ""
        )

    def _acted(self, name: str, verb: str, by: str) -> None:
        self._recorder.acted(ActRecord(self._clock.now(), by, verb, "Node", name))


@contextmanager
def _reachable() -> Iterator[None]:
    """Raise Unavailable in place of what says that the cluster does not answer."""
    try:
        yield
    except (ObjectConflict, ObjectNotFound, ObjectForbidden):
        raise
    except (ApiError, ClientError) as error:
        raise away(error) from error


def _still_on(name: str, seen: NodeView) -> Conflict:
    drain = f"To have its pods leave: kubectl drain {name} (on this machine: seaway cluster drain {name})"
    soon = "Where it was switched off just now: try again when the cluster says Unknown of it, within a minute or so"
    return Conflict(
        f"the node {name} answers: its machine is not off" + ("" if seen.ready else f" ({seen.condition})"),
        field="node", remedy=drain if seen.ready else f"{soon}. {drain}",
    )  # fmt: skip


def _by_hand(name: str, *, off: bool) -> str:
    last = "" if off else "-"
    return (
        f"kubectl taint nodes {name} {OUT_OF_SERVICE}=nodeshutdown:NoExecute{last} does the same; "
        "to let the server do it: seaway install --set rbac.nodes=true --set rbac.confirmOff=true"
    )
