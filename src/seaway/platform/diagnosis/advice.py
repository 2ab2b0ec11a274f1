"""Commands that a user can copy: what was typed, with one thing changed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from seaway.base.messages import Message, mapped, wording
from seaway.objects.quantity import format_quantity, whole
from seaway.platform.diagnosis.facts import Facts, Made

WATCH = wording("nothing to do; watch it with: {command}", command="seaway logs {run} -f")
"""The next step where Seaway tries again by itself."""

_EMBEDDED = "seaway://"
"""With it begins the version of the container runtime of nodes that Seaway brings."""


def again(facts: Facts, option: str = "", value: str | None = None) -> str:
    """Return the command that runs the same again.

    Args:
        facts: what is known; where it is not known what was typed, the task's own command stands in its place.
        option: an option to change, such as "--memory".
        value: its new value; None to leave the option out.
    """
    if facts.made is not None:
        return _made_again(facts, facts.made, option, value)
    return with_options(facts, {option: value} if option else {})


def with_options(facts: Facts, changes: Mapping[str, str | None]) -> str:
    """Return the command that runs a run again with several options changed, or left out where they are None."""
    changed = [word for name, value in changes.items() if value is not None for word in (name, value)]
    if facts.origin is None:
        return f"seaway run {_joined(changed)}{_script(facts)}"
    options, rest = _split(list(facts.origin.arguments))
    replaced = changes.keys() - {"--env"}
    if changes.get(
        "--memory"
    ):  # where growing came to its end, more than that is asked for: four times that is the cap then
        replaced |= {"--memory-cap"}
    kept = [word for name, given in options if name not in replaced for word in (name, given)]
    return f"seaway run {_joined(kept + changed)}{shlex.join(rest)}"


def with_package(facts: Facts, package: str) -> str:
    """Return the command that adds a package where the run's packages come from, and runs it again."""
    if facts.made is not None:
        return wording(
            "add {package} to the image's requirements ({adding}), then: {command}",
            package=package, adding=f"pip install {package}", command=again(facts, "--image", "IMAGE"),
        )  # fmt: skip
    file = facts.origin.requirements if facts.origin is not None else None
    if file is None:
        adding, run = (
            f"echo {package} >> requirements.txt",
            again(facts, "--requirements", "requirements.txt"),
        )
    elif file == "":
        adding, run = f"pip install {package}", again(facts)
    elif file.endswith((".toml", ".lock")):
        folder = file.rpartition("/")[0]
        adding = f"uv add {f'--project {shlex.quote(folder)} ' if folder else ''}{package}"
        run = again(facts)
    else:
        adding, run = f"echo {package} >> {shlex.quote(file)}", again(facts)
    return f"{adding} && {run}"


def is_python(facts: Facts) -> bool:
    """Return whether the program is Python's."""
    return bool(facts.command) and facts.command[0].rpartition("/")[2].startswith("python")


def twice(limit: str | None) -> str:
    """Return double a memory limit in its own kind of units, 8Gi where there is none."""
    if not limit:
        return "8Gi"
    return format_quantity(whole(limit) * 2, "binary" if limit.endswith("i") else "decimal")


def kubectl(facts: Facts, command: str, otherwise: str = "") -> str:
    """Return a kubectl command in the Pod's namespace; of Seaway's own runs something else, where that is given."""
    if facts.made is not None:
        namespace = facts.made.namespace
    elif otherwise:
        return otherwise
    else:  # of a workspace, which need not be what the kubeconfig names
        namespace = ((facts.pod or {}).get("metadata") or {}).get("namespace", "")
    apart = not namespace or " -n " in command or " -A" in command or " node" in command
    return command if apart else f"{command} -n {namespace}"


def uncordon(name: str, node: Mapping[str, Any]) -> str:
    """Return what opens a node again; whom `seaway up` started lets its users change no node with kubectl."""
    command = f"kubectl uncordon {name}"
    runtime = ((node.get("status") or {}).get("nodeInfo") or {}).get("containerRuntimeVersion") or ""
    if not runtime.startswith(_EMBEDDED):
        return command
    return wording(
        "{command}; on this machine: {local}", command=command, local=f"seaway cluster uncordon {name}"
    )


def elsewhere(facts: Facts, step: str) -> str:
    """Return a next step with Seaway's commands for its runs replaced by kubectl's, for pods that are no run's."""
    if facts.made is None:
        return step
    container = f" -c {facts.container}" if facts.container else ""
    previous = " --previous" if facts.restarts else ""
    log = f"{kubectl(facts, f'kubectl logs {facts.run}')}{container}"
    followed, described = f"{log} -f", kubectl(facts, f"kubectl describe pod {facts.run}")
    if facts.pod_gone:  # history has it, the cluster has not
        followed = log = f"seaway logs pod/{facts.run}"
        previous, described = "", f"seaway timeline pod/{facts.run}"
    step = _without_watching(facts, step)
    replaced = (
        ("seaway logs {run} -f", followed),
        ("seaway logs {run}", f"{log}{previous}"),
        ("seaway retry {run}", again(facts)),
        ("seaway show {run}", described),
        ("seaway outputs {run}", ""),
        ("seaway ps", "kubectl get pods -A -o wide"),
        ("seaway status", "kubectl get nodes"),
    )
    return mapped(step, lambda part: _replaced(part, replaced))


