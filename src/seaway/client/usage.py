"""What a node measured of itself and of its pods: values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used over a time."""

    cpu: float
    """Cores, on average over the window."""
    memory: int
    """Bytes at its end."""
    at: float
    """The window's end, in seconds since the epoch."""
    window: float
    """Its length in seconds."""


@dataclass(frozen=True, slots=True)
class PodUsage:
    """One pod's containers; those that have run for too short a time are missing."""

    uid: str
    containers: dict[str, Usage]


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """A node and its pods."""

    node: Usage
    """Of the whole machine, as on any node."""
    pods: tuple[PodUsage, ...] = ()
