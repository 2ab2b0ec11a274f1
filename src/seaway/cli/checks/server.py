"""Checks of a server and its cluster, by what the server says of itself (`GET /api/v1/health`). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

from seaway.base.messages import wording
from seaway.cli.checks.check import Check, fail, ok, warn
from seaway.cli.checks.machine import room

SKEW_WARNED, SKEW_FAILED = 5.0, 60.0
"""Seconds. Leases and tokens allow for a few; certificates and logs of several machines then still agree."""
SLOW = 1.0
"""Seconds that a small question to the database may take."""
_GROUPS = {
    "jobs": "jobs.batch",
    **{name: f"{name}.apps" for name in ("deployments", "replicasets", "statefulsets")},
}
"""Resources as kubectl takes them, where their group is not the core's."""
_PLACES = {"home": wording("home"), "artifacts": wording("artifacts")}
"""What a server says that lies on its disks."""
_TROUBLES = {
    "does not answer": wording("does not answer"),
    "is not ready": wording("is not ready"),
    "is short of memory": wording("is short of memory"),
    "is short of disk space": wording("is short of disk space"),
    "is short of process numbers": wording("is short of process numbers"),
}
"""What a server says is the matter with a node, to be said in other languages."""
_UNKNOWN = wording("the cluster does not say what the server may do")
_ALLOWED = wording("the server may do what it has to")
_SET_CLOCK = wording(
    "Set the clock of the machine that is wrong: {command}", command="timedatectl set-ntp true"
)


def checks(facts: Mapping[str, Any], mine: str, before: float, after: float) -> Iterator[Check]:
    """Yield what the facts of a server say.

    Args:
        facts: its answer.
        mine: this command's version.
        before: this machine's time when it was asked, in seconds since the epoch.
        after: when the answer was there.
    """
    yield version(str(facts["version"]), mine)
    yield clock(float(facts["time"]), before, after)
    yield database(facts["database"])
    for place in facts["disks"]:
        yield room(
            wording("disk of the server's {place}", place=_PLACES.get(place["what"], place["what"])),
            place["free"], place["total"], place["inodes_free"], place["inodes"],
        )  # fmt: skip
    yield cluster(facts)
    yield rights(facts)
    yield from workspaces(facts)
    yield from nodes(facts)


def version(theirs: str, mine: str) -> Check:
    """Compare the server's version with this command's."""
    name = wording("version")
    if theirs == mine:
        return ok(name, wording("command and server are {version}", version=mine))
    said = wording("the server is {theirs}, this command {mine}", theirs=theirs, mine=mine)
    return warn(name, said, f"pip install seaway=={theirs}")


def clock(theirs: float, before: float, after: float) -> Check:
    """Compare the server's clock with this machine's; what the answer's way took is nobody's fault."""
    off = theirs - before if theirs < before else theirs - after if theirs > after else 0.0
    name = wording("clock")
    if abs(off) < SKEW_WARNED:
        return ok(name, wording("this machine and the server agree"))
    if off > 0:
        said = wording("the server's clock is {seconds:.1f} s ahead of this machine's", seconds=off)
    else:
        said = wording("the server's clock is {seconds:.1f} s behind this machine's", seconds=-off)
    return fail(name, said, _SET_CLOCK) if abs(off) >= SKEW_FAILED else warn(name, said, _SET_CLOCK)


def database(facts: Mapping[str, Any]) -> Check:
    """Judge the database."""
    name, title, seconds = wording("database"), facts["title"], facts["seconds"]
    if facts["problem"]:
        remedy = wording("Look at the server's log; see {page} for PostgreSQL", page="docs/howto/replicas.md")
        return fail(name, facts["problem"], remedy)
    if seconds >= SLOW:
        said = wording(
            "{database} takes {seconds:.1f} s to answer and to write", database=title, seconds=seconds
        )
        return warn(name, said, wording("See what else uses its disk ({command})", command="iostat -x 1"))
    said = wording(
        "{database} answers and writes in {milliseconds:.0f} ms", database=title, milliseconds=seconds * 1000
    )
    return ok(name, said)


def cluster(facts: Mapping[str, Any]) -> Check:
    """Judge whether the server follows its cluster."""
    name = wording("cluster")
    if facts["cluster_problem"]:
        remedy = wording(
            "{command} with the server's kubeconfig shows whether the API server answers",
            command="kubectl get pods",
        )
        return fail(name, _lost(facts["cluster_problem"]), remedy)
    if not facts["cluster_seen"]:
        remedy = wording("Wait a moment, then: {command}", command="seaway doctor")
        return fail(name, wording("does not answer yet"), remedy)
    return ok(name, wording("is followed, in the namespace {namespace}", namespace=facts["namespace"]))


