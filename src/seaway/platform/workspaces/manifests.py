"""The manifests that grant a server its rights in a namespace."""

from __future__ import annotations

from typing import Any

import yaml

from seaway.platform import access

_GROUP = "rbac.authorization.k8s.io"
_ACCOUNT = "system:serviceaccount:"


def grant_of(namespace: str, user: str) -> str:
    """Return a namespace, a Role and its binding as YAML. Pure.

    Args:
        namespace: where.
        user: who the server is to the cluster, such as "system:serviceaccount:seaway:seaway".
    """
    subject: dict[str, str] = {"kind": "User", "apiGroup": _GROUP, "name": user}
    if user.startswith(_ACCOUNT):
        where, _, name = user.removeprefix(_ACCOUNT).partition(":")
        subject = {"kind": "ServiceAccount", "namespace": where, "name": name}
    metadata = {"name": "seaway-workspace", "namespace": namespace}
    role = {"apiGroup": _GROUP, "kind": "Role", "name": metadata["name"]}
    documents: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": f"{_GROUP}/v1", "kind": "Role", "metadata": metadata,
         "rules": [dict(rule) for rule in access.WORKSPACE_RULES]},
        {"apiVersion": f"{_GROUP}/v1", "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [subject]},
    ]  # fmt: skip
    return yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, width=200)


class _Plain(yaml.SafeDumper):
    """Writes out what stands twice: people read it."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True
