"""The Pod Security Standards: which pods a level lets through, by the version of the policy; pure.

Source: Kubernetes' "Pod Security Standards" and "Pod Security Admission", and the words of its pod-security-admission.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seaway.controlplane.kinds import pod_standards_checks as checks
from seaway.controlplane.kinds.faults import invalid
from seaway.controlplane.kinds.pod_standards_checks import Check
from seaway.objects.errors import Cause

Object = dict[str, Any]
PRIVILEGED, BASELINE, RESTRICTED = LEVELS = ("privileged", "baseline", "restricted")
LATEST = 10**6
"""The version "latest"."""
NEWEST = 35
"""The last minor version that changed the policy."""
PREFIX = "pod-security.kubernetes.io/"
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]{0,5})")

BASELINE_CHECKS: tuple[tuple[str, tuple[tuple[int, Check], ...]], ...] = (
    ("appArmorProfile", ((0, checks.app_armor),)),
    ("capabilities_baseline", ((0, checks.added_capabilities),)),
    ("hostNamespaces", ((0, checks.host_namespaces),)),
    ("hostPathVolumes", ((0, checks.host_paths),)),
    ("hostPorts", ((0, checks.host_ports),)),
    ("hostProbesAndHostLifecycle", ((34, checks.probed_hosts),)),
    ("privileged", ((0, checks.privileged),)),
    ("procMount", ((0, checks.proc_mount), (35, checks.unless_own_users(checks.proc_mount)))),
    ("seLinuxOptions", ((0, checks.selinux_until_30), (31, checks.selinux))),
    ("seccompProfile_baseline", ((0, checks.seccomp_annotations), (19, checks.seccomp_baseline))),
    ("sysctls", tuple((since, checks.sysctls_since(since)) for since in (0, 27, 29, 32))),
    ("windowsHostProcess", ((0, checks.windows_host_process),)),
)
"""Name, and what is checked from which minor version on; in the order in which faults are told."""
RESTRICTED_CHECKS: tuple[tuple[str, tuple[tuple[int, Check], ...]], ...] = (
    ("allowPrivilegeEscalation", ((8, checks.privilege_escalation), (25, checks.unless_windows(checks.privilege_escalation)))),
    ("capabilities_restricted", ((22, checks.dropped_capabilities), (25, checks.unless_windows(checks.dropped_capabilities)))),
    ("procMount_restricted", ((35, checks.proc_mount),)),
    ("restrictedVolumes", ((0, checks.volume_types),)),
    ("runAsNonRoot", ((0, checks.non_root), (35, checks.unless_own_users(checks.non_root)))),
    ("runAsUser", ((23, checks.run_as_user), (35, checks.unless_own_users(checks.run_as_user)))),
    ("seccompProfile_restricted", ((19, checks.seccomp_restricted), (25, checks.unless_windows(checks.seccomp_restricted)))),
)  # fmt: skip
OVERRIDES = {
    "capabilities_restricted": "capabilities_baseline", "procMount_restricted": "procMount",
    "restrictedVolumes": "hostPathVolumes", "seccompProfile_restricted": "seccompProfile_baseline",
}  # fmt: skip
"""A check of the level restricted, and the one of the level baseline in whose place it stands."""


@dataclass(frozen=True, slots=True)
class Standard:
    """A level as of a version."""

    level: str = PRIVILEGED
    version: int = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{'latest' if self.version == LATEST else f'v1.{self.version}'}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a namespace's labels ask for."""

    enforce: Standard = Standard()
    audit: Standard = Standard()
    warn: Standard = Standard()

    @property
    def is_privileged(self) -> bool:
        """Whether nothing is asked for."""
        return all(one.level == PRIVILEGED for one in (self.enforce, self.audit, self.warn))


def policy_of(labels: Mapping[str, str]) -> tuple[Policy, list[Cause]]:
    """Return the policy of a namespace's labels, and what is wrong with them.

    A level that cannot be read is enforced as restricted, and neither audited nor warned of.
    """
    found: dict[str, Standard] = {}
    faults: list[Cause] = []
    wrong: set[str] = set()
    for mode in ("enforce", "audit", "warn"):
        standard = Standard()
        level, version = labels.get(PREFIX + mode), labels.get(f"{PREFIX}{mode}-version")
        if level is not None:
            standard = replace(standard, level=level)
            if level not in LEVELS:
                wrong.add(mode)
                standard = replace(standard, level=RESTRICTED if mode == "enforce" else PRIVILEGED)
                words = f"must be one of {', '.join(LEVELS)}"
                faults.append(invalid(f"metadata.labels[{PREFIX}{mode}]", level, words))
        if version is not None:
            standard = replace(standard, version=parse_version(version) or LATEST)
            if parse_version(version) is None:
                words = 'must be "latest" or "v1.x"'
                faults.append(invalid(f"metadata.labels[{PREFIX}{mode}-version]", version, words))
        found[mode] = standard
    enforce, warn = found["enforce"], found["warn"]
    followed = PREFIX + "enforce" in labels and "enforce" not in wrong and PREFIX + "warn" not in labels
    if followed and LEVELS.index(enforce.level) > LEVELS.index(warn.level):
        own_version = f"{PREFIX}warn-version" in labels
        warn = Standard(enforce.level, warn.version if own_version else enforce.version)
    return Policy(enforce, found["audit"], warn), faults


def parse_version(text: str) -> int | None:
    """Return a version's minor number, None for what is none."""
    if text == "latest":
        return LATEST
    match = _VERSION.fullmatch(text)
    return int(match[1]) if match else None


def checks_of(standard: Standard) -> list[Check]:
    """Return what a standard checks."""
    if standard.level == PRIVILEGED:
        return []
    version = min(standard.version, NEWEST)
    strict = _as_of(RESTRICTED_CHECKS, version) if standard.level == RESTRICTED else {}
    replaced = {OVERRIDES[name] for name in strict if name in OVERRIDES}
    base = {name: check for name, check in _as_of(BASELINE_CHECKS, version).items() if name not in replaced}
    return [*base.values(), *strict.values()]


def _as_of(table: Sequence[tuple[str, Sequence[tuple[int, Check]]]], version: int) -> dict[str, Check]:
    chosen = {}
    for name, versions in table:
        for since, check in versions:
            if since <= version:
                chosen[name] = check
    return chosen


def violations(standard: Standard, metadata: Object, spec: Object) -> list[tuple[str, str]]:
    """Return how a pod breaks a standard: reasons, each with its detail."""
    return [found for check in checks_of(standard) if (found := check(metadata, spec)) is not None]


def told(found: Sequence[tuple[str, str]]) -> str:
    """Return violations as one text."""
    return ", ".join(f"{reason} ({detail})" if detail else reason for reason, detail in found)
