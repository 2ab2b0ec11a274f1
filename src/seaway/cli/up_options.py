"""What `seaway up` may say in place of the settings file, checked as the file is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from seaway.cli.settings_file import KEYS, Wrong
from seaway.sdk.errors import SeawayError


class Option(NamedTuple):
    """One option."""

    name: str
    field: str
    """Of `Settings`."""


OPTIONS = (
    Option("--nodes", "nodes"),
    Option("--simulated-nodes", "simulated_nodes"),
    Option("--gpus", "pretend_gpus"),
)


def read_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `Settings` that options set; None in `given` stands for an option that was not typed.

    Raises:
        SeawayError: a value cannot be used; the message names the option.
    """
    readers = {key.field: key.read for key in KEYS}
    found = {}
    for option in OPTIONS:
        value = given.get(option.field)
        if value is None:
            continue
        try:
            found[option.field] = readers[option.field](value)
        except Wrong as error:
            raise SeawayError(
                f"{value!r} cannot be used: it should be {error}",
                code="Usage",
                field=option.name,
                remedy="seaway up --help",
            ) from None
    return found


def known(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those that this version has."""
    fields = {option.field for option in OPTIONS}
    return {name: value for name, value in options.items() if name in fields}


def refuse_other(options: Mapping[str, Any], running: Mapping[str, Any]) -> None:
    """Refuse options that the server which runs was not started with.

    Args:
        options: as `read_options` returns them.
        running: the settings that it was started with, one value a key of the file.

    Raises:
        SeawayError: they differ.
    """
    keys = {key.field: f"{key.table}.{key.name}" for key in KEYS}
    for option in OPTIONS:
        if option.field in options and running.get(keys[option.field]) != options[option.field]:
            raise SeawayError(
                "Seaway runs already, and was started with other nodes",
                code="Usage",
                field=option.name,
                remedy="seaway down, then this command again (runs go on where they were)",
            )
