"""How much room runs take on the server."""

from __future__ import annotations

from seaway.model.base import Value


class _Room(Value):
    """What runs have left on the server. All sizes in bytes, as each run counts: what runs share is stored once."""

    runs: int
    """Those that are not in the bin."""
    outputs: int
    checkpoints: int
    logs: int
    code: int = 0
    """Code and locks of requirements that were uploaded, each once however many of the runs refer to it."""
    binned: int
    """Of all of that, what lies in the bin: `seaway rm --now` frees it at once."""
    total: int
    limit: int | None = None
    """The most that it may be; None for no limit."""
    files: int = 0
    """In how many files outputs, checkpoints and code are kept, the bin included."""
    files_limit: int | None = None
    """The most that these may be; None for any number."""
    warning: str = ""
    """What is to be said of it, from 80 % of a limit on."""


class UsageView(_Room):
    """What one user's runs have left."""

    user: str


class WorkspaceUsageView(_Room):
    """What the runs in one workspace have left."""

    workspace: str
