"""Exit codes: stable, documented, after BSD's sysexits(3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OK = 0
NO_CODE = 1
"""An attached run failed without an exit code of its own."""
USAGE = 64
DATA = 65
UNAVAILABLE = 69
SOFTWARE = 70
IO = 74
TEMPORARY = 75
PERMISSION = 77
TIMEOUT = 124
INTERRUPTED = 130
STOPPED = 143

_BY_STATUS = {
    401: PERMISSION,
    403: PERMISSION,
    404: USAGE,
    408: TEMPORARY,
    429: TEMPORARY,
    500: SOFTWARE,
    502: TEMPORARY,
    503: TEMPORARY,
    504: TEMPORARY,
    507: IO,
}
_BY_CODE = {
    "Usage": USAGE,
    "NoSuchFile": USAGE,
    "NotAScript": USAGE,
    "NotReadable": PERMISSION,
    "Forbidden": PERMISSION,
    "Unreachable": UNAVAILABLE,
    "Untrusted": UNAVAILABLE,
    "LoggedOut": PERMISSION,
    "OtherVersion": UNAVAILABLE,
    "Starting": UNAVAILABLE,
    "Temporary": TEMPORARY,
    "Storage": IO,
    "Unknown": SOFTWARE,
}


def of_error(code: str, status: int) -> int:
    """Return the exit code of an error: by its HTTP status where a server answered, else by its code."""
    if status:
        return _BY_STATUS.get(status, DATA if status < 500 else SOFTWARE)
    return _BY_CODE.get(code, DATA)


def of_run(run: Mapping[str, Any]) -> int:
    """Return what an attached `seaway run` exits with: the program's own code where it has one."""
    if run["phase"] == "succeeded":
        return OK
    if run["phase"] == "stopped":
        return STOPPED
    if (run.get("verdict") or {}).get("class") == "deadline":
        return TIMEOUT
    return run.get("exit_code") or NO_CODE
