"""How much room a user's runs take on the server."""

from __future__ import annotations

from seaway.model.base import Value


class UsageView(Value):
    """What one user's runs have left on the server. All sizes in bytes, as each run counts: what runs share is stored once."""

    user: str
    runs: int
    """Those that are not in the bin."""
    outputs: int
    checkpoints: int
    logs: int
    binned: int
    """Of all of that, what lies in the bin: `seaway rm --now` frees it at once."""
    total: int
    limit: int | None = None
    """The most that it may be; None for no limit."""
    warning: str = ""
    """What is to be said of it, from 80 % of the limit on."""
