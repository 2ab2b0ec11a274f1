"""JSON patch and JSON merge patch; `strategic.py` holds the third kind, `apply.py` the fourth.

Source: RFC 6902 and RFC 7386, with errors as Kubernetes' API server answers them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jsonpatch

from seaway.objects import meta
from seaway.objects.errors import BadRequest, Invalid, RequestEntityTooLarge
from seaway.objects.strategic import strategic_merge_patch

__all__ = ["MOST_OPERATIONS", "json_patch", "merge_patch", "strategic_merge_patch"]

MOST_OPERATIONS = 10_000
"""More operations than this in one JSON patch are refused."""

_OPERATIONS = frozenset({"add", "remove", "replace", "move", "copy", "test"})


def json_patch(obj: Any, operations: Any) -> Any:
    """Return the object with the operations applied, one after the other, all or none.

    Raises:
        BadRequest: the patch is not a list of operations.
        RequestEntityTooLarge: it has more than `MOST_OPERATIONS`.
        Invalid: an operation cannot be applied: a missing path, a failed test.
    """
    _check_operations(operations)
    try:
        return jsonpatch.JsonPatch(meta.copy(operations)).apply(meta.copy(obj), in_place=True)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise _cannot_apply(_first_line(error)) from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        # The library walks into values that are no containers without looking.
        raise _cannot_apply(
            f"a path leads through a value that is neither an object nor a list ({error})"
        ) from None


def merge_patch(obj: Any, patch: Any) -> Any:
    """Return the object merged with the patch: null removes, objects merge, all else replaces."""
    if type(patch) is not dict:
        return meta.copy(patch)
    merged = dict(obj) if type(obj) is dict else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    patched = patch.keys()
    return {name: value if name in patched else meta.copy(value) for name, value in merged.items()}


def _check_operations(operations: Any) -> None:
    if not isinstance(operations, Sequence) or isinstance(operations, str | bytes):
        raise BadRequest("error decoding patch: a JSON patch is a list of operations")
    if len(operations) > MOST_OPERATIONS:
        raise RequestEntityTooLarge(
            f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(operations)}"
        )
    for index, operation in enumerate(operations):
        if not isinstance(operation, dict) or operation.get("op") not in _OPERATIONS:
            shown = operation.get("op") if isinstance(operation, dict) else operation
            raise BadRequest(f"error decoding patch: operation {index}: unexpected kind: {str(shown)[:100]}")
        for field in ("path", *(("from",) if operation["op"] in ("move", "copy") else ())):
            if not isinstance(operation.get(field), str):
                raise BadRequest(
                    f"error decoding patch: operation {index} ({operation['op']}) needs a {field!r}"
                )
        if operation["op"] in ("add", "replace", "test") and "value" not in operation:
            raise BadRequest(f"error decoding patch: operation {index} ({operation['op']}) needs a 'value'")


def _cannot_apply(why: str) -> Invalid:
    return Invalid(f"the server rejected our request due to an error in our request: {why}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
