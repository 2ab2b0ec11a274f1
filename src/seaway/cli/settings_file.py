"""The settings that a person writes: `settings.toml` in a home. Pure: its text becomes a value, or an error that says where.

One table, `KEYS`, names every key with its limits, its default and what it means; the reference page is made of it.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple, NoReturn

from seaway.sdk.errors import SeawayError

FILE = "settings.toml"
MEBIBYTE = 1 << 20
MOST_GPUS = 64
USUAL_EVENTS = (
    "succeeded",
    "failed",
    "lost",
    "recovered",
    "waiting",
    "hung",
    "gpu",
    "node",
    "storage",
    "certificate",
)
PRETENDED = "pretended"
"""The kind of pretended GPUs for which none is named."""


@dataclass(frozen=True, slots=True)
class Image:
    """What an image name stands for on this machine."""

    python: str | None = None
    """A Python interpreter: that of a virtual environment or a conda environment."""
    path: tuple[str, ...] = ()
    """Folders put before the standard ones in PATH."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables that the image brings."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be set; without a file, the defaults."""

    nodes: int = 1
    api_port: int | None = None
    strategy: Literal["spread", "pack"] = "spread"
    cpu_manager: Literal["none", "static"] = "none"
    simulated_nodes: int = 0
    cache_days: int = 30
    cache_high: int = 85
    cache_low: int = 80
    ingress_port: int = 0
    ingress_tls_port: int = 0
    pretend_gpus: str | None = None
    port: int | None = None
    default_image: str = "python"
    default_cpu: str = "100m"
    pods_at_once: int = 200
    code_limit: int = 100 * MEBIBYTE
    log_limit: int = 256 * MEBIBYTE
    bin_days: int = 30
    storage_limit: int = 0
    workspace_storage_limit: int = 0
    storage_files: int = 0
    workspace_storage_files: int = 0
    scratch_limit: int = 20 << 30
    scratch_files: int = 1_000_000
    notify_urls: tuple[str, ...] = field(default=(), repr=False)
    notify_events: tuple[str, ...] = USUAL_EVENTS
    waits: float = 1800.0
    hung: float = 3600.0
    record_logs: Literal["all", "labelled", "none"] = "all"
    history_days: int = 365
    history_logs: int = 20 << 30
    images: Mapping[str, Image] = field(default_factory=dict)


class Wrong(Exception):
    """A value cannot be used; the message says what it should be."""


class Key(NamedTuple):
    """One key of the file."""

    table: str
    name: str
    field: str
    """Of `Settings`."""
    read: Callable[[Any], Any]
    """Turns the file's value into the field's; raises Wrong."""
    default: str
    """As the reference page shows it."""
    meaning: str


def whole(low: int, high: int) -> Callable[[Any], int]:
    """Return what reads a whole number within limits."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Wrong(f"a whole number from {low} to {high}")
        return value

    return read


def one_of(*words: str) -> Callable[[Any], str]:
    """Return what reads one of some words."""

    def read(value: Any) -> str:
        if value not in words:
            raise Wrong(" or ".join(f'"{word}"' for word in words))
        return str(value)

    return read