def rights(facts: Mapping[str, Any]) -> Check:
    """Judge whether the server may do what it has to."""
    name, missing = wording("rights"), facts["missing_rights"]
    if missing is None:
        return warn(name, _UNKNOWN, "kubectl auth can-i --list")
    if missing:
        return fail(name, _lacking(missing), _granting(facts, missing))
    return ok(name, _ALLOWED)


def workspaces(facts: Mapping[str, Any]) -> Iterator[Check]:
    """Judge the workspaces beside the default one: a line for each in which something is wrong."""
    known = facts.get("workspaces") or ()  # servers before this release do not say
    fine = []
    for each in known:
        name, line = each["name"], wording("workspace {workspace}", workspace=each["name"])
        if each["missing_rights"] is None:
            yield warn(line, _UNKNOWN, f"kubectl auth can-i --list -n {name}")
        elif each["missing_rights"]:
            granting = wording(
                "An administrator of the cluster: {command}",
                command=f"seaway workspace grant {name} | kubectl apply -f -",
            )
            yield fail(line, _lacking(each["missing_rights"]), granting)
        elif each["problem"]:
            yield fail(line, _lost(each["problem"]), f"kubectl get pods -n {name}")
        else:
            fine.append(name)
    if fine:
        said = wording("the server may do what it has to in {workspaces}", workspaces=", ".join(fine))
        yield ok(wording("workspaces"), said)


def _lost(problem: str) -> str:
    return wording("cannot be followed: {problem}", problem=problem)


def _lacking(missing: Sequence[str]) -> str:
    rights = f"{', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}"
    return wording("the server may not: {rights}", rights=rights)


def _granting(facts: Mapping[str, Any], missing: Sequence[str]) -> str:
    """Return how an administrator grants rights: no more than these, however the server came there."""
    verbs: dict[str, list[str]] = {}
    for right in missing:
        verb, _, resource = right.partition(" ")
        verbs.setdefault(resource, []).append(verb)
    where = f"-n {facts['namespace']}"
    by_hand = [
        f"kubectl create role {name} {where} --verb={','.join(verbs[resource])} --resource={_GROUPS.get(resource, resource)}"
        f" && kubectl create rolebinding {name} {where} --role={name} --user={_account(facts)}"
        for resource in verbs
        for name in (f"seaway-{resource.replace('/', '-')}",)
    ]
    return wording(
        "An administrator installs it anew the way it was installed ({install}, or its chart); or grants them: {commands}",
        install="seaway install", commands=" && ".join(by_hand),
    )  # fmt: skip


def _account(facts: Mapping[str, Any]) -> str:
    """Return whom the cluster knows the server as; servers before this release do not say."""
    return str(facts.get("account") or "USER")


def nodes(facts: Mapping[str, Any]) -> Iterator[Check]:
    """Judge the nodes: what is the matter with them, and whether their clocks agree with the server's."""
    line = wording("nodes")
    if not facts["nodes_visible"]:
        yield warn(line, wording("the server may not look at nodes"), _showing_nodes(facts))
        return
    known = facts["nodes"]
    if facts["cluster_seen"] and not known:
        remedy = wording(
            "{looking}; on this machine: {starting}",
            looking="kubectl get nodes", starting="seaway up --nodes 1",
        )  # fmt: skip
        yield fail(line, wording("the cluster has no node"), remedy)
    for node in known:
        yield _node(node, facts["time"])


def _showing_nodes(facts: Mapping[str, Any]) -> str:
    commands = (
        "kubectl create clusterrole seaway-nodes --verb=get,list,watch --resource=nodes && "
        f"kubectl create clusterrolebinding seaway-nodes --clusterrole=seaway-nodes --user={_account(facts)}"
    )
    return wording(
        "An administrator may allow it: where {install} or its chart made the server, with {option}; else: {commands}",
        install="seaway install", option="--set rbac.nodes=true", commands=commands,
    )  # fmt: skip


def _node(node: Mapping[str, Any], now: float) -> Check:
    name = wording("node {node}", node=node["name"])
    if node["troubles"]:
        known = [_TROUBLES.get(trouble, trouble) for trouble in node["troubles"]]
        said = reduce(
            lambda first, second: wording("{first} and {second}", first=first, second=second), known
        )
        return fail(name, said, f"seaway why node/{node['name']}")
    if node["heartbeat"] is not None and node["heartbeat"] - now > SKEW_WARNED:
        ahead = node["heartbeat"] - now
        said = wording("its clock is at least {seconds:.0f} s ahead of the server's", seconds=ahead)
        return warn(name, said, _SET_CLOCK)
    if not node["schedulable"]:
        remedy = wording(
            "{command}; on this machine: {local}",
            command=f"kubectl uncordon {node['name']}", local=f"seaway cluster uncordon {node['name']}",
        )  # fmt: skip
        return warn(name, wording("takes no new pods: it is cordoned"), remedy)
    return ok(name, wording("ready"))
