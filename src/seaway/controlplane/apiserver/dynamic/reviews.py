"""The AdmissionReview that a webhook answers with, read and checked. Pure.

Source: `AdmissionReview` of admission.k8s.io/v1 and v1beta1.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from seaway.objects.errors import ApiError

Object = dict[str, Any]
GROUP, KIND = "admission.k8s.io", "AdmissionReview"


class BadReview(Exception):
    """A webhook's answer is no valid review; the message is worded as Kubernetes words it."""


class Denied(ApiError):
    """A webhook says no, with a status of its own."""

    code: ClassVar[int] = 400
    reason: ClassVar[str] = ""

    def __init__(self, status: Object) -> None:
        super().__init__(status["message"])
        self.status = status

    def to_status(self) -> Object:
        """Return the status of the webhook, completed."""
        return self.status


@dataclass(frozen=True, slots=True)
class Response:
    """What a webhook answers."""

    allowed: bool
    patch: Any
    """JSON patch operations, None for none."""
    result: Object
    warnings: tuple[str, ...]


def review_version(versions: list[str]) -> str:
    """Return the version of the review to send: the first that is known."""
    found = next((version for version in versions if version in {"v1", "v1beta1"}), "")
    if not found:
        raise BadReview("webhook does not accept known AdmissionReview versions (v1, v1beta1)")
    return found


def read_response(review: Any, uid: str, version: str, *, mutating: bool) -> Response:
    """Return what a review answers. Raises BadReview."""
    response = review.get("response") if isinstance(review, dict) else None
    if not isinstance(response, dict):
        raise BadReview("webhook response was absent")
    if version == "v1":
        _check_identity(review, response, uid)
    patch = _patch(response, version, mutating=mutating)
    result = response.get("status")
    warnings = response.get("warnings")
    return Response(
        response.get("allowed") is True,
        patch,
        dict(result) if isinstance(result, dict) else {},
        tuple(text for text in warnings if isinstance(text, str)) if isinstance(warnings, list) else (),
    )


def _check_identity(review: Object, response: Object, uid: str) -> None:
    if response.get("uid") != uid:
        raise BadReview(f'expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    api_version, kind = str(review.get("apiVersion") or ""), str(review.get("kind") or "")
    if (api_version, kind) != (f"{GROUP}/v1", KIND):
        raise BadReview(
            f"expected webhook response of {GROUP}/v1, Kind={KIND}, got {api_version or '/'}, Kind={kind}"
        )


def _patch(response: Object, version: str, *, mutating: bool) -> Any:
    patch, kind = response.get("patch") or "", response.get("patchType")
    if not mutating:
        if version == "v1" and (patch or kind is not None):
            field = "response.patch" if patch else "response.patchType"
            raise BadReview(f"validating webhook may not return {field}")
        return None
    if version == "v1" and patch and kind is None:
        raise BadReview("webhook returned response.patch but not response.patchType")
    if version == "v1" and not patch and kind is not None:
        raise BadReview("webhook returned response.patchType but not response.patch")
    if kind == "":
        raise BadReview('webhook returned invalid response.patchType of ""')
    if not patch:
        return None
    if kind not in (None, "JSONPatch"):
        raise BadReview(f'unsupported patch type "{kind}"')
    try:
        return orjson.loads(base64.b64decode(patch, validate=True))
    except (binascii.Error, orjson.JSONDecodeError, TypeError, ValueError) as error:
        raise BadReview(f"received undecodable patch in webhook response: {error}") from None


def denied(name: str, result: Object) -> Denied:
    """Return the error of a webhook that says no, worded as Kubernetes words it."""
    by = f'admission webhook "{name}" denied the request'
    code = result.get("code")
    code = code if isinstance(code, int) and 400 <= code <= 599 else 400
    if message := result.get("message"):
        message = f"{by}: {message}"
    elif reason := result.get("reason"):
        message = f"{by}: {reason}"
    else:
        message = f"{by} without explanation"
    status: Object = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
    }
    status |= {field: result[field] for field in ("reason", "details") if result.get(field)}
    error = Denied(status | {"code": code})
    error.code = code  # type: ignore[misc]  # this denial's own
    return error
