"""Changing an object on its way to the store: mutating policies and webhooks, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seaway.base.clock import Clock, rfc3339
from seaway.controlplane.apiserver import accepting
from seaway.controlplane.apiserver.authorization import Authorizer
from seaway.controlplane.apiserver.dynamic.conditions import judging
from seaway.controlplane.apiserver.dynamic.configurations import Bound
from seaway.controlplane.apiserver.dynamic.evaluation import Evaluation
from seaway.controlplane.apiserver.dynamic.matching import matched
from seaway.controlplane.apiserver.dynamic.mutations import MutationFailed, mutated
from seaway.controlplane.apiserver.dynamic.parameters import Misconfigured, parameters
from seaway.controlplane.apiserver.dynamic.request import AdmissionRequest
from seaway.controlplane.apiserver.dynamic.reviews import Denied
from seaway.controlplane.apiserver.dynamic.webhooks import Webhooks, internal_error
from seaway.controlplane.apiserver.served import KindTable, Served
from seaway.controlplane.apiserver.writing import IGNORE, WriteOptions
from seaway.objects.errors import ApiError
from seaway.objects.jsonpatch import NotApplicable
from seaway.objects.meta import copy
from seaway.objects.patch import json_patch

Object = dict[str, Any]
Mutator = Bound | Object
"""A policy with its bindings, or a webhook."""
_FIXED = ("name", "namespace", "uid", "creationTimestamp")
_PLAIN = WriteOptions("", validation=IGNORE)


class Changes:
    """Lets mutators change an object."""

    def __init__(self, webhooks: Webhooks, table: KindTable, authorizer: Authorizer, clock: Clock) -> None:
        self._webhooks = webhooks
        self._table = table
        self._authorizer = authorizer
        self._clock = clock

    def reinvocable(self, mutator: Mutator) -> bool:
        """Tell whether a mutator wants to look again at what others changed after it."""
        own = mutator[0]["spec"] if isinstance(mutator, tuple) else mutator
        return own.get("reinvocationPolicy") == "IfNeeded"

    async def make(
        self, request: AdmissionRequest, mutators: Sequence[Mutator]
    ) -> tuple[bool, list[Mutator]]:
        """Let mutators change the request's object, in order.

        Returns:
            Whether any did, and those who want to look again at what others changed after them.

        Raises:
            ApiError: one says no, or failed and may not be ignored.
        """
        seen: list[Mutator] = []
        again: list[Mutator] = []
        changed = False
        for mutator in mutators:
            if isinstance(mutator, tuple):
                with judging(self._authorizer, request.attributes.user):
                    changes = self._by_policy(request, mutator)
            else:
                changes = await self._by_webhook(request, mutator)
            if changes is None:
                continue
            if changes:
                changed, again, seen = True, again + seen, []
            if self.reinvocable(mutator):
                seen.append(mutator)
        return changed, again

    async def _by_webhook(self, request: AdmissionRequest, webhook: Object) -> bool | None:
        """Return whether a webhook changed the object, None where it was not asked."""
        invocation = self._webhooks.invocation(request, webhook)
        if invocation is None:
            return None
        response = await self._webhooks.ask(request, invocation, mutating=True)
        if response is None or not response.patch:
            return False
        shown = request.object(invocation.served)
        if shown is None:
            words = "attempted to modify the object, which is not supported for this operation"
            raise internal_error(f'admission webhook "{webhook["name"]}" {words}')
        try:
            patched = json_patch(copy(shown), response.patch)
        except ApiError as error:
            raise internal_error(error.why if isinstance(error, NotApplicable) else error.message) from None
        return self._take(request, invocation.served, patched)

    def _by_policy(self, request: AdmissionRequest, bound: Bound) -> bool | None:
        """Return whether a policy changed the object, None where it is not for it."""
        policy, bindings = bound
        served = matched(request, policy["spec"]["matchConstraints"])
        if served is None or request.operation == "DELETE":
            return None
        changes = False
        for binding in bindings:
            matching = binding["spec"].get("matchResources")
            if matching and matched(request, matching) is None:
                continue
            try:
                changes |= self._by_binding(request, policy, binding, served)
            except (Misconfigured, MutationFailed) as error:
                if policy["spec"].get("failurePolicy") != "Ignore":
                    raise _refused(request, policy, binding, error) from None
        return changes

    def _by_binding(self, request: AdmissionRequest, policy: Object, binding: Object, served: Served) -> bool:
        from seaway.controlplane.cel.environment import EvaluationError

        changes, now = False, rfc3339(self._clock.now())
        spec, namespace = policy["spec"], request.namespace_object()
        for params in parameters(
            request, self._table, spec.get("paramKind"), binding["spec"].get("paramRef")
        ):
            for mutation in spec["mutations"]:
                evaluation = Evaluation(policy, request, served, namespace, params)
                try:
                    if not evaluation.wanted():
                        break
                except EvaluationError as error:
                    raise MutationFailed(str(error)) from None
                shown = request.object(served)
                assert shown is not None, "a deletion is not mutated"
                changes |= self._take(
                    request, served, mutated(evaluation, mutation, copy(shown), served, now)
                )
        return changes

    def _take(self, request: AdmissionRequest, served: Served, patched: Any) -> bool:
        """Make what somebody made of the object the object. Raises InternalError."""
        attributes = request.attributes
        before = attributes.object
        try:
            obj = accepting.typed_object(served, patched, shared=False)
            accepting.check_structure(served, obj, _PLAIN, [])
        except ApiError as error:
            raise internal_error(error.message) from None
        for field in _FIXED:
            if obj["metadata"].get(field) != before["metadata"].get(field):
                raise internal_error(f"metadata.{field} may not be changed by admission")
        stored = served.to_storage(obj)
        served.base.kind.default(stored)
        attributes.object = stored
        return stored != before


def _refused(request: AdmissionRequest, policy: Object, binding: Object, why: Exception) -> Denied:
    bound = f"policy '{policy['metadata']['name']}' with binding '{binding['metadata']['name']}' denied request: {why}"
    status = request.attributes.refuse(bound).to_status() | {"message": bound}
    status["details"]["causes"] = [{"message": bound}]
    if isinstance(why, MutationFailed):
        status["reason"] = "Invalid"
    error = Denied(status)
    error.code = 403  # type: ignore[misc]  # this denial's own
    return error
