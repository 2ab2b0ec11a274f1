"""How much of what there may be is used, for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BAR = 10
"""Characters of a bar."""
_UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def amount(used: int | None, limit: int | None = None) -> str:
    """Return a number of bytes, and of how many: "3.1 of 4 GiB"; "" where it is not known."""
    if used is None:
        return ""
    unit, name = next((one for one in _UNITS if (limit or used) >= one[0]), (1, "bytes"))
    return _short(used / unit) + (f" of {_short(limit / unit)}" if limit else "") + f" {name}"


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def bar(used: int | None, limit: int | None) -> str:
    """Return a bar that is as full as a limit is reached, "" where there is none."""
    if used is None or not limit:
        return ""
    full = min(_BAR, round(_BAR * used / limit))
    return f"[{'#' * full}{'-' * (_BAR - full)}]"


def now_in_words(usage: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what an attempt uses now, each with its name."""
    memory = amount(usage["memory"], usage["memory_limit"])
    peak = amount(usage["memory_peak"])
    cores, gpu = usage["cores"], usage["gpu"]
    gpus = f"{gpu} % busy, {amount(usage['gpu_memory'], usage['gpu_memory_limit'])}"
    return [
        ("Memory", f"{memory} now, at most {peak} so far"),
        ("Cores", "" if cores is None else f"{cores:.1f} in use"),
        ("GPU", "" if gpu is None else gpus),
        ("Disk", amount(usage["scratch"], usage["scratch_limit"])),
    ]
