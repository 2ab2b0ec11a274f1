"""`seaway --install-completion [SHELL]` and `--show-completion [SHELL]`. Typer's own options know the current shell only."""

from __future__ import annotations

from collections.abc import Sequence

from seaway.sdk.errors import SeawayError

INSTALL, SHOW = "--install-completion", "--show-completion"
SHELLS = ("bash", "zsh", "fish")
HELP = {
    "install_completion": "Teach your shell to complete; name one for another: bash, zsh or fish.",
    "show_completion": "Show what would be installed.",
}


def asked(words: Sequence[str]) -> tuple[str, str | None] | None:
    """Return the option and the shell that are asked for; None where the words ask for something else."""
    if not words or len(words) > 2:
        return None
    option, equals, value = words[0].partition("=")
    if option not in (INSTALL, SHOW) or (equals and len(words) == 2):
        return None
    named = value if equals else words[1] if len(words) == 2 else None
    return option, named


def complete_shell(option: str, shell: str | None) -> None:
    """Install or show the completion of a shell, in its files below the person's home folder.

    Args:
        option: INSTALL or SHOW.
        shell: its name; None for the one that this command was typed into.

    Raises:
        SeawayError: it is none that we know.
    """
    from typer._completion_shared import get_completion_script, install

    shell = shell if shell is not None else current_shell()
    if shell not in SHELLS:
        raise SeawayError(
            f"no completion for the shell {shell!r}" if shell else "the shell that this runs in is not known",
            code="Usage",
            field=option,
            remedy=f"Name one of {', '.join(SHELLS)}: seaway {option} bash",
        )
    if option == SHOW:
        print(get_completion_script(prog_name="seaway", complete_var="_SEAWAY_COMPLETE", shell=shell))
        return
    _, path = install(shell, "seaway", "_SEAWAY_COMPLETE")
    print(f"Installed in {path}. It works in shells that you start from now on.")


def current_shell() -> str:
    """Return the name of the shell that this command was typed into, "" where there is none."""
    import shellingham  # type: ignore[import-untyped]  # typer brings it

    try:
        return str(shellingham.detect_shell()[0])
    except shellingham.ShellDetectionFailure:
        return ""
