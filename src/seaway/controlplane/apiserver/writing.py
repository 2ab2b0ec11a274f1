"""A write as it was asked for, and its options, read from query and body; unknown parameters are ignored, as Kubernetes does.

Source: CreateOptions, UpdateOptions, PatchOptions and DeleteOptions of meta/v1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seaway.client.request import APPLY_PATCH
from seaway.controlplane.apiserver.options import integer
from seaway.controlplane.apiserver.requestinfo import is_true
from seaway.controlplane.apiserver.served import Served
from seaway.controlplane.apiserver.users import User
from seaway.controlplane.kinds import faults
from seaway.objects.errors import BadRequest, Cause, invalid
from seaway.objects.gotext import json_type

STRICT, WARN, IGNORE = "Strict", "Warn", "Ignore"
_LONGEST_MANAGER = 128
_KINDS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a create, update or patch is done."""

    manager: str
    """Field manager."""
    dry_run: bool = False
    validation: str = WARN
    """What becomes of unknown fields: Strict refuses, Warn tells, Ignore drops them silently."""
    force: bool = False
    """Take fields from other managers (apply only)."""

    def to_object(self, operation: str, *, patched: bool = False) -> dict[str, Any]:
        """Return the options as the object that they are in the API."""
        kind = {"CREATE": "CreateOptions", "DELETE": "DeleteOptions"}.get(operation, "UpdateOptions")
        options: dict[str, Any] = {
            "kind": "PatchOptions" if patched and operation == "UPDATE" else kind, "apiVersion": "meta.k8s.io/v1",
        }  # fmt: skip
        if self.dry_run:
            options["dryRun"] = ["All"]
        if operation != "DELETE":
            options |= {"fieldManager": self.manager, "fieldValidation": self.validation}
        return options


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How an object goes."""

    grace_seconds: int | None = None
    propagation: str = ""
    """"Foreground", "Background", "Orphan" or empty for the default."""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


@dataclass(slots=True)
class Write:
    """One write, as far as the URL, the query and the caller say it."""

    served: Served
    namespace: str
    name: str
    user: User
    options: WriteOptions
    subresource: str = ""
    warnings: list[str] = field(default_factory=list)
    apply: bool = False
    """A server-side apply: managed fields are already made."""
    tracked_as: str = ""
    """The subresource that managed fields name where it is another: "scale" writes the object itself."""
    patched: bool = False
    """What is written is what a patch made of the live object."""
    twice: Sequence[str] = ()
    """Paths of fields that the body gives more than once."""


def write_options(
    query: Mapping[str, str], user_agent: str, verb: str = "create", media: str = ""
) -> WriteOptions:
    """Read the options of a write; the manager's default is the user agent's first word.

    Args:
        query: the request's.
        user_agent: of the caller.
        verb: "create", "update" or "patch": faults name its options.
        media: of a patch; "" for other verbs.

    Raises:
        Invalid: an option has no such value.
    """
    manager = query.get("fieldManager", "")
    dry_run, dry_run_faults = _dry_run(query.get("dryRun"))
    validation = query.get("fieldValidation") or WARN
    causes = [*_patch_faults(query, manager, media), *_manager_faults(manager), *dry_run_faults]
    if validation not in {STRICT, WARN, IGNORE}:
        causes.append(faults.unsupported("fieldValidation", validation, ("", IGNORE, STRICT, WARN)))
    if causes:
        raise invalid("meta.k8s.io", _KINDS.get(verb, "CreateOptions"), "", causes)
    named = manager or user_agent.partition("/")[0].encode()[:_LONGEST_MANAGER].decode(errors="ignore")
    return WriteOptions(named or "unknown", dry_run, validation, is_true(query.get("force")))


def _patch_faults(query: Mapping[str, str], manager: str, media: str) -> list[Cause]:
    if media == APPLY_PATCH and not manager:
        return [faults.required("fieldManager", "is required for apply patch")]
    if media not in ("", APPLY_PATCH) and "force" in query:
        return [faults.forbidden("force", "may not be specified for non-apply patch")]
    return []


def _manager_faults(manager: str) -> list[Cause]:
    if len(manager.encode()) > _LONGEST_MANAGER:
        return [faults.too_long("fieldManager", _LONGEST_MANAGER)]
    causes = []
    for position, sign in enumerate(manager):
        if not sign.isprintable():
            shown = "".join(s if s.isprintable() else f"\\x{ord(s):02x}" for s in manager)
            words = f'Invalid value: "{shown}": invalid character U+{ord(sign):04X} (at position {position})'
            causes.append(Cause("FieldValueInvalid", words, "fieldManager"))
    return causes


def _dry_run(value: Any) -> tuple[bool, list[Cause]]:
    values = [] if value is None else value if isinstance(value, list) else [value]
    if all(one == "All" for one in values):
        return bool(values), []
    return False, [faults.unsupported("dryRun", values, ("All",))]


def delete_options(query: Mapping[str, str], body: Any) -> DeleteOptions:
    """Read the options of a delete: from the body where there is one, else from the query. Raises BadRequest, Invalid."""
    given = _query_options(query) if body is None else _body_options(body)
    propagation, orphan = given.get("propagationPolicy"), given.get("orphanDependents")
    causes = []
    if propagation and orphan is not None:
        words = "orphanDependents and deletionPropagation cannot be both set"
        causes.append(faults.invalid("propagationPolicy", propagation, words))
    if propagation not in (None, "Foreground", "Background", "Orphan"):
        supported = ("Foreground", "Background", "Orphan", "nil")
        causes.append(faults.unsupported("propagationPolicy", propagation, supported))
    dry_run, dry_run_faults = _dry_run(given.get("dryRun"))
    causes += dry_run_faults
    if causes:
        raise invalid("meta.k8s.io", "DeleteOptions", "", causes)
    if not propagation and orphan is not None:
        propagation = "Orphan" if orphan else "Background"
    preconditions = given.get("preconditions") or {}
    return DeleteOptions(
        given.get("gracePeriodSeconds"), propagation or "", preconditions.get("uid") or "",
        preconditions.get("resourceVersion") or "", dry_run,
    )  # fmt: skip


def _query_options(query: Mapping[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {
        name: query[name] for name in ("propagationPolicy", "dryRun") if query.get(name) is not None
    }
    if "orphanDependents" in query:
        options["orphanDependents"] = is_true(query["orphanDependents"])
    return options | {"gracePeriodSeconds": integer(query, "gracePeriodSeconds")}


_TYPES: dict[str, tuple[type, str]] = {
    "gracePeriodSeconds": (int, "int64"), "preconditions": (dict, "v1.Preconditions"), "orphanDependents": (bool, "bool"),
    "propagationPolicy": (str, "v1.DeletionPropagation"), "dryRun": (list, "[]string"),
}  # fmt: skip


def _body_options(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadRequest("the body of a delete must be a DeleteOptions object")
    kind, version = body.get("kind") or "DeleteOptions", body.get("apiVersion")
    if kind != "DeleteOptions":
        raise BadRequest("decoded object cannot be converted to DeleteOptions")
    if version is not None and not isinstance(version, str):
        raise BadRequest("the apiVersion of a DeleteOptions must be a string")
    for name, (expected, shown) in _TYPES.items():
        value = body.get(name)
        if value is not None and (
            not isinstance(value, expected) or (expected is int and isinstance(value, bool))
        ):
            raise BadRequest(
                f"json: cannot unmarshal {json_type(value)} into Go struct field DeleteOptions.{name} of type {shown}"
            )
    for name in ("uid", "resourceVersion"):
        if not isinstance((body.get("preconditions") or {}).get(name) or "", str):
            raise BadRequest(f"preconditions.{name} must be a string")
    return body
