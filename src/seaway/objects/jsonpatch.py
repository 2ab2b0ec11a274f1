"""JSON patch as Kubernetes applies it: RFC 6902, read leniently where its library does.

More than the RFC allows: a member that is not there can be replaced, copied and tested for null; a missing value is
null; an index may count from the end.

Source: RFC 6902, RFC 6901, and the answers of Kubernetes' API server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seaway.objects import meta
from seaway.objects.errors import BadRequest, Invalid, RequestEntityTooLarge
from seaway.objects.gotext import json_type

MOST_OPERATIONS = 10_000
"""More operations than this in one JSON patch are refused."""


class _NotApplicableError(Exception):
    """An operation does not apply."""


class NotApplicable(Invalid):
    """An operation of a patch cannot be applied."""

    def __init__(self, operation: Mapping[str, Any]) -> None:
        super().__init__("the server rejected our request due to an error in our request", details={})
        name, path = operation.get("op") or "", operation.get("path") or ""
        self.why = f'{name} operation does not apply: doc is missing path: "{path}": missing value'
        """What exactly: told where the patch is not the caller's."""
        if name == "test":
            self.why = f"testing value {path} failed: test failed"


def json_patch(obj: Any, operations: Any) -> Any:
    """Return the object with the operations applied, one after the other, all or none; it is not changed itself.

    Raises:
        BadRequest: the patch is not a list of operations.
        RequestEntityTooLarge: it has more than `MOST_OPERATIONS`.
        Invalid: an operation cannot be applied: a missing path, a failed test.
    """
    _check(operations)
    document = {"": meta.copy(obj)}
    try:
        for operation in operations:
            _apply(document, operation)
    except _NotApplicableError:
        raise NotApplicable(operation) from None
    return document[""]


def _check(operations: Any) -> None:
    if operations is None:
        return
    if not isinstance(operations, Sequence) or isinstance(operations, str | bytes):
        into = "Go value of type []handlers.jsonPatchOp"
        raise BadRequest(f"error decoding patch: json: cannot unmarshal {json_type(operations)} into {into}")
    if len(operations) > MOST_OPERATIONS:
        raise RequestEntityTooLarge(
            f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(operations)}"
        )
    for operation in operations:
        if not isinstance(operation, dict):
            into = "Go value of type handlers.jsonPatchOp"
            raise BadRequest(
                f"error decoding patch: json: cannot unmarshal {json_type(operation)} into {into}"
            )
        for field in ("op", "path", "from"):
            if not isinstance(operation.get(field) or "", str):
                into = f"Go struct field jsonPatchOp.{field} of type string"
                what = json_type(operation[field])
                raise BadRequest(f"error decoding patch: json: cannot unmarshal {what} into {into}")


def _apply(document: dict[str, Any], operation: dict[str, Any]) -> None:
    run = _OPERATIONS.get(operation.get("op") or "")
    if run is None:
        raise _NotApplicableError
    run(document, operation)


def _place(document: dict[str, Any], path: Any) -> tuple[Any, str]:
    """Return the container that a path ends in, and the last step."""
    if not isinstance(path, str) or "/" not in path:
        raise _NotApplicableError
    _, *steps, last = path.split("/")
    container = document[""]
    for step in steps:
        container = _get(container, _unescaped(step))
    if not isinstance(container, dict | list):
        raise _NotApplicableError
    return container, _unescaped(last)


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def _index(step: str, size: int) -> int:
    """Return the index that a step names in a list of a size; it may count from the end."""
    sign, digits = (step[:1], step[1:]) if step[:1] in ("-", "+") else ("", step)
    if not (digits.isascii() and digits.isdigit()):
        raise _NotApplicableError
    index = -int(digits) if sign == "-" else int(digits)
    if not -size <= index < size:
        raise _NotApplicableError
    return index + size if index < 0 else index


def _get(container: Any, step: str) -> Any:
    if isinstance(container, list):
        return container[_index(step, len(container))]
    if isinstance(container, dict):
        return container.get(step)
    raise _NotApplicableError


def _put(container: Any, step: str, value: Any) -> None:
    if isinstance(container, list):
        container.insert(len(container) if step == "-" else _index(step, len(container) + 1), value)
    else:
        container[step] = value


def _take(container: Any, step: str) -> Any:
    if isinstance(container, list):
        return container.pop(_index(step, len(container)))
    if step not in container:
        raise _NotApplicableError
    return container.pop(step)


def _add(document: dict[str, Any], operation: dict[str, Any]) -> None:
    container, step = _place(document, operation.get("path"))
    _put(container, step, meta.copy(operation.get("value")))


def _remove(document: dict[str, Any], operation: dict[str, Any]) -> None:
    _take(*_place(document, operation.get("path")))


def _replace(document: dict[str, Any], operation: dict[str, Any]) -> None:
    value = meta.copy(operation.get("value"))
    if operation.get("path") == "":
        if not isinstance(value, dict | list):
            raise _NotApplicableError
        document[""] = value
        return
    container, step = _place(document, operation.get("path"))
    if isinstance(container, list):
        container[_index(step, len(container))] = value
    else:
        container[step] = value


def _move(document: dict[str, Any], operation: dict[str, Any]) -> None:
    moved = _take(*_place(document, operation.get("from")))
    _put(*_place(document, operation.get("path")), moved)


def _copy(document: dict[str, Any], operation: dict[str, Any]) -> None:
    copied = meta.copy(_get(*_place(document, operation.get("from"))))
    _put(*_place(document, operation.get("path")), copied)


def _test(document: dict[str, Any], operation: dict[str, Any]) -> None:
    path, wanted = operation.get("path"), operation.get("value")
    actual = document[""] if path == "" else _get(*_place(document, path))
    if not _same(actual, wanted):
        raise _NotApplicableError


def _same(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are equal; true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


_OPERATIONS: dict[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "add": _add, "remove": _remove, "replace": _replace, "move": _move, "copy": _copy, "test": _test,
}  # fmt: skip
