"""The settings of a home, as they are on its disk: read, checked against this machine, compared with those in force."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from seaway.cli.settings_file import FILE, Image, Settings, as_values, differences, parse
from seaway.cli.up_options import known
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import DaemonRecord, Home


def settings_path(home: Home) -> Path:
    """Return where a home's settings are; the file need not be there."""
    return home.path / FILE


def load_settings(home: Home) -> Settings:
    """Return the settings of a home; the defaults where it has no file.

    Raises:
        SeawayError: the file cannot be read, or says something that cannot be; the message names the place.
    """
    path = settings_path(home)
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except PermissionError as error:
        raise SeawayError(
            f"{path} cannot be read: {error.strerror}",
            code="Forbidden",
            remedy="Check who owns it and its mode",
        ) from error
    except IsADirectoryError as error:
        raise SeawayError(
            f"{path} is a folder, not a file", code="Settings", remedy="Move it away, then: seaway up"
        ) from error
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SeawayError(
            f"{path}, line {line}: not UTF-8 text",
            code="Settings",
            remedy="Save it as UTF-8, then: seaway up",
        ) from error
    settings = parse(text, str(path))
    for name, image in settings.images.items():
        _check_image(f'{path}: [images."{name}"]', image)
    return settings


def say_changed(home: Home, record: DaemonRecord | None) -> str:
    """Say in a sentence that the file differs from what the server was started with, or cannot be used; "" for neither."""
    try:
        settings = load_settings(home)
    except SeawayError as error:
        return error.message + ("; the server goes on with those that it was started with" if record else "")
    named = ""
    if record:
        said = replace(settings, **known(record.options))
        named = ", ".join(differences(record.settings, as_values(said)))
    return f"changed since the start ({named}); to use them: seaway down, then seaway up" if named else ""


def _check_image(where: str, image: Image) -> None:
    """Refuse folders and interpreters that are not there, and an interpreter that programs would not get."""

    def refuse(fault: str, remedy: str) -> SeawayError:
        return SeawayError(f"{where} {fault}", code="Settings", field="images", remedy=remedy)

    for folder in image.path:
        if not Path(folder).expanduser().is_dir():
            raise refuse(f"path: there is no folder {folder}", "Give folders of this machine")
    if image.python is None:
        return
    python = Path(image.python).expanduser()
    if not python.is_file() or not os.access(python, os.X_OK):
        raise refuse(
            f"python: {image.python} is no program that can be run",
            "Give the bin/python of a virtual environment or conda environment",
        )
    started = python.with_name("python3")
    if not started.exists() or started.resolve() != python.resolve():
        raise refuse(
            f"python: programs are started as python3, and {started} is not {image.python}",
            f"Make a virtual environment of it ({image.python} -m venv FOLDER) and give that one's bin/python",
        )
