"""What is configured right now: webhooks and policies in the order in which they are asked."""

from __future__ import annotations

from typing import Any

from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.served import Served
from seaway.objects.builtin import (
    MUTATING_ADMISSION_POLICIES,
    MUTATING_ADMISSION_POLICY_BINDINGS,
    MUTATING_WEBHOOK_CONFIGURATIONS,
    VALIDATING_ADMISSION_POLICIES,
    VALIDATING_ADMISSION_POLICY_BINDINGS,
    VALIDATING_WEBHOOK_CONFIGURATIONS,
)
from seaway.objects.resource import Resource

Object = dict[str, Any]
GROUP = "admissionregistration.k8s.io"
Bound = tuple[Object, tuple[Object, ...]]
"""A policy and its bindings."""


class Configurations:
    """Keeps the configured webhooks and bound policies at hand; a registry's listener says when they change."""

    def __init__(self, lookup: StoreLookup) -> None:
        self._lookup = lookup
        self.mutating: tuple[Object, ...] = ()
        self.validating: tuple[Object, ...] = ()
        self.mutating_policies: tuple[Bound, ...] = ()
        self.validating_policies: tuple[Bound, ...] = ()

    def load(self) -> None:
        """Read them all."""
        self.mutating = self._webhooks(MUTATING_WEBHOOK_CONFIGURATIONS)
        self.validating = self._webhooks(VALIDATING_WEBHOOK_CONFIGURATIONS)
        self.mutating_policies = self._bound(MUTATING_ADMISSION_POLICIES, MUTATING_ADMISSION_POLICY_BINDINGS)
        self.validating_policies = self._bound(
            VALIDATING_ADMISSION_POLICIES, VALIDATING_ADMISSION_POLICY_BINDINGS
        )

    def changed(self, served: Served, _old: Object | None, _new: Object | None) -> None:
        """Read them again when one of them was written."""
        if served.resource.group == GROUP:
            self.load()

    def _webhooks(self, resource: Resource) -> tuple[Object, ...]:
        found = sorted(self._lookup.list(resource), key=lambda one: str(one["metadata"]["name"]))
        return tuple(webhook for one in found for webhook in one.get("webhooks") or ())

    def _bound(self, policies: Resource, bindings: Resource) -> tuple[Bound, ...]:
        named: dict[str, list[Object]] = {}
        for binding in self._lookup.list(bindings):
            named.setdefault(binding["spec"]["policyName"], []).append(binding)
        found = (
            (policy, tuple(named.get(policy["metadata"]["name"], ())))
            for policy in self._lookup.list(policies)
        )
        return tuple((policy, bound) for policy, bound in found if bound)
