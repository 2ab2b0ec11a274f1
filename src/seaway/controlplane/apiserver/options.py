"""Options of list and watch, read from the query. Unknown parameters are ignored, as Kubernetes does.

Source: ListOptions of meta/v1. `write_options` has those of the verbs that write.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from seaway.controlplane.apiserver.jsonfaults import json_fault
from seaway.controlplane.apiserver.requestinfo import is_true
from seaway.controlplane.kinds import faults
from seaway.objects.errors import BadRequest, Cause, invalid
from seaway.objects.selectors import FieldSelector, LabelSelector

_TOKEN_VERSION = "meta.k8s.io/v1"  # noqa: S105  # of a continue token
_MATCHES = ("Exact", "NotOlderThan")


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
        integer(query, "limit") or 0,
        query.get("continue", ""),
        query.get("resourceVersion", ""),
        query.get("resourceVersionMatch", ""),
        is_true(query.get("allowWatchBookmarks")),
        None if initial is None else is_true(initial),
        integer(query, "timeoutSeconds"),
    )
    watching = is_true(query.get("watch"))
    causes = _watch_faults(options) if watching else _list_faults(options)
    if causes:
        raise invalid("meta.k8s.io", "ListOptions", "", causes)
    return options


def _list_faults(options: ListOptions) -> list[Cause]:
    causes = []
    if options.match:
        if not options.resource_version:
            causes.append(_no_match("is forbidden unless resourceVersion is provided"))
        if options.continue_:
            causes.append(_no_match("is forbidden when continue is provided"))
        if options.match not in _MATCHES:
            causes.append(faults.unsupported("resourceVersionMatch", options.match, (*_MATCHES, "")))
        if options.match == "Exact" and options.resource_version == "0":
            causes.append(_no_match('"exact" is forbidden for resourceVersion "0"'))
    if options.send_initial_events is not None:
        causes.append(faults.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return causes


def _watch_faults(options: ListOptions) -> list[Cause]:
    causes = []
    if options.send_initial_events is not None and options.match != "NotOlderThan":
        words = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        causes.append(faults.forbidden("resourceVersionMatch", words))
    from_now = options.send_initial_events is None and options.resource_version in ("", "0")
    if options.match:
        if options.send_initial_events is None:
            causes.append(_no_match("is forbidden for watch unless sendInitialEvents is provided"))
        if options.match != "NotOlderThan":
            causes.append(faults.unsupported("resourceVersionMatch", options.match, ("NotOlderThan",)))
    if options.continue_ and (options.match or from_now):
        causes.append(_no_match("is forbidden when continue is provided"))
    return causes


def _no_match(words: str) -> Cause:
    return faults.forbidden("resourceVersionMatch", f"resourceVersionMatch {words}")


def integer(query: Mapping[str, str], name: str) -> int | None:
    """Read a whole number, None for none. Raises BadRequest."""
    text = query.get(name)
    if text is None or text == "":
        return None
    try:
        value = int(text)
    except ValueError:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if not -(2**63) <= value < 2**63:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": value out of range')
    return value


def revision_of(text: str, where: str = "") -> int:
    """Read a resourceVersion.

    Args:
        text: what was given.
        where: what the fault begins with.

    Raises:
        BadRequest: it is no number.
    """
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    words = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    raise BadRequest(f"{where}resourceVersion: {words}")


NOW = -1
"""Revision of a token that goes on with what is there now: the list is not of one moment any more."""


def encode_continue(revision: int, prefix: str, after: str) -> str:
    """Make the token that names the next page.

    Args:
        revision: as of which the list is, or `NOW`.
        prefix: of all keys of the list.
        after: the last key of this page.
    """
    parts = {"v": _TOKEN_VERSION, "rv": revision, "start": after.removeprefix(prefix) + "\0"}
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def decode_continue(token: str, prefix: str) -> tuple[int, str]:
    """Return (revision or `NOW`, key to go on after) of a token. Raises BadRequest for one that is none."""
    unread = "invalid continue token: continue key is not valid"
    wrong = re.search(r"[^A-Za-z0-9_-]", token)
    if wrong is not None or len(token) % 4 == 1:
        at = wrong.start() if wrong is not None else len(token)
        raise BadRequest(
            f"{unread}: illegal base64 data at input byte {at - at % 4 if wrong is None else at}"
        )
    data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    try:
        parsed = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"{unread}: {json_fault(data) or error}") from None
    if not isinstance(parsed, dict) or parsed.get("v") != _TOKEN_VERSION:
        version = parsed.get("v", "") if isinstance(parsed, dict) else ""
        raise BadRequest(f"{unread}: server does not recognize this encoded version {version}")
    revision, start = parsed.get("rv") or 0, parsed.get("start") or ""
    if not isinstance(revision, int) or revision == 0:
        raise BadRequest(f"{unread}: incorrect encoded start resourceVersion (version {_TOKEN_VERSION})")
    if not isinstance(start, str) or not start:
        raise BadRequest(f"{unread}: empty start key (version {_TOKEN_VERSION})")
    if ".." in start.split("/"):
        raise BadRequest(f"{unread}: {start}")
    return max(revision, NOW), prefix + start.rstrip("\0")
