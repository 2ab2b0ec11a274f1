"""The environment: a virtual environment for each lock and interpreter, built once for a node."""

# ruff: noqa: PTH108, PTH109, PTH110
# ruff: noqa: PTH118, PTH119, PTH123
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os
import re
import sys
import time

from seaway.runner.cache import Cache
from seaway.runner.files import find_program, make_folder, remove_tree
from seaway.runner.gateway import Gateway, GatewayError
from seaway.runner.report import StageFailed, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_READY = ".seaway-ready"
"""This file inside says that an environment is complete: it cannot be moved into place, its scripts know their path."""
_REQUIREMENT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^]]*\])?\s*(==|@|>|<|~|;|\\|$)", re.MULTILINE)
_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep the authorities that they trust."""
_OUTPUT_LIMIT = 2500


def restore_environment(digest: str, cache: Cache, gateway: Gateway, environ: Mapping[str, str]) -> str:
    """Return the folder of the environment, built now where this node has none yet.

    Raises:
        StageFailed: the lock cannot be fetched, or its packages cannot be installed; the installer's own words are in it.
    """
    name = f"{digest}-{_interpreter(cache.root)}"
    place = cache.place("environments", name)
    used = cache.use("environments", name)
    try:
        while True:
            used.take()
            if os.path.exists(os.path.join(place, _READY)):
                cache.keep(used)  # the program runs in it
                return place
            used.let_go()
            with cache.lock("environments", name):
                if not os.path.exists(os.path.join(place, _READY)):
                    _build(digest, cache, gateway, environ, place)
    except (GatewayError, OSError) as error:
        raise StageFailed("environment", f"the environment cannot be made: {error}") from error


def _interpreter(root: str) -> str:
    """Return a short name for this Python and place: an environment works only with the one and at the other."""
    import zlib

    base = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    return f"{sys.implementation.cache_tag}-{zlib.crc32(f'{root} {base} {sys.version}'.encode()):08x}"


def _build(digest: str, cache: Cache, gateway: Gateway, environ: Mapping[str, str], place: str) -> None:
    started = time.monotonic()
    lock = cache.unfinished("environments") + ".txt"
    try:
        found = gateway.fetch(f"/gateway/v1/environments/{digest}", lock)
        if found != digest:
            raise StageFailed("environment", f"the lock that came has the digest {found}, not {digest}")
        with open(lock, encoding="utf-8") as file:
            packages = len(_REQUIREMENT.findall(file.read()))
        say(f"environment: installing {packages} package{'' if packages == 1 else 's'}")
        remove_tree(place)
        _install(lock, place, cache, environ, packages)
        os.sync()  # a power cut must not leave a ready environment whose files are empty
        with open(os.path.join(place, _READY), "w") as ready:
            ready.write(digest + "\n")
    except BaseException:
        remove_tree(place)
        raise
    finally:
        if os.path.exists(lock):
            os.unlink(lock)
    say(f"environment: ready in {time.monotonic() - started:.1f} s")


def _install(lock: str, place: str, cache: Cache, environ: Mapping[str, str], packages: int) -> None:
    python = os.path.join(place, "bin", "python")
    uv = _find_uv(environ)
    settings = dict(environ)
    for name in ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "CONDA_PREFIX"):
        settings.pop(name, None)
    if uv is None:
        _run([sys.executable, "-m", "venv", place], settings)
        if packages:
            _run([python, "-m", "pip", "install", "--no-deps", "--no-input", "--quiet", "-r", lock], settings)
        return
    settings.setdefault("UV_CACHE_DIR", make_folder(cache.place("", "uv")))
    settings.setdefault("UV_PYTHON_DOWNLOADS", "never")
    bundle = next((path for path in _CERTIFICATES if os.path.exists(path)), None)
    if bundle is not None and "SSL_CERT_DIR" not in settings:  # uv's own list has no company's CA
        settings.setdefault("SSL_CERT_FILE", bundle)
    quiet = (
        ["--quiet", "--no-progress", "--no-config"]
        if "UV_CONFIG_FILE" not in settings
        else ["--quiet", "--no-progress"]
    )
    with cache.use("", "uv"):
        _run([*uv, "venv", *quiet, "--no-project", "--python", sys.executable, place], settings)
        if packages:
            _run([*uv, "pip", "sync", *quiet, "--python", python, lock], settings)


def _find_uv(environ: Mapping[str, str]) -> list[str] | None:
    program = find_program("uv", environ.get("PATH", os.defpath), os.getcwd())
    if program:
        return [program]
    import subprocess

    module = [sys.executable, "-m", "uv"]
    found = subprocess.run([*module, "--version"], capture_output=True, check=False, env=dict(environ))
    return module if found.returncode == 0 else None


def _run(command: list[str], environ: Mapping[str, str]) -> None:
    import subprocess

    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(environ)
    )
    try:
        output = process.communicate()[0].decode("utf-8", "replace").strip()
    except BaseException:  # the pod was asked to end
        process.kill()
        process.wait()
        raise
    if process.returncode:
        if len(output) > _OUTPUT_LIMIT:
            output = "... " + output[-_OUTPUT_LIMIT:]
        tool = (
            "uv"
            if "uv" in os.path.basename(command[0]) or "uv" in command[1:3]
            else os.path.basename(command[0])
        )
        raise StageFailed("environment", f"the packages cannot be installed; {tool} says:\n{output}")
