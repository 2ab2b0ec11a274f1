"""Where a controller's keys come from: a collection, and how its objects map to keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from seaway.objects.meta import key as object_key
from seaway.objects.resource import Resource
from seaway.reconcile.informer import Informer

Object = dict[str, Any]


class Source(NamedTuple):
    """A collection and the keys that a change of one of its objects concerns."""

    informer: Informer
    keys: Callable[[Object], Iterable[str]] = lambda obj: (object_key(obj),)
    """Called with the new object, and with the one before where there was one."""


def controller_keys(owner: Resource) -> Callable[[Object], Iterable[str]]:
    """Return the mapping from an object to the key of the `owner` that controls it."""

    def keys(obj: Object) -> Iterable[str]:
        metadata = obj["metadata"]
        for reference in metadata.get("ownerReferences") or ():
            if (
                reference.get("controller")
                and reference["kind"] == owner.kind
                and _group(reference) == owner.group
            ):
                yield (
                    f"{metadata['namespace']}/{reference['name']}" if owner.namespaced else reference["name"]
                )

    return keys


def always(key: str) -> Callable[[Object], Iterable[str]]:
    """Return the mapping from any object to one key: for controllers that look at everything at once."""
    return lambda _: (key,)


def _group(reference: Object) -> str:
    group, slash, _ = reference["apiVersion"].partition("/")
    return group if slash else ""
