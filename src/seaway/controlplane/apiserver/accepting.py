"""From a decoded body to an object of its kind: strictness, types, defaults, faults. Pure but for the given object.

Source: KEP-2885 (server-side field validation) for strictness and its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from seaway.controlplane.apiserver.served import Served
from seaway.controlplane.apiserver.writing import IGNORE, STRICT, Write, WriteOptions
from seaway.controlplane.kinds import faults
from seaway.controlplane.kinds.metadata import common_update_faults
from seaway.objects.decoding import decode_fault
from seaway.objects.errors import STALE, BadRequest, Cause, Invalid, conflict, invalid
from seaway.objects.meta import copy
from seaway.objects.resource import Resource

Object = dict[str, Any]


def typed_object(served: Served, body: Any, *, shared: bool) -> Object:
    """Return a body as an object of the kind, its metadata a map; the caller may change it.

    Args:
        served: the kind expected.
        body: a JSON value.
        shared: the body is somebody else's and is copied.

    Raises:
        BadRequest: it is no object, or one of another kind or version.
    """
    resource = served.resource
    if not isinstance(body, dict):
        raise BadRequest(f"the body of the request must be a {resource.kind} object")
    obj: Object = copy(body) if shared else body
    kind, api_version = obj.get("kind") or resource.kind, obj.get("apiVersion") or resource.api_version
    if (kind, api_version) != (resource.kind, resource.api_version):
        raise _other_kind(served, kind, api_version, (obj.get("metadata") or {}).get("name") or "")
    obj |= {"kind": kind, "apiVersion": api_version}
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    metadata = obj["metadata"]
    misread = not isinstance(metadata, dict) or any(
        not isinstance(metadata.get(field) or "", str) for field in ("name", "generateName", "namespace")
    )
    if misread and not served.custom:
        raise _undecodable(served, obj, decode_fault(served.kind.schema, obj), patched=False)
    if not isinstance(metadata, dict):
        raise BadRequest(
            f'{kind} in version "{resource.version}" cannot be handled as a {kind}: metadata must be a map'
        )
    for field in ("name", "generateName", "namespace"):
        if not isinstance(metadata.get(field) or "", str):
            raise BadRequest(
                f'{kind} in version "{resource.version}" cannot be handled as a {kind}: metadata.{field} must be a string'
            )
    return obj


def _other_kind(served: Served, kind: Any, api_version: Any, name: Any) -> BadRequest | Invalid:
    resource = served.resource
    version = str(api_version).rpartition("/")[2]
    if served.custom and api_version != resource.api_version:
        words = f"the API version in the data ({api_version}) does not match the expected API version"
        return BadRequest(f"{words} ({resource.api_version})")
    if served.custom:
        cause = faults.invalid("kind", kind, f"must be {resource.kind}")
        return invalid(resource.group, str(kind), str(name), [cause])
    return BadRequest(
        f'{kind} in version "{version}" cannot be handled as a {resource.kind}: '
        f'no kind "{kind}" is registered for version "{api_version}"'
    )


def check_structure(
    served: Served, obj: Object, options: WriteOptions, warnings: list[str], *, twice: Sequence[str] = (),
    patched: bool = False,
) -> None:  # fmt: skip
    """Refuse or drop unknown fields, refuse wrong types; changes the object.

    Args:
        served: the kind.
        obj: the object.
        options: whether unknown fields are refused, told or dropped.
        warnings: where they are told.
        twice: paths of fields that the body gives more than once.
        patched: the object is what a patch made, so that the patch is at fault.

    Raises:
        BadRequest: an unknown field where validation is Strict; a wrong type of a built-in kind.
        Invalid: the same of a patch.
        Invalid: a custom resource that breaks its schema is refused later, with its other faults.
    """
    schema = served.kind.schema
    tidy = schema.tidy(obj)
    if not tidy and not served.custom and (fault := decode_fault(schema, obj)):
        raise _undecodable(served, obj, fault, patched=patched)
    if options.validation != IGNORE:
        found = [f'duplicate field "{path}"' for path in twice]
        found += [] if tidy else [f'unknown field "{path}"' for path in schema.unknown_fields(obj)]
        if found and options.validation == STRICT:
            raise _undecodable(served, obj, f"strict decoding error: {', '.join(found)}", patched=patched)
        warnings.extend(found)
    if tidy:
        return
    schema.prune(obj)
    schema.tidy(obj)


def _undecodable(served: Served, obj: Object, words: str, *, patched: bool) -> BadRequest | Invalid:
    """Return the error of an object that cannot be read as its kind: the patch's fault where it is a patch's work."""
    if patched:
        cause = faults.invalid("patch", orjson.dumps(obj).decode(), words)
        return invalid("", "", "", [cause])
    kind = served.resource.kind
    return BadRequest(f'{kind} in version "{served.resource.version}" cannot be handled as a {kind}: {words}')


def check_named(served: Served, name: str, body: Any) -> None:
    """Refuse an update by an object that cannot be read, has no name or another one. Raises BadRequest."""
    metadata = body.get("metadata") if isinstance(body, dict) else None
    given = metadata.get("name") if isinstance(metadata, dict) else None
    if given != name and not served.custom and (fault := decode_fault(served.kind.schema, body)):
        raise _undecodable(served, body, fault, patched=False)
    if given and given != name:
        raise BadRequest(f"the name of the object ({given}) does not match the name on the URL ({name})")
    if not given:
        raise BadRequest(
            f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )


def unconditional(resource: Resource, name: str) -> Invalid:
    """Return the error of an update that does not say which version it changes, of a kind that wants to know."""
    cause = faults.invalid("metadata.resourceVersion", 0, "must be specified for an update")
    return invalid(resource.group, resource.plural, name, [cause])


def check_create(served: Served, obj: Object, warnings: list[str]) -> None:
    """Refuse a new object with faults. Raises Invalid.

    Args:
        served: the kind as it was asked for.
        obj: as it is to be stored.
        warnings: where the caller is told the rest.
    """
    causes = list(served.rules.validate(obj))
    causes += _schema_causes(served, obj, None, causes, warnings)
    if causes:
        resource = served.base.resource
        raise invalid(resource.group, resource.kind, obj["metadata"].get("name") or "", causes)


def check_update(
    served: Served,
    new: Object,
    old: Object,
    warnings: list[str],
    *,
    whole: bool,
    found: Sequence[Cause] = (),
    subresource: str = "",
) -> None:
    """Refuse a changed object with faults. Raises Invalid.

    Args:
        served: the kind as it was asked for.
        new: as it is to be.
        old: as it is.
        warnings: where the caller is told the rest.
        whole: False for a status write, which leaves the rest as it was.
        found: faults of the metadata that are known already.
        subresource: that is written, "" for the object itself.
    """
    rules = served.rules
    causes = [*found, *common_update_faults(new, old)] + (list(found) if rules.judges_metadata else [])
    causes += rules.validate(new) if whole and rules.revalidated else ()
    causes += _schema_causes(served, new, old, causes, warnings)
    partly = rules.validate_subresource.get(subresource) or rules.validate_status
    change = rules.validate_update if whole else partly or rules.validate_update
    causes += change(new, old)
    if causes:
        resource = served.base.resource
        raise invalid(resource.group, resource.kind, old["metadata"]["name"], causes)


def _schema_causes(
    served: Served, new: Object, old: Object | None, known: list[Cause], warnings: list[str]
) -> list[Cause]:
    """Return the faults of a custom resource by its schema and the rules in it."""
    if not served.custom:
        return []
    causes = served.own.kind.schema.validate(new)
    broken, told = served.own.kind.rules(new, old, known + causes)
    warnings.extend(told)
    return [*causes, *broken]


def merge_for_subresource(served: Served, new: Object, old: Object, subresource: str) -> Object:
    """Return what a write through the object itself or one of its subresources may change, the rest as it was.

    Source: API conventions, "Spec and Status".
    """
    if subresource == "status":
        kept = {key: value for key, value in old.items() if key not in {"metadata", "status"}}
        if "status" in new:
            kept["status"] = new["status"]
        if served.custom:
            metadata = {**old["metadata"], "managedFields": new["metadata"].get("managedFields")}
            metadata["resourceVersion"] = new["metadata"].get("resourceVersion") or ""
            return kept | {"metadata": metadata}
        return kept | {"metadata": new["metadata"]}
    if subresource == "ephemeralcontainers":
        added = (new.get("spec") or {}).get("ephemeralContainers")
        kept = {key: value for key, value in old["spec"].items() if key != "ephemeralContainers"}
        return {
            **old,
            "metadata": new["metadata"],
            "spec": kept | ({"ephemeralContainers": added} if added else {}),
        }
    if subresource == "approval":
        conditions = (new.get("status") or {}).get("conditions")
        status = {**(old.get("status") or {}), "conditions": conditions}
        return {
            **old,
            "metadata": new["metadata"],
            "status": {k: v for k, v in status.items() if v is not None},
        }
    if subresource == "finalize":
        spec = {**(old.get("spec") or {}), "finalizers": (new.get("spec") or {}).get("finalizers") or []}
        spec = {name: value for name, value in spec.items() if value}
        return {**old, "metadata": {**old["metadata"]}, "spec": spec}
    if served.kind.has_status:
        new = (
            {**new, "status": old["status"]}
            if "status" in old
            else {k: v for k, v in new.items() if k != "status"}
        )
    return new


def unchanged(new: Object, old: Object) -> bool:
    """Tell whether a write changes nothing that counts: the times of field managers do not."""
    return _comparable(new) == _comparable(old)


def _comparable(obj: Object) -> Object:
    metadata = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion" and v is not None}
    managers = metadata.pop("managedFields", None) or []
    metadata["managedFields"] = [{k: v for k, v in entry.items() if k != "time"} for entry in managers]
    return {**obj, "metadata": metadata}


def spec_changed(new: Object, old: Object, counted: Sequence[str] = ()) -> bool:
    """Tell whether anything outside metadata and status changed, or what is counted of the metadata: what `generation` counts."""
    after, before = new["metadata"], old["metadata"]
    return _spec(new) != _spec(old) or any(
        (after.get(name) or {}) != (before.get(name) or {}) for name in counted
    )


def _spec(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in {"metadata", "status"}}


def check_version(write: Write, wanted: str, live: str) -> None:
    """Refuse an update of another version than the live one. Raises Conflict, Invalid."""
    resource = write.served.resource
    if wanted not in ("", "0", live):
        raise conflict(resource.group_resource, write.name, STALE)
    blind = not wanted and not write.patched and not write.apply
    if blind and write.served.base.kind.conditional_updates:
        raise unconditional(resource, write.name)
