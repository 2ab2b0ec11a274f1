"""The order of dynamic admission: who is asked about a write, in which order, and what follows.

Mutating policies come first, then mutating webhooks, one after another; what changed the object lets the steps of
every cluster and those who ask for it look again. Then, on the object as it is to be stored, validating policies and
validating webhooks, these all at once.

Source: KEP-1872 and KEP-3488; "Reinvocation policy" of Kubernetes' "Dynamic Admission Control".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from seaway.base.clock import Clock
from seaway.controlplane.apiserver.admission import Attributes, Operation, Step, admit
from seaway.controlplane.apiserver.authorization import Authorizer
from seaway.controlplane.apiserver.dynamic.calling import Caller
from seaway.controlplane.apiserver.dynamic.changes import Changes, Mutator
from seaway.controlplane.apiserver.dynamic.conditions import judging
from seaway.controlplane.apiserver.dynamic.configurations import GROUP, Bound, Configurations
from seaway.controlplane.apiserver.dynamic.evaluation import Evaluation
from seaway.controlplane.apiserver.dynamic.matching import matched
from seaway.controlplane.apiserver.dynamic.parameters import Misconfigured, parameters
from seaway.controlplane.apiserver.dynamic.policies import Decision, decisions, denial, warned
from seaway.controlplane.apiserver.dynamic.request import AdmissionRequest
from seaway.controlplane.apiserver.dynamic.webhooks import Webhooks, first_error
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.served import KindTable
from seaway.controlplane.apiserver.writing import Write
from seaway.objects.meta import copy

Object = dict[str, Any]


class DynamicAdmission:
    """Asks webhooks and policies about writes.

    Args:
        lookup: reads configurations, namespaces, parameters and services.
        table: the kinds that are served.
        authorizer: answers expressions that ask what a caller may do.
        again: the steps of every cluster that look again at an object that was changed.
        clock: for applied configurations.
    """

    def __init__(
        self,
        lookup: StoreLookup,
        table: KindTable,
        authorizer: Authorizer,
        again: Sequence[Step],
        clock: Clock,
    ) -> None:
        self.configured = Configurations(lookup)
        self._lookup = lookup
        self._table = table
        self._authorizer = authorizer
        self._again = again
        self._caller = Caller(lookup)
        self._webhooks = Webhooks(self._caller, authorizer)
        self._changes = Changes(self._webhooks, table, authorizer, clock)

    async def stop(self) -> None:
        """Close the connections to webhooks."""
        await self._caller.close()

    def mutates(self, attributes: Attributes) -> bool:
        """Tell whether anybody might change this write."""
        found = self.configured.mutating or self.configured.mutating_policies
        return bool(found) and attributes.resource.group != GROUP and not _within(attributes)

    def validates(self, attributes: Attributes) -> bool:
        """Tell whether anybody might refuse this write."""
        found = self.configured.validating or self.configured.validating_policies
        return bool(found) and attributes.resource.group != GROUP and not _within(attributes)

    async def consult(self, write: Write, obj: Object, operation: Operation = "CREATE") -> None:
        """Let policies and webhooks refuse what a subresource does by itself. Raises ApiError.

        Args:
            write: which subresource, of which object.
            obj: of the subresource's own kind: an eviction, a binding, the options of a connection.
            operation: what is done.
        """
        if not (self.configured.validating or self.configured.validating_policies):
            return
        options = write.options.to_object(operation)
        attributes = Attributes(
            operation, write.served, write.namespace, write.name, write.subresource, obj, None, write.user, self._lookup,
            write.options.dry_run, write.warnings, options,
        )  # fmt: skip
        await self.validate(attributes)

    async def mutate(self, attributes: Attributes) -> None:
        """Let policies and webhooks change the object to be stored. Raises ApiError."""
        request = AdmissionRequest(attributes, self._table)
        everybody: list[Mutator] = [*self.configured.mutating_policies, *self.configured.mutating]
        changed, again = await self._changes.make(request, everybody)
        if not changed:
            return
        before = copy(attributes.object)
        admit(self._again, attributes)
        if attributes.object != before:
            again = [one for one in everybody if self._changes.reinvocable(one)]
        await self._changes.make(request, again)

    async def validate(self, attributes: Attributes) -> None:
        """Let policies and webhooks refuse the object to be stored. Raises ApiError."""
        request = AdmissionRequest(attributes, self._table)
        if self.configured.validating_policies:
            with judging(self._authorizer, attributes.user):
                self._judge(request)
        found = [self._webhooks.invocation(request, webhook) for webhook in self.configured.validating]
        invoked = [invocation for invocation in found if invocation is not None]
        asked = [self._webhooks.ask(request, invocation, mutating=False) for invocation in invoked]
        error = first_error(await asyncio.gather(*asked, return_exceptions=True))
        if error is not None:
            raise error

    def _judge(self, request: AdmissionRequest) -> None:
        denied: list[tuple[Object, Object | None, Decision]] = []
        for policy, bindings in self.configured.validating_policies:
            denied += self._denials(request, (policy, bindings))
        if denied:
            raise denial(request, *denied[0])

    def _denials(
        self, request: AdmissionRequest, bound: Bound
    ) -> list[tuple[Object, Object | None, Decision]]:
        policy, bindings = bound
        served = matched(request, policy["spec"]["matchConstraints"])
        denied: list[tuple[Object, Object | None, Decision]] = []
        for binding in bindings if served is not None else ():
            if not binds(request, binding):
                continue
            assert served is not None, "a request that meets nothing has no bindings here"
            try:
                given = parameters(
                    request, self._table, policy["spec"].get("paramKind"), binding["spec"].get("paramRef")
                )
            except Misconfigured as error:
                if policy["spec"].get("failurePolicy") != "Ignore":
                    what = "policy" if error.policy else "binding"
                    decision = Decision(f"failed to configure {what}: {error}")
                    denied.append((policy, None if error.policy else binding, decision))
                continue
            namespace = request.namespace_object()
            for params in given:
                for decision in decisions(Evaluation(policy, request, served, namespace, params)):
                    actions = binding["spec"].get("validationActions") or ()
                    if decision.always or "Deny" in actions:
                        denied.append((policy, binding, decision))
                    elif "Warn" in actions:
                        request.attributes.warnings.append(warned(policy, binding, decision))
        return denied


def _within(attributes: Attributes) -> bool:
    """Tell whether a deletion is only what another request comes to: an eviction's, which was asked about itself."""
    return attributes.operation == "DELETE" and bool(attributes.subresource)


def binds(request: AdmissionRequest, binding: Object) -> bool:
    """Tell whether a binding is for a request."""
    matching = binding["spec"].get("matchResources")
    return not matching or matched(request, matching) is not None
