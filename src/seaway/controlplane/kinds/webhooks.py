"""admissionregistration.k8s.io: which servers are asked before a write, to change it or to refuse it.

Source: the defaults and validation of Kubernetes' admissionregistration/v1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from seaway.controlplane.kinds.admission_rules import (
    FAILURE_POLICIES,
    MATCH_POLICIES,
    choice_faults,
    default_matching,
    rule_faults,
)
from seaway.controlplane.kinds.cells import AGE, NAME
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.expressions import condition_faults
from seaway.controlplane.kinds.faults import duplicate, invalid, required
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.ports import port_number_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.selectors import selector_faults
from seaway.objects import names
from seaway.objects.builtin import MUTATING_WEBHOOK_CONFIGURATIONS, VALIDATING_WEBHOOK_CONFIGURATIONS
from seaway.objects.errors import Cause
from seaway.objects.resource import Resource

REVIEW_VERSIONS = ("v1", "v1beta1")
REINVOCATION_POLICIES = ("IfNeeded", "Never")
SIDE_EFFECTS = ("None", "NoneOnDryRun")
_LONGEST_WAIT = 30
_FORM = "; desired format: https://host[/path]"


def _default(webhook: Object) -> None:
    webhook.setdefault("failurePolicy", "Fail")
    webhook.setdefault("timeoutSeconds", 10)
    default_matching(webhook)
    service = (webhook.get("clientConfig") or {}).get("service")
    if isinstance(service, dict):
        service.setdefault("port", 443)


def default_validating(configuration: Object) -> None:
    """Fill in what each webhook leaves out."""
    for webhook in configuration.get("webhooks") or ():
        _default(webhook)


def default_mutating(configuration: Object) -> None:
    """Fill in what each webhook leaves out."""
    for webhook in configuration.get("webhooks") or ():
        _default(webhook)
        webhook.setdefault("reinvocationPolicy", "Never")


def validate(configuration: Object) -> list[Cause]:
    """Return the faults of a configuration of webhooks."""
    faults = validate_metadata(configuration, namespaced=False)
    seen: set[str] = set()
    for index, webhook in enumerate(configuration.get("webhooks") or ()):
        at, name = f"webhooks[{index}]", webhook.get("name") or ""
        faults += _webhook_faults(webhook, at) + _review_version_faults(
            webhook, f"{at}.admissionReviewVersions"
        )
        faults += [duplicate(f"{at}.name", name)] if name in seen else []
        seen |= {name} if name else set()
    return faults


def _webhook_faults(webhook: Object, at: str) -> list[Cause]:
    faults = _name_faults(webhook.get("name") or "", f"{at}.name")
    for index, rule in enumerate(webhook.get("rules") or ()):
        faults += rule_faults(rule, f"{at}.rules[{index}]")
    faults += choice_faults(webhook.get("failurePolicy"), f"{at}.failurePolicy", FAILURE_POLICIES)
    faults += choice_faults(webhook.get("matchPolicy"), f"{at}.matchPolicy", MATCH_POLICIES)
    if webhook.get("sideEffects") is None:
        faults.append(required(f"{at}.sideEffects", f"must specify one of {', '.join(SIDE_EFFECTS)}"))
    faults += choice_faults(webhook.get("sideEffects"), f"{at}.sideEffects", SIDE_EFFECTS)
    seconds = webhook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= _LONGEST_WAIT:
        detail = "the timeout value must be between 1 and 30 seconds"
        faults.append(invalid(f"{at}.timeoutSeconds", seconds, detail))
    for name in ("namespaceSelector", "objectSelector"):
        faults += selector_faults(webhook.get(name), f"{at}.{name}")
    faults += choice_faults(
        webhook.get("reinvocationPolicy"), f"{at}.reinvocationPolicy", REINVOCATION_POLICIES
    )
    faults += _client_faults(webhook.get("clientConfig") or {}, f"{at}.clientConfig")
    return faults + condition_faults(
        webhook.get("matchConditions") or (), f"{at}.matchConditions", params=False
    )


def _name_faults(name: str, field: str) -> list[Cause]:
    if not name:
        return [required(field)]
    if wrong := names.dns_subdomain_faults(name):
        return [invalid(field, name, ",".join(wrong))]
    if name.count(".") < 2:
        return [invalid(field, name, "should be a domain with at least three segments separated by dots")]
    return []


def _client_faults(client: Object, at: str) -> list[Cause]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        return [required(at, "exactly one of url or service is required")]
    return (
        _url_faults(url, f"{at}.url") if url is not None else _service_faults(service or {}, f"{at}.service")
    )


def _url_faults(url: str, field: str) -> list[Cause]:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
    except ValueError as error:
        return [required(field, f'url must be a valid URL: parse "{url}": {error}{_FORM}')]
    faults: list[Cause] = []
    if parts.scheme != "https":
        faults.append(invalid(field, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    host = parts.netloc.rpartition("@")[2]
    if not host:
        faults.append(invalid(field, host, f"host must be specified{_FORM}"))
    for value, words in (
        (parts.netloc.rpartition("@")[0], "user information is"), (parts.fragment, "fragments are"),
        (parts.query, "query parameters are"),
    ):  # fmt: skip
        faults += [invalid(field, value, f"{words} not permitted in the URL")] if value else []
    return faults


def _service_faults(service: Object, at: str) -> list[Cause]:
    faults = [required(f"{at}.{name}") for name in ("name", "namespace") if not service.get(name)]
    faults += [
        invalid(fault.field, service.get("port"), "port is not valid: " + fault.message.rpartition(": ")[2])
        for fault in port_number_faults(f"{at}.port", service.get("port"))
    ]
    path = service.get("path")
    if path in (None, "", "/"):
        return faults
    if path == "//":
        return [*faults, invalid(f"{at}.path", path, "segment[0] may not be empty")]
    if not path.startswith("/"):
        faults.append(invalid(f"{at}.path", path, "must start with a '/'"))
    for index, step in enumerate(path[1:].removesuffix("/").split("/")):
        wrong = (
            [": " + fault for fault in names.dns_subdomain_faults(step)] if step else [" may not be empty"]
        )
        faults += [invalid(f"{at}.path", path, f"segment[{index}]{fault}") for fault in wrong]
    return faults


def _review_version_faults(webhook: Object, field: str) -> list[Cause]:
    versions = webhook.get("admissionReviewVersions") or []
    if not versions:
        return [required(field, f"must specify one of {', '.join(REVIEW_VERSIONS)}")]
    faults: list[Cause] = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            faults.append(invalid(f"{field}[{index}]", version, "duplicate version"))
            continue
        faults += [invalid(f"{field}[{index}]", version, why) for why in names.dns_1035_label_faults(version)]
    if not set(versions) & set(REVIEW_VERSIONS):
        faults.append(invalid(field, versions, f"must include at least one of {', '.join(REVIEW_VERSIONS)}"))
    return faults


def _count(configuration: Object, _now: float) -> int:
    return len(configuration.get("webhooks") or ())


def _kind(resource: Resource, default: Callable[[Object], None]) -> Kind:
    columns: Sequence[Column] = (
        NAME,
        Column("Webhooks", _count, type="integer", description="How many webhooks it has."),
        AGE,
    )
    return Kind(
        resource, schema_of(resource), default=default, validate=validate, validate_update=validate_metadata_update,
        columns=columns,
    )  # fmt: skip


MUTATING_WEBHOOK_CONFIGURATION = _kind(MUTATING_WEBHOOK_CONFIGURATIONS, default_mutating)
VALIDATING_WEBHOOK_CONFIGURATION = _kind(VALIDATING_WEBHOOK_CONFIGURATIONS, default_validating)
