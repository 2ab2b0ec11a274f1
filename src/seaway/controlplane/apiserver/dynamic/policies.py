"""ValidatingAdmissionPolicy: writes judged by expressions.

Source: KEP-3488, and "Validating Admission Policy" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seaway.controlplane.apiserver.dynamic.evaluation import Evaluation
from seaway.controlplane.apiserver.dynamic.request import AdmissionRequest
from seaway.controlplane.apiserver.dynamic.reviews import Denied

Object = dict[str, Any]
_CODES = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413, "Invalid": 422}
_LONGEST_MESSAGE = 5 * 1024


@dataclass(frozen=True, slots=True)
class Decision:
    """One rule of a policy that a write breaks."""

    message: str
    reason: str = ""
    always: bool = False
    """It denies, whatever the binding's actions are."""


def decisions(evaluation: Evaluation) -> Iterator[Decision]:
    """Yield the rules of a policy that a write breaks, or that have no value."""
    from seaway.controlplane.cel.environment import EvaluationError

    spec = evaluation.policy["spec"]
    failing = spec.get("failurePolicy") != "Ignore"
    try:
        if not evaluation.wanted():
            return
    except EvaluationError as error:
        if failing:
            yield Decision(str(error))
        return
    for validation in spec.get("validations") or ():
        try:
            held = evaluation.value(validation["expression"])
        except EvaluationError as error:
            if failing:
                yield Decision(str(error))
            continue
        if held is not True:
            yield Decision(_message(evaluation, validation), validation.get("reason") or "Invalid")
    for annotation in spec.get("auditAnnotations") or ():
        try:
            evaluation.value(annotation["valueExpression"].strip())
        except EvaluationError as error:
            if failing:
                yield Decision(str(error), always=True)


def _message(evaluation: Evaluation, validation: Object) -> str:
    """Return what is told of a rule that a write breaks."""
    from seaway.controlplane.cel.environment import EvaluationError

    if text := validation.get("messageExpression"):
        try:
            found = evaluation.value(text)
        except EvaluationError:
            found = None  # as Kubernetes does: the message that is written plainly is told instead
        told = found.strip() if isinstance(found, str) else ""
        if told and len(told.encode()) <= _LONGEST_MESSAGE and "\n" not in told:
            return told
    plain = (validation.get("message") or "").strip()
    return plain or f"failed expression: {validation['expression'].strip()}"


def denial(request: AdmissionRequest, policy: Object, binding: Object | None, decision: Decision) -> Denied:
    """Return the error of a write that a policy denies, worded as Kubernetes words it."""
    bound = f" with binding '{binding['metadata']['name']}'" if binding is not None else ""
    words = (
        f"ValidatingAdmissionPolicy '{policy['metadata']['name']}'{bound} denied request: {decision.message}"
    )
    reason = decision.reason or "Invalid"
    status = request.attributes.refuse(words).to_status()
    status |= {"reason": reason, "code": _CODES.get(reason, 422)}
    status["details"]["causes"] = [{"message": words}]
    error = Denied(status)
    error.code = status["code"]  # type: ignore[misc]  # this denial's own
    return error


def warned(policy: Object, binding: Object, decision: Decision) -> str:
    """Return the warning of a rule that a write breaks where the binding only warns."""
    names = policy["metadata"]["name"], binding["metadata"]["name"]
    return f"Validation failed for ValidatingAdmissionPolicy '{names[0]}' with binding '{names[1]}': {decision.message}"
