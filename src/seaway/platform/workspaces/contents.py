"""What lies in the namespace of a workspace beside its runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.model.workspace import ClaimView, WorkspaceLosses
from seaway.objects.builtin import JOBS, NAMESPACES, PERSISTENT_VOLUME_CLAIMS, PODS
from seaway.objects.errors import ApiError, Forbidden, NotFound
from seaway.objects.resource import Resource
from seaway.platform.database.records import WorkspaceRecord
from seaway.platform.errors import Unavailable
from seaway.platform.usage import shown
from seaway.platform.workloads import labels

_OTHERS = (
    JOBS,
    Resource("apps", "v1", "Deployment", "deployments"),
    Resource("apps", "v1", "StatefulSet", "statefulsets"),
)
_NAMED = 5
"""Names that a sentence lists."""
Object = dict[str, Any]


@dataclass(slots=True)
class Contents:
    """What a namespace holds."""

    pods: tuple[str, ...] = ()
    claims: tuple[ClaimView, ...] = ()
    others: dict[str, int] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()


async def is_ours(client: Client, workspace: WorkspaceRecord) -> bool:
    """Return whether the namespace of a workspace is there and was made by this server.

    Raises:
        Unavailable: the cluster does not answer.
    """
    found = await namespace_of(client, workspace.name)
    return found is not None and key_of(found) == workspace.key


async def namespace_of(client: Client, name: str) -> Object | None:
    """Return a namespace, None where there is none or it may not be seen. Raises Unavailable."""
    try:
        return await client.get(NAMESPACES, name)
    except (NotFound, Forbidden):
        return None
    except (ApiError, ClientError) as error:
        raise Unavailable(f"the cluster does not answer: {error}", remedy="Try again later.") from error


def key_of(namespace: Object) -> str:
    """Return the key of the workspace that a namespace was made for, "" for none."""
    return str((namespace["metadata"].get("annotations") or {}).get(labels.WORKSPACE, ""))


async def contents(client: Client, namespace: str) -> Contents:
    """Return what a namespace holds beside the pods of runs.

    Raises:
        Unavailable: the cluster does not answer.
    """
    found, unseen = Contents(), []

    async def listed(resource: Resource, selector: str | None = None) -> list[Object]:
        try:
            items, _ = await client.list_all(resource, namespace, label_selector=selector)
        except (Forbidden, NotFound):
            unseen.append(resource.plural)
            return []
        except (ApiError, ClientError) as error:
            raise Unavailable(
                f"what lies in {namespace} cannot be listed: {error}", remedy="Try again later."
            ) from error
        return items

    found.pods = tuple(pod["metadata"]["name"] for pod in await listed(PODS, f"!{labels.RUN_UID}"))
    found.claims = tuple(_claim(claim) for claim in await listed(PERSISTENT_VOLUME_CLAIMS))
    counts = {resource.plural: len(await listed(resource)) for resource in _OTHERS}
    found.others = {plural: count for plural, count in counts.items() if count}
    found.unseen = tuple(unseen)
    return found


def _claim(claim: Object) -> ClaimView:
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return ClaimView(name=claim["metadata"]["name"], size=str(requests.get("storage", "")))


def summary(losses: WorkspaceLosses) -> str:
    """Say in a sentence what deleting a workspace takes. Pure."""
    parts = []
    if losses.runs:
        kept = losses.outputs + losses.checkpoints + losses.logs
        live = f", {losses.live} of them not ended" if losses.live else ""
        whose = f" of {', '.join(losses.users)}" if losses.users else ""
        parts.append(f"{_count(losses.runs, 'run')}{whose}{live} ({shown(kept)})")
    if losses.namespace_goes:
        if losses.pods:
            parts.append(f"{_count(len(losses.pods), 'pod')} that are no run's ({_names(losses.pods)})")
        if losses.claims:
            named = tuple(f"{claim.name} {claim.size}".strip() for claim in losses.claims)
            parts.append(f"{_count(len(losses.claims), 'volume claim')} with their data ({_names(named)})")
        parts += [f"{count} {kind}" for kind, count in losses.others.items()]
    return "; ".join(parts) or "nothing"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _names(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
