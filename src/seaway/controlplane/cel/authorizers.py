"""The variable `authorizer`: what a caller may do, asked from within an expression.

Source: "Authorizer library" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from seaway.controlplane.cel.libraries import Function, tagged

_AUTHORIZER, _CHECK, _DECISION = "kubernetes.Authorizer", "kubernetes.Check", "kubernetes.Decision"
Judge = Callable[[dict[str, str]], tuple[bool, str]]
"""Whether something is allowed, and why. Given: verb, path, group, resource, subresource, namespace, name, user."""
_judge: ContextVar[Judge] = ContextVar("judge")


@contextmanager
def judged_by(judge: Judge) -> Iterator[None]:
    """Let expressions evaluated within ask this judge."""
    token = _judge.set(judge)
    try:
        yield
    finally:
        _judge.reset(token)


def authorizer_of(group: str, resource: str, subresource: str, namespace: str, name: str) -> dict[str, Any]:
    """Return the value of `authorizer`: the caller of a request, and as `requestResource` what the request is for."""
    asked = {
        "group": group, "resource": resource, "subresource": subresource, "namespace": namespace, "name": name,
    }  # fmt: skip
    return {_AUTHORIZER: {}, "requestResource": {_CHECK: asked}}


def _begin(part: str) -> Callable[[Any, str], dict[str, Any]]:
    return lambda value, text: {_CHECK: {**tagged(value, _AUTHORIZER), part: text}}


def _add(part: str) -> Callable[[Any, str], dict[str, Any]]:
    return lambda value, text: {_CHECK: {**tagged(value, _CHECK), part: text}}


def _account(value: Any, namespace: str, name: str) -> dict[str, Any]:
    return {_AUTHORIZER: {**tagged(value, _AUTHORIZER), "user": f"system:serviceaccount:{namespace}:{name}"}}


def _check(value: Any, verb: str) -> dict[str, Any]:
    allowed, reason = _judge.get()({**tagged(value, _CHECK), "verb": verb})
    return {_DECISION: {"allowed": allowed, "reason": reason, "error": ""}}


FUNCTIONS = (
    Function("path", ["dyn", "string"], "dyn", _begin("path")),
    Function("group", ["dyn", "string"], "dyn", _begin("group")),
    Function("serviceAccount", ["dyn", "string", "string"], "dyn", _account),
    Function("resource", ["dyn", "string"], "dyn", _add("resource")),
    Function("subresource", ["dyn", "string"], "dyn", _add("subresource")),
    Function("namespace", ["dyn", "string"], "dyn", _add("namespace")),
    Function("name", ["dyn", "string"], "dyn", _add("name")),
    Function("fieldSelector", ["dyn", "string"], "dyn", _add("fieldSelector")),
    Function("labelSelector", ["dyn", "string"], "dyn", _add("labelSelector")),
    Function("check", ["dyn", "string"], "dyn", _check),
    Function("allowed", ["dyn"], "bool", lambda value: tagged(value, _DECISION)["allowed"]),
    Function("reason", ["dyn"], "string", lambda value: tagged(value, _DECISION)["reason"]),
    Function("errored", ["dyn"], "bool", lambda value: bool(tagged(value, _DECISION)["error"])),
    Function("error", ["dyn"], "string", lambda value: tagged(value, _DECISION)["error"]),
)
