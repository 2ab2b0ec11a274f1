"""Explaining what kubectl printed, with the platform's rules in this process: no server is asked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any

from seaway.base.languages import catalogue
from seaway.cli.context import note
from seaway.sdk.errors import InvalidInput, SeawayError

STANDARD_INPUT = "-"
_LARGEST = 512 * 1024 * 1024
_SILENCE = 1.5
"""Seconds after which it is said that the dump is still being read."""
_TYPE_KUBECTL = "Print it with: kubectl get pod,event,node,pvc,job,rs -o yaml > FILE"


def explain_files(
    files: Sequence[str], logs: Sequence[str], wanted: str, language: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return an explanation of a dump, and who else in it has trouble of their own.

    Args:
        files: what kubectl printed as YAML or JSON; "-" for standard input.
        logs: what `kubectl logs` printed.
        wanted: whom to explain; "" for whoever failed or waits.
        language: the code of the one to explain in.

    Raises:
        SeawayError: a file cannot be read or holds something else, or nothing to explain is in it.
    """
    from seaway.platform.diagnosis.dump.documents import parse_log
    from seaway.platform.diagnosis.dump.explain import NoSubject, explain_dump
    from seaway.platform.diagnosis.dump.printed import NotADump, parse_objects

    if (*files, *logs).count(STANDARD_INPUT) > 1:
        raise SeawayError(
            "standard input can be read once only", code="Usage", field="from", remedy="Name files"
        )
    objects = []
    slow = Timer(
        _SILENCE, note, (f"Reading {', '.join(map(_shown, files))} ... (-o json is read faster than yaml)",)
    )
    slow.daemon = True
    slow.start()
    try:
        for file in files:
            try:
                objects += parse_objects(_text(file, "from"), partial(_noted, file))
            except NotADump as error:
                raise InvalidInput(
                    f"{_shown(file)} is no dump: {error}", field="from", remedy=_TYPE_KUBECTL
                ) from error
        read = [parse_log(_text(log, "log"), Path(log).name) for log in logs]
        told, others = explain_dump(objects, read, wanted)
    except NoSubject as error:
        raise InvalidInput(
            f"nothing to explain in {', '.join(map(_shown, files))}: {error}",
            field="from",
            remedy=_TYPE_KUBECTL,
        ) from error
    finally:
        slow.cancel()
    return told.spoken_in(catalogue(language)).model_dump(mode="json", by_alias=True), others


def _noted(file: str, what: str) -> None:
    note(f"{_shown(file)}: {what}")


def _text(file: str, option: str) -> str:
    if file == STANDARD_INPUT:
        return _decoded(sys.stdin.buffer.read())
    try:
        size = Path(file).stat().st_size
        if size > _LARGEST:
            raise InvalidInput(
                f"{file} is larger than 512 MiB", field=option, remedy="Print less, such as one namespace"
            )
        data = Path(file).read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise SeawayError(
            f"{file}: {reason[:1].lower()}{reason[1:]}",
            code="NoSuchFile",
            field=option,
            remedy=f"Correct --{option}",
        ) from error
    return _decoded(data)


def _decoded(data: bytes) -> str:
    encoding = (
        "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    )  # PowerShell's > writes UTF-16
    return data.decode(encoding, "replace")


def _shown(file: str) -> str:
    return "standard input" if file == STANDARD_INPUT else file
