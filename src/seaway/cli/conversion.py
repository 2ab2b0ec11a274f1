"""Convert typed words into values, without the cost of pydantic for strings and numbers.

Typer converts every argument through pydantic, whose import takes half as long as all else that a small command does.
Our parameters are of five plain types; converting those needs no library. Where typer has no such hook, it converts.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import typer


def convert_here(command: Any) -> None:
    """Let a command's parameters be converted by `convert` instead of typer's own way."""
    for param in command.params:
        _convert_here(param)
    make_help_option = command.get_help_option

    def get_help_option(ctx: typer.Context) -> Any:
        option = make_help_option(ctx)
        if option is not None:
            _convert_here(option)
        return option

    command.get_help_option = get_help_option


def _convert_here(param: Any) -> None:
    descriptor = getattr(param, "type_descriptor", None)
    if descriptor is not None and hasattr(param, "get_runtime_param"):
        param.get_runtime_param = lambda: _Conversion(descriptor)


class _Conversion:
    """Converts the values of one parameter; the part of typer's RuntimeParam that is used."""

    def __init__(self, descriptor: Any) -> None:
        self._annotation = descriptor.annotation
        self._info = descriptor.parameter_info

    def coerce(self, value: Any, param: Any, ctx: typer.Context) -> Any:
        several = get_origin(self._annotation) is list
        if value is None:
            return () if several else None
        try:
            if several:
                return [convert(item, get_args(self._annotation)[0]) for item in value]
            converted = convert(value, self._annotation)
            self._check_range(converted)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from None
        return converted

    def _check_range(self, value: Any) -> None:
        low, high = self._info.min, self._info.max
        if (low is not None and value < low) or (high is not None and value > high):
            limits = f"from {low} to {high}" if None not in (low, high) else f"at least {low}"
            raise ValueError(f"{value} is not {limits}")


def convert(value: Any, kind: Any) -> Any:
    """Convert a typed word; a value that has its type already (a default) stays.

    Raises:
        ValueError: it is none of that type; the message says what it should be.
    """
    if not isinstance(value, str):
        return value
    if kind is int:
        try:
            return int(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a whole number") from None
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"{value!r} is none of {', '.join(member.value for member in kind)}") from None
    return Path(value) if kind is Path else value
