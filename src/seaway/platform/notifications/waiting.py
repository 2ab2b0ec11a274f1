"""Which runs wait for long or seem to hang. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seaway.model.notification import Event
from seaway.model.run import Phase
from seaway.platform.engine.happenings import Happening, of_run
from seaway.platform.engine.state import RunState

_WAITING = (Phase.QUEUED, Phase.STARTING)
IDLE_CORES = 0.02
"""A program that uses less of a core is idle: the runner and the garbage collector of an idle interpreter stay below."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Since when an attempt has been silent and idle, by the monotonic clock: nothing hangs because somebody set the other."""

    silent: float
    idle: float | None
    """None where it is not known what its pod uses."""
    waits_for: str = ""
    """What its main thread waits for, where that is known."""

    def hangs(self, now: float, seconds: float) -> bool:
        """Return whether both have lasted for so many seconds."""
        return self.idle is not None and now - max(self.silent, self.idle) >= seconds


def span(seconds: float) -> str:
    """Write a length of time in words of a message: "45 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def waiting(
    states: Iterable[RunState], since: Mapping[str, float], now: float, limit: float
) -> list[Happening]:
    """Return the runs that have waited for longer than a limit.

    Args:
        states: all runs that have not ended.
        since: when each run was first seen to wait, by uid.
        now: by the same clock.
        limit: seconds; 0 for none.
    """
    found = []
    for state in states:
        began = since.get(state.run.uid)
        if not limit or began is None or now - began < limit:
            continue
        ended = sum(task.fence for task in state.tasks.values()) - state.in_flight
        said = f"it has not started for {span(now - began)}: {state.run.message}"
        found.append(of_run(state.run, Event.WAITING, str(ended), f"{state.run.name} waits", said))
    return found


def is_waiting(state: RunState) -> bool:
    """Return whether nothing of a run runs, and something is to."""
    return state.run.phase in _WAITING


def has_waited(state: RunState, now: float) -> float:
    """Return for how many seconds a run is taken to have waited that was not seen to wait before.

    Args:
        state: of the run.
        now: seconds since the epoch.
    """
    began = state.run.created if state.run.started is None and not state.attempts else now
    return max(0.0, now - began)


def hung(state: RunState, task: str, quiet: Quiet, now: float) -> Happening:
    """Return that an attempt seems to hang."""
    attempt = state.attempts[task]
    about = state.run.name if state.single else f"{state.run.name}/{task}"
    said = (
        f"it has written nothing for {span(now - quiet.silent)} and used no CPU "
        f"for {span(now - (quiet.idle or now))}"
    )
    if quiet.waits_for:
        said += f": it waits for {quiet.waits_for}"
    return of_run(state.run, Event.HUNG, f"{task}/{attempt.number}", f"{about} seems to hang", said)


def shortest_limit(states: Iterable[RunState], usual: float) -> float:
    """Return the least time in seconds after which anything that is under way is taken to hang.

    Args:
        states: all runs that have not ended.
        usual: seconds after which people are told; 0 for never.
    """
    own = [
        limit
        for state in states
        for task in state.attempts
        if (limit := state.specs[task].stop_if_hung_seconds) is not None
    ]
    return min([usual or 3600.0, *own])


def gpu_unused(state: RunState, task: str, since: float, now: float) -> Happening:
    """Return that an attempt has used none of its GPUs."""
    attempt, asked = state.attempts[task], state.specs[task].resources.gpu
    about = state.run.name if state.single else f"{state.run.name}/{task}"
    gpus = "its GPU" if asked == 1 else f"its {asked} GPUs"
    said = f"it has not used {gpus} for {span(now - since)}, and nobody else can meanwhile"
    return of_run(state.run, Event.GPU, f"{task}/{attempt.number}", f"{about} uses no GPU", said)
