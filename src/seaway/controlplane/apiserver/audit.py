"""Who tried to delete or change what: a record in Kubernetes' own format, one line of JSON an event.

Recorded is what an administrator asks for afterwards: every deletion that a person or a pod asks for, and every change that
anybody was refused. Bodies are never in it (level Metadata), nor is the query, which may hold a token.

Source: audit.k8s.io/v1 and "Auditing" in the Kubernetes documentation.
"""

from __future__ import annotations

import logging
import os
import sys
import uuid
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from seaway.base.clock import Clock, rfc3339_micro
from seaway.controlplane.apiserver.content import Content
from seaway.controlplane.apiserver.messages import ApiRequest
from seaway.controlplane.apiserver.requestinfo import RequestInfo
from seaway.controlplane.apiserver.users import User

Object = dict[str, Any]
Listener = Callable[[Object], None]
CHANGES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
DELETIONS = frozenset({"delete", "deletecollection"})
_TOLD_OF = frozenset({"binding", "eviction", "scale"})
"""Subresources whose writes are acts upon the object itself."""
_PARTS = ("system:", "seaway:")
"""How the names of users begin that are parts of the cluster itself."""
_POD = "system:serviceaccount:"
_SYSTEM_POD = "system:serviceaccount:kube-system:"
_FILE_BYTES = 8 << 20
_FILES = 4


class Outcome(NamedTuple):
    """How a request was answered."""

    code: int
    reason: str = ""
    message: str = ""
    denied: bool = False
    """No role allows it."""
    made: Content | None = None
    """What was created: its name may be the server's choice."""


class Asked(NamedTuple):
    """Who asked for what."""

    info: RequestInfo
    path: str
    """Without its query, but for a dry run's."""
    caller: User
    agent: str
    received: float


def is_recorded(asked: Asked, outcome: Outcome) -> bool:
    """Tell whether an event is kept."""
    if not asked.info.is_resource or asked.info.verb not in CHANGES:
        return False
    return outcome.denied or (asked.info.verb in DELETIONS and _is_somebody(asked.caller.name))


def is_told(asked: Asked, outcome: Outcome) -> bool:
    """Tell whether whoever keeps the history of objects is told: of all deletions, evictions and such, and of people's changes."""
    if not asked.info.is_resource or asked.info.verb not in CHANGES:
        return False
    if asked.info.subresource:
        acted = asked.info.subresource in _TOLD_OF
    else:
        acted = asked.info.verb in DELETIONS or _is_somebody(asked.caller.name)
    return outcome.denied or acted


def is_tried_only(request: ApiRequest) -> bool:
    """Tell whether a request asks to change nothing (a dry run), in its query or, of a deletion, in its body."""
    if request.query.get("dryRun"):
        return True
    if request.method != "DELETE":
        return False
    asked = request.object
    return bool(asked.get("dryRun")) if isinstance(asked, dict) else b"dryRun" in request.body


def _is_somebody(name: str) -> bool:
    """Tell whether a user is no part of the cluster: a person, or a pod of theirs."""
    return not name.startswith(_PARTS) or (name.startswith(_POD) and not name.startswith(_SYSTEM_POD))


def event(asked: Asked, acting: User, outcome: Outcome, *, audit_id: str, now: float) -> Object:
    """Return what is recorded: an `Event` of audit.k8s.io/v1, at the level Metadata.

    Args:
        asked: the request.
        acting: as whom it was done: the caller, or whom that one acts for.
        outcome: the answer.
        audit_id: a UUID.
        now: when it was answered.
    """
    status: Object = {"metadata": {}, "code": outcome.code}
    if outcome.code >= 400:
        status |= {"status": "Failure", "message": outcome.message, "reason": outcome.reason}
    decision = "forbid" if outcome.denied else "allow"
    impersonated = {"impersonatedUser": _user(acting)} if acting != asked.caller else {}
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": audit_id,
        "stage": "ResponseComplete",
        "requestURI": asked.path,
        "verb": asked.info.verb,
        "user": _user(asked.caller),
        **impersonated,
        "userAgent": asked.agent,
        "objectRef": _reference(asked.info, outcome.made),
        "responseStatus": status,
        "requestReceivedTimestamp": rfc3339_micro(asked.received),
        "stageTimestamp": rfc3339_micro(now),
        "annotations": {"authorization.k8s.io/decision": decision},
    }


def _user(user: User) -> Object:
    found: Object = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        found["uid"] = user.uid
    return found


def _reference(info: RequestInfo, made: Content | None) -> Object:
    name = info.name
    if not name and made is not None:
        name = str((made.parsed().get("metadata") or {}).get("name") or "")
    given = {
        "resource": info.resource, "namespace": info.namespace, "name": name, "apiGroup": info.group,
        "apiVersion": info.version, "subresource": info.subresource,
    }  # fmt: skip
    return {key: value for key, value in given.items() if value}


class AuditLog:
    """A file of audit events, readable by its owner only, that never takes more than so much room.

    Args:
        path: of the newest file; older ones have a number behind.
        clock: where time comes from.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._listeners: list[Listener] = []
        self._file = _PrivateFile(path, maxBytes=_FILE_BYTES, backupCount=_FILES, delay=True)

    def listen(self, listener: Listener) -> None:
        """Have somebody told of each event that concerns the history of objects."""
        self._listeners.append(listener)

    def record(self, asked: Asked, acting: User, outcome: Outcome) -> None:
        """Write an event down, where it is to be kept, and tell of it."""
        kept, told = is_recorded(asked, outcome), bool(self._listeners) and is_told(asked, outcome)
        if not kept and not told:
            return
        entry = event(asked, acting, outcome, audit_id=str(uuid.uuid4()), now=self._clock.now())
        for listener in self._listeners if told else ():
            listener(entry)
        if kept:
            self._file.emit(logging.makeLogRecord({"msg": orjson.dumps(entry).decode()}))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _PrivateFile(RotatingFileHandler):
    """A file that turns over when it is full; a disk that is full is said in the log of the server."""

    def _open(self) -> Any:
        Path(self.baseFilename).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open(
            self.baseFilename, self.mode, encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)
        )  # fmt: skip

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the handler's name
        """Say in the server's log that an event is not written down, and why."""
        why = sys.exc_info()[1]
        logging.getLogger(__name__).error(
            "an audit event cannot be written (%s): %s", why, record.getMessage()
        )
