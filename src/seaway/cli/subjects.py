"""Names of what is asked about, as kubectl writes them: a run's alone, or kind/name."""

from __future__ import annotations

from collections.abc import Sequence

from seaway.sdk.errors import SeawayError

_SHORT = {
    "po": "pod",
    "no": "node",
    "persistentvolumeclaim": "pvc",
    "deploy": "deployment",
    "rs": "replicaset",
    "sts": "statefulset",
    "ns": "workspace",
    "namespace": "workspace",
}


def subject(name: str, kinds: Sequence[str], what: str, others: str = "") -> tuple[str, str]:
    """Return what is meant, "run" or one of the kinds, and its name.

    Args:
        name: what was typed.
        kinds: what may be asked about beside runs.
        what: what these have, for the error: "has a timeline".
        others: how else Kubernetes' other kinds are asked about, for the error.

    Raises:
        SeawayError: it is of no such kind.
    """
    kind, slash, bare = name.partition("/")
    if not slash:
        return "run", name
    word = kind.lower()
    word = word if word in (*_SHORT, *kinds, "run") else word.removesuffix("s")
    word = _SHORT.get(word, word)
    if word not in (*kinds, "run") or not bare:
        remedy = f"Give a run's name, or one of {', '.join(kinds)} with /NAME"
        raise SeawayError(
            f"{name!r} names nothing that {what}",
            code="Usage",
            field="name",
            remedy=f"{remedy}; {others}" if others and bare else remedy,
        )
    return word, bare
