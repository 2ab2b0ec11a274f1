"""From a permitted request for a served kind to the verb that answers it: the table of verbs and subresources.

Source: Kubernetes API concepts, "API verbs".
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.base.clock import Clock
from seaway.client.request import APPLY_PATCH
from seaway.controlplane.apiserver import subresources
from seaway.controlplane.apiserver.accepting import check_named, check_structure, typed_object
from seaway.controlplane.apiserver.budgets import Budgets
from seaway.controlplane.apiserver.content import Content, ValueContent
from seaway.controlplane.apiserver.listing import Listed, list_records, too_large
from seaway.controlplane.apiserver.logs import open_log
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.messages import JSON, ApiRequest, ApiResponse
from seaway.controlplane.apiserver.negotiation import (
    check_patch_type,
    decode_object,
    decode_options,
    decode_patch,
    duplicate_fields,
    media_type,
    rendering,
)  # fmt: skip
from seaway.controlplane.apiserver.nodes import NodeHandler
from seaway.controlplane.apiserver.options import list_options, revision_of
from seaway.controlplane.apiserver.patching import apply, patch
from seaway.controlplane.apiserver.registry import Registry
from seaway.controlplane.apiserver.render import Renderer
from seaway.controlplane.apiserver.requestinfo import RequestInfo
from seaway.controlplane.apiserver.served import Served
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.apiserver.tokens import TokenSigner
from seaway.controlplane.apiserver.unserved import not_served
from seaway.controlplane.apiserver.users import User
from seaway.controlplane.apiserver.watching import start_watch
from seaway.controlplane.apiserver.writing import IGNORE, Write, delete_options, write_options
from seaway.controlplane.store.log import Store
from seaway.objects.errors import ApiError, BadRequest, MethodNotAllowed, NotFound

Object = dict[str, Any]
_MOST_WARNING_SIGNS, _LONGEST_WARNING = 4096, 256
"""Where all warnings together are longer than the first, each is cut to the second."""
_NO_NAMES = frozenset({".", ".."})
_CHECKED = frozenset({"create", "update", "patch"})
"""Verbs whose bodies may not give a field twice."""


@dataclass(slots=True)
class Call:
    """One permitted request for a kind."""

    request: ApiRequest
    info: RequestInfo
    served: Served
    user: User
    renderer: Renderer
    warnings: list[str] = field(default_factory=list)

    def body(self) -> Any:
        """Return the parsed body, None for none."""
        request = self.request
        if request.object is not None:
            return request.object
        return decode_options(request.content_type, request.body) if request.body else None

    def object(self, kind: str = "") -> Any:
        """Return the parsed body, which must be there. Raises BadRequest.

        Args:
            kind: of which it must be; empty for the kind served here.
        """
        request = self.request
        if request.object is not None:
            return request.object
        return decode_object(
            request.content_type,
            request.body,
            kind or self.served.resource.kind,
            typed=self.served.custom and not kind,
        )

    def patch_body(self) -> Any:
        """Return the parsed patch. Raises BadRequest."""
        request = self.request
        if request.object is not None:
            return request.object
        return decode_patch(request.content_type, request.body)

    @property
    def shared(self) -> bool:
        """Whether the body belongs to somebody else."""
        return self.request.object is not None

    def write(self) -> Write:
        """Return the write that the URL and query describe."""
        info, request = self.info, self.request
        media = media_type(request.content_type) if info.verb == "patch" else ""
        options = write_options(request.query, request.headers.get("user-agent", ""), info.verb, media)
        checked = options.validation != IGNORE and info.verb in _CHECKED
        return Write(
            self.served, info.namespace, info.name, self.user, options, info.subresource, self.warnings,
            patched=bool(media) and media != APPLY_PATCH,
            twice=duplicate_fields(request.body) if checked else (),
        )  # fmt: skip

    def answer(self, content: Content, status: int = 200) -> ApiResponse:
        """Return an answer in the form that was asked for, with its warnings."""
        return ApiResponse(status, self.renderer.one(content), self.renderer.content_type, self.told())

    def listed(self, listed: Listed) -> ApiResponse:
        """Return a list in the form that was asked for, with its warnings."""
        return ApiResponse(200, self.renderer.collection(listed), self.renderer.content_type, self.told())

    def done(self, status: Object) -> ApiResponse:
        """Return a Status as the answer, which is no object of the kind."""
        return ApiResponse(
            200, self.renderer.plain(ValueContent(status)), self.renderer.content_type, self.told()
        )

    def told(self) -> list[tuple[str, str]]:
        """Return the warnings as headers."""
        once = list(dict.fromkeys(self.warnings))
        if sum(map(len, once)) > _MOST_WARNING_SIGNS:
            once = [text[:_LONGEST_WARNING] for text in once][: _MOST_WARNING_SIGNS // _LONGEST_WARNING]
        return [("warning", f'299 - "{_quoted(text)}"') for text in once]


def _quoted(text: str) -> str:
    """Return a text as the inside of a quoted string of a header: printable ASCII."""
    plain = "".join(sign if " " <= sign <= "~" else "?" for sign in text)
    return plain.replace("\\", "\\\\").replace('"', '\\"')


class Verbs:
    """Answers requests for stored kinds."""

    def __init__(
        self, store: Store, registry: Registry, lookup: StoreLookup, signer: TokenSigner, clock: Clock,
        settings: ApiServerSettings, nodes: Mapping[str, NodeHandler], budgets: Budgets,
    ) -> None:  # fmt: skip
        self._store = store
        self._registry = registry
        self._lookup = lookup
        self._budgets = budgets
        self._signer = signer
        self._clock = clock
        self._settings = settings
        self._nodes = nodes
        self._random = random.Random()  # noqa: S311  # spreads watches' ends
        self._table: dict[tuple[str, str], Callable[[Call], Awaitable[ApiResponse]]] = {
            ("", "get"): self._get,
            ("", "list"): self._list,
            ("", "watch"): self._watch,
            ("", "create"): self._create,
            ("", "update"): self._update,
            ("", "patch"): self._patch,
            ("", "delete"): self._delete,
            ("", "deletecollection"): self._delete_collection,
            ("status", "get"): self._get,
            ("status", "update"): self._update,
            ("status", "patch"): self._patch,
            ("finalize", "update"): self._update,
            ("ephemeralcontainers", "get"): self._get,
            ("ephemeralcontainers", "update"): self._update,
            ("ephemeralcontainers", "patch"): self._patch,
            ("approval", "get"): self._get,
            ("approval", "update"): self._update,
            ("approval", "patch"): self._patch,
            ("binding", "create"): self._bind,
            ("eviction", "create"): self._evict,
            ("log", "get"): self._log,
            ("token", "create"): self._token,
            ("scale", "get"): self._get_scale,
            ("scale", "update"): self._update_scale,
            ("scale", "patch"): self._patch_scale,
        }

    async def answer(self, request: ApiRequest, info: RequestInfo, served: Served, user: User) -> ApiResponse:
        """Answer a permitted request. Raises ApiError."""
        verb, resource = self._check(info, served), served.resource
        accept = request.headers.get("accept", "") if info.subresource != "log" else ""
        form = rendering(accept, listing=verb in {"list", "watch", "deletecollection"})
        renderer = Renderer(form, served, request.query.get("includeObject"), self._clock.now)
        if resource.namespaced and not info.namespace and (info.name and verb not in {"list", "watch"}):
            raise not_served()
        if info.name in _NO_NAMES:
            raise BadRequest(f"Name parameter invalid: \"{info.name}\": may not be '{info.name}'")
        call = Call(request, info, served, user, renderer)
        if served.kind.deprecation:
            call.warnings.append(served.kind.deprecation)
        try:
            return await self._table[info.subresource, verb](call)
        except ApiError as error:
            error.warnings = call.told()
            raise

    def _check(self, info: RequestInfo, served: Served) -> str:
        """Return the verb if this resource has it here. Raises NotFound, MethodNotAllowed."""
        resource = served.resource
        if info.subresource and info.subresource not in resource.subresources:
            raise not_served(resource.plural, info.subresource)
        if info.namespace and not resource.namespaced and resource.plural != "namespaces":
            raise not_served()
        collection = not info.name or info.verb in {"list", "deletecollection"}
        known = (info.subresource, info.verb) in self._table
        misplaced = info.verb == "create" and bool(info.name) != bool(info.subresource)
        needs_name = info.verb in {"update", "patch"} and collection
        per_namespace = info.verb in {"create", "deletecollection"} and resource.namespaced
        no_namespace = per_namespace and not info.namespace
        if info.beyond:
            raise not_served()
        if not known or misplaced or needs_name or no_namespace:
            raise not_allowed()
        if not info.subresource and info.verb not in resource.verbs:
            raise not_allowed()
        return info.verb

    async def _get(self, call: Call) -> ApiResponse:
        version = call.request.query.get("resourceVersion", "")
        if version not in {"", "0"} and (revision := revision_of(version)) > self._store.revision:
            raise too_large(revision, self._store.revision)
        record = self._registry.record(call.served, call.info.namespace, call.info.name)
        return call.answer(call.served.view(record))

    async def _list(self, call: Call) -> ApiResponse:
        options = list_options(call.request.query)
        namespace = call.info.namespace if call.served.resource.namespaced else ""
        listed = await list_records(self._store, call.served, namespace, options)
        return call.listed(listed)

    async def _watch(self, call: Call) -> ApiResponse:
        query = dict(call.request.query)
        if call.info.name and "fieldSelector" not in query:
            query["fieldSelector"] = f"metadata.name={call.info.name}"
        query["watch"] = "true"
        options = list_options(query)
        seconds = float(options.timeout_seconds or 0)
        if seconds <= 0:
            seconds = self._settings.watch_seconds * (1 + self._random.random())
        namespace = call.info.namespace if call.served.resource.namespaced else ""
        events = await start_watch(
            self._store,
            call.served,
            namespace,
            options,
            seconds,
            self._settings.bookmark_seconds,
            call.renderer.event,
        )
        return ApiResponse(200, None, JSON, call.told(), events=events)

    async def _create(self, call: Call) -> ApiResponse:
        write = call.write()
        obj = typed_object(call.served, call.object(), shared=call.shared)
        return call.answer(await self._registry.create(write, obj), 201)

    async def _update(self, call: Call) -> ApiResponse:
        write, body = call.write(), call.object()
        try:
            check_named(call.served, write.name, body)
        except BadRequest:  # first what is wrong with the body
            obj = typed_object(call.served, body, shared=True)
            check_structure(call.served, obj, write.options, write.warnings, twice=write.twice)
            raise
        try:
            content = await self._registry.modify(
                write, lambda _: typed_object(call.served, body, shared=True)
            )
        except NotFound:  # first what is wrong with the body
            check_structure(call.served, typed_object(call.served, body, shared=True), write.options, [])
            raise
        return call.answer(content)

    async def _patch(self, call: Call) -> ApiResponse:
        media = check_patch_type(call.request.content_type, typed=not call.served.custom)
        content, created = await patch(self._registry, call.write(), call.patch_body(), media, self._clock)
        return call.answer(content, 201 if created else 200)

    async def _delete(self, call: Call) -> ApiResponse:
        options = delete_options(call.request.query, call.body())
        write = call.write()
        kind = call.served.kind
        if kind.orphans_by_default and kind.orphan_warning and not options.propagation:
            call.warnings.append(kind.orphan_warning)
        content, gone = await self._registry.delete(write, options)
        resource = call.served.resource
        if not gone or call.served.kind.returns_deleted:
            return call.answer(content)
        details = {"name": write.name} | ({"group": resource.group} if resource.group else {})
        details |= {"kind": resource.plural, "uid": content.parsed()["metadata"]["uid"]}
        return call.done({**subresources.SUCCESS, "details": details})

    async def _delete_collection(self, call: Call) -> ApiResponse:
        options = delete_options(call.request.query, call.body())
        namespace = call.info.namespace if call.served.resource.namespaced else ""
        listed = await list_records(self._store, call.served, namespace, list_options(call.request.query))
        for record in listed.records:
            metadata = record.object["metadata"]
            write = call.write()
            write.namespace, write.name = metadata.get("namespace") or "", metadata["name"]
            try:
                await self._registry.delete(write, options)
            except NotFound:
                continue  # gone meanwhile: what was asked for
        return call.listed(Listed(listed.records, listed.metadata))

    async def _bind(self, call: Call) -> ApiResponse:
        write, body = call.write(), call.object("Binding")
        await self._consulted(write, body)
        content = await subresources.bind(self._registry, write, body, self._clock.now())
        return call.answer(content, 201)

    async def _evict(self, call: Call) -> ApiResponse:
        write, body = call.write(), call.object("Eviction")
        await self._consulted(write, body)
        content = await subresources.evict(self._registry, self._budgets, write, body, self._clock.now())
        return call.answer(content, 201)

    async def _consulted(self, write: Write, body: Any) -> None:
        """Let webhooks and policies refuse what a subresource does by itself. Raises ApiError."""
        if self._registry.dynamic is not None and isinstance(body, dict):
            await self._registry.dynamic.consult(write, body)

    async def _token(self, call: Call) -> ApiResponse:
        write, body = call.write(), call.object("TokenRequest")
        await self._consulted(write, body)
        content = subresources.request_token(self._signer, self._lookup, write, body, self._clock.now())
        return call.answer(content, 201)

    async def _log(self, call: Call) -> ApiResponse:
        pod = self._registry.record(call.served, call.info.namespace, call.info.name).object
        return open_log(pod, self._nodes, call.request.query)

    async def _get_scale(self, call: Call) -> ApiResponse:
        record = self._registry.record(call.served, call.info.namespace, call.info.name)
        return call.answer(ValueContent(subresources.scale_of(call.write(), record.object)))

    async def _update_scale(self, call: Call) -> ApiResponse:
        wanted = subresources.require_map(call.object("Scale"), "Scale")
        return await self._rescale(call, lambda _: wanted)

    async def _patch_scale(self, call: Call) -> ApiResponse:
        media = check_patch_type(call.request.content_type, typed=not call.served.custom)
        body = call.patch_body()
        if media == APPLY_PATCH:
            return await self._apply_scale(call, subresources.require_map(body, "Scale"))
        return await self._rescale(call, lambda scale: subresources.patch_scale(scale, body, media))

    async def _apply_scale(self, call: Call, scale: Object) -> ApiResponse:
        write, resource = call.write(), call.served.resource
        write.subresource, write.tracked_as = "", "scale"
        named = {"name": (scale.get("metadata") or {}).get("name")}
        empty = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": named}
        content = await apply(
            self._registry, write, subresources.with_replicas(write, empty, scale), self._clock
        )
        return call.answer(ValueContent(subresources.scale_of(write, content.parsed())))

    async def _rescale(self, call: Call, wanted: Callable[[Object], Object]) -> ApiResponse:
        write = call.write()
        write.subresource, write.tracked_as = "", "scale"

        def change(obj: Object) -> Object:
            scale = subresources.require_map(wanted(subresources.scale_of(write, obj)), "Scale")
            return subresources.with_replicas(write, obj, scale)

        content = await self._registry.modify(write, change)
        return call.answer(ValueContent(subresources.scale_of(write, content.parsed())))


def not_allowed() -> MethodNotAllowed:
    """Return the error for a verb that a resource does not have."""
    return MethodNotAllowed("the server does not allow this method on the requested resource", details={})
