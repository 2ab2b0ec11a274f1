"""The names by which Seaway's pods and secrets are known in a cluster."""

from __future__ import annotations

RUN = "seaway.dev/run"
RUN_UID = "seaway.dev/run-uid"
TASK = "seaway.dev/task"
ATTEMPT = "seaway.dev/attempt"
FENCE = "seaway.dev/fence"
"""Annotation: the attempt's fencing number."""
LEASE = "seaway.dev/lease-seconds"
"""Annotation of a pod whose program ends by itself when it has not reached the server for so long."""
RUNNER = "seaway.dev/runner"
"""Annotation of a pod that is started without Seaway's runner, because its image has no Python: "none"."""
FINALIZER = "seaway.dev/recorded"
"""Taken off only when the pod's log and last status are safe."""
LEADER = "seaway.dev/leader"
"""On the pod of the server that leads: "true"."""
MANAGED_BY = "app.kubernetes.io/managed-by"
CONTAINER = "main"
"""Name of a pod's one container."""
TOKEN_KEY = "token"  # noqa: S105 - the key's name
"""Key of a run's Secret that holds its gateway token."""
