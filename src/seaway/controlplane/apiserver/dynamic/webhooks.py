"""Asking one webhook about one write.

Source: Kubernetes' "Dynamic Admission Control", KEP-492 (admission webhooks).
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from seaway.controlplane.apiserver.authorization import Authorizer
from seaway.controlplane.apiserver.dynamic.calling import Caller, CallFailed
from seaway.controlplane.apiserver.dynamic.conditions import conditions_hold, judging, request_values
from seaway.controlplane.apiserver.dynamic.matching import matched
from seaway.controlplane.apiserver.dynamic.request import AdmissionRequest
from seaway.controlplane.apiserver.dynamic.reviews import (
    GROUP,
    KIND,
    BadReview,
    Response,
    denied,
    read_response,
    review_version,
)
from seaway.controlplane.apiserver.served import Served
from seaway.objects.errors import ApiError, BadRequest, InternalError

logger = logging.getLogger(__name__)
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Invocation:
    """A webhook that is for a request, and the version that it gets the object in."""

    webhook: Object
    served: Served


def internal_error(words: str) -> InternalError:
    """Return the error of something that failed behind the server, worded as Kubernetes words it."""
    return InternalError(f"Internal error occurred: {words}", details={"causes": [{"message": words}]})


class Webhooks:
    """Asks webhooks."""

    def __init__(self, caller: Caller, authorizer: Authorizer) -> None:
        self._caller = caller
        self._authorizer = authorizer

    def invocation(self, request: AdmissionRequest, webhook: Object) -> Invocation | None:
        """Return how a webhook is asked about a request, None where it is not for it.

        Raises:
            Forbidden: a match condition has no value and the webhook must not be passed over.
        """
        served = matched(request, webhook)
        if served is None:
            return None
        if (conditions := webhook.get("matchConditions")) and not self._wanted(
            request, webhook, served, conditions
        ):
            return None
        return Invocation(webhook, served)

    def _wanted(
        self, request: AdmissionRequest, webhook: Object, served: Served, conditions: Iterable[Object]
    ) -> bool:
        from seaway.controlplane.cel.environment import EvaluationError  # late: few webhooks have conditions

        try:
            with judging(self._authorizer, request.attributes.user):
                return conditions_hold(conditions, request_values(request, served), params=False)
        except EvaluationError as error:
            if webhook.get("failurePolicy") == "Ignore":
                return False
            raise request.attributes.refuse(str(error)) from None

    async def ask(
        self, request: AdmissionRequest, invocation: Invocation, *, mutating: bool
    ) -> Response | None:
        """Return what a webhook answers, None for one that failed and may be ignored.

        Raises:
            ApiError: it says no, or failed and may not be ignored.
        """
        webhook = invocation.webhook
        name = webhook["name"]
        if request.attributes.dry_run and webhook.get("sideEffects") not in {"None", "NoneOnDryRun"}:
            raise BadRequest(f'admission webhook "{name}" does not support dry run')
        try:
            response = await self._reviewed(request, invocation, mutating=mutating)
        except (CallFailed, BadReview) as error:
            kind = (
                "failed to call webhook"
                if isinstance(error, CallFailed)
                else "received invalid webhook response"
            )
            words = f'failed calling webhook "{name}": {kind}: {error}'
            if webhook.get("failurePolicy") == "Ignore":
                logger.warning("%s; it is ignored, as its failurePolicy says", words)
                return None
            raise internal_error(words) from None
        request.attributes.warnings.extend(response.warnings)
        if not response.allowed:
            raise denied(name, response.result)
        return response

    async def _reviewed(
        self, request: AdmissionRequest, invocation: Invocation, *, mutating: bool
    ) -> Response:
        version = review_version(invocation.webhook.get("admissionReviewVersions") or [])
        uid = str(uuid.uuid4())
        body = {
            "kind": KIND, "apiVersion": f"{GROUP}/{version}", "request": request.to_review(invocation.served, uid),
        }  # fmt: skip
        answer = await self._caller.post(invocation.webhook, body)
        return read_response(answer, uid, version, mutating=mutating)


def first_error(results: Iterable[Response | BaseException | None]) -> BaseException | None:
    """Return the first refusal among the answers of webhooks that were asked together."""
    errors = [result for result in results if isinstance(result, BaseException)]
    return next((error for error in errors if not isinstance(error, ApiError)), errors[0] if errors else None)
