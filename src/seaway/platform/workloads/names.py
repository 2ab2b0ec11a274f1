"""How pods and secrets are named: deterministically, so that creating one twice conflicts instead of running twice."""

from __future__ import annotations

from seaway.objects.names import bounded_name

MAIN = "main"


def pod_name(run: str, task: str, attempt: int, *, single: bool) -> str:
    """Return the name of an attempt's pod.

    Args:
        run: the run's name.
        task: the task's name.
        attempt: its number.
        single: the run has this one task; a task "main" is then not said.
    """
    parts = (run, str(attempt)) if single and task == MAIN else (run, task, str(attempt))
    return bounded_name(*parts, limit=63)


def token_secret_name(run: str) -> str:
    """Return the name of the Secret with a run's gateway token."""
    return bounded_name(run, "seaway-token", limit=63)
