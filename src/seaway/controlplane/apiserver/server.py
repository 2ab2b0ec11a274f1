"""The API server: one core for every way in.

The life of a request: who is it (`authentication`, `impersonation`), may it (`authorization`), what is it for (a
document, a review, a kind), which verb (`verbs`), and for writes admission and the store (`registry`).
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric import ec

from seaway.base.clock import Clock, rfc3339
from seaway.base.measures import CONTENT_TYPE, text
from seaway.client.totals import node_measures
from seaway.controlplane.apiserver.addresses import ServiceAddresses
from seaway.controlplane.apiserver.admission import Step, namespace_lifecycle
from seaway.controlplane.apiserver.admission_certificates import CertificateRequests
from seaway.controlplane.apiserver.admission_claims import (
    default_storage_class,
    protect_claims,
    resize_claims,
)
from seaway.controlplane.apiserver.admission_limits import limit_ranger
from seaway.controlplane.apiserver.admission_nodes import node_restriction
from seaway.controlplane.apiserver.admission_owners import OwnerReferences
from seaway.controlplane.apiserver.admission_pods import default_tolerations, priority, service_account
from seaway.controlplane.apiserver.admission_podsecurity import pod_security
from seaway.controlplane.apiserver.admission_rbac import Escalation
from seaway.controlplane.apiserver.audit import CHANGES, Asked, AuditLog, Outcome, is_tried_only
from seaway.controlplane.apiserver.authentication import PUBLIC_PATHS, Authenticator
from seaway.controlplane.apiserver.authorization import Authorizer, Denied, action_of, forbidden
from seaway.controlplane.apiserver.bootstrap import bootstrap
from seaway.controlplane.apiserver.budgets import Budgets
from seaway.controlplane.apiserver.content import BytesContent, TextContent, ValueContent
from seaway.controlplane.apiserver.customresources import CustomResources
from seaway.controlplane.apiserver.discovery import Discovery, version_document
from seaway.controlplane.apiserver.documents import Document
from seaway.controlplane.apiserver.dynamic.dispatch import DynamicAdmission
from seaway.controlplane.apiserver.dynamic.request import connection_options
from seaway.controlplane.apiserver.impersonation import impersonate
from seaway.controlplane.apiserver.logs import is_kept_log, open_kept_log
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.messages import TEXT, ApiRequest, ApiResponse
from seaway.controlplane.apiserver.negotiation import check_size, decode_object
from seaway.controlplane.apiserver.nodes import NodeHandler
from seaway.controlplane.apiserver.openapi import OpenApi
from seaway.controlplane.apiserver.proxying import Proxies
from seaway.controlplane.apiserver.quotas import Quotas
from seaway.controlplane.apiserver.registry import Registry
from seaway.controlplane.apiserver.requestinfo import RequestInfo, parse_request_info
from seaway.controlplane.apiserver.reviews import Reviewer
from seaway.controlplane.apiserver.served import KindTable
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.apiserver.streams import Streams
from seaway.controlplane.apiserver.telemetry import Telemetry
from seaway.controlplane.apiserver.tokens import TokenSigner
from seaway.controlplane.apiserver.unserved import not_served
from seaway.controlplane.apiserver.users import User
from seaway.controlplane.apiserver.verbs import Verbs, not_allowed
from seaway.controlplane.apiserver.writing import Write, write_options
from seaway.controlplane.kinds import REVIEW_RESOURCES
from seaway.controlplane.kinds.declaration import Kind
from seaway.controlplane.store.log import Store, StoreUnavailable
from seaway.objects.errors import ApiError, BadRequest, InternalError, ServiceUnavailable
from seaway.objects.metrics import MEASURED_GROUPS, METRICS_RESOURCES, METRICS_VERSION

logger = logging.getLogger(__name__)


class ApiServer:
    """Serves kinds from a store. Call `start` once, then `handle`; `stop` ends what runs in the background.

    Args:
        store: where objects live.
        kinds: the built-in kinds; custom ones are found in the store.
        settings: how it behaves.
        clock: for timestamps and expiry.
        signing_key: of service-account tokens; None for a new one, whose tokens are good as long as this server lives.
        audit: keeps who deleted or was refused what; None for nobody.
    """

    def __init__(
        self, store: Store, kinds: Sequence[Kind], settings: ApiServerSettings, clock: Clock,
        signing_key: ec.EllipticCurvePrivateKey | None = None, audit: AuditLog | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.store = store
        self.kinds = KindTable()
        self.kinds.add(kinds)
        self.nodes: dict[str, NodeHandler] = {}
        self._lookup = lookup = StoreLookup(store)
        self._signer = signer = TokenSigner(signing_key or ec.generate_private_key(ec.SECP256R1()))
        self._authenticator = Authenticator(signer, settings.static_tokens, lookup, clock)
        self._authorizer = Authorizer(lookup)
        self._custom = CustomResources(store, self.kinds, lookup)
        self._addresses = ServiceAddresses(settings.service_network)
        accounts: tuple[Step, ...] = (service_account,) if settings.service_accounts else ()
        self.admission: tuple[Step, ...] = (
            namespace_lifecycle,
            node_restriction,
            *accounts,
            priority,
            default_tolerations,
            limit_ranger,
            CertificateRequests(self._authorizer, clock),
            protect_claims,
            default_storage_class,
            resize_claims,
            self._addresses,
            self._custom,
            Escalation(self._authorizer),
            OwnerReferences(self._authorizer, self.kinds),
            pod_security,
        )
        again = (*accounts, priority, default_tolerations)
        self._dynamic = DynamicAdmission(lookup, self.kinds, self._authorizer, again, clock)
        self.registry = Registry(store, self.admission, clock, lookup, self._dynamic)
        self.registry.listeners += [
            self._authorizer.changed, self._custom.listener(self.registry), self._dynamic.configured.changed,
        ]  # fmt: skip
        self.registry.charge = Quotas(self.registry, self.kinds, lookup, clock).charge
        budgets = Budgets(self.registry, self.kinds, lookup, clock)
        self._verbs = Verbs(store, self.registry, lookup, signer, clock, settings, self.nodes, budgets)
        self._proxies = Proxies(lookup)
        self._streams = Streams(lookup, self._authorizer, self.nodes)
        self._reviewer = Reviewer(self._authenticator, self._authorizer)
        self._reviews = {(r.group, r.version, r.plural): r for r in REVIEW_RESOURCES}
        self._documents: tuple[int, Discovery, OpenApi] | None = None
        self._clock, self._audit = clock, audit
        self._telemetry = Telemetry(self.kinds.find)
        self._ready = False

    async def start(self) -> None:
        """Make the objects that every cluster has, serve the custom resources."""
        self._custom.load(self.registry)
        self._dynamic.configured.load()
        settings = self.settings
        await bootstrap(self.registry, self.kinds, self._addresses.first, settings.address, settings.port)
        self._ready = True

    async def stop(self) -> None:
        """End what runs in the background; requests are still answered."""
        self._ready = False
        await self._custom.stop()
        await self._dynamic.stop()

    def sign_token(self, claims: Mapping[str, str]) -> str:
        """Return a token of these claims, for the controller that keeps tokens in Secrets."""
        return self._signer.sign(dict(claims))

    def register_node(self, name: str, handler: NodeHandler) -> None:
        """Make a node's logs reachable."""
        self.nodes[name] = handler

    async def handle(self, request: ApiRequest) -> ApiResponse:
        """Answer one request; errors are answers too (a `Status`)."""
        began, info = time.perf_counter(), None
        try:
            info = parse_request_info(request.method, request.path, request.query)
            response = await self._answer(request, info)
        except Exception as error:
            response = self._fault(request, error)
        self._telemetry.answered(request, info, response.status, time.perf_counter() - began)
        return response

    def _fault(self, request: ApiRequest, fault: Exception) -> ApiResponse:
        """Return the answer to a request that could not be served."""
        match fault:
            case ApiError():
                return error_response(fault)
            case RecursionError():
                return error_response(BadRequest("the object is nested too deeply"))
            case StoreUnavailable():
                return error_response(ServiceUnavailable(str(fault), retry_after=1))
        logger.error("%s %s failed", request.method, request.path, exc_info=fault)
        return error_response(InternalError("an internal error occurred: the server's log has its trace"))

    async def _answer(self, request: ApiRequest, info: RequestInfo) -> ApiResponse:
        user = self._authenticator.user(request)
        if self._audit is None or info.verb not in CHANGES or not info.is_resource:
            return await self._perform(request, info, self._acting(user, request))
        agent, acting = request.headers.get("user-agent", ""), user
        path = f"{request.path}?dryRun=All" if is_tried_only(request) else request.path
        asked = Asked(info, path, user, agent, self._clock.now())
        try:
            acting = self._acting(user, request)
            response = await self._perform(request, info, acting)
        except ApiError as error:
            denied = isinstance(error, Denied)
            self._audit.record(asked, acting, Outcome(error.code, error.reason, error.message, denied=denied))
            raise
        made = response.content if info.verb == "create" else None
        self._audit.record(asked, acting, Outcome(response.status, made=made))
        return response

    def _acting(self, user: User, request: ApiRequest) -> User:
        """Return as whom a request is to be done: its caller, or whom that one acts for."""
        if any(name.startswith("impersonate-") for name in request.headers):
            return impersonate(user, request.headers, self._authorizer)
        return user

    async def _perform(self, request: ApiRequest, info: RequestInfo, user: User) -> ApiResponse:
        check_size(len(request.body))
        if not info.is_resource and request.path in PUBLIC_PATHS and request.method in {"GET", "HEAD"}:
            return await self._document(request)
        action = action_of(info)
        if not self._authorizer.allowed(user, action):
            refused = forbidden(user, action)
            if info.is_resource and info.verb in CHANGES:
                logger.warning("refused: %s", refused.message)
            raise refused
        if not info.is_resource:
            return await self._document(request)
        if not info.verb:
            raise not_allowed()
        served = self.kinds.find(info.group, info.version, info.resource)
        if served is None:
            if info.group in MEASURED_GROUPS and info.version == METRICS_VERSION:
                # late: most clusters are never asked
                from seaway.controlplane.apiserver.metrics import Metrics

                metrics = Metrics(self.nodes, self._lookup, self.kinds)
                return await metrics.answer(request, info)
            return self._review(request, info, user)
        if is_kept_log(info):
            return open_kept_log(info, self.nodes, request.query)
        if self._proxies.serves(info):
            return await self._proxies.answer(request, info)
        if self._streams.serves(info):
            options = write_options(request.query, request.headers.get("user-agent", ""))
            write = Write(served, info.namespace, info.name, user, options, info.subresource)
            await self._dynamic.consult(write, connection_options(request, info.subresource), "CONNECT")
            return self._streams.answer(request, info, user)
        return await self._verbs.answer(request, info, served, user)

    def _review(self, request: ApiRequest, info: RequestInfo, user: User) -> ApiResponse:
        resource = self._reviews.get((info.group, info.version, info.resource))
        if resource is None:
            return self._no_document(request.path)
        if info.subresource or info.name:
            raise not_served()
        if info.verb != "create" or (resource.namespaced and not info.namespace):
            raise not_allowed()
        options = write_options(request.query, request.headers.get("user-agent", ""))
        body = request.object
        if body is None:
            body = decode_object(request.content_type, request.body, resource.kind)
        now = rfc3339(self._clock.now())
        answer = self._reviewer.answer(resource, user, info.namespace, body, options, now)
        return ApiResponse(201, ValueContent(answer))

    async def _document(self, request: ApiRequest) -> ApiResponse:
        """Answer a path that is no resource: health, version, discovery, OpenAPI."""
        path = request.path.rstrip("/") or "/"
        root, _, check = path.strip("/").partition("/")
        if root in {"healthz", "livez", "readyz"}:
            if path == "/readyz" and not self._ready:
                raise ServiceUnavailable("the server is starting", retry_after=1)
            if check not in {"", "ping"}:
                return self._no_document(path)
            return ApiResponse(200, TextContent("ok"), TEXT)
        if request.method != "GET":
            raise not_allowed()
        accept = request.headers.get("accept", "")
        if path == "/":
            paths = [
                "/api",
                "/apis",
                "/healthz",
                "/livez",
                "/metrics",
                "/openapi/v2",
                "/openapi/v3",
                "/readyz",
                "/version",
            ]
            return ApiResponse(200, ValueContent({"paths": paths}))
        if path == "/metrics":
            return ApiResponse(200, TextContent(await self._measures()), CONTENT_TYPE)
        if path == "/version":
            found: Document | None = version_document(
                self.settings.version, python_version=platform.python_version(), platform=_platform()
            )
        else:
            discovery, openapi = self._made_documents()
            found = (openapi if path.startswith("/openapi") else discovery).answer(path, accept)
        if found is None:
            return self._no_document(path)
        return _document_response(found, request)

    async def _measures(self) -> str:
        """Return what Prometheus reads: of requests, the store and the nodes that answer."""
        found = []
        for node in self.nodes.values():
            with suppress(ApiError):  # one without power tells nothing
                found.append(await node.totals())
        return text([*self._telemetry.measures(self.store, self.kinds), *node_measures(found)])

    def _no_document(self, path: str) -> ApiResponse:
        """Answer a path that nothing is at: a `Status` below what is served, plain text elsewhere, as Kubernetes does."""
        root, *rest = path.strip("/").split("/")
        groups = {served.resource.group for served in self.kinds if not served.custom}
        groups |= {group for group, _, _ in self._reviews} | {METRICS_RESOURCES[0].group}
        if root == "api" or (root == "apis" and rest and rest[0] in groups):
            raise not_served()
        return ApiResponse(404, TextContent("404 page not found\n"), TEXT)

    def _made_documents(self) -> tuple[Discovery, OpenApi]:
        if self._documents is None or self._documents[0] != self.kinds.generation:
            kinds = self.kinds.kinds()
            unstored = (*REVIEW_RESOURCES, *METRICS_RESOURCES)
            documents = Discovery(kinds, unstored), OpenApi(kinds, REVIEW_RESOURCES)
            self._documents = (self.kinds.generation, *documents)
        return self._documents[1], self._documents[2]


def _platform() -> str:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}/{machine}"


def _document_response(found: Document, request: ApiRequest) -> ApiResponse:
    headers = [("etag", found.etag), ("vary", "Accept")] if found.etag else []
    if "hash" in request.query:
        headers.append(("cache-control", "public, immutable"))
    elif found.etag:
        headers.append(("cache-control", "no-cache, private"))
    if found.etag and request.headers.get("if-none-match") == found.etag:
        return ApiResponse(304, None, found.content_type, headers)
    return ApiResponse(200, BytesContent(found.body), found.content_type, headers)


def error_response(error: ApiError) -> ApiResponse:
    """Return the answer that an error is."""
    headers = list(error.warnings)
    if error.retry_after is not None:
        headers.append(("retry-after", str(error.retry_after)))
    if error.code == 401:
        headers.append(("www-authenticate", 'Bearer realm="kubernetes"'))
    return ApiResponse(error.code, ValueContent(error.to_status()), headers=headers)