def text(value: Any) -> str:
    """Read a text that is not empty."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise Wrong('a text, such as "python"')
    return value


def gpus(value: Any) -> str:
    """Read GPUs to pretend: a number of them, or kinds with numbers."""
    wanted = 'a whole number from 0 to 64, or kinds with numbers, such as "a100:2" or "a100:2,t4:4"'
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{PRETENDED}:{value}"
    if not isinstance(value, str):
        raise Wrong(wanted)
    value = f"{PRETENDED}:{value}" if value.isdigit() else value
    for part in value.split(","):
        kind, _, count = part.strip().rpartition(":")
        if not re.fullmatch(r"[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?", kind):
            raise Wrong(wanted)
        if not (count.isascii() and count.isdigit() and int(count) <= MOST_GPUS):
            raise Wrong(wanted)
    return ",".join(part.strip() for part in value.split(","))


def pretended(text: str | None) -> tuple[tuple[str, int], ...]:
    """Return kinds and numbers of GPUs that nodes pretend to have, as `gpus` read them."""
    parts = (part.rpartition(":") for part in text.split(",")) if text else ()
    return tuple((kind, int(count)) for kind, _, count in parts)


def cores(value: Any) -> str:
    """Read a quantity of CPU."""
    return str(_quantity(value, 'cores, such as "500m" or "2"') and value)


def size(value: Any) -> int:
    """Read a size of at least 1 MiB."""
    bytes_ = int(_quantity(value, 'a size of at least 1 MiB, such as "200Mi" or "2Gi"'))
    if bytes_ < MEBIBYTE:
        raise Wrong('a size of at least 1 MiB, such as "200Mi" or "2Gi"')
    return bytes_


def _quantity(value: Any, wanted: str) -> Any:
    from seaway.objects.quantity import parse_quantity  # late: most files name no quantity

    try:
        if isinstance(value, bool) or (number := parse_quantity(value)) <= 0:
            raise Wrong(wanted)
    except (ValueError, TypeError, AttributeError):
        raise Wrong(wanted) from None
    return number


def urls(value: Any) -> tuple[str, ...]:
    """Read Apprise URLs; a message names none of them, they hold secrets."""
    if not isinstance(value, list) or not all(
        isinstance(each, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", each) for each in value
    ):
        raise Wrong('a list of Apprise URLs, such as ["mailtos://USER:PASSWORD@HOST"]')
    return tuple(value)


def events(value: Any) -> tuple[str, ...]:
    """Read events that somebody is told of."""
    from seaway.model.notification import Event  # late: most files name none

    known = tuple(Event)
    if not isinstance(value, list) or not value or not set(value) <= {*known, "ended"}:
        raise Wrong(f'a list of "ended" and {", ".join(known)}')
    ends = known[:3]
    return tuple(dict.fromkeys(one for each in value for one in (ends if each == "ended" else (each,))))


def duration(value: Any) -> float:
    """Read a length of time; 0 for never."""
    if value == 0 and not isinstance(value, bool):
        return 0.0
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", value) if isinstance(value, str) else None
    if found is None:
        raise Wrong('a length of time such as "90s", "30m", "2h" or "1d", or 0 for never')
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


_PORT = whole(1024, 65535)
KEYS = (
    Key("cluster", "nodes", "nodes", whole(1, 16), "1", "How many nodes the cluster has. Each offers the whole machine: more than one is for learning how pods are placed."),
    Key("cluster", "cpu_manager", "cpu_manager", one_of("none", "static"), '"none"', '"static" gives containers of Guaranteed pods that ask for whole CPUs these CPUs for themselves, and keeps all others on the rest; one CPU is always left for those. For one node (Linux).'),
    Key("cluster", "simulated_nodes", "simulated_nodes", whole(0, 5000), "0", "How many hollow nodes there are beside: they run nothing and say that they do, for learning and for tests of scale. They are tainted `seaway.dev/simulated=true:NoSchedule`."),
    Key("cluster", "cache_days", "cache_days", whole(1, 3650), "30", "Environments, code and packages that runs left in the home's cache for those after them go after so many days without use. What a pod uses never goes."),
    Key("cluster", "cache_high", "cache_high", whole(1, 100), "85", "How many per cent of the disk are taken when what was not used for a day goes too, what was used longest ago first (as the kubelet does with images) ..."),
    Key("cluster", "cache_low", "cache_low", whole(1, 100), "80", "... until no more than this is taken. Where the node is short of disk, all that is not in use goes before any pod is evicted."),
    Key("cluster", "api_port", "api_port", _PORT, "a free one, then kept", "Port of the Kubernetes API on 127.0.0.1."),
    Key("cluster", "ingress_port", "ingress_port", _PORT, "any free one", "Port of 127.0.0.1 on which Ingresses are served; it is opened when there is one, and their status names it."),
    Key("cluster", "ingress_tls_port", "ingress_tls_port", _PORT, "any free one", "The same for Ingresses with TLS."),
    Key("scheduler", "strategy", "strategy", one_of("spread", "pack"), '"spread"', '"spread" puts a pod where most is free, "pack" where least is.'),
    Key("gpu", "pretend", "pretend_gpus", gpus, "the GPUs that are there", "Each node offers so many GPUs, whether they are there or not, for learning: `2`, `\"a100:2\"`, or `\"a100:2,t4:4\"` for kinds that take turns from node to node."),
    Key("server", "port", "port", _PORT, "a free one, then kept", "Port of the server's REST API on 127.0.0.1."),
    Key("server", "default_image", "default_image", text, '"python"', "The image of runs that name none."),
    Key("server", "default_cpu", "default_cpu", cores, '"100m"', "The CPU requested for runs that ask for none."),
    Key("server", "pods_at_once", "pods_at_once", whole(1, 10_000), "200", "How many pods of all runs may be there at once; the others wait."),
    Key("server", "code_limit", "code_limit", size, '"100Mi"', "The largest code that a run may bring, compressed; uncompressed five times as much."),
    Key("server", "log_limit", "log_limit", size, '"256Mi"', "How much is kept of one attempt's log: its beginning and its last lines, with the time of each line."),
    Key("server", "scratch_limit", "scratch_limit", size, '"20Gi"', "The most that a run may leave on its container's own disk: /tmp, its working directory, outputs and checkpoints before they are kept. A run may ask for another limit: `seaway run --scratch 50Gi`."),
    Key("server", "scratch_files", "scratch_files", whole(1000, 1_000_000_000), "1000000", "How many files that may be."),
    Key("server", "storage_limit", "storage_limit", size, "no limit", "The most that outputs, checkpoints, logs and uploaded code of one user's runs may take, the bin included: `seaway usage` and `seaway status` show it and warn from 80 % on (`seaway notify` tells of it, and the logs of the runs that go on say it), at 100 % no run is accepted, and no upload that would lead beyond it; what goes on is kept."),
    Key("server", "workspace_storage_limit", "workspace_storage_limit", size, "no limit", "The same for the runs in one workspace: `seaway usage --workspaces` and `seaway workspace list` show it. `seaway workspace set NAME --storage-limit SIZE` says it of a single one."),
    Key("server", "storage_files", "storage_files", whole(1000, 1_000_000_000), "any number", "The most files in which the outputs, checkpoints and uploaded code of one user's runs are kept, the bin included: disks and backups suffer of very many before they are full. Shown, warned of and refused as `storage_limit`."),
    Key("server", "workspace_storage_files", "workspace_storage_files", whole(1000, 1_000_000_000), "any number", "The same for the runs in one workspace; `seaway workspace set NAME --storage-files NUMBER` says it of a single one."),
    Key("server", "bin_days", "bin_days", whole(1, 3650), "30", "How many days a removed run can be restored; then the bin is emptied of it."),
    Key("notifications", "urls", "notify_urls", urls, "none", "Whom to tell: Apprise URLs (https://appriseit.com/services/), beside those of `seaway notify`. They hold secrets: `chmod 600` the file."),
    Key("notifications", "events", "notify_events", events, "all but \"stopped\"", "What these are told of: \"succeeded\", \"failed\", \"stopped\" (\"ended\" for the three), \"lost\", \"recovered\", \"waiting\", \"hung\", \"gpu\", \"node\", \"storage\", \"certificate\"."),
    Key("notifications", "waits", "waits", duration, '"30m"', "A run that has not started after so long is told of; 0 for never."),
    Key("notifications", "hung", "hung", duration, '"1h"', "A run that has neither written to its log nor used the CPU for so long seems to hang; 0 for never."),
    Key("history", "days", "history_days", whole(1, 36_500), "365", "After so many days it is forgotten what happened: changes of pods and nodes, events, logs. Runs themselves stay."),
    Key("history", "logs", "history_logs", size, '"20Gi"', "How much is kept of all logs together; beyond it the oldest are removed."),
    Key("history", "pods", "record_logs", one_of("all", "labelled", "none"), '"all"', "Of which pods that are no run's the logs are kept too: all but the cluster's own, those with the label `seaway.dev/record=true`, or none. `seaway.dev/record=false` leaves a pod out."),
)  # fmt: skip
IMAGE_KEYS = {
    "python": 'A Python interpreter: programs of this image run with it, for example "/opt/venvs/torch/bin/python".',
    "path": "Folders put before the standard ones in PATH, in place of `python` or beside it.",
    "env": "Variables that the image brings; a run's own win.",
}
_TABLES = ("cluster", "scheduler", "gpu", "server", "history", "notifications", "images")


def parse(content: str, file: str) -> Settings:
    """Return what a settings file says.

    Args:
        content: its text (TOML).
        file: its name, for messages.

    Raises:
        SeawayError: a fault in it; the message names the file, the line where it is known, and the key.
    """
    import tomllib

    try:
        tables = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise SeawayError(
            f"{file} is not valid TOML: {error}", code="Settings", remedy="Mend that line, then: seaway up"
        ) from None
    reader = _Reader(content, file)
    found: dict[str, Any] = {}
    for name, table in tables.items():
        if name not in _TABLES:
            reader.unknown(name, f"[{name}]", _TABLES, "table")
        if not isinstance(table, dict):
            reader.fail(name, name, f"{name} is a table: write [{name}] on a line of its own")
        if name == "images":
            found["images"] = {image: reader.image(image, entry) for image, entry in table.items()}
        else:
            found |= reader.table(name, table)
    return Settings(**found)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the keys in which two settings (see `as_values`) differ, as the file names them."""
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def as_values(settings: Settings) -> dict[str, Any]:
    """Return settings as one JSON value a key: "scheduler.strategy", "images.pytorch"."""
    values = {f"{key.table}.{key.name}": _as_value(getattr(settings, key.field)) for key in KEYS}
    values["notifications.urls"] = [  # the record of a server is no place for secrets
        hashlib.sha256(url.encode()).hexdigest()[:12] for url in settings.notify_urls
    ]
    for name, image in settings.images.items():
        values[f"images.{name}"] = {**asdict(image), "path": list(image.path), "env": dict(image.env)}
    return values


