"""What a program finds of Seaway while it runs: its folders, and a checkpoint that is saved now.

Standard library only, and Python 3.9: the runner brings this module into images that have no Seaway.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    import socket
    from pathlib import Path

_LONGEST_PATH = 100
"""Bytes of a socket's path; longer ones are reached by way of an open folder, as `seaway.runner.control` makes them."""


class CheckpointError(RuntimeError):
    """The checkpoint could not be saved; the message says why."""


def checkpoint() -> bool:
    """Save what lies in the checkpoint's folder now, and wait until the server has it safely.

    Without this the folder is saved every half minute. Nothing may write to the folder meanwhile.

    Returns:
        True when it is saved; False outside of a run, where nothing is done.

    Raises:
        CheckpointError: it could not be saved. The one saved before is still there.
    """
    if not os.environ.get("SEAWAY_RUN"):
        return False
    place = os.environ.get("SEAWAY_CONTROL")
    if not place:
        raise CheckpointError("this attempt has no runner that could save: its log says why")
    answer = _ask(place)
    if not answer.get("saved"):
        raise CheckpointError(f"the checkpoint was not saved: {answer.get('error', 'no reason is known')}")
    return True


def checkpoint_folder(otherwise: str = "checkpoint") -> Path:
    """Return the folder that the next attempt finds again, made where it is missing.

    Args:
        otherwise: the folder to use outside of a run.
    """
    return _folder("SEAWAY_CHECKPOINT", otherwise)


def outputs_folder(otherwise: str = "outputs") -> Path:
    """Return the folder whose files are kept when the program ends, made where it is missing.

    Args:
        otherwise: the folder to use outside of a run.
    """
    return _folder("SEAWAY_OUTPUTS", otherwise)


def volume_folder(name: str, otherwise: str | None = None) -> Path:
    """Return the folder of a volume that the run was given (`seaway run --volume NAME`), made where it is missing.

    Args:
        name: of the volume.
        otherwise: the folder to use outside of a run; the volume's name without this.

    Raises:
        LookupError: the run was not given that volume.
    """
    variable = f"SEAWAY_VOLUME_{name.upper().replace('-', '_')}"
    if os.environ.get("SEAWAY_RUN") and not os.environ.get(variable):
        raise LookupError(f"this run has no volume {name!r}: seaway run --volume {name} ...")
    return _folder(variable, otherwise or name)


def cache_folder(otherwise: str = "cache") -> Path:
    """Return a folder on the node's own disk for what can be made anew (`seaway run --cache SIZE`), made where it is missing.

    Args:
        otherwise: the folder to use outside of a run, or where the run asked for no cache.
    """
    return _folder("SEAWAY_CACHE", otherwise)


def _folder(variable: str, otherwise: str) -> Path:
    from pathlib import Path  # late: whoever imports this module may not need it

    folder = Path(os.environ.get(variable) or otherwise)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _connect(connection: socket.socket, place: str) -> None:
    if len(os.fsencode(place)) <= _LONGEST_PATH:
        connection.connect(place)
        return
    folder = os.open(os.path.dirname(place), os.O_RDONLY | os.O_DIRECTORY)  # noqa: PTH120
    try:
        connection.connect(f"/proc/self/fd/{folder}/{os.path.basename(place)}")  # noqa: PTH119
    finally:
        os.close(folder)


def _ask(place: str) -> dict[str, object]:
    import json
    import socket

    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            _connect(connection, place)
            with connection.makefile("rb") as stream:
                line = stream.readline(65_536)
    except OSError as error:
        raise CheckpointError(f"the runner cannot be asked to save: {error}") from error
    try:
        answer: dict[str, object] = json.loads(line)
    except ValueError as error:
        raise CheckpointError("the runner ended before it had saved") from error
    return answer
