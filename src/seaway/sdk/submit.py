"""What was typed, as a `RunSpec`: pure, but for looking at the script."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.sdk.errors import InvalidInput
from seaway.sdk.mounts import volumes

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)")
_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LEAST_BYTES = 2**20
"""An amount of fewer bytes is one whose unit was forgotten."""
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_RETRY_ON = re.compile(
    r"user|resource|deadline|unknown|25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9]?|[A-Z][A-Za-z]{1,60}"
)
_KIND = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LOCK = re.compile(r"[a-z0-9]([-a-z0-9._/]{0,98}[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `seaway run` that describe the run, as typed."""

    name: str | None = None
    cpu: str | None = None
    memory: str | None = None
    gpu: int = 0
    image: str | None = None
    env: tuple[str, ...] = ()
    """ "NAME=VALUE", or "NAME" to pass the caller's own value on."""
    secret: tuple[str, ...] = ()
    """ "SECRET", "SECRET:KEY" or "VARIABLE=SECRET:KEY"."""
    timeout: str | None = None
    retries: int = 0
    workdir: str | None = None
    retry_on: tuple[str, ...] = ()
    """Classes of endings, exit codes, causes."""
    on_oom: str | None = None
    memory_cap: str | None = None
    lock: str | None = None
    gpu_kind: str | None = None
    scratch: str | None = None
    workspace: str | None = None
    stop_if_hung: str | None = None
    wait_limit: str | None = None
    volume: tuple[str, ...] = ()
    """ "NAME", "NAME:PATH", and either with ":ro"."""
    cache: str | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """What is run, and from where."""

    command: tuple[str, ...]
    folder: Path
    """Where the program starts, on this machine."""
    root: Path
    """The project that is packed."""


def script_program(script: str, arguments: Sequence[str], current: Path, root: Path) -> Program:
    """Return how a script is run: from the caller's folder where that lies in the project, else from the script's own."""
    path = (current / script).resolve()
    current = current.resolve()
    folder = current if current.is_relative_to(root) else path.parent
    runner = ("python",) if path.suffix == ".py" else ()
    name = os.path.relpath(path, folder)
    return Program((*runner, name if runner else f"./{name}", *arguments), folder, root)


def check_script(script: str, current: Path) -> Path:
    """Return a script's path.

    Raises:
        InvalidInput: it does not exist, is a folder, or is nothing that can be run.
    """
    if not script:
        raise InvalidInput(
            "the script has no name", code="NotAScript", field="SCRIPT", remedy="Name it: seaway run train.py"
        )
    path = current / script
    if path.is_dir():
        inside = "__main__.py" if (path / "__main__.py").is_file() else "train.py"
        remedy = f"Name the script: seaway run {os.path.join(script, inside)}"  # noqa: PTH118 (keeps "./")
        raise InvalidInput(f"{script} is a folder", code="NotAScript", field="SCRIPT", remedy=remedy)
    if not path.exists():
        raise InvalidInput(
            f"there is no file {script} in {current}",
            code="NoSuchFile",
            field="SCRIPT",
            remedy=_near(script, path),
        )
    if not os.access(path, os.R_OK):
        raise InvalidInput(
            f"{script} cannot be read", code="NotReadable", field="SCRIPT", remedy=f"chmod u+r {script}"
        )
    if path.suffix == ".py":
        return path
    with path.open("rb") as file:
        has_interpreter = file.read(2) == b"#!"
    if not (has_interpreter and os.access(path, os.X_OK)):
        raise InvalidInput(
            f"{script} is neither a Python file (.py) nor an executable file that begins with #!",
            code="NotAScript",
            field="SCRIPT",
            remedy=_how_to_run(script, path.suffix, has_interpreter=has_interpreter),
        )
    return path


def _how_to_run(script: str, suffix: str, *, has_interpreter: bool) -> str:
    import shlex

    word = shlex.quote(script)
    if suffix == ".ipynb":
        return f"Make a script of it: jupyter nbconvert --to script {word}"
    if has_interpreter:
        return f"chmod +x {word}"
    return f"To run a command, put -- before it: seaway run -- {'bash ' if suffix == '.sh' else ''}{word}"


def _near(script: str, path: Path) -> str:
    import difflib

    if path.parent.is_dir():
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix == ".py"]
        if near := difflib.get_close_matches(path.name, names, n=1):
            return f"Did you mean {Path(script).with_name(near[0])}?"
    if "/" not in script and not path.suffix:
        return f"To run a command, put -- before it: seaway run -- {script}"
    return "Check the path; it is relative to the folder that you are in"


