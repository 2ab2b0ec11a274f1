"""`seaway down`."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import Annotated

import typer

from seaway.cli.context import LOCAL, current_home, for_this_machine, note
from seaway.cli.output import coloured
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import Home, is_locked
from seaway.sdk.submit import seconds

EPILOG = """\b
Examples:
  seaway down                 runs are stopped gracefully and go on at the next seaway up
  seaway down --timeout 5m    where programs need longer to save their checkpoint"""

POLL = 0.05


def down(
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="How long to wait at most.")] = "90s",
) -> None:
    """Stop the server and the cluster. Runs are stopped gracefully and go on at the next seaway up."""
    current = for_this_machine("down", "stops the cluster of this machine")
    home = current_home()
    limit = seconds("--timeout", timeout)
    if not is_locked(home.lock):
        home.record.unlink(missing_ok=True)
        note("Seaway does not run.")
        return
    pid = lock_holder(home)
    if pid is None:
        raise SeawayError("the server starts just now", code="Temporary", remedy="Try again in a moment")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if not wait_until_gone(home, limit):
        raise SeawayError(
            f"after {timeout} the server (process {pid}) still waits for runs to end",
            code="Temporary",
            remedy=f"seaway status shows them, {home.log} says more; wait on: seaway down --timeout 10m",
        )
    note("Seaway is down.")
    if current != LOCAL:
        note(f"That was this machine's; the server of the current context, {current}, goes on.")


def lock_holder(home: Home) -> int | None:
    """Return the process that serves a home: it writes its number into the lock that it holds."""
    text = home.lock.read_text().strip()
    return int(text) if text.isdigit() else None


def wait_until_gone(home: Home, limit: float) -> bool:
    """Wait until a daemon has gone (the kernel then frees its lock), saying that it takes time; return whether it has."""
    began, said, live = time.monotonic(), False, coloured(sys.stderr)
    while is_locked(home.lock):
        waited = time.monotonic() - began
        if waited > limit:
            return False
        if waited > 1 and live:
            sys.stderr.write(f"\r\x1b[2KStopping runs gracefully ... {waited:.0f} s")
            sys.stderr.flush()
        elif waited > 1 and not said:
            note("Stopping runs gracefully ...")
        said = said or waited > 1
        time.sleep(POLL)
    if said and live:
        sys.stderr.write("\r\x1b[2K")
    return True
