"""What an ending is, and short ways to write its objects.

Each is made in a namespace of its own. "python" is the image that Seaway's own nodes have. In the objects and commands
`@NAMESPACE@` stands for that namespace, `@SERVER@` for the API server's URL, `@EARLIER@` for five minutes ago, and `@NODE@`
for the node that the ending has to itself, where it asks for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Object = dict[str, Any]
Trouble = Literal["memory", "disk", "pid", "registry", "kill", "kill and restore"]


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to end, or to wait."""

    cause: str
    class_: str
    level: str | None
    objects: tuple[Object, ...]
    retry: bool = False
    message: str = ""
    """A pattern that the sentence must match."""
    next: str = ""
    """A pattern that the next step must match."""
    ask: str = ""
    """Whom to ask about; "" for whoever has trouble."""
    when: str = '"running"'
    """What the dump must show, as JSON without spaces, before `provoke` and `then` happen."""
    provoke: Trouble | None = None
    """What happens to the node that it has to itself."""
    after: str = ""
    """What the dump must show after that, before `then`."""
    then: tuple[tuple[str, ...], ...] = ()
    """kubectl commands, in the namespace."""
    node: Object | None = None
    """Labels and taints (`{"labels": {...}, "taints": [...]}`) of a node that it has to itself; its pods choose it."""
    only: Literal["", "embedded", "real"] = ""
    """The one kind of cluster that produces it; "" for both."""
    why_only: str = ""
    """Why the other kind does not."""
    played: str = ""
    """Why the program itself says what a library or device would say: what is not on the machines that run tests."""
    slow: bool = False
    """It takes a minute by its nature: who produces many begins with it."""
    kinds: str = ""
    """Further kinds that the dump has, as kubectl takes them: "cronjob", "pv"."""


OWN: Object = {"nodeSelector": {"kubernetes.io/hostname": "@NODE@"}}
"""For a pod of an ending with a node of its own."""


def container(source: str = "", command: list[str] | None = None, name: str = "main", **more: Any) -> Object:
    """Return a container that runs a Python text, or a command."""
    return {"name": name, "image": "python", "command": command or ["python", "-c", source], **more}


def shell(script: str, name: str = "main", **more: Any) -> Object:
    """Return a container that runs a shell script."""
    return container(command=["sh", "-c", script], name=name, **more)


def pod(*containers: Object, name: str = "train", **spec: Any) -> Object:
    """Return a bare pod."""
    rest = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, **spec}
    return made("v1", "Pod", name, spec={"containers": list(containers), **rest})


def job(*containers: Object, limit: int = 0, pod_spec: Object | None = None, **spec: Any) -> Object:
    """Return a job."""
    inner = pod(*containers, **(pod_spec or {}))["spec"]
    return made("batch/v1", "Job", "train", spec={"backoffLimit": limit, "template": {"spec": inner}, **spec})


def deployment(*containers: Object) -> Object:
    """Return a deployment."""
    labels = {"app": "api"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 1},
    }
    body = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return made("apps/v1", "Deployment", "api", spec=body)


def made(version: str, kind: str, name: str, **rest: Any) -> Object:
    """Return any object."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **rest}


def limited(memory: str) -> Object:
    """Return a memory limit."""
    return {"resources": {"limits": {"memory": memory}, "requests": {"memory": memory}}}


def asking(**amounts: str) -> Object:
    """Return requests."""
    return {"resources": {"requests": dict(amounts)}}


def always(*containers: Object, **spec: Any) -> Object:
    """Return a bare pod that is started again and again."""
    return pod(*containers, restartPolicy="Always", **spec)


PASS = "pass"
SLEEP = "import time; time.sleep(600)"
SLOW_END = "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: print('saving', flush=True))\nfor _ in range(600): time.sleep(1)"
"""Takes the signal and goes on, as who saves for long does."""
USER, CONFIGURATION, RESOURCE = "user", "configuration", "resource"
DEADLINE, INFRASTRUCTURE = "deadline", "infrastructure"
