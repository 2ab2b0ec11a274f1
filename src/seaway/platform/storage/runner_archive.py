"""The runner as one archive, and how a pod starts it.

A pod's single container runs `bootstrap_command(runner.digest)` and finds in its environment:

- SEAWAY_RUN, SEAWAY_TASK, SEAWAY_ATTEMPT: names and number; SEAWAY_FENCE: the attempt's fencing number.
- SEAWAY_GATEWAY: the gateway's base URL, without a path ("https://host:port"); SEAWAY_CA: PEM text of the CA that signed
  its certificate; SEAWAY_TOKEN: the run's token.
- SEAWAY_SPEC: JSON: {"command": [...], "code": digest or null, "environment": digest or null, "workdir": relative folder or
  null, "checkpoint_seconds": how often a changed checkpoint is saved (optional, 30), ...}; all of it: `runner/task.py`.
- SEAWAY_SHARED_CACHE (optional): folder shared by the node's pods, for `runner/`, `code/`, `environments/`; where it is missing or
  cannot be written, a folder of this attempt alone is. An environment lies in
  `environments/<digest>-<interpreter>/`, because it works only with the Python that it was made with.
- SEAWAY_WORK (optional): folder for the attempt's own files (an emptyDir); else a temporary folder, removed at the end.
- SEAWAY_OUTPUTS, SEAWAY_CHECKPOINT (optional): folders that the program writes to; else made inside SEAWAY_WORK. The
  runner makes both and sets both for the program, and SEAWAY_CONTROL: the socket by which `seaway.checkpoint()` asks for
  a save. `program/` of the archive, last on PYTHONPATH, lets a program `import seaway` in any environment.
- SEAWAY_TERMINATION_LOG (optional): where the one line of JSON goes when the runner's own work fails, and else the most memory
  that was used; /dev/termination-log.

The gateway is asked for what the cache lacks, for a checkpoint from the second attempt on, and at the end where there is
something to keep; while it cannot be reached, the runner goes on trying for ten minutes.

The program runs with the same environment without SEAWAY_TOKEN, SEAWAY_SPEC, SEAWAY_CA and SEAWAY_GATEWAY, PYTHONUNBUFFERED=1,
and the environment's `bin` first on PATH. The runner's own lines go to standard error and begin with "[seaway] ".

The runner exits with the program's code (128 + n for a signal), 127 where the command is not found, 126 where it cannot
be executed, or with the code of the stage that failed: 120 for the runner itself ("runner"), 121 "code",
122 "environment", 123 "checkpoint", 125 "spec", 117 "outputs", 118 "scratch", 119 "lease". The termination log says {"stage": ..., "error": ...}.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from functools import cache
from importlib import resources
from typing import NamedTuple

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip file can say: the archive's bytes must not depend on when it was built."""
_REST_OF_PACKAGE = b"\n__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
"""Where the environment has a Seaway of its own, the modules that the runner does not bring are found there."""


class RunnerArchive(NamedTuple):
    """The runner as pods fetch it."""

    digest: str
    """SHA-256 of the bytes, in hexadecimal."""
    data: bytes
    """A zip file of Python modules."""


@cache
def build_runner() -> RunnerArchive:
    """Build the archive out of `seaway.runner`'s modules; the same modules always give the same bytes."""
    sources = {
        "seaway/__init__.py": b"",
        "__main__.py": b"from seaway.runner.main import main\n\nmain()\n",
        "program/seaway/__init__.py": _source("seaway", "__init__.py") + _REST_OF_PACKAGE,
        "program/seaway/program.py": _source("seaway", "program.py"),
    }
    for file in resources.files("seaway.runner").iterdir():
        if file.name.endswith(".py"):
            sources[f"seaway/runner/{file.name}"] = file.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(sources):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, sources[name])
    data = buffer.getvalue()
    return RunnerArchive(hashlib.sha256(data).hexdigest(), data)


def _source(package: str, name: str) -> bytes:
    return resources.files(package).joinpath(name).read_bytes()


def bootstrap_command(runner_sha: str, *, python: str = "python3") -> list[str]:
    """Return the container's command: it gets the runner (from the cache, else from the gateway) and becomes it.

    Args:
        runner_sha: digest of `build_runner()`.
        python: the image's Python, 3.9 or newer; a name on PATH or a path.
    """
    text = resources.files("seaway.runner").joinpath("bootstrap.py").read_text(encoding="utf-8")
    return [python, "-I", "-S", "-c", text, runner_sha]
