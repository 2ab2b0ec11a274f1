"""What is refused about workspaces, and what to do then."""

from __future__ import annotations

from sqlalchemy import Connection

from seaway.model.workspace import WorkspaceLosses
from seaway.platform.callers import Caller
from seaway.platform.database import runs, workspaces
from seaway.platform.database.records import WorkspaceRecord
from seaway.platform.errors import Conflict, Forbidden, NotFound, Unavailable
from seaway.platform.workspaces.contents import summary


def require_open(connection: Connection, name: str, default: str) -> None:
    """Refuse a run in a workspace that is not there or is being deleted. Raises NotFound, Conflict."""
    if name == default:
        return
    found = workspaces.one(connection, name)
    if found is None:
        raise no_workspace(name)
    if found.deleting is not None:
        raise Conflict(
            f"the workspace {name!r} is being deleted", field="workspace", remedy="Choose another one: `seaway workspace list`."
        )  # fmt: skip


def require_known(connection: Connection, name: str, default: str) -> None:
    """Refuse the name of a workspace that is not there, unless runs were in it once. Raises NotFound."""
    if name != default and workspaces.one(connection, name) is None and not runs.were_in(connection, name):
        raise no_workspace(name)


def no_workspace(name: str) -> NotFound:
    """Return the error for a workspace that is not there."""
    return NotFound(
        f"there is no workspace {name!r}", field="workspace",
        remedy=f"See `seaway workspace list`; an administrator makes it: `seaway workspace create {name}`.",
    )  # fmt: skip


def check_owner(caller: Caller, workspace: WorkspaceRecord) -> None:
    """Raise Forbidden where somebody may not delete a workspace."""
    if not caller.admin and caller.user != workspace.owner:
        raise Forbidden(
            f"the workspace {workspace.name!r} belongs to {workspace.owner}", field="workspace",
            remedy=f"Ask {workspace.owner} or an administrator.",
        )  # fmt: skip


def check_consent(losses: WorkspaceLosses, confirm: str | None, *, stop_runs: bool) -> None:
    """Raise Conflict where what a deletion takes was not agreed to. Pure."""
    name = losses.name
    if confirm is not None and confirm != name:
        raise Conflict(
            f"{confirm!r} is not the name of the workspace {name!r}: nothing was deleted", field="confirm",
            remedy=f"Give its own name: --yes {name}",
        )  # fmt: skip
    if losses.live and not stop_runs:
        raise not_ended(name, losses.live)
    if losses.matter and confirm is None:
        raise Conflict(
            f"deleting the workspace {name!r} takes {summary(losses)}", field="confirm",
            remedy=f"Confirm it with its name: seaway workspace delete {name} --yes {name}",
        )  # fmt: skip


def not_ended(name: str, live: int) -> Conflict:
    """Return the error for a workspace in which runs have not ended."""
    verb = "run has" if live == 1 else "runs have"
    return Conflict(
        f"{live} {verb} not ended in the workspace {name!r}", field="stop_runs",
        remedy=f"Wait, or have them stopped: seaway workspace delete {name} --stop-runs",
    )  # fmt: skip


def taken(name: str) -> Conflict:
    """Return the error for a name that a workspace has."""
    return Conflict(
        f"there is a workspace {name!r} already", field="name", remedy="See `seaway workspace list`."
    )


def no_rights(name: str, fault: str) -> Forbidden:
    """Return the error for a namespace that this server may not use, with who grants it."""
    return Forbidden(
        fault, field="name",
        remedy=f"An administrator of the cluster grants it: `seaway workspace grant {name} | kubectl apply -f -`, then "
        "again; or once for all workspaces, with the value rbac.workspaces=true of the installation.",
    )  # fmt: skip


def away(error: Exception) -> Unavailable:
    """Return the error for a cluster that does not answer."""
    return Unavailable(f"the cluster does not answer: {error}", remedy="Try again later.")
