"""Strategic merge patch: JSON merge patch with the schema's knowledge of which lists merge, and by which key.

Source: Kubernetes' "Strategic merge patch" (sig-api-machinery), with its directives `$patch`, `$retainKeys`,
`$setElementOrder/<list>` and `$deleteFromPrimitiveList/<list>`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from seaway.objects import meta
from seaway.objects.errors import BadRequest
from seaway.objects.gotext import go_text, json_type
from seaway.objects.schema import ANY, Schema

Object = dict[str, Any]

_LONGEST = 2000
_PATCH = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE_ITEMS = "$deleteFromPrimitiveList/"


def strategic_merge_patch(obj: Object, patch: Any, schema: Schema) -> Object:
    """Return the object with the patch merged in; neither argument is changed.

    Args:
        obj: the live object.
        patch: the patch.
        schema: of the object; says which lists merge.

    Raises:
        BadRequest: the patch's directives cannot be understood, or an item lacks its merge key.
    """
    if patch is None:
        patch = {}
    if not isinstance(patch, dict):
        raise BadRequest(
            f"json: cannot unmarshal {json_type(patch)} into Go value of type map[string]interface {{}}"
        )
    return _merge_map(meta.copy(obj), patch, schema)


def _merge_map(original: Object, patch: Object, schema: Schema) -> Object:
    """Merge a patch into `original`, which this may change."""
    if _PATCH in patch:
        return _whole(patch)
    ordered = {key[len(_ORDER) :] for key in patch if key.startswith(_ORDER)}
    _retain_keys(original, patch)
    for key in ordered:
        _merge_ordered(original, patch, key, schema)
    for key, value in patch.items():
        if _is_marker(key) or key in ordered:
            continue
        if value is None:
            original.pop(key, None)
        else:
            original[key] = _merge_value(original.get(key), value, key, schema)
    for key, value in patch.items():
        if key.startswith(_DELETE_ITEMS):
            _delete_items(original, key[len(_DELETE_ITEMS) :], value)
    return original


def _whole(patch: Object) -> Object:
    match patch[_PATCH]:
        case "replace":
            return {
                key: _plain(value)
                for key, value in patch.items()
                if value is not None and not _is_marker(key)
            }
        case "delete":
            return {}
        case other:
            raise BadRequest(f"unknown patch type: {other} in map: {_shown(patch)}")


def _merge_value(original: Any, patch: Any, key: str, schema: Schema) -> Any:
    child = schema.field(key) or ANY
    if type(original) is dict and type(patch) is dict:
        return _plain(patch) if "replace" in child.patch_strategies else _merge_map(original, patch, child)
    if type(original) is list and type(patch) is list:
        return _merge_list(original, patch, child)
    return _plain(patch)


def _retain_keys(original: Object, patch: Object) -> None:
    retained = patch.get(_RETAIN)
    if retained is None:
        return
    if not isinstance(retained, list):
        raise BadRequest("invalid patch format of retainKeys")
    for key in patch:
        name = key.partition("/")[2] if key.startswith((_ORDER, _DELETE_ITEMS)) else key
        if name != _RETAIN and name not in retained:
            raise BadRequest("invalid patch format of retainKeys")
    for key in [key for key in original if key not in retained]:
        del original[key]


def _delete_items(original: Object, key: str, values: Any) -> None:
    if not isinstance(values, list):
        raise BadRequest(f"{_DELETE_ITEMS}{key} must be a list")
    if isinstance(original.get(key), list):
        original[key] = [item for item in original[key] if item not in values]


def _merge_list(original: list[Any], patch: list[Any], schema: Schema) -> list[Any]:
    if "merge" not in schema.patch_strategies:
        return [_plain(item) for item in patch]
    if not any(isinstance(item, dict) for item in (*original, *patch)):
        merged = list(dict.fromkeys([*original, *patch]))
        return _in_order(merged, patch, original, _itself)
    key = schema.patch_merge_key
    if not key:
        raise BadRequest("cannot merge lists without merge key")
    kept, added, replaces = _list_directives(original, patch, key)
    if replaces:
        return [_plain(item) for item in added]
    identity = _by(key)
    positions: dict[Any, int] = {}
    for index, item in enumerate(kept):
        positions.setdefault(identity(item), index)
    for item in added:
        index = positions.get(identity(item), -1)
        if index >= 0:
            kept[index] = _merge_map(kept[index], item, schema.items)
        else:
            positions[identity(item)] = len(kept)
            kept.append(_plain(item))
    return _in_order(kept, added, original, identity)


def _list_directives(original: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any], bool]:
    """Return what stays of the original list, the patch's ordinary items, and whether these are the whole new list."""
    deleted, added, replaces = set(), [], False
    identity = _by(key)
    for item in patch:
        directive = item.get(_PATCH) if isinstance(item, dict) else None
        match directive:
            case None:
                added.append(item)
                identity(item)
            case "delete":
                deleted.add(identity(item))
            case "replace":
                replaces = True
            case "merge":
                raise BadRequest("merging lists cannot yet be specified in the patch")
            case other:
                raise BadRequest(f"unknown patch type: {other} in map: {_shown(item)}")
    return [item for item in original if identity(item) not in deleted], added, replaces


