"""Checks of a server and its cluster, by what the server says of itself (`GET /api/v1/health`). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
_UNKNOWN = "the cluster does not say what the server may do"
_SET_CLOCK = "Set the clock of the machine that is wrong: timedatectl set-ntp true"


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
            f"disk of the server's {place['what']}", place["free"], place["total"], place["inodes_free"], place["inodes"],
        )  # fmt: skip
    yield cluster(facts)
    yield rights(facts)
    yield from workspaces(facts)
    yield from nodes(facts)


def version(theirs: str, mine: str) -> Check:
    """Compare the server's version with this command's."""
    if theirs == mine:
        return ok("version", f"command and server are {mine}")
    return warn("version", f"the server is {theirs}, this command {mine}", f"pip install seaway=={theirs}")


def clock(theirs: float, before: float, after: float) -> Check:
    """Compare the server's clock with this machine's; what the answer's way took is nobody's fault."""
    off = theirs - before if theirs < before else theirs - after if theirs > after else 0.0
    said = f"the server's clock is {abs(off):.1f} s {'ahead of' if off > 0 else 'behind'} this machine's"
    if abs(off) >= SKEW_FAILED:
        return fail("clock", said, _SET_CLOCK)
    if abs(off) >= SKEW_WARNED:
        return warn("clock", said, _SET_CLOCK)
    return ok("clock", "this machine and the server agree")


def database(facts: Mapping[str, Any]) -> Check:
    """Judge the database."""
    if facts["problem"]:
        return fail(
            "database",
            facts["problem"],
            "Look at the server's log; see docs/howto/replicas.md for PostgreSQL",
        )
    if facts["seconds"] >= SLOW:
        said = f"{facts['title']} takes {facts['seconds']:.1f} s to answer and to write"
        return warn("database", said, "See what else uses its disk (iostat -x 1)")
    return ok("database", f"{facts['title']} answers and writes in {facts['seconds'] * 1000:.0f} ms")


def cluster(facts: Mapping[str, Any]) -> Check:
    """Judge whether the server follows its cluster."""
    if facts["cluster_problem"]:
        remedy = "kubectl get pods with the server's kubeconfig shows whether the API server answers"
        return fail("cluster", f"cannot be followed: {facts['cluster_problem']}", remedy)
    if not facts["cluster_seen"]:
        return fail("cluster", "does not answer yet", "Wait a moment, then: seaway doctor")
    return ok("cluster", f"is followed, in the namespace {facts['namespace']}")


def rights(facts: Mapping[str, Any]) -> Check:
    """Judge whether the server may do what it has to."""
    missing = facts["missing_rights"]
    if missing is None:
        return warn("rights", _UNKNOWN, "kubectl auth can-i --list")
    if missing:
        return fail("rights", _lacking(missing), _granting(facts, missing))
    return ok("rights", "the server may do what it has to")


def workspaces(facts: Mapping[str, Any]) -> Iterator[Check]:
    """Judge the workspaces beside the default one: a line for each in which something is wrong."""
    known = facts.get("workspaces") or ()  # servers before this release do not say
    fine = []
    for each in known:
        name, line = each["name"], f"workspace {each['name']}"
        if each["missing_rights"] is None:
            yield warn(line, _UNKNOWN, f"kubectl auth can-i --list -n {name}")
        elif each["missing_rights"]:
            granting = f"An administrator of the cluster: seaway workspace grant {name} | kubectl apply -f -"
            yield fail(line, _lacking(each["missing_rights"]), granting)
        elif each["problem"]:
            yield fail(line, f"cannot be followed: {each['problem']}", f"kubectl get pods -n {name}")
        else:
            fine.append(name)
    if fine:
        yield ok("workspaces", f"the server may do what it has to in {', '.join(fine)}")


def _lacking(missing: Sequence[str]) -> str:
    return f"the server may not: {', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}"


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
    again = "An administrator installs it anew the way it was installed (seaway install, or its chart); or grants them: "
    return again + " && ".join(by_hand)


def _account(facts: Mapping[str, Any]) -> str:
    """Return whom the cluster knows the server as; servers before this release do not say."""
    return str(facts.get("account") or "USER")


def nodes(facts: Mapping[str, Any]) -> Iterator[Check]:
    """Judge the nodes: what is the matter with them, and whether their clocks agree with the server's."""
    if not facts["nodes_visible"]:
        yield warn(
            "nodes", "the server may not look at nodes",
            "An administrator may allow it: where seaway install or its chart made the server, with --set rbac.nodes=true; else: "
            "kubectl create clusterrole seaway-nodes --verb=get,list,watch --resource=nodes && "
            f"kubectl create clusterrolebinding seaway-nodes --clusterrole=seaway-nodes --user={_account(facts)}",
        )  # fmt: skip
        return
    known = facts["nodes"]
    if facts["cluster_seen"] and not known:
        yield fail(
            "nodes", "the cluster has no node", "kubectl get nodes; on this machine: seaway up --nodes 1"
        )
    for node in known:
        name, step = f"node {node['name']}", f"seaway why node/{node['name']}"
        if node["troubles"]:
            yield fail(name, " and ".join(node["troubles"]), step)
        elif node["heartbeat"] is not None and node["heartbeat"] - facts["time"] > SKEW_WARNED:
            ahead = node["heartbeat"] - facts["time"]
            yield warn(name, f"its clock is at least {ahead:.0f} s ahead of the server's", _SET_CLOCK)
        elif not node["schedulable"]:
            yield warn(name, "takes no new pods: it is cordoned", f"kubectl uncordon {node['name']}")
        else:
            yield ok(name, "ready")
