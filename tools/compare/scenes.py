"""Play a scene on both servers and tell what differs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.compare.calls import Answer
from tools.compare.connection import Endpoint
from tools.compare.differences import Difference, differences
from tools.compare.listed import Listed, unlisted
from tools.compare.messages import Message, Scene
from tools.compare.numbered import Numbers
from tools.compare.wire import Wire

_NUMBERS = itertools.count(1)


@dataclass(slots=True)
class Stage:
    """Both servers."""

    ours: Wire
    theirs: Wire
    listed: Sequence[Listed] = ()
    """Differences that are known."""
    prefix: str = "scene"
    """Of the namespaces that scenes get."""
    played: int = field(default=0)
    """How many scenes were played."""

    @classmethod
    def of(cls, ours: Endpoint, theirs: Endpoint, listed: Sequence[Listed]) -> Stage:
        """Return a stage of two endpoints."""
        return cls(Wire(ours), Wire(theirs), listed)

    def close(self) -> None:
        """Close the connections."""
        self.ours.close()
        self.theirs.close()

    def unlisted(self, scene: Scene) -> list[Difference]:
        """Play a scene and return every difference that is not listed."""
        return unlisted(self.differences(scene), self.listed)

    def differences(self, scene: Scene) -> list[Difference]:
        """Play a scene on both servers and return every difference."""
        self.played += 1
        namespace = f"{self.prefix}-{next(_NUMBERS)}"
        ours, theirs = play(self.ours, scene, namespace), play(self.theirs, scene, namespace)
        mine, others = Numbers(), Numbers()
        return [
            difference
            for message, answer, other in zip(scene.messages, ours, theirs, strict=True)
            for difference in differences(message.label, mine.normalise(answer), others.normalise(other))
        ]


def play(wire: Wire, scene: Scene, namespace: str) -> list[Answer]:
    """Make a namespace with its default service account, then a scene's requests in it."""
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    for message in (Message("POST", "/api/v1/namespaces", made), Message("POST", accounts, account)):
        answer = wire.send(message.filled(namespace, ()))
        if answer.status != 201:
            raise AssertionError(f"no namespace for a scene: {answer.body}")
    answers: list[Answer] = []
    for message in scene.messages:
        answers.append(wire.send(message.filled(namespace, answers)))
    return answers
