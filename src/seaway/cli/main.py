"""The `seaway` command: its table of commands, and how every error is shown."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

import typer
import typer.core
import typer.main

from seaway import __version__
from seaway.cli import completion, exits
from seaway.cli.arguments import ContextOption
from seaway.cli.asked import ASKED
from seaway.cli.conversion import convert_here
from seaway.cli.interrupts import drop_output, interruptible
from seaway.cli.output import show_error
from seaway.cli.streams import open_closed_streams, say_what_can_be_said
from seaway.sdk.errors import SeawayError


class Entry(NamedTuple):
    """One command: where its function is, and what the list of commands says of it."""

    module: str
    function: str
    """ "" where the module has an APP of several commands."""
    summary: str


COMMANDS = {
    "up": Entry("up", "up", "Start the cluster and the server; returns when everything is ready."),
    "down": Entry("down", "down", "Stop them gracefully; runs go on at the next seaway up."),
    "status": Entry("status", "status", "Show the server, the cluster, its nodes and the runs."),
    "doctor": Entry("doctor", "doctor", "Check this machine, the server, the cluster and the way to them."),
    "run": Entry("run", "run", "Run a script or a command on the cluster."),
    "prove": Entry("prove", "prove", "Kill a program once; say whether it resumed and what was lost."),
    "ps": Entry("ps", "ps", "List runs."),
    "top": Entry("top", "top", "Show what runs use: memory, cores, GPUs, disk."),
    "show": Entry("show", "show", "Show everything about one run."),
    "logs": Entry("logs", "logs", "Print a run's log."),
    "timeline": Entry("timeline", "timeline", "Show what happened to a run, a pod or a node, in one order."),
    "why": Entry("why", "why", "Say what happened to a run, why, and what to do."),
    "usage": Entry("usage", "usage", "Show how much room runs take on the server."),
    "stop": Entry("stop", "stop", "Stop runs gracefully."),
    "retry": Entry("retry", "retry", "Try again what did not succeed in a run."),
    "rm": Entry("rm", "rm", "Remove runs (they can be restored)."),
    "restore": Entry("restore", "restore", "Bring removed runs back."),
    "outputs": Entry("outputs", "outputs", "List the files that a run produced."),
    "download": Entry("download", "download", "Fetch the files that a run produced."),
    "workspace": Entry("workspace", "", "List, make and delete workspaces: where runs can be."),
    "volume": Entry("volume", "", "Make, list and remove volumes: storage that stays when runs end."),
    "notify": Entry("notify", "", "Say who is told when runs end, fail, wait or hang."),
    "cluster": Entry("cluster", "", "Provoke what happens to clusters: drained, lost and full nodes."),
    "audit": Entry("audit", "audit", "Show who deleted what in the cluster, and who was refused."),
    "kubeconfig": Entry("kubeconfig", "kubeconfig", "Print the kubeconfig for kubectl and other tools."),
    "install": Entry("install", "install", "Install a team's server on any Kubernetes, or upgrade it."),
    "uninstall": Entry("uninstall", "uninstall", "Remove what install made."),
    "server": Entry("server", "server", "Serve a team: runs on any Kubernetes."),
    "login": Entry("login", "login", "Log in to a team's server."),
    "logout": Entry("logout", "logout", "Forget the token of a context."),
    "context": Entry("contexts", "", "List the servers that you work on; choose the current one."),
    "token": Entry("token", "", "Make, list and revoke the tokens of a team's users."),
    "version": Entry("version", "version", "Print the version."),
}

_FULL = "Make room on that disk (seaway doctor says which is full), then try again"
_OS_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: "Write elsewhere; SEAWAY_HOME says where Seaway keeps everything",
}

EPILOG = """\b
Examples:
  seaway up                              start everything
  seaway run train.py --epochs 20        run a script, see its log
  seaway run --gpu 1 --memory 8Gi train.py
  seaway ps -a                           list all runs
  seaway why RUN                         what happened, and what to do
  seaway down                            stop everything

\b
Exit codes: 0 done; of seaway run: the program's own code, 143 stopped, 124 timeout;
64 wrong usage, 65 unusable input, 69 no server, 70 a bug, 74 input/output error,
75 try again later, 77 not permitted, 130 Ctrl-C.

