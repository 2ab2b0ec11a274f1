"""What takes long goes on where the network broke, and what must not happen twice does not."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import threading
from collections.abc import Iterator

import pytest

from seaway.model.run import Phase
from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import SeawayError, ServerUnreachable
from tools.flaky_network import FlakyNetwork, flaky_network

SPEC = {"name": "digits", "tasks": [{"command": ["python", "train.py"]}]}


@pytest.fixture
def network(portal) -> Iterator[FlakyNetwork]:
    with flaky_network(portal.endpoint.url) as between:
        yield between


@pytest.fixture
def far(portal, network) -> Iterator[SeawayClient]:
    """A client on the other side of the network."""
    url = f"https://127.0.0.1:{network.port}"
    with SeawayClient(url, portal.endpoint.token, portal.endpoint.ca, patience=20.0) as connected:
        yield connected


def test_code_arrives_however_often_the_upload_breaks(far, network, portal, tmp_path, caplog):
    archive = tmp_path / "code.tar.gz"
    archive.write_bytes(os.urandom(1_000_000))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    network.limits = [("up", 200_000), ("up", 700_000), ("down", 2_000)]
    far.put_code(digest, archive)
    assert portal.runs.stored[digest] == archive.read_bytes()
    assert network.connections >= 3
    logged = [record for record in caplog.records if record.thread == portal.thread]
    assert [record for record in logged if record.levelno >= logging.ERROR] == [], "it was no bug"


def test_a_run_whose_answer_was_lost_is_submitted_once(far, network, portal):
    """The name is taken then, by itself: a second submission would be a conflict."""
    for number, after in enumerate(
        range(900, 2_000, 100)
    ):  # somewhere there the handshake ends and the answer begins
        far.close()
        network.limits = [("down", after)]
        assert far.submit({**SPEC, "name": f"digits-{number}"})["name"] == f"digits-{number}"
    assert len(portal.runs.views) == len(portal.runs.by_key) == number + 1
    assert portal.runs.submissions > number + 1, "no answer was lost"


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_download_goes_on_where_it_broke(far, network, portal, size):
    portal.runs.files["big"] = os.urandom(size)
    far.submit(SPEC)
    far.close()
    network.limits = [("down", 1_000_000), ("down", 1_200_000), ("down", 1_500)]
    into = io.BytesIO()
    assert far.download("digits", "main", "big", into) == size
    assert into.getvalue() == portal.runs.files["big"]


def test_a_file_that_changed_meanwhile_is_not_mixed_with_the_old_one(far, network, portal):
    old, new = os.urandom(2_000_000), os.urandom(1_500_000)
    portal.runs.files["big"] = old
    far.submit(SPEC)
    far.close()
    network.limits = [("down", 1_000_000)]

    class Changing(io.BytesIO):
        def write(self, data) -> int:
            portal.runs.files["big"] = new
            return super().write(data)

    into = Changing()
    assert far.download("digits", "main", "big", into) == len(new)
    assert into.getvalue() == new


@pytest.mark.parametrize("cuts", [[3_000], [2_000, 40_000, 60_000, 1_400, 30_000]], ids=["once", "often"])
@pytest.mark.parametrize("read", ["follow_logs", "read_logs"])
def test_a_log_has_each_line_once(far, network, portal, cuts, read):
    lines = [b"%d %s\n" % (number, os.urandom(20).hex().encode()) for number in range(3000)]
    portal.runs.log = lines
    far.submit(SPEC)
    portal.runs.set_phase("digits", Phase.SUCCEEDED)
    far.close()
    network.limits = [("down", after) for after in cuts]
    assert b"".join(getattr(far, read)("digits")) == b"".join(lines)
    assert network.connections > len(cuts)


def test_a_server_that_is_away_is_waited_for_and_that_is_said(portal, network):
    said: list[str] = []
    back = threading.Event()

    def say(text: str) -> None:
        said.append(text)
        network.away = False
        back.set()

    url = f"https://127.0.0.1:{network.port}"
    with SeawayClient(url, portal.endpoint.token, portal.endpoint.ca, patience=60.0, say=say) as client:
        client.submit(SPEC)
        portal.runs.set_phase("digits", Phase.SUCCEEDED)
        client.close()
        network.away = True
        assert client.wait_until_ended("digits")["phase"] == "succeeded"
    assert back.is_set()
    assert len(said) == 1
    assert "waiting for it, for 60 s at most" in said[0]


def test_a_replica_that_stands_by_is_waited_for_where_there_are_replicas(portal):
    portal.runs.standing_by = 2
    with portal.client(replicated=True) as far, portal.client() as near:
        with pytest.raises(SeawayError) as caught:
            near.submit(SPEC)
        assert caught.value.status == 503
        portal.runs.standing_by = 2
        assert far.version()
        assert far.submit(SPEC)["name"] == "digits"
    assert list(portal.runs.views) == ["digits"]


def test_one_that_stays_away_is_given_up(portal, network):
    network.away = True
    url = f"https://127.0.0.1:{network.port}"
    with (
        SeawayClient(url, portal.endpoint.token, portal.endpoint.ca, patience=0.5) as client,
        pytest.raises(ServerUnreachable),
    ):
        client.wait_until_ended("digits")
