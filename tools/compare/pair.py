"""The two servers, called side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from tools.compare.calls import JSON, Answer, Call, NotPossible, Story
from tools.compare.connection import Connection
from tools.compare.differences import Difference, differences
from tools.compare.listed import Listed, of_objects, unlisted
from tools.compare.normalise import normalise

USER_AGENT = "comparison/1.0"
_NUMBERS = count(1)


@dataclass(slots=True)
class Pair:
    """Both servers."""

    ours: Connection
    theirs: Connection
    listed: Sequence[Listed] = ()
    """Differences that are known."""
    prefix: str = "compare"
    """Of the namespaces that stories get."""
    stories: int = 0
    """How many were compared."""
    found: list[Difference] = field(default_factory=list)
    """Every difference met, known or not."""

    def namespace(self) -> str:
        """Return the name of a new namespace that both servers have, with its default service account."""
        name = f"{self.prefix}-{next(_NUMBERS)}"
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        calls = (
            Call("POST", "/api/v1/namespaces", made),
            Call("POST", f"/api/v1/namespaces/{name}/serviceaccounts", account),
        )
        for connection in (self.ours, self.theirs):
            for call in calls:
                answer = send(connection, call, name, ())
                if answer.status not in (201, 409):
                    raise AssertionError(
                        f"{connection.endpoint.url} does not make a namespace: {answer.body}"
                    )
        return name

    def compare(self, story: Story) -> list[Difference]:
        """Make a story's calls on both servers and return every difference that is not listed."""
        found = self.differences(story)
        self.stories += 1
        self.found += found
        return unlisted(found, of_objects(self.listed))

    def differences(self, story: Story) -> list[Difference]:
        """Make a story's calls on both servers and return every difference."""
        namespace = self.namespace()
        ours, theirs = run(self.ours, story, namespace), run(self.theirs, story, namespace)
        prefix = _generate_name(story)
        return [
            difference
            for call, mine, other in zip(story.calls, ours, theirs, strict=False)
            for difference in differences(call.label, normalise(mine, prefix), normalise(other, prefix))
        ]


def _generate_name(story: Story) -> str:
    """Return the first generateName that a story sends, "" for none."""
    for call in story.calls:
        metadata = call.body.get("metadata") if isinstance(call.body, dict) else None
        prefix = metadata.get("generateName") if isinstance(metadata, dict) else None
        if isinstance(prefix, str) and prefix:
            return prefix
    return ""


def run(connection: Connection, story: Story, namespace: str) -> list[Answer]:
    """Make a story's calls on one server; the story ends at a call that builds on a failed one."""
    answers: list[Answer] = []
    for call in story.calls:
        try:
            answers.append(send(connection, call, namespace, answers))
        except NotPossible:
            break
    return answers


def send(connection: Connection, call: Call, namespace: str, answers: Sequence[Answer]) -> Answer:
    """Make one call. Raises NotPossible where it builds on an answer that is not there."""
    payload = call.payload(namespace, answers)
    headers = {"Accept": JSON, "User-Agent": USER_AGENT}
    if payload is not None:
        headers["Content-Type"] = call.content_type
    path = call.path.replace("{namespace}", namespace)
    query = {name: value.replace("{namespace}", namespace) for name, value in call.query.items()}
    return connection.send(call.method, path, query, headers | dict(call.headers), payload)
