"""Nodes, as far as people have something to say of them."""

from __future__ import annotations

from seaway.model.base import Value


class NodeView(Value):
    """A node of the cluster, and what is on it."""

    name: str
    ready: bool
    """It answers, and is well."""
    condition: str
    """What it, or the cluster, says of it."""
    confirmed_off: bool
    """Somebody has confirmed that its machine is off: nothing is placed there until that is taken back."""
    confirmed_off_by: str = ""
    """Who has; "" where the node does not say, such as where the taint was set by hand."""
    runs: tuple[str, ...] = ()
    """Runs whose program is, or was last, on it and has not ended as far as is known."""
    other_pods: int | None = None
    """How many pods of others are on it; None where they may not be seen."""
