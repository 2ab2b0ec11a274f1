"""Settings of all controllers; the defaults are kube-controller-manager's where it has them. Times in seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path

Sign = Callable[[bytes, Sequence[str], int, float], bytes]
SignToken = Callable[[Mapping[str, str]], str]


@dataclass(frozen=True, slots=True)
class ControllersSettings:
    """How the controllers of one cluster work."""

    ca_certificate: str = ""
    """PEM that the ConfigMap kube-root-ca.crt of each namespace carries; empty for no such ConfigMap."""
    sign: Sign | None = None
    """Given a request (PEM), its usages, the seconds it is good for and now, returns the certificate (PEM); None where
    nobody signs."""
    sign_token: SignToken | None = None
    """Given the claims of a token that is kept in a Secret, returns the token; None where nobody signs."""
    node_grace: float = 40.0
    """A node that renewed neither its lease nor its status for this long is unreachable."""
    node_monitor: float = 5.0
    """How often nodes are looked at."""
    terminated_pods: int = 12_500
    """So many ended pods are kept; the oldest above that are deleted."""
    orphan_quarantine: float = 40.0
    """A pod whose node object is missing for this long is deleted."""
    pod_gc_period: float = 20.0
    event_ttl: float = 3600.0
    """An event goes when nobody has written it for this long."""
    job_backoff: float = 10.0
    """Wait after a job's first failed pod; doubled with each further one ..."""
    job_backoff_cap: float = 600.0
    """... up to this."""
    volumes: Path | None = None
    """Folder of this machine in which volumes are made for claims; None for a cluster that makes none."""
    volumes_measured: float = 10.0
    """How often the volumes of running pods are measured at most; large ones are measured more rarely."""
    volumes_rest: float = 20.0
    """So many times as long as a measurement took, times the volumes in use, a volume is left alone."""
    workers: int = 4
    """Keys that one controller works on at once."""
    time_zone: tzinfo = UTC
    """Of cron jobs that name none: the machine's, where it is known."""
    autoscale_period: float = 15.0
    """How often each autoscaler looks at its metrics."""
