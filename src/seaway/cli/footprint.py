"""What keeps the process of a server small, from its start on."""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def keep_small() -> None:
    """Call it first in a process that is a server and nothing else."""
    _share_one_arena()
    _leave_out_what_nobody_uses()


def _share_one_arena() -> None:
    """Let all threads allocate from one arena: they mostly wait for each other anyway, and each of its own keeps pages."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have no arenas
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def _leave_out_what_nobody_uses() -> None:
    """Refuse to import pydantic's first version: FastAPI does in order to say that a model is not one of its."""
    sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]  # None: not to be found
