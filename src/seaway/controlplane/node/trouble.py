"""What somebody practises on a node: troubles that are pretended, on purpose, until they are taken back."""

from __future__ import annotations

from dataclasses import dataclass, field

KINDS = ("memory", "disk", "pid")
"""What a node can run short of."""


@dataclass(slots=True)
class Trouble:
    """The pretended troubles of one node; it outlives the agent that looks at it."""

    pressure: set[str] = field(default_factory=set)
    """Of `KINDS`: the node behaves as if it were short of these."""
    registry_out: bool = False
    """No image can be pulled; those that the node has stay usable."""