def _gpu_kind(options: Options) -> str | None:
    if options.gpu_kind is None:
        return None
    if not _KIND.fullmatch(options.gpu_kind):
        raise InvalidInput(
            f"{options.gpu_kind!r} is no kind of GPU",
            code="Usage",
            field="--gpu-kind",
            remedy="Give the value of the nodes' label nvidia.com/gpu.product, such as a100",
        )
    if not options.gpu:
        raise InvalidInput(
            "a kind of GPU needs a number of them",
            code="Usage",
            field="--gpu-kind",
            remedy=f"--gpu 1 --gpu-kind {options.gpu_kind}",
        )
    return options.gpu_kind


def build_spec(
    program: Program, options: Options, *, code: str | None, environment: str | None, environ: Any
) -> dict[str, Any]:
    """Return the `RunSpec` that is sent.

    Args:
        program: what is run.
        options: as typed.
        code: digest of the snapshot.
        environment: digest of the lock.
        environ: the caller's environment variables, for "--env NAME".

    Raises:
        InvalidInput: an option's value cannot be understood; `field` names the option.
    """
    resources = {
        "cpu": quantity("--cpu", options.cpu, 'such as "2" or "500m"'),
        "memory": quantity("--memory", options.memory, 'such as "4Gi" or "512Mi"'),
        "scratch": quantity("--scratch", options.scratch, 'such as "50Gi"'),
        "cache": quantity("--cache", options.cache, 'such as "100Gi"'),
        "gpu": options.gpu or None,
        "gpu_kind": _gpu_kind(options),
    }
    task = {
        "command": list(program.command),
        "resources": {key: value for key, value in resources.items() if value is not None},
        "image": _image(options.image),
        "env": dict(_variable(item, environ) for item in options.env),
        "secrets": [_secret(item) for item in options.secret],
        "volumes": volumes(options.volume),
        "code": code,
        "environment": environment,
        "workdir": _workdir(program, options.workdir) if code else None,
        "timeout_seconds": None if options.timeout is None else seconds("--timeout", options.timeout),
        "wait_limit_seconds": None
        if options.wait_limit is None
        else seconds("--wait-limit", options.wait_limit),
        "stop_if_hung_seconds": None
        if options.stop_if_hung is None
        else seconds("--stop-if-hung", options.stop_if_hung),
        "retries": options.retries or None,
        **_after_failures(options),
        "lock": _lock(options.lock),
    }
    spec = {
        "name": _name(options.name),
        "workspace": _workspace(options.workspace),
        "tasks": [{key: value for key, value in task.items() if value not in (None, [], {})}],
    }
    return {key: value for key, value in spec.items() if value is not None}


def _image(name: str | None) -> str | None:
    if name is not None and not name.strip():
        raise InvalidInput(
            f"{name!r} names no image", code="Usage", field="--image", remedy="Name one, or leave --image out"
        )
    return name


def _after_failures(options: Options) -> dict[str, Any]:
    """Return what the options say of endings; each needs another one, without which it would do nothing."""
    if options.retry_on and not options.retries:
        raise InvalidInput(
            "it says which failures, not how often",
            code="Usage",
            field="--retry-on",
            remedy="Add --retries N",
        )
    for word in options.retry_on:
        if not _RETRY_ON.fullmatch(word):
            remedy = (
                "Give user, resource, deadline, unknown, an exit code, or a cause as seaway why RUN names it"
            )
            raise InvalidInput(f"{word!r} is no ending", code="Usage", field="--retry-on", remedy=remedy)
    if options.on_oom not in (None, "fail", "grow"):
        raise InvalidInput(
            f"{options.on_oom!r} is neither", code="Usage", field="--on-oom", remedy="Give fail or grow"
        )
    if options.on_oom == "grow" and options.memory is None:
        raise InvalidInput(
            "growing needs a size to begin with", code="Usage", field="--on-oom", remedy="Add --memory SIZE"
        )
    if options.memory_cap is not None and options.on_oom != "grow":
        raise InvalidInput(
            "nothing grows to it", code="Usage", field="--memory-cap", remedy="Add --on-oom grow"
        )
    cap = quantity("--memory-cap", options.memory_cap, 'such as "16Gi"')
    memory = quantity("--memory", options.memory, 'such as "4Gi"')
    if cap is not None and memory is not None and _is_less(cap, memory):
        raise InvalidInput(
            f"{cap} is less than --memory {memory}", code="Usage", field="--memory-cap", remedy="Give more"
        )
    return {"retry_on": list(options.retry_on), "on_oom": options.on_oom, "memory_cap": cap}


