"""Options of list and watch, read from the query. Unknown parameters are ignored, as Kubernetes does.

Source: ListOptions of meta/v1. `write_options` has those of the verbs that write.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from seaway.controlplane.apiserver.requestinfo import is_true
from seaway.controlplane.kinds import faults
from seaway.objects.errors import BadRequest, Cause, invalid
from seaway.objects.selectors import FieldSelector, LabelSelector

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
    if options.match:
        if options.send_initial_events is None:
            causes.append(_no_match("is forbidden for watch unless sendInitialEvents is provided"))
        if options.match != "NotOlderThan":
            causes.append(faults.unsupported("resourceVersionMatch", options.match, ("NotOlderThan",)))
        if options.continue_:
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


def revision_of(text: str) -> int:
    """Read a resourceVersion. Raises BadRequest (as a list or watch does for a malformed one)."""
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    words = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    raise BadRequest(f"invalid resource version: resourceVersion: {words}")


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
