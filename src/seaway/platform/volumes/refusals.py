"""What is refused about volumes, and what to do then. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from seaway.platform.callers import Caller
from seaway.platform.errors import Conflict, Forbidden, Invalid, NotFound
from seaway.platform.volumes.claims import is_volume, owner_of
from seaway.platform.workloads import labels

Object = Mapping[str, Any]
_NAMED = 5
"""Names that a sentence lists."""


def require_mountable(names: Iterable[str], claims: Iterable[Object], namespace: str) -> None:
    """Refuse a run whose volumes are not there.

    Args:
        names: the volumes that it names.
        claims: all claims of the namespace.
        namespace: of the workspace.

    Raises:
        Invalid: one is not there, or is a claim that nobody offered to runs.
        Conflict: one is being removed.
    """
    known = {claim["metadata"]["name"]: claim for claim in claims}
    for name in names:
        claim = known.get(name)
        if claim is None or not is_volume(claim):
            raise _unknown(name, namespace, known)
        if claim["metadata"].get("deletionTimestamp"):
            raise is_going(name)


def _unknown(name: str, namespace: str, known: Mapping[str, Object]) -> Invalid:
    if name in known:
        return Invalid(
            f"the claim {name!r} in the workspace {namespace} is not offered to runs", field="tasks.volumes",
            remedy=f"Who may change it offers it: kubectl label pvc {name} {labels.VOLUME}=true -n {namespace}",
        )  # fmt: skip
    there = [other for other, claim in sorted(known.items()) if is_volume(claim)]
    what = f"there are: {_listed(there)}" if there else "there is none yet"
    return Invalid(
        f"there is no volume {name!r} in the workspace {namespace}; {what}", field="tasks.volumes",
        remedy=f"Make it: `seaway volume create {name} --size 10Gi --workspace {namespace}`.",
    )  # fmt: skip


def check_may_remove(caller: Caller, claim: Object, workspace_owner: str) -> None:
    """Raise Forbidden where somebody may not remove a volume."""
    owner, name = owner_of(claim), claim["metadata"]["name"]
    if caller.admin or caller.user in (owner, workspace_owner):
        return
    whose = f"belongs to {owner}" if owner else "was not made by Seaway"
    asked = " or ".join(filter(None, (owner, "an administrator")))
    raise Forbidden(f"the volume {name!r} {whose}", field="name", remedy=f"Ask {asked}.")


def check_confirmed(name: str, confirm: str | None) -> None:
    """Raise Conflict where the name of a volume that is to be removed was not given once more."""
    if confirm is None:
        raise Conflict(
            f"removing the volume {name!r} takes all that is in it, for good", field="confirm",
            remedy=f"Confirm it with its name: seaway volume rm {name} --yes {name}",
        )  # fmt: skip
    if confirm != name:
        raise Conflict(
            f"{confirm!r} is not the name of the volume {name!r}: nothing was removed", field="confirm",
            remedy=f"Give its own name: --yes {name}",
        )  # fmt: skip


def in_use(name: str, namespace: str, *, runs: Sequence[str] = (), pods: Sequence[str] = ()) -> Conflict:
    """Return the error for a volume that somebody uses."""
    if runs:
        users, remedy = (
            f"the {'run' if len(runs) == 1 else 'runs'} {_listed(runs)}",
            "Wait for the end, or `seaway stop RUN`.",
        )
    else:
        users = f"the {'pod' if len(pods) == 1 else 'pods'} {_listed(pods)}"
        remedy = f"Delete what needs it first: kubectl describe pvc {name} -n {namespace}"
    return Conflict(f"the volume {name!r} is in use by {users}", field="name", remedy=remedy)


def goes_already(name: str) -> Conflict:
    """Return the error for a volume that is to be removed, and is being removed."""
    return Conflict(
        f"the volume {name!r} is being removed already", field="name", remedy="See `seaway volume list`."
    )


def is_going(name: str) -> Conflict:
    """Return the error for a volume that is to be mounted, and is being removed."""
    return Conflict(
        f"the volume {name!r} is being removed", field="tasks.volumes", remedy="Name another one: `seaway volume list`."
    )  # fmt: skip


def no_volume(name: str, namespace: str) -> NotFound:
    """Return the error for a volume that is not there."""
    return NotFound(
        f"there is no volume {name!r} in the workspace {namespace}", field="name", remedy="See `seaway volume list`."
    )  # fmt: skip


def taken(claim: Object | None, name: str, namespace: str) -> Conflict:
    """Return the error for a name that a claim has."""
    if claim is not None and not is_volume(claim):
        return Conflict(
            f"there is a claim named {name!r} already, which is not offered to runs", field="name",
            remedy=f"Choose another name, or offer it: kubectl label pvc {name} {labels.VOLUME}=true -n {namespace}",
        )  # fmt: skip
    return Conflict(f"there is a volume {name!r} already", field="name", remedy="See `seaway volume list`.")


def no_rights(verb: str, namespace: str) -> Forbidden:
    """Return the error for claims that this server may not list, make or delete."""
    return Forbidden(
        f"this server may not {verb} persistent volume claims in {namespace}", field="workspace",
        remedy=f"An administrator of the cluster grants it: `seaway workspace grant {namespace} | kubectl apply -f -`; an "
        "older installation gets it by `seaway install` once more.",
    )  # fmt: skip


def _listed(names: Collection[str]) -> str:
    shown = list(names)[:_NAMED]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
