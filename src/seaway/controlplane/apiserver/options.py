"""Options of the verbs, read from query and body. Unknown parameters are ignored, as Kubernetes does.

Source: ListOptions, CreateOptions, UpdateOptions, PatchOptions and DeleteOptions of meta/v1.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from seaway.controlplane.apiserver.requestinfo import is_true
from seaway.objects.errors import BadRequest, Cause, Invalid, invalid
from seaway.objects.selectors import FieldSelector, LabelSelector

STRICT, WARN, IGNORE = "Strict", "Warn", "Ignore"


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Which objects, as of when, how many."""

    labels: LabelSelector | None = None
    fields: FieldSelector | None = None
    limit: int = 0
    continue_: str = ""
    resource_version: str = ""
    match: str = ""
    """resourceVersionMatch: "", "Exact" or "NotOlderThan"."""
    bookmarks: bool = False
    send_initial_events: bool | None = None
    timeout_seconds: int | None = None

    @property
    def selective(self) -> bool:
        """Whether a selector may leave objects out."""
        return self.labels is not None or self.fields is not None


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


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How an object goes."""

    grace_seconds: int | None = None
    propagation: str = ""
    """"Foreground", "Background", "Orphan" or empty for the default."""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


_EVERYTHING = ListOptions()


def list_options(query: Mapping[str, str]) -> ListOptions:
    """Read the options of list, watch and deletecollection. Raises BadRequest, Invalid."""
    if not query:
        return _EVERYTHING
    labels = query.get("labelSelector", "")
    fields = query.get("fieldSelector", "")
    initial = query.get("sendInitialEvents")
    options = ListOptions(
        LabelSelector.parse(labels) if labels.strip() else None,
        FieldSelector.parse(fields) if fields.strip() else None,
        _integer(query, "limit") or 0,
        query.get("continue", ""),
        query.get("resourceVersion", ""),
        query.get("resourceVersionMatch", ""),
        is_true(query.get("allowWatchBookmarks")),
        None if initial is None else is_true(initial),
        _integer(query, "timeoutSeconds"),
    )
    _check_list(options, watching=is_true(query.get("watch")))
    return options


def _check_list(options: ListOptions, *, watching: bool) -> None:
    causes = []
    if options.match and options.match not in {"Exact", "NotOlderThan"}:
        causes.append(
            _fault(
                "resourceVersionMatch",
                f'Unsupported value: "{options.match}": supported values: "Exact", "NotOlderThan", ""',
            )
        )
    elif options.match and watching and options.send_initial_events is None:
        causes.append(
            _forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            )
        )
    elif options.match and not watching and not options.resource_version:
        causes.append(
            _forbidden(
                "resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"
            )
        )
    elif options.match and options.continue_:
        causes.append(
            _forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
        )
    elif options.match == "Exact" and options.resource_version == "0":
        causes.append(
            _forbidden(
                "resourceVersionMatch", 'resourceVersionMatch "Exact" is forbidden for resourceVersion "0"'
            )
        )
    if options.send_initial_events is not None and not watching:
        causes.append(_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if options.send_initial_events and watching and options.match != "NotOlderThan":
        causes.append(
            _forbidden(
                "resourceVersionMatch",
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            )
        )
    if causes:
        raise invalid("meta.k8s.io", "ListOptions", "", causes)


def _fault(field: str, words: str) -> Cause:
    return Cause("FieldValueNotSupported", words, field)


def _forbidden(field: str, words: str) -> Cause:
    return Cause("FieldValueForbidden", f"Forbidden: {words}", field)


def write_options(query: Mapping[str, str], user_agent: str) -> WriteOptions:
    """Read the options of a write; the manager's default is the user agent's first word. Raises BadRequest, Invalid."""
    manager = query.get("fieldManager", "")
    if len(manager) > 128 or not manager.isprintable():
        raise BadRequest("fieldManager: Invalid value: must be at most 128 printable characters")
    validation = query.get("fieldValidation") or WARN
    if validation not in {STRICT, WARN, IGNORE}:
        words = f'Unsupported value: "{validation}": supported values: "Ignore", "Strict", "Warn"'
        raise invalid("meta.k8s.io", "CreateOptions", "", [_fault("fieldValidation", words)])
    return WriteOptions(
        manager or user_agent.partition("/")[0][:128] or "unknown",
        _dry_run(query.get("dryRun")),
        validation,
        is_true(query.get("force")),
    )


def _dry_run(value: Any) -> bool:
    values = value if isinstance(value, list) else [value] if value else []
    for one in values:
        if one != "All":
            words = f'Unsupported value: "{one}": supported values: "All"'
            raise invalid("meta.k8s.io", "CreateOptions", "", [_fault("dryRun", words)])
    return bool(values)


def delete_options(query: Mapping[str, str], body: Any) -> DeleteOptions:
    """Read the options of a delete; the body wins over the query. Raises BadRequest, Invalid."""
    if body is not None and not isinstance(body, dict):
        raise BadRequest("the body of a delete must be a DeleteOptions object")
    body = body or {}
    if body.get("kind", "DeleteOptions") != "DeleteOptions":
        raise BadRequest(f'decoding DeleteOptions: "{body["kind"]}" is not a DeleteOptions')
    grace = body.get("gracePeriodSeconds", _integer(query, "gracePeriodSeconds"))
    if grace is not None and (not isinstance(grace, int) or isinstance(grace, bool)):
        raise BadRequest("gracePeriodSeconds must be a number of seconds")
    propagation = body.get("propagationPolicy") or query.get("propagationPolicy", "")
    orphan = body.get("orphanDependents", query.get("orphanDependents"))
    if not propagation and orphan is not None:
        propagation = "Orphan" if orphan in (True, "true", "1") else "Background"
    if propagation not in ("", "Foreground", "Background", "Orphan"):
        words = f'Unsupported value: "{propagation}": supported values: "Foreground", "Background", "Orphan"'
        raise invalid("meta.k8s.io", "DeleteOptions", "", [_fault("propagationPolicy", words)])
    preconditions = body.get("preconditions") or {}
    if not isinstance(preconditions, dict):
        raise BadRequest("preconditions must be an object with uid and resourceVersion")
    return DeleteOptions(
        grace, propagation, preconditions.get("uid") or "", preconditions.get("resourceVersion") or "",
        _dry_run(body.get("dryRun") or query.get("dryRun")),
    )  # fmt: skip


def _integer(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None or text == "":
        return None
    try:
        value = int(text)
    except ValueError:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax (parameter {name})') from None
    if not -(2**63) <= value < 2**63:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": value out of range (parameter {name})')
    return value


def revision_of(text: str) -> int:
    """Read a resourceVersion. Raises Invalid (as a list or watch does for a malformed one)."""
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    words = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    raise Invalid(f"resourceVersion: {words}", causes=[Cause("FieldValueInvalid", words, "resourceVersion")])


def encode_continue(revision: int, after: str) -> str:
    """Make the token that names the next page."""
    return (
        base64.urlsafe_b64encode(orjson.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": after}))
        .decode()
        .rstrip("=")
    )


def decode_continue(token: str, prefix: str) -> tuple[int, str]:
    """Return (revision, key to go on after) of a token. Raises BadRequest for one that is not ours."""
    try:
        parsed = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        revision, start = parsed["rv"], parsed["start"]
        good = (
            isinstance(revision, int) and revision > 0 and isinstance(start, str) and start.startswith(prefix)
        )
    except (ValueError, binascii.Error, KeyError, TypeError, orjson.JSONDecodeError):
        good = False
    if not good:
        raise BadRequest("continue key is not valid: it is not a token that this list returned")
    return revision, start
