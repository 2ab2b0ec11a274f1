"""Whose object is whose: what a controller owns, adopts and lets go, and how its templates become objects. Pure.

Source: Kubernetes' "Owners and Dependents" and the rules of controller references.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from seaway.objects.errors import BadRequest
from seaway.objects.meta import (
    controller_of,
    copy,
    deletion_timestamp,
    key,
    labels,
    name,
    namespace,
    owner_reference,
    uid,
)
from seaway.objects.selectors import NOTHING, LabelSelector
from seaway.reconcile.informer import Informer
from seaway.reconcile.sources import controller_keys

Object = dict[str, Any]
CONTROLLER = "controller"
"""Index of objects by the uid of their controller; those without one by their namespace and "/"."""
NAMESPACE = "namespace"
"""Index of objects by their namespace."""
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def by_controller(obj: Object) -> tuple[str, ...]:
    """Return the values of the index `CONTROLLER`."""
    owner = controller_of(obj)
    return (owner["uid"] if owner else f"{namespace(obj)}/",)


def by_namespace(obj: Object) -> tuple[str, ...]:
    """Return the value of the index `NAMESPACE`."""
    return (namespace(obj),)


def candidates(informer: Informer, owner: Object) -> list[Object]:
    """Return what an owner controls, and what nobody controls in its namespace."""
    owned = informer.by_index(CONTROLLER, uid(owner))
    return [*owned, *informer.by_index(CONTROLLER, f"{namespace(owner)}/")]


def selector_of(owner: Object) -> LabelSelector:
    """Return an owner's selector; one that cannot be read selects nothing. Equal selectors are read once."""
    selector = (owner.get("spec") or {}).get("selector")
    if selector and not selector.keys() <= {"matchLabels", "matchExpressions"}:
        selector = {"matchLabels": selector}  # a replication controller's is a plain map
    return _parsed(orjson.dumps(selector, option=orjson.OPT_SORT_KEYS)) if selector else NOTHING


@lru_cache(maxsize=1024)
def _parsed(text: bytes) -> LabelSelector:
    try:
        return LabelSelector.from_object(orjson.loads(text))
    except BadRequest:
        return NOTHING


class Claim(NamedTuple):
    """What an owner's candidates are to it."""

    mine: list[Object]
    adopt: list[Object]
    """Nobody controls them and the selector means them."""
    release: list[Object]
    """The owner controls them and the selector means them no more."""


def claim(owner: Object, objects: Iterable[Object], belongs: Callable[[Object], bool] | None = None) -> Claim:
    """Sort candidates by what they are to an owner; those of others are left out.

    Args:
        owner: a stored object with a selector.
        objects: in its namespace.
        belongs: what besides the selector decides, for example the name.
    """
    selector, going, own = selector_of(owner), deletion_timestamp(owner) is not None, uid(owner)
    found = Claim([], [], [])
    for obj in objects:
        reference = controller_of(obj)
        matches = selector.matches(labels(obj)) and (belongs is None or belongs(obj))
        if reference is not None:
            if reference["uid"] != own:
                continue
            if matches:
                found.mine.append(obj)
            elif not going:
                found.release.append(obj)
        elif matches and not going and deletion_timestamp(obj) is None:
            found.adopt.append(obj)
    return found


def owner_keys(kind: Any, owners: Informer) -> Callable[[Object], Iterable[str]]:
    """Return the mapping from an object to the owner that controls it, or to all that might adopt it.

    Args:
        kind: the owners' resource.
        owners: their informer, with the index `NAMESPACE`.
    """
    controlled = controller_keys(kind)

    def keys(obj: Object) -> Iterable[str]:
        if controller_of(obj) is not None:
            return controlled(obj)
        near = owners.by_index(NAMESPACE, namespace(obj))
        return [key(owner) for owner in near if selector_of(owner).matches(labels(obj))] if near else ()

    return keys


def pod_of_template(owner: Object, template: Object, *, pod_name: str = "") -> Object:
    """Return a pod of a template, to be created; without a name the server makes one of the owner's."""
    metadata = template.get("metadata") or {}
    named = {"generateName": f"{name(owner)}-"} | ({"name": pod_name} if pod_name else {})
    kept = {
        field: copy(metadata[field])
        for field in ("labels", "annotations", "finalizers")
        if metadata.get(field)
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **named,
            "namespace": namespace(owner),
            **kept,
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": copy(template["spec"]),
    }


def template_hash(value: Any, collisions: int | None) -> str:
    """Return a short name for a value, of letters and digits that make no words; another one after each collision."""
    digest = hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=8)
    if collisions is not None:
        digest.update(str(collisions).encode())
    number, found = int.from_bytes(digest.digest()[:6], "big"), ""
    while len(found) < 10:
        number, rest = divmod(number, len(_LETTERS))
        found += _LETTERS[rest]
    return found


def collided(owner: Object) -> Object:
    """Return an owner's status after a name by `template_hash` was found taken: the next hash is another one."""
    status = owner.get("status") or {}
    return {**status, "collisionCount": (status.get("collisionCount") or 0) + 1}
