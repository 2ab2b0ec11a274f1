"""Pods that the API server turns away: quotas, ranges, policies, webhooks."""

from __future__ import annotations

from typing import Any

from tools.endings.ending import (
    CONFIGURATION,
    PASS,
    SLEEP,
    Ending,
    Object,
    asking,
    container,
    job,
    limited,
    made,
    pod,
)  # fmt: skip


def _quota(**hard: str) -> Object:
    return made("v1", "ResourceQuota", "team", spec={"hard": hard})


_RANGE = made(
    "v1", "LimitRange", "range", spec={"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]}
)
_SMALLEST = made(
    "v1", "LimitRange", "range", spec={"limits": [{"type": "Container", "min": {"cpu": "500m"}}]}
)
_HERE = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "@NAMESPACE@"}}}
_RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
_POLICY = made("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "owner-@NAMESPACE@", spec={
    "matchConstraints": {"resourceRules": [_RULE], **_HERE},
    "validations": [{"expression": "has(object.metadata.labels) && 'owner' in object.metadata.labels", "message": "every pod needs the label owner"}],
})  # fmt: skip
_BINDING = made("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "owner-@NAMESPACE@", spec={
    "policyName": "owner-@NAMESPACE@", "validationActions": ["Deny"],
})  # fmt: skip


def _webhook(name: str, url: str) -> Object:
    hook: dict[str, Any] = {
        "name": f"{name}.example.com", "rules": [_RULE], "clientConfig": {"url": url, "caBundle": "@BUNDLE@"},
        "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 2, **_HERE,
    }  # fmt: skip
    return made(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        f"{name}-@NAMESPACE@",
        webhooks=[hook],
    )


_RESTRICTED = {**made("v1", "Namespace", "@NAMESPACE@"), "metadata": {"name": "@NAMESPACE@", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}  # fmt: skip
_REFUSED = '"FailedCreate"'

ADMISSION = {
    "quota-too-small": Ending("QuotaExceeded", CONFIGURATION, "spec", (_quota(**{"requests.cpu": "100m"}), job(container(PASS, **asking(cpu="1"))))),
    "quota-of-no-pods": Ending("QuotaExceeded", CONFIGURATION, "spec", (_quota(pods="0"), job(container(PASS)))),
    "quota-used-up": Ending(
        "QuotaExceeded", CONFIGURATION, "cluster", (_quota(pods="1"), pod(container(SLEEP), name="first")), ask="job/train",
        then=(("create", "job", "train", "--image=python", "--", "true"),), message="no room for it now",
    ),
    "quota-needs-requests": Ending("QuotaNeedsResources", CONFIGURATION, "spec", (_quota(**{"requests.cpu": "2"}), job(container(PASS)))),
    "limit-range": Ending("OutOfRange", CONFIGURATION, "spec", (_RANGE, job(container(PASS, **limited("1Gi"))))),
    "below-the-limit-range": Ending("OutOfRange", CONFIGURATION, "spec", (_SMALLEST, job(container(PASS, **asking(cpu="100m")))), message="at least 500m"),
    "pod-security": Ending("PodSecurity", CONFIGURATION, "spec", (_RESTRICTED, job(container(PASS)))),
    "denied-by-a-policy": Ending(
        "AdmissionDenied", CONFIGURATION, "cluster", (_POLICY, _BINDING, job(container(PASS))), message="every pod needs the label owner"
    ),
    "denied-by-a-webhook": Ending(
        "AdmissionDenied", CONFIGURATION, "cluster", (_webhook("team", "@WEBHOOK@/deny"), job(container(PASS))), message="admission webhook"
    ),
    "webhook-down": Ending(
        "WebhookDown", "infrastructure", "cluster", (_webhook("down", "https://127.0.0.1:1/"), job(container(PASS))), retry=True, message="does not answer"
    ),
}  # fmt: skip
