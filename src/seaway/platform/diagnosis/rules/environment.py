"""What a program's surroundings in its container lack: variables, libraries that fit, packages, working storage.

Source: the messages of Python, glibc, NumPy, pip, uv and the Linux kernel.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from seaway.base.messages import Message, wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again, kubectl
from seaway.platform.diagnosis.evidence import brief
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.spoken import of_surroundings, said, spoken
from seaway.platform.diagnosis.tracebacks import exception

_VARIABLE = re.compile(r"^'(?P<name>[A-Z][A-Z0-9_]+)'$")
_READS_VARIABLE = re.compile(r"os\.environ\[|\benviron\[|\bgetenv\(")
_UNDECLARED = re.compile(
    r"(?P<name>\b[A-Z][A-Z0-9_]{1,200}) not found\. Declare it as envvar|[Ee]nvironment variable ['\"]?(?P<b>[A-Z][A-Z0-9_]+)['\"]? (?:is )?(?:not set|not found|missing|required)"
    r"|(?P<c>\b[A-Z][A-Z0-9_]{1,200}): (?:parameter not set|unbound variable)"
)
_MISFIT = re.compile(
    r"(?i)numpy\.\w+ size changed, may indicate binary incompatibility|compiled using NumPy 1|_ARRAY_API not found|module compiled against (?:API|ABI) version"
    r"|version [`']?(?:GLIBC|GLIBCXX|CXXABI)_[\d.]+'? not found|undefined symbol: |was built (?:for|with) a different version"
    r"|(?:operator|module) torchvision::\w+ does not exist|detected that PyTorch and torchvision were compiled with different CUDA"
)
_NOT_FOUND = re.compile(
    r"No matching distribution found for (?P<a>\S+)|Could not find a version that satisfies the requirement (?P<b>\S+)|Because (?P<c>\S+) was not found in the package registry"
    r"|there (?:is|are) no versions? of (?P<d>\S+)|PackagesNotFoundError"
)
_CONFLICT = re.compile(
    r"Cannot install (?P<packages>.{1,200}?) because these package versions have conflicting dependencies"
)
_LISTED = re.compile(r"^\s+- (?P<package>[\w.:=<>!*-]+)\s*$")
_NO_ANSWER = re.compile(
    r"(?i)connection broken by|Max retries exceeded|error sending request|timed out|Failed to establish a new connection"
)
_STORAGE = re.compile(
    r"(?i)stale (?:nfs )?file handle|\[errno 116\]|input/output error|\[errno 5\]|transport endpoint is not connected|\[errno 107\]|structure needs cleaning|\[errno 117\]"
)
_SHARED = re.compile(r"(?i)stale|errno 116|transport endpoint|errno 107")


def variable_missing(facts: Facts) -> Finding | None:
    """Find an environment variable that the program reads and that is not set."""
    found = exception(facts)
    line, name = "", ""
    if found is not None and found.short == "KeyError" and (named := _VARIABLE.match(found.text.strip())):
        lines = facts.log_tail.splitlines()[found.start :]
        if any(_READS_VARIABLE.search(one) for one in lines) or any(
            path == "<frozen os>" or path.endswith("/os.py") for path in found.paths
        ):
            line, name = found.line, named["name"]
    if not line and (line := said(facts, _UNDECLARED, last=4)) and (told := _UNDECLARED.search(line)):
        name = next(filter(None, told.groups()))
    if not name:
        return None
    where = found.at if found is not None else ""
    return spoken(
        facts, line, Level.SPEC, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "VariableMissing",
        wording("it reads the environment variable {name!r}{place}, which is not set", name=name, place=where),
        again(facts, "--env", f"{name}=VALUE"),
    )  # fmt: skip


def libraries_misfit(facts: Facts) -> Finding | None:
    """Find compiled libraries in the image that were not built for each other."""
    line = said(facts, _MISFIT, last=30)
    if not line:
        return None
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "LibrariesMisfit",
        wording("compiled libraries in its environment do not fit together: {error}", error=brief(facts, line)),
        wording(
            "install versions that were built for each other (pin both), then: {command}",
            command=again(facts, "--image", "IMAGE") if facts.made else again(facts),
        ),
    )  # fmt: skip


def package_not_found(facts: Facts) -> Finding | None:
    """Find packages that pip or uv could not get: there is no such version, they exclude each other, or nobody answered."""
    if line := said(facts, _CONFLICT):
        told = _CONFLICT.search(line)
        return spoken(
            facts, line, Level.CODE, VerdictClass.USER, "PackageConflict",
            wording("packages that it asks for exclude each other: {packages}", packages=told["packages"] if told else ""),
            wording("leave the version of one of them open, or take one that fits, then: {command}", command=again(facts)),
        )  # fmt: skip
    line = said(facts, _NOT_FOUND, last=8)
    if not line:
        return None
    told = _NOT_FOUND.search(line)
    lines = facts.log_tail.splitlines()[-60:]
    named = next(filter(None, told.groups()), "") if told else ""
    package = named or _listed(lines, line) or wording("a package")
    unanswered = next((one for one in reversed(lines) if _NO_ANSWER.search(one) and one != line), "")
    if unanswered:
        host = re.search(
            r"(?i)connection to (?P<a>[\w.-]+)|host='(?P<b>[\w.-]+)'|https?://(?P<c>[\w.-]+)", unanswered
        )
        index = f" ({host['a'] or host['b'] or host['c']})" if host else ""
        return spoken(
            facts, unanswered, Level.CLUSTER, of_surroundings(facts), "ServiceUnreachable",
            wording("the package index{host} did not answer from the cluster, so {package} could not be installed", host=index, package=package),
            wording(
                "see whether pods may reach it: {command}; or build the package into the image",
                command=kubectl(facts, "kubectl get networkpolicy"),
            ),
            retry=True,
        )  # fmt: skip
    message = wording("there is no package {package} for this Python and platform", package=package)
    if isinstance(package, Message):
        message = wording("a package that it asks for is not there for this Python and platform")
    return spoken(
        facts, line, Level.CODE, VerdictClass.USER, "PackageNotFound", message,
        wording("correct its name or version, then: {command}", command=again(facts)),
    )  # fmt: skip


def _listed(lines: Sequence[str], line: str) -> str:
    """Return the first package that conda lists below a line, "" where it lists none."""
    below = lines[lines.index(line) + 1 :] if line in lines else ()
    return next((found["package"] for one in below if (found := _LISTED.match(one))), "")


def storage_failed(facts: Facts) -> Finding | None:
    """Find storage that failed under the program: a share whose server changed, a disk with errors."""
    line = said(facts, _STORAGE, last=12)
    if not line:
        return None
    shared = bool(_SHARED.search(line))
    path = re.search(r"['\"](?P<path>/[^'\"]+)['\"]", line)
    at = f" ({path['path']})" if path else ""
    if shared:
        message = wording(
            "the network share that it reads or writes{path} failed under it: its server was restarted or the mount was lost",
            path=at,
        )
    else:
        message = wording(
            "the storage that it reads or writes{path} failed under it: an input/output error", path=at
        )
    return spoken(
        facts, line, Level.CLUSTER if shared else Level.NODE, of_surroundings(facts), "StorageFailed", message,
        wording("start it again, so that the volume is mounted anew: {command}", command=again(facts)), retry=True,
    )  # fmt: skip
