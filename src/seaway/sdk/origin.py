"""What was typed, written down so that the server's advice can repeat it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seaway.sdk.submit import Options

if TYPE_CHECKING:
    from seaway.sdk.environment import Source

LONGEST = 4096
"""Characters of a word; a longer one cannot be shown in a sentence anyway."""
MOST_WORDS = 256
_SECRET_NAME = re.compile(r"token|secret|passw|key|credential", re.IGNORECASE)


def origin(
    options: Options,
    program: Sequence[str],
    current: Path,
    requirements: Path | None,
    source: Source | None,
    *,
    is_command: bool,
) -> dict[str, Any] | None:
    """Return a `RunSpec`'s origin; None for a command line that is too long to be repeated.

    Args:
        options: as typed; values of variables whose names say that they are secret are left out ("--env NAME" takes
            them from the user's own environment).
        program: script or command with its arguments, as typed.
        current: the folder in which it was typed.
        requirements: the file given with --requirements.
        source: where the packages were found; None where nothing names any.
        is_command: it stood after "--".
    """
    words = [*_options(options, requirements), *(["--"] if is_command else []), *program]
    if len(words) > MOST_WORDS or any(len(word) > LONGEST for word in words):
        return None
    named: dict[str, Any] = {"arguments": words}
    if source is not None:
        named["requirements"] = os.path.relpath(source.path, current) if source.path is not None else ""
    return named


def _options(options: Options, requirements: Path | None) -> Iterator[str]:
    single = {
        "--workspace": options.workspace,
        "--cpu": options.cpu,
        "--memory": options.memory,
        "--scratch": options.scratch,
        "--cache": options.cache,
        "--gpu": options.gpu or None,
        "--gpu-kind": options.gpu_kind,
        "--image": options.image,
        "--requirements": requirements,
        "--wait-limit": options.wait_limit,
        "--timeout": options.timeout,
        "--stop-if-hung": options.stop_if_hung,
        "--retries": options.retries or None,
        "--on-oom": options.on_oom,
        "--memory-cap": options.memory_cap,
        "--lock": options.lock,
        "--workdir": options.workdir,
    }
    for name, value in single.items():
        if value is not None:
            yield from (name, str(value))
    for item in options.env:
        variable, _, _ = item.partition("=")
        yield from ("--env", variable if _SECRET_NAME.search(variable) else item)
    for item in options.retry_on:
        yield from ("--retry-on", item)
    for item in options.secret:
        yield from ("--secret", item)
    for item in options.volume:
        yield from ("--volume", item)
