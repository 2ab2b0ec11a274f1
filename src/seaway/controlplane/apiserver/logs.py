"""Container logs: which node, which container, which options; the node itself opens the stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.client.logs import LogOptions
from seaway.controlplane.apiserver.messages import TEXT, ApiResponse
from seaway.controlplane.apiserver.nodes import NodeHandler
from seaway.controlplane.apiserver.requestinfo import RequestInfo, is_true
from seaway.controlplane.kinds import faults
from seaway.objects.errors import BadRequest, Cause, ServiceUnavailable, invalid, not_found

Object = dict[str, Any]
_KEPT_PARTS = 5


def log_options(query: Mapping[str, str]) -> LogOptions:
    """Read PodLogOptions from a query. Raises BadRequest, Invalid."""
    causes: list[Cause] = []
    numbers: dict[str, int | None] = {}
    for name, least in (("sinceSeconds", 1), ("tailLines", 0), ("limitBytes", 1)):
        text = query.get(name) or None
        try:
            numbers[name] = None if text is None else int(text)
        except ValueError:
            raise BadRequest(
                f'strconv.ParseInt: parsing "{text}": invalid syntax (parameter {name})'
            ) from None
        value = numbers[name]
        if value is not None and value < least:
            detail = f"must be greater than {'or equal to ' if least == 0 else ''}0"
            causes.append(faults.invalid(name, value, detail))
    since = query.get("sinceTime") or None
    if since is not None:
        try:
            parse_rfc3339(since)
        except ValueError as error:
            raise BadRequest(f"sinceTime: {error}") from None
        if numbers["sinceSeconds"] is not None:
            causes.append(
                faults.forbidden("sinceTime", "at most one of `sinceTime` or `sinceSeconds` may be specified")
            )
    if causes:
        raise invalid("", "PodLogOptions", "", causes)
    return LogOptions(
        is_true(query.get("follow")), is_true(query.get("previous")), is_true(query.get("timestamps")),
        numbers["sinceSeconds"], since, numbers["tailLines"], numbers["limitBytes"],
    )  # fmt: skip


def container_of(pod: Object, wanted: str | None) -> str:
    """Return the container whose log is meant. Raises BadRequest, worded as Kubernetes words it."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    kinds = ("containers", "initContainers", "ephemeralContainers")
    known = [container["name"] for kind in kinds for container in spec.get(kind) or ()]
    if wanted:
        if wanted not in known:
            raise BadRequest(f"container {wanted} is not valid for pod {name}")
        return wanted
    main = [container["name"] for container in spec.get("containers") or ()]
    if len(main) == 1 and len(known) == 1:
        return str(main[0])
    annotated = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    if annotated in known:
        return str(annotated)
    choices = f"choose one of: [{' '.join(main)}]"
    first = [container["name"] for container in spec.get("initContainers") or ()]
    if first:
        choices += f" or one of the init containers: [{' '.join(first)}]"
    raise BadRequest(f"a container name must be specified for pod {name}, {choices}")


def is_kept_log(info: RequestInfo) -> bool:
    """Tell whether a request asks a node for the log of a pod that is gone: nodes/NODE/proxy/containerLogs/..."""
    return (info.group, info.resource, info.subresource) == ("", "nodes", "proxy")


def open_kept_log(
    info: RequestInfo, nodes: Mapping[str, NodeHandler], query: Mapping[str, str]
) -> ApiResponse:
    """Return the answer that streams the log of a pod that is gone. Raises NotFound, BadRequest, Invalid.

    The path after the node's proxy is containerLogs/NAMESPACE/POD/UID/CONTAINER, to which a kubelet answers with 404, and
    `attempt` in the query says how often the container had been started before.
    """
    handler, rest = nodes.get(info.name), info.beyond
    if handler is None or len(rest) != _KEPT_PARTS or rest[0] != "containerLogs":
        raise not_found("nodes", info.name)
    attempt = query.get("attempt") or "0"
    if not attempt.isdigit():
        raise BadRequest(f"attempt: {attempt!r} is no number")
    options, (_, _, pod, uid, container) = log_options(query), rest
    number = int(attempt)
    if not all(part not in ("", ".", "..") for part in (uid, container)):
        raise not_found("pods", pod)
    return ApiResponse(
        200, content_type=TEXT, stream=lambda: handler.kept_logs(pod, uid, container, number, options)
    )


def open_log(pod: Object, nodes: Mapping[str, NodeHandler], query: Mapping[str, str]) -> ApiResponse:
    """Return the answer that streams a container's log. Raises BadRequest, Invalid, ServiceUnavailable."""
    options = log_options(query)
    container = container_of(pod, query.get("container"))
    metadata, node = pod["metadata"], pod["spec"].get("nodeName")
    if not node:
        raise BadRequest(f"pod {metadata['name']} does not have a host assigned")
    handler = nodes.get(node)
    if handler is None:
        raise ServiceUnavailable(
            f'the node "{node}" of pod {metadata["name"]} is not connected to this API server'
        )

    def opener() -> Any:
        return handler.container_logs(
            metadata["namespace"], metadata["name"], metadata["uid"], container, options
        )

    return ApiResponse(200, content_type=TEXT, stream=opener)