SEAWAY_HOME says where everything is kept (default: ~/.seaway), SEAWAY_CONTEXT which server
is meant (default: that of the last seaway context use)."""


class LazyGroup(typer.core.TyperGroup):
    """Imports a command's module when the command is used."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002
        """Return the names of all commands, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """Return a command, made now; fail with a suggestion for an unknown one."""
        if cmd_name not in COMMANDS:
            if ctx.resilient_parsing or cmd_name.startswith("-"):
                return None
            ctx.fail(unknown_command(cmd_name))
        return make_command(cmd_name)


def unknown_command(name: str) -> str:
    """Say that there is no such command, and which one may be meant."""
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1)
    if near:
        return f"There is no command {name!r}. Did you mean {near[0]!r}?"
    if name.endswith(".py"):
        return f"There is no command {name!r}. To run a script: seaway run {name}"
    return f"There is no command {name!r}."


def make_command(name: str) -> Any:
    """Return the command of a name."""
    entry = COMMANDS[name]
    module = importlib.import_module(f"seaway.cli.{entry.module}")
    if not entry.function:
        group = _light(module.APP)
        group.name, group.short_help = name, entry.summary
        _hand_down_examples(group)
        return group
    function: Callable[..., Any] = getattr(module, entry.function)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    settings = {"help_option_names": ["-h", "--help"], **getattr(module, "CONTEXT_SETTINGS", {})}
    cls = getattr(module, "COMMAND_CLASS", typer.core.TyperCommand)
    epilog = getattr(module, "EPILOG", None)
    decorate = app.command(name, cls=cls, epilog=epilog, short_help=entry.summary, context_settings=settings)
    decorate(function)
    return _light(app)


def _hand_down_examples(group: Any) -> None:
    """Show below each command's help those of its group's examples that are about it."""
    for name, command in group.commands.items():
        own = [
            line
            for line in group.epilog.splitlines()
            if f"{line} ".startswith(f"  seaway {group.name} {name} ")
        ]
        if own:
            command.epilog = "\n".join(["\b", "Examples:", *own])


def _group() -> Any:
    app = typer.Typer(
        cls=LazyGroup,
        rich_markup_mode=None,
        epilog=EPILOG,
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )

    @app.callback()
    def seaway(
        ctx: typer.Context,
        version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
        context: ContextOption = None,  # noqa: ARG001 - its callback keeps it
    ) -> None:
        """Train and run things on Kubernetes without having to know Kubernetes."""
        if version:
            print(f"seaway {__version__}")
            raise typer.Exit
        if ctx.invoked_subcommand is None:
            print(ctx.get_help())

    return _light(app)


def _light(app: typer.Typer) -> Any:
    command = typer.main.get_command(app)
    subcommands = tuple(getattr(command, "commands", {}).values())
    for each in subcommands or (command,):
        if not any("--context" in param.opts for param in each.params):
            each.params.append(_context_option())
    for each in subcommands:
        convert_here(each)
    for param in command.params:
        if isinstance(param, typer.core.TyperOption) and param.name in completion.HELP:
            param.help = completion.HELP[param.name]
    convert_here(command)
    for each in (command, *subcommands):
        _name_in_errors(each)
    return command


def _name_in_errors(command: Any) -> None:
    """Let every error of parsing say whose it is: the parser leaves it out where an option lacks its value."""
    parse = command.parse_args

    def parse_args(ctx: typer.Context, words: list[str]) -> list[str]:
        try:
            return list(parse(ctx, words))
        except typer.TyperException as error:
            if getattr(error, "ctx", None) is None:
                error.ctx = ctx  # type: ignore[attr-defined]
            raise

    command.parse_args = parse_args


def _context_option() -> Any:
    """Return the option that every command has."""

    def holder(context: ContextOption = None) -> None:
        """Hold it."""

    app = typer.Typer(add_completion=False)
    app.command()(holder)
    option = typer.main.get_command(app).params[0]
    option.expose_value = False
    return option


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    ASKED.set(None)
    open_closed_streams()
    say_what_can_be_said()
    try:
        if (asked := completion.asked(words)) is not None:
            completion.complete_shell(*asked)
            return exits.OK
        with interruptible():
            code = _group().main(args=words, prog_name="seaway", standalone_mode=False)
            sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
        return exits.IO
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        drop_output()  # typer's own code for a reader that went away is 1, which is a program's
        return exits.IO
    except typer.TyperException as error:
        return _usage(error)
    except SeawayError as error:
        show_error(error)
        return exits.of_error(error.code, error.status)
    except PermissionError as error:
        show_error(SeawayError(_os_message(error), remedy="Check who owns it and its mode"))
        return exits.PERMISSION
    except OSError as error:
        gone = isinstance(error, FileNotFoundError) and not error.filename and _folder_is_gone()
        message = "the folder that you are in is gone" if gone else _os_message(error)
        remedy = "cd into one that exists" if gone else _OS_REMEDIES.get(error.errno or 0, "")
        show_error(SeawayError(message, remedy=remedy))
        return exits.IO
    except (KeyboardInterrupt, typer.Abort):
        drop_output()
        return exits.INTERRUPTED
    except Exception as error:
        return _bug(error)
    return code if isinstance(code, int) else exits.OK


def _usage(error: typer.TyperException) -> int:
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "seaway"
    message = error.format_message().rstrip()
    show_error(SeawayError(message[:1].lower() + message[1:], remedy=f"{path} --help"))
    return exits.USAGE


def _os_message(error: OSError) -> str:
    if error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return error.strerror or str(error)


def _folder_is_gone() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - pathlib does not say more
    except FileNotFoundError:
        return True
    return False


def _bug(error: Exception) -> int:
    if os.environ.get("SEAWAY_DEBUG"):
        import traceback

        traceback.print_exception(error)
    message = f"Seaway itself failed: {type(error).__name__}: {error}"
    show_error(SeawayError(message, remedy="SEAWAY_DEBUG=1 shows where; please report it"))
    return exits.SOFTWARE
