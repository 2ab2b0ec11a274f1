"""Commands that have commands of their own: `seaway context use`."""

from __future__ import annotations

import typer


def command_group(epilog: str) -> typer.Typer:
    """Return a group that its callback serves where no command of its own is named.

    Args:
        epilog: stands below its help: the examples.
    """
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        epilog=epilog,
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
