"""What a server says of itself to `seaway doctor`: facts, not judgements."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from seaway.base.clock import Clock, parse_rfc3339
from seaway.base.sqlite import DatabaseError
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.objects.errors import ApiError
from seaway.objects.resource import Resource
from seaway.platform import access
from seaway.platform.cluster_view import ClusterView
from seaway.platform.database.database import Database
from seaway.platform.notifications.nodes import troubles

SELF_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False
)
OWN_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False
)
_DATABASE_SECONDS = 10.0


class Health:
    """Looks when it is asked.

    Args:
        places: what lies where on this machine's disks, by name.
    """

    def __init__(
        self,
        database: Database,
        client: Client,
        view: ClusterView,
        clock: Clock,
        namespace: str,
        places: dict[str, Path],
    ) -> None:
        self._database, self._client, self._view = database, client, view
        self._clock, self._namespace, self._places = clock, namespace, places

    async def facts(self) -> dict[str, Any]:
        """Return all of it."""
        database, missing, account = await asyncio.gather(
            self._database_facts(), self._missing_rights(), self._account()
        )
        return {
            "time": self._clock.now(),
            "database": database,
            "disks": [_disk(what, path) for what, path in self._places.items()],
            "namespace": self._namespace,
            "missing_rights": missing,
            "account": account,
            "nodes": [_node(node) for node in self._view.all_nodes()],
            **self._view.status(),
        }

    async def _database_facts(self) -> dict[str, Any]:
        began, problem = self._clock.monotonic(), ""
        try:
            async with asyncio.timeout(_DATABASE_SECONDS):
                await self._database.read(_ask)
                await self._database.write(_ask)
        except TimeoutError:
            problem = f"{self._database.title} has not answered for {_DATABASE_SECONDS:g} s"
        except DatabaseError as error:
            problem = str(error)
        return {
            "title": self._database.title,
            "seconds": self._clock.monotonic() - began,
            "problem": problem,
        }

    async def _missing_rights(self) -> list[str] | None:
        """Return what the server has to be allowed and is not; None where the cluster does not say."""
        wanted = [
            (group, resource, verb)
            for rule in access.WORKSPACE_RULES
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
            if group in ("", "batch", "apps")
        ]
        try:
            allowed = await asyncio.gather(*(self._may(*each) for each in wanted))
        except (ApiError, Unreachable):
            return None
        return [
            f"{verb} {resource}" for (_, resource, verb), may in zip(wanted, allowed, strict=True) if not may
        ]

    async def _account(self) -> str:
        """Return the name under which the cluster knows the server, "" where it does not say."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            answer = await self._client.create(OWN_REVIEWS, review)
        except (ApiError, Unreachable):
            return ""
        return str(((answer.get("status") or {}).get("userInfo") or {}).get("username") or "")

    async def _may(self, group: str, resource: str, verb: str) -> bool:
        plural, _, subresource = resource.partition("/")
        attributes = {
            "group": group, "resource": plural, "subresource": subresource, "verb": verb, "namespace": self._namespace,
        }  # fmt: skip
        review = {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes},
        }  # fmt: skip
        answer = await self._client.create(SELF_REVIEWS, review)
        return bool((answer.get("status") or {}).get("allowed"))


def places(home: Path, artifacts: str) -> dict[str, Path]:
    """Return what of a server lies on this machine's disks."""
    apart = Path(artifacts) if artifacts.startswith("/") else None
    return {"home": home} | ({"artifacts": apart} if apart else {})


def _ask(connection: Connection) -> int:
    return int(connection.execute(select(1)).scalar_one())


def _disk(what: str, path: Path) -> dict[str, Any]:
    found = os.statvfs(path)
    return {
        "what": what,
        "free": found.f_bavail * found.f_frsize,
        "total": found.f_blocks * found.f_frsize,
        "inodes_free": found.f_favail,
        "inodes": found.f_files,
    }


def _node(node: dict[str, Any]) -> dict[str, Any]:
    beats = [
        parse_rfc3339(condition["lastHeartbeatTime"])
        for condition in (node.get("status") or {}).get("conditions") or ()
        if condition.get("lastHeartbeatTime")
    ]
    return {
        "name": node["metadata"]["name"],
        "troubles": [trouble.what for trouble in troubles(node)],
        "heartbeat": max(beats, default=None),
        "schedulable": not (node.get("spec") or {}).get("unschedulable"),
    }
