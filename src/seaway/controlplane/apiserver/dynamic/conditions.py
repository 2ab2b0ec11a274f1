"""Expressions about a request: what they see, and whether match conditions hold.

Source: KEP-3488 (CEL for admission control), KEP-3716 (match conditions).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from seaway.controlplane.apiserver.authorization import Authorizer
from seaway.controlplane.apiserver.dynamic.request import AdmissionRequest
from seaway.controlplane.apiserver.rbac import Action
from seaway.controlplane.apiserver.served import Served
from seaway.controlplane.apiserver.users import SERVICE_ACCOUNT_PREFIX, User, service_account_user
from seaway.controlplane.kinds.expressions import request_variables

Object = dict[str, Any]
_VISIBLE = ("name", "generateName", "labels", "annotations", "uid", "creationTimestamp", "deletionTimestamp",
            "deletionGracePeriodSeconds", "finalizers", "resourceVersion", "generation", "selfLink")  # fmt: skip
"""What of a namespace's metadata an expression sees."""


def request_values(request: AdmissionRequest, served: Served, params: Object | None = None) -> Object:
    """Return the values of the variables that every expression about a request has."""
    from seaway.controlplane.cel.authorizers import authorizer_of

    resource = request.resource
    described = request.described(served) | {
        "dryRun": request.attributes.dry_run,
        "options": request.attributes.options,
    }
    described = {"name": "", "namespace": "", "subResource": "", "requestSubResource": ""} | described
    return {
        "object": request.object(served),
        "oldObject": request.old(served),
        "request": described,
        "params": params,
        "authorizer": authorizer_of(
            resource.group, resource.plural, request.subresource, request.namespace, request.name
        ),
    }


def visible_namespace(namespace: Object | None) -> Object | None:
    """Return what an expression sees of the namespace that is written in."""
    if namespace is None:
        return None
    metadata = {name: value for name, value in namespace["metadata"].items() if name in _VISIBLE}
    return {
        "metadata": metadata,
        "spec": namespace.get("spec") or {},
        "status": namespace.get("status") or {},
    }


def judging(authorizer: Authorizer, user: User) -> AbstractContextManager[None]:
    """Let the expressions evaluated within ask what a user may do."""
    from seaway.controlplane.cel.authorizers import judged_by

    def judge(asked: Mapping[str, str]) -> tuple[bool, str]:
        who = _asked_user(asked.get("user"), user)
        parts = {
            name: asked.get(name) or "" for name in ("group", "resource", "subresource", "name", "namespace")
        }
        path = asked.get("path") or ""
        action = Action(asked["verb"], path=path) if path else Action(asked["verb"], **parts)
        return authorizer.allowed(who, action), authorizer.reason(who, action)

    return judged_by(judge)


def _asked_user(name: str | None, caller: User) -> User:
    if not name:
        return caller
    namespace, _, account = name.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")
    return service_account_user(namespace, account)


def conditions_hold(conditions: Iterable[Object], values: Object, *, params: bool) -> bool:
    """Tell whether all conditions hold; one that does not settles it, whatever the others are.

    Raises:
        EvaluationError: none fails to hold and one has no value.
    """
    from seaway.controlplane.cel.environment import CompileError, EvaluationError, compiled

    failed: EvaluationError | None = None
    for condition in conditions:
        try:
            program = compiled(condition["expression"].strip(), request_variables(params=params))
            held = program.evaluate(values)
        except (CompileError, EvaluationError) as error:
            text = condition["expression"].strip()
            failed = failed or EvaluationError(f"expression '{text}' resulted in error: {error}")
            continue
        if held is not True:
            return False
    if failed is not None:
        raise failed
    return True
