"""How pods and secrets are named: deterministically, so that creating one twice conflicts instead of running twice."""

from __future__ import annotations

import hashlib

from seaway.objects.names import bounded_name

MAIN = "main"
_BETWEEN = "--"
"""Between a run and its task: one "-" may stand in both, so that the run "a-x" would share names with a task "x" of "a"."""


def pod_name(run: str, task: str, attempt: int, *, single: bool) -> str:
    """Return the name of an attempt's pod.

    Args:
        run: the run's name.
        task: the task's name.
        attempt: its number.
        single: the run has this one task; a task "main" is then not said.
    """
    if _BETWEEN in run or _BETWEEN in task:
        task_named = f"{run}{_BETWEEN}{hashlib.sha256(f'{run}/{task}'.encode()).hexdigest()[:10]}"
        return bounded_name(task_named, str(attempt), limit=63)
    parts = (run, str(attempt)) if single and task == MAIN else (f"{run}{_BETWEEN}{task}", str(attempt))
    return bounded_name(*parts, limit=63)


def token_secret_name(run: str, run_uid: str) -> str:
    """Return the name of the Secret with a run's gateway token.

    The uid is part of it: a Secret of this name is this run's, and nobody has to read one to find out.
    """
    return bounded_name(run, f"token-{run_uid[:12]}", limit=63)
