"""`seaway download`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer

from seaway.cli.arguments import RunName
from seaway.cli.context import connect, note
from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import SeawayError
from seaway.sdk.snapshot import readable_size

EPILOG = """\b
Examples:
  seaway download train-1                    all files, into seaway-outputs/train-1/
  seaway download train-1 model.joblib -o .  one file, into this folder"""


def download(
    run: RunName,
    path: Annotated[
        str | None, typer.Argument(metavar="[PATH]", help="One file or folder of the outputs.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output-dir", "-o", metavar="DIR", help="Where to put it [default: seaway-outputs/RUN]."
        ),
    ] = None,
) -> None:
    """Fetch the files that a run produced, checked against their digests."""
    target = folder or Path("seaway-outputs") / run
    with connect() as client:
        files = client.outputs(run)
        chosen = choose(files, path)
        if not chosen:
            raise _nothing(run, path, files)
        several = len({file["task"] for file in files}) > 1
        target.mkdir(parents=True, exist_ok=True)
        for file in chosen:
            place = destination(target, file["task"] if several else "", file["path"])
            _fetch(client, run, file, place)
            print(f"{place}  {readable_size(file['size'])}")


def choose(files: Sequence[dict[str, Any]], path: str | None) -> list[dict[str, Any]]:
    """Return the files that a path names: itself, or all in a folder. None names all."""
    if path is None:
        return list(files)
    wanted = path.strip("/").removeprefix("./")
    return [file for file in files if file["path"] == wanted or file["path"].startswith(wanted + "/")]


def destination(target: Path, task: str, path: str) -> Path:
    """Return where a file goes.

    Raises:
        SeawayError: its path would leave the folder.
    """
    parts = PurePosixPath(task, path).parts
    if path.startswith("/") or any(part in ("..", "") for part in parts) or "\0" in path:
        raise SeawayError(f"the output {path!r} would be written outside {target}", field="path")
    place = target.joinpath(*parts)
    if not place.parent.resolve().is_relative_to(target.resolve()):
        raise SeawayError(
            f"{place.parent} leads out of {target}", field="path", remedy="Give another folder with -o"
        )
    return place


def _fetch(client: SeawayClient, run: str, file: dict[str, Any], place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as into:
            client.download(run, file["task"], file["path"], into)
        with draft.open("rb") as written:
            if hashlib.file_digest(written, "sha256").hexdigest() != file["sha256"]:
                raise SeawayError(
                    f"{file['path']} arrived damaged", code="Temporary", remedy="Download it again"
                )
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)


def _nothing(run: str, path: str | None, files: Sequence[dict[str, Any]]) -> SeawayError:
    if not files:
        remedy = "A program's outputs are what it writes into the folder that SEAWAY_OUTPUTS names"
        return SeawayError(f"{run} has no outputs", code="Usage", remedy=remedy)
    note("It has: " + ", ".join(file["path"] for file in files[:10]) + (" ..." if len(files) > 10 else ""))
    return SeawayError(
        f"{run} has no output {path!r}", code="Usage", field="PATH", remedy=f"seaway outputs {run}"
    )
