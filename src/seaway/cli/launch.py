"""Start the daemon of a home and wait until it is ready."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seaway import __version__
from seaway.__main__ import DAEMON
from seaway.cli.context import note, require_same_version
from seaway.cli.output import coloured
from seaway.cli.settings import load_settings, say_changed, settings_path
from seaway.cli.up_options import refuse_other
from seaway.sdk.errors import SeawayError, ServerUnreachable
from seaway.sdk.home import DaemonRecord, Home, is_locked

START_TIMEOUT = 120.0
"""Seconds: a first start on a slow disk makes keys, databases and an environment for the nodes."""
ANSWER_TIMEOUT = 20.0
"""Seconds that a server which runs may take to answer, or to be gone."""
_ANSWER, _LOOK = 5.0, 0.05
"""Seconds that one answer may take, and between two questions."""
SHOWN_LINES = 8
LOG_LIMIT = 20 * 1024 * 1024
"""Bytes after which the daemon's log is put aside at the next start."""


def make_home(home: Home) -> None:
    """Make a home's folder, readable by its owner only.

    Raises:
        SeawayError: it is a file, or belongs to somebody else.
    """
    try:
        home.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except FileExistsError as error:
        raise SeawayError(
            f"{home.path} is a file", code="Usage", remedy="Set SEAWAY_HOME to a folder"
        ) from error
    status = home.path.stat()
    if status.st_uid != os.getuid():
        raise SeawayError(
            f"{home.path} belongs to another user",
            code="Forbidden",
            remedy="Set SEAWAY_HOME to a folder of your own",
        )
    if status.st_mode & 0o077:
        home.path.chmod(0o700)


def running(home: Home) -> DaemonRecord | None:
    """Return the record of the daemon that serves a home; None where none does.

    Raises:
        SeawayError: one starts or stops just now.
    """
    if not is_locked(home.lock):
        return None
    record = home.read_record()
    if record is None:
        raise SeawayError(
            "the server starts or stops just now", code="Temporary", remedy="Try again in a moment"
        )
    return record


def launch(home: Home, options: Mapping[str, Any] | None = None) -> DaemonRecord:
    """Start the daemon of a home, unless it runs; return when everything is ready.

    Args:
        home: the home.
        options: what takes the place of its settings, see `up_options`.

    Raises:
        SeawayError: it cannot start, or runs with other options; the message says why.
    """
    make_home(home)
    record = _serving(home, options or {})
    if record is not None:
        if said := say_changed(home, record):
            note(f"{settings_path(home).name}: {said}")
        return record
    load_settings(home)  # a fault in it is said before anything starts
    began = time.monotonic()
    reader, writer = os.pipe()
    try:
        process = _spawn(home, writer, options or {})
    finally:
        os.close(writer)
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        message = _await(process, pipe, began + START_TIMEOUT)
    if "ready" in message:
        record = home.read_record()
        if record is None:
            raise SeawayError(
                "the server was stopped as soon as it was ready", code="Temporary", remedy="seaway up"
            )
        note(f"Ready in {time.monotonic() - began:.1f} s.")
        return record
    raise _failure(home, message)


def _serving(home: Home, options: Mapping[str, Any]) -> DaemonRecord | None:
    """Return the record of the daemon that serves a home, when it answers; None where none does, or none does any more.

    One that was killed holds its lock until the system has ended it, which takes a moment on a busy machine.
    """
    deadline, said = time.monotonic() + ANSWER_TIMEOUT, False
    while (record := running(home)) is not None:
        require_same_version(record)
        refuse_other(options, record.settings)
        if _answers(home):
            return record
        if time.monotonic() > deadline:
            raise SeawayError(
                f"the server (process {record.pid}) does not answer at {record.url}",
                code="Unreachable",
                remedy=f"Read {home.log}; to end it: kill -9 {record.pid}; then: seaway up",
            )
        if not said:
            note(f"The server (process {record.pid}) does not answer; waiting for it, or for its end ...")
            said = True
        time.sleep(_LOOK)
    return None


def _answers(home: Home) -> bool:
    """Tell whether a home's server answers, be it with a refusal."""
    from seaway.sdk.client import SeawayClient  # late: it brings HTTP and TLS

    try:
        endpoint = home.endpoint()
        with SeawayClient(endpoint.url, endpoint.token, endpoint.ca, timeout=_ANSWER) as client:
            client.ask("GET", "/api/v1/version")
    except ServerUnreachable:
        return False
    except SeawayError:
        return True
    return True


def _spawn(home: Home, writer: int, options: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    if home.log.exists() and home.log.stat().st_size > LOG_LIMIT:
        home.log.replace(home.log.with_suffix(".log.old"))
    log = os.open(home.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "seaway", DAEMON, str(writer), json.dumps(options)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writer,),
            start_new_session=True,
            cwd=home.path,
            env={**os.environ, "SEAWAY_HOME": str(home.path)},
        )
    finally:
        os.close(log)


def _await(process: subprocess.Popen[bytes], pipe: Any, deadline: float) -> dict[str, Any]:
    """Read the daemon's messages until it is ready or has failed."""
    live, buffer = coloured(sys.stderr), b""
    while (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select([pipe], [], [], left)
        if not readable:
            break
        data = pipe.read(65536)
        if not data:
            process.wait(10)
            return {"error": {"message": "", "code": process.returncode}}
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            if live:
                stage = message.get("stage")
                sys.stderr.write("\r\x1b[2K" + (f"Starting {stage} ..." if stage else ""))
                sys.stderr.flush()
            if "error" in message:
                process.wait(10)
            if "ready" in message or "error" in message:
                return message
    process.kill()
    process.wait(10)
    return {"error": {"message": f"it was not ready after {START_TIMEOUT:g} s"}}


def _failure(home: Home, message: dict[str, Any]) -> SeawayError:
    error = message["error"]
    if error.get("remedy") or error.get("known"):
        return SeawayError(
            error["message"], code=error.get("code") or "Unavailable", remedy=error.get("remedy", "")
        )
    lines = last_lines(home.log, SHOWN_LINES)
    shown = "".join(f"\n  {line}" for line in lines)
    reason = f": {error['message']}" if error.get("message") else ""
    return SeawayError(
        f"the server (Seaway {__version__}) could not start{reason}. The end of its log:{shown}",
        code="Unknown" if error.get("code") == "Unknown" else "Unreachable",
        remedy=f"Read {home.log}",
    )


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a file, read from its end."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 16384))
        return file.read().decode(errors="replace").splitlines()[-count:]