def _as_value(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


class _Reader:
    """Reads tables, and says where in the file a fault is."""

    def __init__(self, content: str, file: str) -> None:
        self._lines = content.splitlines()
        self._file = file

    def table(self, name: str, table: Mapping[str, Any]) -> dict[str, Any]:
        keys = {key.name: key for key in KEYS if key.table == name}
        found = {}
        for word, value in table.items():
            if word not in keys:
                self.unknown(name, f"[{name}] {word}", tuple(keys), "key", word)
            try:
                found[keys[word].field] = keys[word].read(value)
            except Wrong as error:
                told = "it" if word == "urls" else _shown(value)
                self.fail(name, f"[{name}] {word}", f"{told} cannot be used: it should be {error}", word)
        return found

    def image(self, name: str, entry: Any) -> Image:
        table, where = f'images."{name}"', f'[images."{name}"]'
        if not isinstance(entry, dict):
            self.fail(
                "images", where, 'it should be a table with python = "...", path = [...] or env = {...}', name
            )
        if "*" in name[:-1] or not name.strip():
            self.fail(table, where, "a name may have one *, at its end: it then stands for any ending")
        for word, value in entry.items():
            if word not in IMAGE_KEYS:
                self.unknown(table, f"{where} {word}", tuple(IMAGE_KEYS), "key", word)
            if wanted := _fault(word, value):
                self.fail(
                    table, f"{where} {word}", f"{_shown(value)} cannot be used: it should be {wanted}", word
                )
        if not entry.get("python") and not entry.get("path"):
            self.fail(
                table, where, 'it names no environment: add python = "/path/to/bin/python" or path = [...]'
            )
        return Image(entry.get("python"), tuple(entry.get("path", ())), dict(entry.get("env", {})))

    def unknown(self, table: str, where: str, known: tuple[str, ...], what: str, word: str = "") -> NoReturn:
        near = difflib.get_close_matches(word or table, known, n=1)
        meant = f": did you mean {near[0]}?" if near else f"; the {what}s are {', '.join(known)}"
        self.fail(table, where, f"there is no such {what}{meant}", word)

    def fail(self, table: str, where: str, fault: str, word: str = "") -> NoReturn:
        number = line_of(self._lines, table, word)
        place = f"{self._file}, line {number}" if number else self._file
        raise SeawayError(
            f"{place}: {where}: {fault}",
            code="Settings",
            field=f"{table}.{word}".rstrip("."),
            remedy=f"Mend {self._file}, then: seaway up",
        )


def _fault(word: str, value: Any) -> str:
    """Return what an image's value should be, "" where it is right."""
    if word == "python":
        return "" if _absolute(value) else 'the full path of a Python, such as "/opt/venvs/torch/bin/python"'
    if word == "path":
        right = isinstance(value, list) and value and all(map(_absolute, value))
        return "" if right else 'a list of full paths of folders, such as ["/opt/tools/bin"]'
    right = isinstance(value, dict) and all(
        re.fullmatch(r"[A-Za-z_]\w*", name) and isinstance(content, str) and "\0" not in content
        for name, content in value.items()
    )
    return "" if right else 'variables with texts, such as {OMP_NUM_THREADS = "4"}'


def _absolute(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("/", "~/")) and not set(value) & {"\0", ":"}


def _shown(value: Any) -> str:
    written = f'"{value}"' if isinstance(value, str) else str(value)
    return written if len(written) <= 60 else f"{written[:57]}..."


def line_of(lines: list[str], table: str, word: str = "") -> int:
    """Return the line (from 1) of a table, or of a key in it; the table's where the key has no line of its own, 0 for neither."""
    plain = table.replace('"', "").replace("'", "")
    current, found = "", 0
    for number, line in enumerate(lines, 1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            current = re.sub(r"[\"'\s]", "", header[1])
            found = number if current == plain and not found else found
        name = re.match(r"\s*([\w.\"'*:/-]+)\s*=", line)
        dotted = ".".join(filter(None, (current, re.sub(r"[\"']", "", name[1])))) if name else ""
        if dotted and (dotted == f"{plain}.{word}" or (not word and dotted == plain)):
            return number
    return found
