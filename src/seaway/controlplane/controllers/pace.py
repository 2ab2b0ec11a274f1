"""How fast a number of pods may change: pure but for the history that it is given.

Source: autoscaling/v2 HorizontalPodAutoscaler, "Configurable scaling behavior": policies and stabilization windows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Object = dict[str, Any]
DOWN_WINDOW = 300.0
"""Seconds over which the highest recommendation counts where nothing else is told."""
_LEAST_UP, _FACTOR_UP = 4, 2


class Moment(NamedTuple):
    """A recommendation, or by how much was scaled."""

    at: float
    replicas: int


@dataclass(slots=True)
class History:
    """What is remembered of one autoscaler. Times are of the monotonic clock: windows are as long as they are though the time of day is set."""

    now: float = 0.0
    """When it is looked at."""
    recommended: list[Moment] = field(default_factory=list)
    up: list[Moment] = field(default_factory=list)
    down: list[Moment] = field(default_factory=list)

    def recommend(self, replicas: int) -> None:
        """Note a recommendation."""
        self.recommended.append(Moment(self.now, replicas))

    def scaled(self, before: int, after: int) -> None:
        """Note that it was scaled."""
        changes = self.up if after > before else self.down
        changes.append(Moment(self.now, abs(after - before)))

    def forget(self, seconds: float) -> None:
        """Drop what is older."""
        for moments in (self.recommended, self.up, self.down):
            moments[:] = [moment for moment in moments if moment.at >= self.now - seconds]


LONGEST = 3600.0
"""Seconds that a window or a policy's period may have at most."""


class Said(NamedTuple):
    """A condition's reason and message."""

    reason: str
    message: str


class Paced(NamedTuple):
    """A number of pods within the limits."""

    replicas: int
    able: Said
    """Of AbleToScale."""
    limited: bool
    limit: Said
    """Of ScalingLimited."""


class Wish(NamedTuple):
    """What the metrics ask for, and between what."""

    current: int
    desired: int
    lowest: int
    highest: int


_READY = Said("ReadyForNewScale", "recommended size matches current size")
_HIGHEST = "recent recommendations were higher than current one, applying the highest recent recommendation"
_LOWEST = "recent recommendations were lower than current one, applying the lowest recent recommendation"
_WITHIN = Said("DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_MANY = Said("TooManyReplicas", "the desired replica count is more than the maximum replica count")
_TOO_FEW = Said("TooFewReplicas", "the desired replica count is less than the minimum replica count")
_TOO_FAST = Said("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
_TOO_SOON = Said(
    "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate"
)


def pace(wish: Wish, behavior: Object | None, history: History) -> Paced:
    """Return how many pods there may be now; the recommendation is added to the history.

    Args:
        wish: what is asked for.
        behavior: `spec.behavior`, with its defaults.
        history: changed.
    """
    if behavior is None:
        steady, why = _steady_down(wish, history), Said("ScaleDownStabilized", _HIGHEST)
    else:
        steady = _steady(wish, behavior, history)
        up = wish.desired >= wish.current
        why = Said("ScaleUpStabilized", _LOWEST) if up else Said("ScaleDownStabilized", _HIGHEST)
    able = _READY if steady == wish.desired else why
    history.recommend(wish.desired)
    history.forget(LONGEST)
    wish = wish._replace(desired=steady)
    replicas, limit = _limit(wish) if behavior is None else _limit_by(wish, behavior, history)
    return Paced(replicas, able, replicas != steady, limit)


def _steady_down(wish: Wish, history: History) -> int:
    recent = [moment.replicas for moment in history.recommended if moment.at >= history.now - DOWN_WINDOW]
    return max([wish.desired, *recent])


def _steady(wish: Wish, behavior: Object, history: History) -> int:
    """Keep within the lowest and highest recommendation of the windows."""
    up, down = (
        [moment.replicas for moment in history.recommended if moment.at > history.now - window]
        for window in (
            behavior["scaleUp"].get("stabilizationWindowSeconds") or 0,
            _or(behavior["scaleDown"].get("stabilizationWindowSeconds"), DOWN_WINDOW),
        )
    )
    return min(max(wish.current, min([wish.desired, *up])), max([wish.desired, *down]))


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _limit(wish: Wish) -> tuple[int, Said]:
    fastest = max(_FACTOR_UP * wish.current, _LEAST_UP)
    if wish.desired < wish.lowest:
        return wish.lowest, _TOO_FEW
    if wish.desired > min(wish.highest, fastest):
        return min(wish.highest, fastest), _TOO_FAST if wish.highest > fastest else _TOO_MANY
    return wish.desired, _WITHIN


def _limit_by(wish: Wish, behavior: Object, history: History) -> tuple[int, Said]:
    if wish.desired > wish.current:
        fastest = max(_furthest(wish, behavior["scaleUp"], history, 1), wish.current)
        if wish.desired > min(wish.highest, fastest):
            return min(wish.highest, fastest), _TOO_FAST if wish.highest > fastest else _TOO_MANY
    elif wish.desired < wish.current:
        fewest = min(_furthest(wish, behavior["scaleDown"], history, -1), wish.current)
        if wish.desired < max(wish.lowest, fewest):
            return max(wish.lowest, fewest), _TOO_SOON if wish.lowest < fewest else _TOO_FEW
    return wish.desired, _WITHIN


def _furthest(wish: Wish, rules: Object, history: History, sign: int) -> int:
    """Return how far the policies let the number go up (sign 1) or down (-1)."""
    if rules.get("selectPolicy") == "Disabled":
        return wish.current
    proposed: list[int] = []
    for policy in rules["policies"]:
        since = history.now - policy["periodSeconds"]
        start = wish.current - _changed(history.up, since) + _changed(history.down, since)
        if policy["type"] == "Pods":
            proposed.append(start + sign * policy["value"])
        elif sign > 0:  # rounded up, or few pods would never become more
            proposed.append(math.ceil(start * (1 + policy["value"] / 100)))
        else:
            proposed.append(int(start * (1 - policy["value"] / 100)))
    most = (rules.get("selectPolicy") != "Min") == (sign > 0)
    return max(proposed) if most else min(proposed)


def _changed(moments: Sequence[Moment], since: float) -> int:
    return sum(moment.replicas for moment in moments if moment.at > since)
