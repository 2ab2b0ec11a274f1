"""What an API resource is: its group, version, kind and how its URLs are built.

A kind is a declaration: built-in kinds are `Resource` constants (`seaway.objects.builtin`), custom resource
definitions produce the same value at run time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One served resource, as discovery describes it.

    Source: Kubernetes API concepts, "Resource URIs" and `APIResource` of meta/v1.
    """

    group: str
    """API group, "" for the core group."""
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    singular: str = ""
    """Lower-cased kind where empty."""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()
    """Names of the subresources served, for example {"status", "log"}."""
    verbs: tuple[str, ...] = ALL_VERBS

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects: "v1" or "group/version"."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_resource(self) -> str:
        """How messages and RBAC name it: "pods" or "jobs.batch"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular_name(self) -> str:
        """The name of one, as kubectl prints it."""
        return self.singular or self.kind.lower()

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """Return the URL path of a collection, an object or a subresource.

        Args:
            namespace: None for cluster-scoped objects and for lists over all namespaces.
            name: None for the collection.
            subresource: for example "status"; needs a name.
        """
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


def version_order(version: str) -> tuple[int, int, int, str]:
    """Return the sort key that puts stable versions first, then beta, then alpha, newest first in each."""
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if match is None:
        return (3, 0, 0, version)
    rank = {None: 0, "beta": 1, "alpha": 2}[match[2]]
    return (rank, -int(match[1]), -int(match[3] or 0), version)
