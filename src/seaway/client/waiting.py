"""Wait until an object is as wanted, by watching it.

Source: the words of `kubectl wait --for`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from seaway.client.client import Client
from seaway.client.watch import Collection, Snapshot, follow
from seaway.objects.resource import Resource

Object = dict[str, Any]
Question = Callable[[Object], object]
"""Given the object, says whether it is as wanted."""
_LONGEST = 500
"""So much of a status is quoted."""


async def wait_for(
    client: Client,
    resource: Resource,
    name: str,
    wanted: str | Question,
    namespace: str | None = None,
    *,
    seconds: float = 30.0,
) -> Object | None:
    """Return the object as soon as it is as wanted; None where it is wanted gone.

    Args:
        client: of the cluster.
        resource: what it is.
        name: its name; it need not exist yet.
        wanted: "condition=Ready", "condition=Ready=False", "create", "delete", or a function of the object. What the
            function looks up in vain (LookupError) is not there yet.
        namespace: its namespace.
        seconds: how long to wait at most.

    Raises:
        ValueError: `wanted` is none of these.
        TimeoutError: it did not happen; the message shows the object's status.
    """
    met = _question(wanted) if isinstance(wanted, str) else wanted
    collection = Collection(resource, namespace, field_selector=f"metadata.name={name}")
    last: Object | None = None
    in_vain: LookupError | None = None
    try:
        async with asyncio.timeout(seconds), aclosing(follow(client, collection)) as changes:
            async for change in changes:
                if isinstance(change, Snapshot):
                    last = change.items[0] if change.items else None
                elif change.type != "BOOKMARK":
                    last = None if change.type == "DELETED" else change.object
                if wanted == "delete":
                    if last is None:
                        return None
                    continue
                try:
                    if last is not None and met(last):
                        return last
                except LookupError as error:
                    in_vain = error
    except TimeoutError:
        raise TimeoutError(_explain(resource, name, namespace, wanted, seconds, last)) from in_vain
    raise AssertionError("a collection is followed without end")


def _question(wanted: str) -> Question:
    """Return what a word of `kubectl wait --for` asks."""
    word, _, rest = wanted.partition("=")
    if wanted in {"create", "delete"}:
        return lambda _: True
    if word != "condition" or not rest:
        raise ValueError(
            f"cannot wait for {wanted!r}: say condition=NAME, condition=NAME=VALUE, create or delete, or give a function"
        )
    condition, _, value = rest.partition("=")

    def holds(found: Object) -> bool:
        conditions = (found.get("status") or {}).get("conditions") or ()
        return any(
            one["type"].lower() == condition.lower() and one["status"].lower() == (value or "true").lower()
            for one in conditions
        )

    return holds


def _explain(
    resource: Resource,
    name: str,
    namespace: str | None,
    wanted: str | Question,
    seconds: float,
    last: Object | None,
) -> str:
    place = f" in namespace {namespace}" if namespace else ""
    words = wanted if isinstance(wanted, str) else getattr(wanted, "__name__", "as wanted")
    if last is None:
        state = "there is no such object"
    else:
        state = f"its status is {json.dumps(last.get('status') or {})[:_LONGEST]}"
    return f"{resource.group_resource}/{name}{place}: waited {seconds:g} s for {words}; {state}"
