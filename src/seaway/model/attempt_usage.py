"""What an attempt uses while it runs."""

from __future__ import annotations

from datetime import datetime

from seaway.model.base import Value


class AttemptUsage(Value):
    """What the runner measured last; None for what was not measured, and for limits that there are not. Sizes in bytes."""

    measured: datetime
    memory: int
    """In use now: of its control group, without what the kernel keeps of files; where it has none, of its processes."""
    memory_peak: int
    """The most of it that was seen."""
    memory_limit: int | None = None
    cores: float | None = None
    """Processor cores in use, on average since the measurement before."""
    gpu: int | None = None
    """Percent of the time in which its GPUs compute, over all of them."""
    gpu_memory: int | None = None
    gpu_memory_limit: int | None = None
    scratch: int | None = None
    """What it has on its container's own disk; only measured where that has a limit."""
    scratch_limit: int | None = None


class LiveAttempt(Value):
    """An attempt whose program runs now."""

    run: str
    user: str
    workspace: str
    task: str
    attempt: int
    node: str | None = None
    started: datetime | None = None
    command: str
    """Of the run."""
    usage: AttemptUsage | None = None
    """None where nothing was measured lately: it has just begun, or has no runner."""
