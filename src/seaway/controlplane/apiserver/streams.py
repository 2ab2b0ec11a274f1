"""Exec, attach and port-forward: which pod, which node, which options; the node itself does the rest.

Source: the connect subresources of core/v1's pods.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.client.streams import ATTACH, EXEC, FORWARD, StreamRequest, check, upgrade_of
from seaway.controlplane.apiserver.authorization import Authorizer, forbidden
from seaway.controlplane.apiserver.logs import container_of
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.messages import ApiRequest, ApiResponse
from seaway.controlplane.apiserver.nodes import NodeHandler
from seaway.controlplane.apiserver.rbac import Action
from seaway.controlplane.apiserver.requestinfo import RequestInfo, is_true
from seaway.controlplane.apiserver.users import User
from seaway.objects.builtin import PODS
from seaway.objects.errors import BadRequest, MethodNotAllowed, ServiceUnavailable, not_found

_KINDS = {EXEC, ATTACH, FORWARD}
_VERBS = {"get", "create"}


class Streams:
    """Hands requests for streams to the nodes.

    Args:
        lookup: finds pods.
        authorizer: asked once more: whoever only reads must not run commands.
        nodes: by name.
    """

    def __init__(self, lookup: StoreLookup, authorizer: Authorizer, nodes: Mapping[str, NodeHandler]) -> None:
        self._lookup, self._authorizer, self._nodes = lookup, authorizer, nodes

    @staticmethod
    def serves(info: RequestInfo) -> bool:
        """Tell whether a request asks for a stream of a pod."""
        return (info.group, info.resource) == ("", "pods") and info.subresource in _KINDS

    def answer(self, request: ApiRequest, info: RequestInfo, user: User) -> ApiResponse:
        """Return the answer that takes the connection over. Raises ApiError.

        A WebSocket is opened by GET, which would be the right to read: it takes the right to create as well (as
        Kubernetes has it since 1.35).
        """
        if info.verb not in _VERBS or info.beyond:
            raise MethodNotAllowed(
                f'{request.method} is not supported on resources of kind "{info.subresource}"'
            )
        action = Action("create", info.group, info.resource, info.subresource, info.name, info.namespace)
        if not self._authorizer.allowed(user, action):
            raise forbidden(user, action)
        pod = self._lookup.get(PODS, info.namespace, info.name)
        if pod is None:
            raise not_found("pods", info.name)
        values = request.connection.query if request.connection is not None else {}
        asked = stream_request(info.subresource, pod, values)
        check(asked)
        node = pod["spec"].get("nodeName")
        if not node:
            raise BadRequest(f"pod {info.name} does not have a host assigned")
        handler = self._nodes.get(node)
        if handler is None:
            raise ServiceUnavailable(
                f'the node "{node}" of pod {info.name} is not connected to this API server'
            )
        connection = request.connection
        if connection is None:
            raise BadRequest("Upgrade request required: streams need a connection of their own")
        upgrade = upgrade_of(request.headers, connection.head)
        return ApiResponse(101, upgrade=lambda: handler.stream(asked, upgrade, connection.take))


def stream_request(kind: str, pod: dict[str, Any], query: Mapping[str, list[str]]) -> StreamRequest:
    """Return what a query asks for. Raises BadRequest."""
    metadata = pod["metadata"]
    wanted = query.get("container", [""])[0]
    ports = [port for text in query.get("ports", ()) for port in text.split(",")]
    if not all(port.isdigit() and 0 < int(port) < 1 << 16 for port in ports):
        raise BadRequest(f"ports must be whole numbers from 1 to 65535, not {','.join(ports)}")

    def flag(name: str) -> bool:
        return name in query and is_true(query[name][0])

    return StreamRequest(
        kind, metadata["namespace"], metadata["name"], metadata["uid"],
        "" if kind == FORWARD else container_of(pod, wanted), tuple(query.get("command", ())),
        stdin=flag("stdin"), stdout=flag("stdout"), stderr=flag("stderr"), terminal=flag("tty"),
        ports=tuple(int(port) for port in ports),
    )  # fmt: skip
