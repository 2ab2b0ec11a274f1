"""The daemon: control plane, platform and portal in one process and one event loop. What `seaway up` starts.

It holds the home's lock as long as it lives, so that there is never a second one, and tells whoever started it through
a pipe, as lines of JSON, how far it is: {"stage": ...}, {"ready": ...} or {"error": ...}.

It is none of the commands: what reads those would stay in its memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import getpass
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seaway import __version__
from seaway.cli import exits
from seaway.cli.composition import DaemonSettings, Report, everything
from seaway.cli.context import current_home
from seaway.cli.footprint import keep_small
from seaway.cli.network import network_environment
from seaway.cli.settings import load_settings
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import Home, take_lock

logger = logging.getLogger(__name__)


def serve_home(ready_fd: str, options: str) -> int:
    """Serve the home that SEAWAY_HOME names, as `seaway up` starts it; return the exit code.

    Args:
        ready_fd: the number of the pipe in which to say how far it is.
        options: what `seaway up` says, as JSON.
    """
    return run_daemon(current_home(), ready_fd=int(ready_fd), options=json.loads(options))


def run_daemon(
    home: Home, *, foreground: bool = False, ready_fd: int = -1, options: Mapping[str, Any] | None = None
) -> int:
    """Serve a home until SIGTERM or SIGINT; return the exit code."""
    gc.disable()  # imports make much that stays: collecting in between costs a tenth of the start
    keep_small()
    os.umask(0o077)
    report = _reporter(ready_fd)
    try:
        _configure_log()
        _take_home(home)
    except Exception as error:
        return _fail(error, report, foreground=foreground)
    try:
        told = replace(load_settings(home), **(options or {}))
        network = network_environment(os.environ)
        settings = DaemonSettings(told, options=options or {}, network=network, user=_user())
        run_loop(_serve(home, settings, report))
    except Exception as error:
        return _fail(error, report, foreground=foreground)
    finally:
        home.record.unlink(missing_ok=True)
    logger.info("down")
    return exits.OK


def _configure_log() -> None:
    from seaway.base.logs import configure

    level = os.environ.get("SEAWAY_LOG", "info")
    try:
        configure(level, sys.stderr)
    except ValueError as error:
        raise SeawayError(f"SEAWAY_LOG: {error}", code="Usage", remedy="Set it to one of them") from error
    if level.lower() != "debug":
        logging.getLogger("httpx").setLevel(logging.WARNING)  # else a line for each call that is handed on


def _take_home(home: Home) -> None:
    """Hold the home's lock as long as the process lives. Raises SeawayError where another one has it, OSError."""
    lock = take_lock(home.lock)
    if lock is None:
        raise SeawayError(f"a server runs already for {home.path}", code="Temporary", remedy="seaway status")
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    home.record.unlink(missing_ok=True)


def explain(error: BaseException, *, again: str = "seaway up") -> SeawayError:
    """Say in one sentence why a server cannot go on; `code` is "Unknown" where only its log can tell.

    Args:
        error: what it failed with.
        again: the command that starts it, for the remedy.
    """
    for fault in _chain(error):
        if (said := _explain_one(fault, again)) is not None:
            return said
    return SeawayError(f"{type(error).__name__}: {error}".rstrip(": "), code="Unknown")


def _chain(error: BaseException) -> list[BaseException]:
    """An error and what lies behind it: the members of a group, the causes."""
    found: list[BaseException] = []
    stack = [error]
    while stack:
        fault = stack.pop()
        if fault in found:
            continue
        found.append(fault)
        stack += reversed(fault.exceptions) if isinstance(fault, BaseExceptionGroup) else ()
        stack += [fault.__cause__] if fault.__cause__ is not None else []
    return found


def _explain_one(fault: BaseException, again: str) -> SeawayError | None:
    from seaway.base.tasks import ServiceFailed
    from seaway.platform.errors import PlatformError

    if isinstance(fault, SeawayError):
        return fault
    if isinstance(fault, PlatformError):
        return SeawayError(fault.message, code=fault.code, remedy=fault.remedy, status=fault.status)
    if isinstance(fault, OSError):
        return _explain_os_error(fault, again)
    if type(fault).__module__.startswith("seaway.") and not isinstance(fault, ServiceFailed):
        return SeawayError(
            str(fault), code=getattr(fault, "code", "Storage")
        )  # our own errors say what to do
    return None


def _explain_os_error(fault: OSError, again: str) -> SeawayError | None:
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" (writing {fault.filename})" if fault.filename else ""
        return SeawayError(f"the disk is full{where}", code="Storage", remedy=f"Make room, then: {again}")
    from seaway.portal.serve import NoSuchAddress, PortInUse

    if isinstance(fault, NoSuchAddress):
        return SeawayError(str(fault), code="Usage")
    if isinstance(fault, PortInUse) or fault.errno == errno.EADDRINUSE:
        return SeawayError(
            str(fault), code="Temporary", remedy=f"End the program that has the port, then: {again}"
        )
    if isinstance(fault, PermissionError):
        return SeawayError(str(fault), code="Forbidden", remedy="Check who owns it and its mode")
    return None


def _fail(error: Exception, report: Report, *, foreground: bool) -> int:
    """Say why it cannot go on, in the log and to whoever started it; return the exit code."""
    reason = explain(error)
    known = reason.code != "Unknown"
    logger.error("Seaway %s cannot go on: %s", __version__, reason.message, exc_info=None if known else error)
    report(
        {"error": {"message": reason.message, "code": reason.code, "remedy": reason.remedy, "known": known}}
    )
    if foreground:
        from seaway.cli.output import show_error

        show_error(reason)
    return exits.of_error(reason.code, reason.status) if known else exits.SOFTWARE


def _reporter(ready_fd: int) -> Report:
    def report(message: dict[str, Any]) -> None:
        if ready_fd < 0:
            return
        with contextlib.suppress(BrokenPipeError):  # whoever started it has gone: it serves all the same
            os.write(ready_fd, json.dumps(message).encode() + b"\n")
        if "ready" in message or "error" in message:
            with contextlib.suppress(OSError):
                os.close(ready_fd)

    return report


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def run_loop(main: Any) -> None:
    """Run a coroutine on the fastest event loop that is there."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


async def _serve(home: Home, settings: DaemonSettings, report: Report) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with everything(home, settings, report) as (server, record):
        home.write_record(record)
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)  # Kubernetes objects are trees: looking for cycles is mostly in vain
        gc.enable()
        report({"ready": {"url": record.url}})
        logger.info("ready: server %s, cluster %s", record.url, record.cluster_url)
        await stop.wait()
        logger.info("stopping")
        await server.drain(timeout=settings.drain_seconds)