def _merge_ordered(original: Object, patch: Object, key: str, schema: Schema) -> None:
    """Merge one list, then put it into the order that the patch names."""
    order, child = patch[_ORDER + key], schema.field(key) or ANY
    current, change = original.get(key), patch.get(key)
    for value, where in ((order, _ORDER + key), (current, key), (change, key)):
        if value is not None and not isinstance(value, list):
            raise BadRequest(f"{where} must be a list")
    if current is None and change is None:
        return
    identity = _by(child.patch_merge_key) if child.patch_merge_key else _itself
    _check_order([item for item in change or () if not _is_directive(item)], order, identity)
    if current is None:
        merged = [_plain(item) for item in change or () if not _is_directive(item)]
    else:
        merged = current if change is None else _merge_list(current, change, child)
    original[key] = _in_order(merged, order, current or [], identity)


def _check_order(changed: list[Any], order: list[Any], identity: Callable[[Any], Any]) -> None:
    wanted, position = list(map(identity, order)), -1
    for item in changed:
        try:
            position = wanted.index(identity(item), position + 1)
        except ValueError:
            raise BadRequest(
                f"The order in patch list:\n{_shown(changed)}\n doesn't match $setElementOrder list:\n{_shown(order)}\n"
            ) from None


def _in_order(
    merged: list[Any], wanted: list[Any], live: list[Any], identity: Callable[[Any], Any]
) -> list[Any]:
    """Return the items in the wanted order; those it does not name keep their live place, relative to the others."""
    rank = {identity(item): index for index, item in enumerate(wanted)}
    place: dict[Any, int] = {}
    for index, item in enumerate(live):
        place.setdefault(identity(item), index)
    named = sorted((item for item in merged if identity(item) in rank), key=lambda item: rank[identity(item)])
    others = [item for item in merged if identity(item) not in rank]
    others.sort(key=lambda item: place.get(identity(item), len(live)))
    return list(_interleave(others, named, place, identity))


def _interleave(
    left: list[Any], right: list[Any], place: dict[Any, int], identity: Callable[[Any], Any]
) -> Iterable[Any]:
    index = 0
    for item in right:
        here = place.get(identity(item))
        while index < len(left) and here is not None and place.get(identity(left[index]), here) < here:
            yield left[index]
            index += 1
        yield item
    yield from left[index:]


def _plain(value: Any) -> Any:
    """Return a copy without directives and nulls: what a patch means where there is nothing to merge with."""
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items() if item is not None and not _is_marker(key)}
    if type(value) is list:
        return [_plain(item) for item in value if not _is_directive(item)]
    return value


def _is_marker(key: str) -> bool:
    return key in (_PATCH, _RETAIN) or key.startswith((_ORDER, _DELETE_ITEMS))


def _is_directive(item: Any) -> bool:
    return type(item) is dict and item.get(_PATCH) in ("delete", "replace")


def _itself(item: Any) -> Any:
    return item if not isinstance(item, dict | list) else _shown(item)


def _by(key: str) -> Callable[[Any], Any]:
    def identity(item: Any) -> Any:
        if not isinstance(item, dict) or key not in item:
            raise BadRequest(f"map: {_shown(item)} does not contain declared merge key: {key}")
        return _itself(item[key])

    return identity


def _shown(value: Any) -> str:
    return go_text(value)[:_LONGEST]
