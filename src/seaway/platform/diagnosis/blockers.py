"""The scheduler's reasons for which a node does not take a pod, read and put into plain words.

Source: the messages of kube-scheduler's filter plugins, of 1.36 and of earlier releases.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from seaway.base.messages import wording

INSUFFICIENT = re.compile(r"Insufficient (?P<resource>\S+)")
TRANSIENT_TAINT = re.compile(r"node\.kubernetes\.io/|node\.cloudprovider\.kubernetes\.io/")
"""A taint that comes and goes with a node's health."""
VOLUME_ELSEWHERE = re.compile(r"volume node affinity conflict|PersistentVolume's node affinity")
_BLOCKER = re.compile(r"^(?P<count>\d+) (?P<what>.+?)\.?$")
_OLD_TAINT = re.compile(r"had taint (?P<taint>\{[^}]*\}), that the pod didn't tolerate")
_LABELS = re.compile(r"node affinity/selector|node selector")
_STAGES = (
    (re.compile(r"were unschedulable|untolerated taint|match the requested node name"), 0),
    (_LABELS, 1),
    (re.compile(r"free ports"), 2),
    (re.compile(r"Insufficient|Too many pods|cannot allocate all claims"), 3),
)
"""In which order the scheduler asks: a node that fails later would otherwise have done."""
_TAINTED = r"untolerated taint \{node\.kubernetes\.io/"
_SHORT_OF = {"memory": wording("memory"), "disk": wording("disk")}
_SENTENCES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(rf"{_TAINTED}unreachable"), wording("its nodes do not answer")),
    (re.compile(rf"{_TAINTED}not-ready"), wording("its nodes are not ready")),
    (
        re.compile(rf"{_TAINTED}out-of-service"),
        wording(
            "its nodes were confirmed to be off (when one is on again: {command})",
            command="seaway cluster confirm-off NODE --undo",
        ),
    ),
    (
        re.compile(rf"{_TAINTED}(?P<what>[\w-]+)-pressure"),
        lambda found: wording(
            "its nodes are short of {what}", what=_SHORT_OF.get(found["what"], found["what"])
        ),
    ),
    (
        re.compile(r"untolerated taint(?:\(s\))? \{(?P<taint>[^}]*)\}"),
        lambda found: wording(
            "its nodes are kept for others by the taint {taint}, which it does not tolerate",
            taint=found["taint"].removesuffix(": "),
        ),
    ),
    (
        re.compile(r"untolerated taint"),
        wording(
            "its nodes have a taint that it does not tolerate: they are kept for others, or short of memory or disk"
        ),
    ),
    (
        re.compile(r"node affinity/selector|node selector"),
        wording("no node has the labels that it asks for (nodeSelector or node affinity)"),
    ),
    (
        re.compile(r"free ports"),
        wording("the ports of the node that it wants (hostPort) are taken on every node"),
    ),
    (VOLUME_ELSEWHERE, wording("its volume lies in a zone or on a node where it cannot run")),
    (re.compile(r"exceed max volume count"), wording("its nodes hold as many volumes as they can")),
    (
        re.compile(r"missing required label"),
        wording("no node has the label by which its spread constraints group nodes (topologyKey)"),
    ),
    (
        re.compile(r"topology spread constraints"),
        wording("it may not be placed where there is room: its spread constraints forbid it"),
    ),
    (
        re.compile(r"anti-affinity"),
        wording("it may not run beside pods that are on every node (pod anti-affinity)"),
    ),
    (
        re.compile(r"pod affinity rules"),
        wording("the pods that it wants to run beside (pod affinity) are nowhere"),
    ),
    (re.compile(r"Too many pods"), wording("its nodes hold as many pods as they can")),
    (re.compile(r"cannot allocate all claims"), wording("the devices that it claims are all in use")),
)


def parts(message: str) -> tuple[bool, list[str]]:
    """Return whether a message is about nodes, and what it says of them: each part with its count of nodes.

    What follows the first sentence is about what the scheduler tried then (preemption, releasing devices).
    """
    _, found, rest = message.partition("nodes are available:")
    if not found:  # Volcano's words
        _, found, rest = message.partition("nodes are unavailable:")
    rest = _OLD_TAINT.sub(lambda old: f"had untolerated taint {old['taint']}", rest)
    said = rest.partition("preemption:")[0].strip().partition(". ")[0]
    return bool(found), [part.strip(" .") for part in said.split(", ") if part.strip(" .")]


def first_blocker(message: str, *, has_labels: bool = False, cordoned: bool | None = None) -> str:
    """Return what blocks the nodes that came closest out of a scheduler's message, for example "Insufficient memory".

    Args:
        message: the scheduler's.
        has_labels: whether a node is known to have the labels that are asked for: then these are not what blocks.
        cordoned: whether all nodes with these labels are known to be cordoned, or none; None for neither.
    """
    found, said = parts(message)
    if not found:
        return message.strip().rstrip(".")
    reasons = [match for part in said if (match := _BLOCKER.match(part))]
    if has_labels:
        reasons = [match for match in reasons if not _LABELS.search(match["what"])] or reasons
    if cordoned is not None:
        reasons = [m for m in reasons if ("were unschedulable" in m["what"]) is cordoned] or reasons
    if not reasons:
        return ", ".join(said) or message.strip()
    return max(reasons, key=lambda match: (_stage(match["what"]), int(match["count"])))["what"].strip(" .")


def sentence(blocker: str) -> str:
    """Return a reason in plain words, "" for one that is not known."""
    for pattern, words in _SENTENCES:
        if found := pattern.search(blocker):
            return words if isinstance(words, str) else words(found)
    return ""


def _stage(what: str) -> int:
    return next((stage for pattern, stage in _STAGES if pattern.search(what)), 4)