def _without_watching(facts: Facts, step: str) -> str:
    """Return a step with what is to be done where nobody tries again by itself, or somebody else than Seaway does."""
    if not isinstance(step, Message):
        return step
    if step.template != WATCH.template:
        return Message(step.template, step.changed(lambda part: _without_watching(facts, part)))
    if facts.made is None or not _made_anew(facts):
        return wording("run it again unchanged: {command}", command=again(facts))
    kind = str((facts.job or {}).get("kind") or facts.made.kind)
    pods = kubectl(facts, "kubectl get pods")
    return wording("nothing to do: its {kind} makes another pod; see: {command}", kind=kind, command=pods)


def _replaced(text: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return a command as another one, where it is one of these alone; in a longer text each is replaced."""
    for before, after in pairs:
        if text == before:
            return after
        text = text.replace(before, after)
    return text


_FIELDS = {
    "--memory": wording("resources.limits.memory and requests.memory"), "--cpu": "resources.requests.cpu",
    "--gpu": wording("resources.limits of nvidia.com/gpu"), "--image": "image", "--timeout": "activeDeadlineSeconds",
}  # fmt: skip
_ROLLED = ("deployment", "statefulset", "daemonset")


def _made_anew(facts: Facts) -> bool:
    """Tell whether a controller makes another pod by itself for one that was lost."""
    owner = facts.job or {}
    if (owner.get("status") or {}).get("isGone"):
        return False
    if owner.get("kind") in ("ReplicaSet", "StatefulSet", "DaemonSet"):
        return facts.pod is not None
    if owner.get("kind") != "Job" or facts.pod is None or not owner.get("spec"):
        return False
    conditions = (owner.get("status") or {}).get("conditions") or ()
    ended = any(
        one.get("type") in ("Failed", "FailureTarget", "Complete") and one.get("status") == "True"
        for one in conditions
    )
    limit = (owner.get("spec") or {}).get("backoffLimit", 6)
    return not ended and ((owner.get("status") or {}).get("failed") or 0) < max(limit, 1)


def _made_again(facts: Facts, made: Made, option: str, value: str | None) -> str:
    """Return how somebody else's pod is made again, with one thing changed."""
    space = f" -n {made.namespace}" if made.namespace else ""
    target = f"{made.kind}/{made.name}"
    if made.kind in _ROLLED:
        container = f" -c {facts.container}" if facts.container else ""
        if option in ("--memory", "--cpu") and value is not None:
            what = option[2:]
            return f"kubectl set resources {target}{space}{container} --limits={what}={value} --requests={what}={value}"
        if option == "--env" and value is not None:
            return f"kubectl set env {target}{space} {value}"
        if option == "--image" and value is not None:
            return f"kubectl set image {target}{space} {facts.container or '*'}={value}"
        if not option:
            return f"kubectl rollout restart {target}{space}"
    apply = f"kubectl replace --force{space} -f FILE.yaml"
    if made.kind == "cronjob":
        apply = f"kubectl create job {made.name}-again --from=cronjob/{made.name}{space}"
    elif made.kind not in ("pod", "job", *_ROLLED):
        apply = f"kubectl apply{space} -f FILE.yaml"
    field = _FIELDS.get(option, option)
    if option == "--env" and value is not None:
        return wording(
            "add {value} to env in the manifest of {target}, then: {command}",
            value=value,
            target=target,
            command=apply,
        )
    if option and value is None:
        return wording(
            "leave out {field} in the manifest of {target}, then: {command}",
            field=field,
            target=target,
            command=apply,
        )
    if option:
        return wording(
            "set {field} to {value} in the manifest of {target}, then: {command}",
            field=field, value=value or "", target=target, command=apply,
        )  # fmt: skip
    return apply


def _script(facts: Facts) -> str:
    command = list(facts.command)
    if command[:1] == ["python"] and len(command) > 1 and command[1].endswith(".py"):
        return shlex.join(command[1:])
    return f"-- {shlex.join(command)}" if command else "..."


def _joined(words: list[str]) -> str:
    return f"{shlex.join(words)} " if words else ""


def _split(words: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the options with their values, and the program with what belongs to it."""
    options = list(_options(words))
    return options, words[2 * len(options) :]


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    for name, value in zip(words[::2], words[1::2], strict=False):
        if name == "--" or not name.startswith("--"):
            return
        yield name, value
