"""From what is remembered to a timeline: revisions, events and Seaway's own sentences in one order. Pure.

Times: a write is as old as its field manager says, an event as its source says; both in whole seconds as a rule, so that
within one second what was observed first comes first. What says no time counts from when it was observed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from seaway.base.clock import parse_rfc3339
from seaway.model.timeline import Timeline, TimelineEntry
from seaway.platform.database.records import AttemptRecord, EventRecord, RevisionRecord, SentenceRecord
from seaway.platform.history.changes import UNTOLD, changes
from seaway.platform.history.remembered import Object

_SAME = 2.0
"""Seconds up to which a time that is told and the one of the observation are the same: the first has whole seconds."""
_MOMENT = 1e-6
"""The least that entries' times differ, in seconds: they are written with microseconds."""
_NEVER = float("inf")


class Dated(NamedTuple):
    """An entry and where it stands."""

    at: float
    order: int
    entry: TimelineEntry
    act: str = ""
    """Of a change: by which of somebody's acts it came, see `changes.Change`."""


def of_revisions(revisions: Sequence[RevisionRecord]) -> list[Dated]:
    """Return what an object's revisions tell, oldest first; several objects' may be mixed."""
    found: list[Dated] = []
    before: dict[tuple[str, str], Object] = {}
    for revision in revisions:
        key = (revision.kind, revision.uid or revision.name)
        writers = revision.written_by or []
        written = max((writer.get("time") or "" for writer in writers), default="")
        fields = tuple(dict.fromkeys(field for writer in writers for field in writer.get("fields") or ()))
        name = object_name(revision.kind, revision.name)
        for change in changes(revision.kind, revision.object, before.get(key), deleted=revision.deleted):
            if change.message == UNTOLD and not fields:
                continue  # nothing that anybody could see
            at = aligned(None if revision.deleted else change.at or written, revision.observed)
            entry = TimelineEntry(
                time=moment(at), object=name, source="change", message=change.message, by=_writers(writers),
                fields=() if revision.deleted else fields, warning=change.warning,
            )  # fmt: skip
            found.append(Dated(at, 0, entry, change.act))
            fields = ()
        before[key] = {**before.get(key, {}), **revision.object}
    return found


def of_events(events: Iterable[EventRecord]) -> list[Dated]:
    """Return what Kubernetes' events tell."""
    found = []
    for event in events:
        told, at = event.object, _event_time(event)
        count = told.get("count") or (told.get("series") or {}).get("count") or 1
        often = f" ({count} times so far)" if count > 1 else ""
        source = told.get("reportingComponent") or (told.get("source") or {}).get("component") or ""
        message = " ".join(str(told.get("message") or "").split())
        entry = TimelineEntry(
            time=moment(at), object=object_name(event.kind, event.name or "?"), source="event",
            message=f"{told.get('reason') or 'event'}: {message}{often}", by=source, warning=told.get("type") == "Warning",
        )  # fmt: skip
        found.append(Dated(at, 1, entry))
    return found


def of_sentences(sentences: Iterable[SentenceRecord], *, run: str, single: bool) -> list[Dated]:
    """Return what Seaway itself said of a run's tasks."""
    return [
        own(sentence.said, run if single else f"{run}/{sentence.task}", sentence.text)
        for sentence in sentences
    ]


def before_ends(
    sentences: Iterable[SentenceRecord], attempts: Iterable[AttemptRecord], changes: Iterable[Dated]
) -> list[SentenceRecord]:
    """Return sentences, with those of a pod's way to its program before that pod's end.

    Whoever says them may see at once that a pod was placed, has run and has ended, and later than what recorded the end.
    """
    ends: dict[str, float] = {}
    for change in changes:
        if change.entry.message.startswith(("is Succeeded", "is Failed")):
            ends.setdefault(change.entry.object, change.at)
    pods = {(attempt.task, attempt.number): object_name("Pod", attempt.pod) for attempt in attempts}
    found = []
    for sentence in sentences:
        end = ends.get(pods.get((sentence.task, sentence.attempt), ""), _NEVER)
        early = sentence.said >= end and sentence.text.startswith(("placed on node ", "started"))
        found.append(replace(sentence, said=round(end, 6) - _MOMENT) if early else sentence)
    return found


def own(at: float, name: str, text: str, *, by: str = "seaway", warning: bool = False) -> Dated:
    """Return one of Seaway's own entries about a run or a task."""
    warning = warning or text.startswith("failed: ")
    return Dated(
        at,
        2,
        TimelineEntry(
            time=moment(at), object=f"run/{name}", source="seaway", message=text, by=by, warning=warning
        ),
    )


def page(
    subject: str, dated: Iterable[Dated], *, since: float, limit: int, notes: Sequence[str] = ()
) -> Timeline:
    """Return the first entries from a time on, in order; all of one moment are on one page, so that none is left out."""
    exact = [
        one._replace(at=round(one.at, 6)) for one in dated
    ]  # as times are written, so that none is left out
    ordered = heapq.nsmallest(limit + 1, (one for one in exact if one.at >= round(since, 6)), key=_order)
    shown, edge = ordered, None
    if len(ordered) > limit:
        edge = ordered[-1].at
        shown = [one for one in ordered if one.at < edge]
    if not shown and edge is not None:
        shown = sorted((one for one in exact if one.at == edge), key=_order)
        edge = min((one.at for one in exact if one.at > edge), default=None)
    entries = tuple(one.entry for one in shown)
    more = moment(edge) if edge is not None else None
    return Timeline(subject=subject, entries=entries, next=more, notes=tuple(notes))


def object_name(kind: str, name: str) -> str:
    """Return how a timeline calls an object: "pod/NAME"; claims by kubectl's short word."""
    return f"{'pvc' if kind == 'PersistentVolumeClaim' else kind.lower()}/{name}"


def moment(at: float) -> datetime:
    """Return seconds since the epoch as a time."""
    return datetime.fromtimestamp(at, UTC)


def _order(one: Dated) -> tuple[float, int]:
    return one.at, one.order


def aligned(told: str | None, observed: float) -> float:
    """Return when something happened, in seconds since the epoch.

    Args:
        told: as whoever did it says, RFC 3339, often in whole seconds; None or "" where nothing is said.
        observed: when Seaway saw it. It counts where both agree but for the seconds' fractions, and where what is told lies
            in the future, because clocks differ; what is told counts where it was seen late.
    """
    at = parse_rfc3339(told) if told else observed
    return at if at < observed - _SAME else observed


def _event_time(event: EventRecord) -> float:
    series = event.object.get("series") or {}
    told = (
        series.get("lastObservedTime") or event.object.get("lastTimestamp") or event.object.get("eventTime")
    )
    return aligned(told, event.last_seen)


def _writers(writers: Sequence[dict[str, Any]]) -> str:
    """Return who wrote a revision: managers, each with its operation where that is not a plain update."""
    said = []
    for writer in writers:
        how = [writer["operation"].lower()] if writer.get("operation") == "Apply" else []
        how += [writer["subresource"]] if writer.get("subresource") else []
        said.append(f"{writer.get('manager') or '?'}{f' ({chr(32).join(how)})' if how else ''}")
    return ", ".join(dict.fromkeys(said))
