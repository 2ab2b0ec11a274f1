"""Write the reference pages that say what the code says: the command line, the settings.

    python tools/generate_reference.py        write docs/reference/{cli,settings}.md

A house test compares the pages with what is made here.
"""

from __future__ import annotations

import inspect
import textwrap
from pathlib import Path
from typing import Any

from seaway.cli.main import COMMANDS, make_command
from seaway.cli.settings_file import IMAGE_KEYS, KEYS
from seaway.platform.deploy.values import Values

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "<!-- made by tools/generate_reference.py: change the code, then make it anew -->\n"
CLI = """# Commands

Every command has `--help`; `seaway --version` prints the version. `seaway --install-completion` teaches your shell to
complete commands, options and the names of runs and contexts. `--context NAME`, with any command, means another server
than the current one ([how to](../howto/team-server.md)). [Exit codes](exit-codes.md), [variables](environment.md).
"""
SETTINGS = """# Settings

`settings.toml` in the home (`~/.seaway`, or where `SEAWAY_HOME` says). It need not be there, and neither need any key
of it. It is read at `seaway up`: a change takes `seaway down` and `seaway up`, and `seaway status` says so until then.
A fault in it is named with its line, and nothing starts (exit code 65).
"""
EXAMPLE = """## Example

```toml
[cluster]
nodes = 2

[scheduler]
strategy = "pack"

[images.torch]                             # seaway run --image torch train.py
python = "/opt/venvs/torch/bin/python"

[images."python:3*"]                       # every image whose name begins so
python = "/opt/conda/envs/base312/bin/python"
env = {OMP_NUM_THREADS = "4"}
```
"""


TEAM = """## A team's server

`seaway server` reads no file: these settings are its options, each of them a variable too, and values of the
installation (`seaway install --set limits.storage=500Gi`, or the same with Helm). The defaults are those of above but for
three: a team's server limits neither storage nor scratch until it is told to, and keeps the logs of labelled pods only.

| here | of `seaway server` | of the installation |
| --- | --- | --- |
"""
OF_TEAMS = (
    ("server", "scratch_limit", "limits.scratch"), ("server", "scratch_files", "limits.scratchFiles"),
    ("server", "storage_limit", "limits.storage"),
    ("server", "workspace_storage_limit", "limits.workspaceStorage"), ("server", "storage_files", "limits.storageFiles"),
    ("server", "workspace_storage_files", "limits.workspaceStorageFiles"), ("server", "bin_days", "limits.binDays"),
    ("notifications", "waits", "notifications.waits"), ("notifications", "hung", "notifications.hung"),
    ("history", "days", "history.days"), ("history", "logs", "history.logs"), ("history", "pods", "history.pods"),
)  # fmt: skip


def pages() -> dict[str, str]:
    """Return the pages by the names of their files."""
    return {"cli.md": cli_page(), "settings.md": settings_page()}


def cli_page() -> str:
    """Return the page of all commands."""
    parts = [NOTE + CLI]
    parts += [command_part(name) for name in COMMANDS]
    return "\n".join(parts)


def command_part(name: str) -> str:
    """Return what the page says of one command."""
    command = make_command(name)
    summary = inspect.cleandoc(command.help or "")
    several = getattr(command, "commands", {})
    lines = [f"## seaway {name}", ""]
    if several:
        lines += [*textwrap.wrap(summary, 118), ""]
        for own, each in several.items():
            said = inspect.cleandoc(each.help or "")
            lines += [_usage(f"{name} {own}", each), "", *textwrap.wrap(said, 118), "", *_parameters(each)]
    else:
        lines += [_usage(name, command), "", *textwrap.wrap(summary, 118), "", *_parameters(command)]
    if command.epilog:
        lines += ["```text", textwrap.dedent(command.epilog.replace("\b\n", "")).strip(), "```", ""]
    return "\n".join(lines)


def _usage(name: str, command: Any) -> str:
    pieces = command.collect_usage_pieces(command.make_context(name, [], resilient_parsing=True))
    return f"`seaway {name} {' '.join(pieces)}`"


def _parameters(command: Any) -> list[str]:
    shown = [param for param in command.params if getattr(param, "help", None) and not _is_everywhere(param)]
    return ["| | |", "| --- | --- |", *(_row(param) for param in shown), ""] if shown else []


def _is_everywhere(param: Any) -> bool:
    """Return whether every command has it: the page says so once. A command may have one of its own by that name."""
    return "--context" in param.opts and not param.expose_value


def _row(param: Any) -> str:
    words = ", ".join(sorted(param.opts, key=len)) if param.param_type_name == "option" else param.metavar
    value = f" {param.metavar}" if param.param_type_name == "option" and param.metavar else ""
    default = param.default
    said = f" Default: `{getattr(default, 'value', default)}`." if _has_default(param) else ""
    return f"| `{_cell(words + value)}` | {_cell(param.help)}{said} |"


def _has_default(param: Any) -> bool:
    return bool(param.default) and not getattr(param, "is_flag", False) and param.param_type_name == "option"


def settings_page() -> str:
    """Return the page of all settings."""
    parts = [NOTE + SETTINGS]
    for table in dict.fromkeys(key.table for key in KEYS):
        rows = [
            f"| `{key.name}` | {_cell(key.default)} | {_cell(key.meaning)} |"
            for key in KEYS
            if key.table == table
        ]
        parts.append(
            "\n".join([f"## [{table}]", "", "| key | default | meaning |", "| --- | --- | --- |", *rows, ""])
        )
    rows = [f"| `{name}` | {_cell(meaning)} |" for name, meaning in IMAGE_KEYS.items()]
    head = [
        '## [images."NAME"]',
        "",
        "What an image's name stands for on this machine: [how to](../howto/images.md). A `*` at the end of the name stands",
        "for any ending. `python`, `python:3*` and `seaway/*` are Seaway's own environment where nothing else is said.",
        "",
    ]
    parts.append("\n".join([*head, "| key | meaning |", "| --- | --- |", *rows, ""]))
    return "\n".join([*parts, _team_part(), EXAMPLE])


def _team_part() -> str:
    """Return what the page says of the settings that a team's server has too, and stop where one is not there."""
    options = {option for param in make_command("server").params for option in param.opts}
    chart = Values().model_dump(by_alias=True)
    fields = {(key.table, key.name): key.field for key in KEYS}
    rows = []
    for table, name, value in OF_TEAMS:
        option = f"--{fields[table, name].replace('_', '-')}"
        group, key = value.split(".")
        if option not in options or key not in chart[group]:
            raise ValueError(f"{option} or {value}: there is no such setting of a team's server")
        rows.append(f"| `[{table}] {name}` | `{option}` | `{value}` |\n")
    return TEAM + "".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for name, content in pages().items():
        (FOLDER / name).write_text(content)
