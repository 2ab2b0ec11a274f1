"""What users extend a cluster by: rules of custom resources, webhooks, admission policies, answered as by Kubernetes.

What is configured takes effect a moment later in Kubernetes, so each play waits on both servers until it does.
"""

from __future__ import annotations

import itertools
import time

import pytest

from tests.conformance.compare.scenes import extension
from tests.conformance.compare.scenes.building import scene
from tools.compare.messages import Message
from tools.compare.scenes import Stage
from tools.webhook_server import run_webhook_server

pytestmark = pytest.mark.real
_NUMBERS = itertools.count(1)
_PATIENCE = 60.0


@pytest.fixture(scope="module")
def hook(tmp_path_factory):
    with run_webhook_server(tmp_path_factory.mktemp("webhook")) as server:
        yield server


@pytest.mark.parametrize("name", extension.SCENES)
def test_both_servers_answer_alike(stage, name):
    found = stage.unlisted(extension.SCENES[name])
    assert not found, "\n".join(map(str, found))


def configured(stage: Stage, made: list[Message], probe: Message, words: str) -> None:
    """Make objects on both servers and wait until a probe's answer holds some words."""
    for wire in (stage.ours, stage.theirs):
        for message in made:
            answer = wire.send(message.filled("default", ()))
            assert answer.status in {200, 201}, answer.body
        until = time.monotonic() + _PATIENCE
        while words not in str(wire.send(probe.filled("default", ())).body):
            assert time.monotonic() < until, f"{words} was not told"


def removed(stage: Stage, made: list[Message], probe: Message, words: str) -> None:
    """Delete what was made and wait until it has no effect."""
    for wire in (stage.ours, stage.theirs):
        for message in made:
            target = f"{message.target}/{message.body['metadata']['name']}"
            wire.send(Message("DELETE", target).filled("default", ()))
        until = time.monotonic() + _PATIENCE
        while words in str(wire.send(probe.filled("default", ())).body):
            assert time.monotonic() < until, f"{words} is told still"


@pytest.mark.parametrize("name", extension.PLAYS)
def test_both_servers_are_extended_alike(stage, hook, name):
    number = next(_NUMBERS)
    play = extension.PLAYS[name](hook, f"play-{number}")
    configured(stage, play.made, play.probe, play.words)
    try:
        found = stage.unlisted(scene(name, *play.messages))
    finally:
        removed(stage, play.made, play.probe, play.words)
    assert not found, "\n".join(map(str, found))