def _is_less(amount: str, other: str) -> bool:
    from seaway.objects.quantity import parse_quantity  # late: few commands compare amounts

    return parse_quantity(amount) < parse_quantity(other)


def _lock(name: str | None) -> str | None:
    if name is not None and not _LOCK.fullmatch(name):
        remedy = (
            "Use lower-case letters, digits, '-', '.', '_' and '/', at most 100 in all; "
            "the first and the last is a letter or a digit"
        )
        raise InvalidInput(f"{name!r} cannot be a lock's name", code="Usage", field="--lock", remedy=remedy)
    return name


def seconds(option: str, text: str) -> float:
    """Parse a duration: "90", "90s", "10m", "2h", "1h30m".

    Raises:
        InvalidInput: it is none, or zero.
    """
    parts = list(_DURATION.finditer(text.strip()))
    whole = "".join(part[0] for part in parts) == text.strip()
    total = sum(float(part[1]) * _UNITS[part[2]] for part in parts)
    if not parts or not whole or total <= 0:
        raise InvalidInput(
            f"{text!r} is not a duration",
            code="Usage",
            field=option,
            remedy="Write it like 90s, 10m, 2h or 1h30m",
        )
    return total


def quantity(option: str, text: str | None, example: str) -> str | None:
    """Return an amount as Kubernetes writes it, None where none was given.

    Args:
        option: where it was typed.
        text: as typed, "10GiB" too.
        example: of what is understood, for whoever typed something else.

    Raises:
        InvalidInput: it is no amount, or none of the option.
    """
    if text is None:
        return None
    normal = re.sub(r"(?i)^([\d.]+)\s*([kmgt]i?)b$", lambda match: match[1] + _unit(match[2]), text.strip())
    if not _QUANTITY.fullmatch(normal) or not float(re.match(r"[\d.]+", normal)[0]):  # type: ignore[index]
        raise InvalidInput(
            f"{text!r} is not an amount", code="Usage", field=option, remedy=f"Write it {example}"
        )
    if option != "--cpu" and normal.endswith("m"):
        raise InvalidInput(
            f"{text!r} would be thousandths of a byte",
            code="Usage",
            field=option,
            remedy=f"Write it {example}",
        )
    if option != "--cpu" and normal.isdigit() and int(normal) < _LEAST_BYTES:
        raise InvalidInput(
            f"{text!r} has no unit: it would be that many bytes",
            code="Usage",
            field=option,
            remedy=f"Write it {example}",
        )
    return normal


def _unit(text: str) -> str:
    return text[0].upper() + text[1:].lower() if text.upper() != "K" else "k"


def _variable(item: str, environ: Any) -> tuple[str, str]:
    name, has_value, value = item.partition("=")
    if not _VARIABLE.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be a variable's name", code="Usage", field="--env", remedy="Write it NAME=VALUE"
        )
    if has_value:
        return name, value
    if name not in environ:
        remedy = f"Give the value: --env {name}=VALUE"
        raise InvalidInput(f"the variable {name} is not set here", code="Usage", field="--env", remedy=remedy)
    return name, environ[name]


def _secret(item: str) -> dict[str, str]:
    variable, _, rest = item.rpartition("=")
    name, has_key, key = rest.partition(":")
    if not name or (has_key and not key) or (variable and not key):
        raise InvalidInput(
            f"{item!r} names no secret",
            code="Usage",
            field="--secret",
            remedy="Write it SECRET, SECRET:KEY or VARIABLE=SECRET:KEY",
        )
    return {label: value for label, value in (("name", name), ("key", key), ("variable", variable)) if value}


def _name(name: str | None) -> str | None:
    if name is not None and not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be a run's name",
            code="Usage",
            field="--name",
            remedy="Use lower-case letters, digits and '-', a letter first, at most 40 characters",
        )
    return name


def _workspace(name: str | None) -> str | None:
    if name is not None and not _LABEL.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be a workspace's name", code="Usage", field="--workspace", remedy="See: seaway workspace list"
        )  # fmt: skip
    return name


def _workdir(program: Program, workdir: str | None) -> str | None:
    folder = program.folder if workdir is None else (program.folder / workdir).resolve()
    if not folder.is_relative_to(program.root):
        remedy = f"Give a folder inside {program.root}"
        raise InvalidInput(
            f"{workdir!r} lies outside the code that is sent", code="Usage", field="--workdir", remedy=remedy
        )
    if not folder.is_dir():
        raise InvalidInput(
            f"there is no folder {workdir!r}", code="Usage", field="--workdir", remedy="Check the path"
        )
    relative = folder.relative_to(program.root).as_posix()
    return None if relative == "." else relative
