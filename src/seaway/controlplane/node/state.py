"""What the node knows of a container: values that the pure modules work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Object = dict[str, Any]
SIDECAR = "Always"


class Running(NamedTuple):
    """The program runs."""

    started_ns: int


@dataclass(frozen=True, slots=True)
class Exit:
    """The program ended, or could not be started."""

    exit_code: int
    signal: int = 0
    oom_killed: bool = False
    started_ns: int = 0
    """Nanoseconds since the epoch; 0 where it never started."""
    finished_ns: int = 0
    peak_memory: int = 0
    """Bytes; the most that all its processes used at once, as far as measured."""
    reason: str = ""
    """Set where the end is not the program's own: StartError, CreateContainerError, ContainerStatusUnknown, DeadlineExceeded."""
    error: str = ""
    message: str = ""
    """The termination message."""

    @property
    def word(self) -> str:
        """The reason in the container's status."""
        if self.reason:
            return self.reason
        if self.oom_killed:
            return "OOMKilled"
        return "Completed" if self.exit_code == 0 else "Error"


@dataclass(slots=True)
class ContainerState:
    """One container of a pod over all its attempts."""

    name: str
    init: bool = False
    sidecar: bool = False
    """An init container with restartPolicy Always: it runs beside the others."""
    ephemeral: bool = False
    """It was added while the pod ran, to look into it: it runs once, and nothing depends on it."""
    policy: str = "Always"
    """Its own restart policy, or its pod's."""
    rules: tuple[Object, ...] = ()
    """Ends after which it is started again whatever the policy says; see `restartPolicyRules`."""
    attempt: int = -1
    """Number of the latest attempt, -1 before the first."""
    current: Running | Exit | None = None
    previous: Exit | None = None
    waiting: tuple[str, str] | None = None
    """Reason and message why it does not start."""
    ready: bool = False
    """Its readiness probe (if any) says yes."""
    started: bool = False
    """Its startup probe (if any) said yes, and its postStart hook is done."""
    hooking: bool = False
    """Its postStart hook is not done yet: containers after it wait."""
    failures: int = 0
    """How often in a row it ended soon and had to be restarted."""
    restart_at: float = 0.0
    """Monotonic time before which it may not be started again."""

    @property
    def running(self) -> bool:
        """Its program runs."""
        return isinstance(self.current, Running)

    @property
    def exit(self) -> Exit | None:
        """How it ended, None where it did not."""
        return self.current if isinstance(self.current, Exit) else None


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """What the runtime needs to start a container."""

    id: str
    """Unique on the machine; valid as a file name."""
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    hostname: str = "localhost"
    mounts: tuple[tuple[str, str, bool], ...] = ()
    """(source, target, read only); see `shim.rootplan.Mount`."""
    memory: int | None = None
    cpu_millis: int | None = None
    user: int | None = None
    """Whom its programs run as; None: as the node does."""
    group: int | None = None
    groups: tuple[int, ...] = ()
    mapped: tuple[int, int] | None = None
    """User and group that its programs see themselves as, where the node may become nobody else; None: what they are."""
    read_only_root: bool = False
    gpus: tuple[str, ...] = ()
    """Those that it has alone."""
    cpus: tuple[int, ...] = ()
    """Those that its programs are kept on; none for all."""
    cpus_alone: bool = False
    """No other container is kept on these."""
    stdin: bool = False
    """Its program has an input, which callers who attach to it give."""
    stdin_once: bool = False
    """The input ends with the first of them."""
    terminal: bool = False
    """Its program's streams are a terminal."""
    log_max_bytes: int = 50 << 20
    log_max_files: int = 5


class ExecResult(NamedTuple):
    """What a command run in a container gave."""

    exit_code: int
    output: str
    timed_out: bool


@dataclass(slots=True)
class PodState:
    """One pod on this node."""

    containers: dict[str, ContainerState] = field(default_factory=dict)
    """In the order of the spec, init containers first, ephemeral ones last."""
    ip: str = ""
    sandbox: bool = False
    """Its folders, address and volumes are there."""
    failed: tuple[str, str] | None = None
    """Reason and message where the node itself ended the pod: Evicted, DeadlineExceeded, UnexpectedAdmissionError."""
    disrupted: bool = False
    """It was ended for the node's sake, not for what it did."""


def states_of(pod: Mapping[str, Any]) -> dict[str, ContainerState]:
    """Return fresh states for the containers of a pod."""
    spec = pod["spec"]

    def fresh(container: Object, *, init: bool = False) -> ContainerState:
        own = container.get("restartPolicy")
        return ContainerState(
            container["name"],
            init=init,
            sidecar=init and own == SIDECAR,
            policy=own or spec.get("restartPolicy", "Always"),
            rules=tuple(container.get("restartPolicyRules") or ()),
        )

    inits = [fresh(c, init=True) for c in spec.get("initContainers") or ()]
    mains = [fresh(c) for c in spec["containers"]]
    added = [ContainerState(c["name"], ephemeral=True) for c in spec.get("ephemeralContainers") or ()]
    return {s.name: s for s in [*inits, *mains, *added]}


def container_specs(pod: Mapping[str, Any]) -> dict[str, Object]:
    """Return all container specs of a pod by name, init containers first."""
    spec = pod["spec"]
    added = spec.get("ephemeralContainers") or ()
    return {c["name"]: c for c in [*(spec.get("initContainers") or ()), *spec["containers"], *added]}
