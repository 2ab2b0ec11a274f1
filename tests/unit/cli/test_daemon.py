"""Why a daemon cannot start, in a sentence."""

from __future__ import annotations

import errno
import os

import pytest

from seaway.base.sqlite import DatabaseCorrupt
from seaway.cli import exits
from seaway.cli.composition import DaemonSettings, cluster_settings, server_settings
from seaway.cli.daemon import explain
from seaway.cli.network import network_environment
from seaway.cli.settings_file import Settings
from seaway.controlplane.apiserver.pki import PkiBroken
from seaway.controlplane.home import ClusterBusy, ClusterError
from seaway.platform.database.migrate import DatabaseTooNew
from seaway.platform.errors import StorageFull
from seaway.portal.serve import PortInUse
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import Home
from seaway.sdk.snapshot import sweep_snapshots


def chained(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        pytest.param(OSError(errno.ENOSPC, "No space left", "/x/store.db"), "Storage", "disk is full", id="full disk"),
        pytest.param(DatabaseCorrupt("store.db is damaged"), "Storage", "store.db is damaged", id="damaged database"),
        pytest.param(PortInUse(errno.EADDRINUSE, "port 1 is in use"), "Temporary", "port 1 is in use", id="taken port"),
        pytest.param(PermissionError(errno.EACCES, "denied", "/x"), "Forbidden", "/x", id="not permitted"),
        pytest.param(StorageFull("no room", remedy="make some"), "StorageFull", "no room", id="the platform's own"),
        pytest.param(SeawayError("known", code="Usage"), "Usage", "known", id="one of ours"),
        pytest.param(
            ExceptionGroup("parts", [ValueError("x"), DatabaseCorrupt("seaway.db is damaged")]), "Storage", "seaway.db", id="inside a group"
        ),
        pytest.param(chained(RuntimeError("a part died"), OSError(errno.ENOSPC, "full")), "Storage", "disk is full", id="as a cause"),
        pytest.param(ValueError("odd"), "Unknown", "ValueError: odd", id="unknown"),
    ],
)  # fmt: skip
def test_a_reason_becomes_a_sentence(error, code, said):
    explained = explain(error)
    assert explained.code == code
    assert said in explained.message


def test_containers_get_the_way_to_the_network_and_nothing_else():
    environ = {
        "HTTPS_PROXY": "http://proxy",
        "no_proxy": "x",
        "UV_INDEX_URL": "u",
        "SECRET": "s",
        "SSL_CERT_FILE": "",
    }
    assert network_environment(environ) == {
        "HTTPS_PROXY": "http://proxy",
        "no_proxy": "x",
        "UV_INDEX_URL": "u",
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(DatabaseCorrupt("damaged"), exits.IO, id="damaged database"),
        pytest.param(DatabaseTooNew("newer"), exits.IO, id="database of a newer version"),
        pytest.param(PkiBroken("no key"), exits.IO, id="unreadable key"),
        pytest.param(ClusterError("newer"), exits.IO, id="cluster of a newer version"),
        pytest.param(ClusterBusy("port 1 is in use"), exits.TEMPORARY, id="the cluster's port is taken"),
        pytest.param(PortInUse("port 1 is in use"), exits.TEMPORARY, id="the server's port is taken"),
        pytest.param(OSError(errno.ENOSPC, "full"), exits.IO, id="full disk"),
        pytest.param(PermissionError(errno.EACCES, "denied", "/x"), exits.PERMISSION, id="not permitted"),
        pytest.param(StorageFull("no room", remedy="make some"), exits.IO, id="no room for artifacts"),
        pytest.param(SeawayError("a fault", code="Settings"), exits.DATA, id="wrong settings"),
        pytest.param(ValueError("odd"), exits.SOFTWARE, id="a bug"),
    ],
)
def test_a_reason_becomes_a_documented_exit_code(error, code):
    reason = explain(error)
    assert exits.of_error(reason.code, reason.status) == code


def test_settings_reach_the_parts_that_they_are_for(tmp_path):
    told = Settings(
        nodes=2, api_port=2001, strategy="pack", pretend_gpus="t4:3", default_image="lab", default_cpu="2",
        pods_at_once=5, code_limit=6 << 20, log_limit=7 << 20,
    )  # fmt: skip
    cluster = cluster_settings(Home(tmp_path), DaemonSettings(told, network={"NO_PROXY": "x"}))
    assert (cluster.nodes, cluster.port, cluster.scheduler.strategy) == (2, 2001, "pack")
    assert (cluster.pretend_gpus, cluster.network_env) == ((("t4", 3),), {"NO_PROXY": "x"})
    server = server_settings(Home(tmp_path), told, "https://u", "ca")
    assert (server.image, server.cpu, server.engine.pods_in_flight) == ("lab", "2", 5)
    assert (server.code_limit, server.log_limit) == (6 << 20, 7 << 20)


def test_archives_that_a_killed_command_left_are_swept_after_a_day(tmp_path):
    """What is young may still be sent; other folders of the cache stay."""
    for name, age in {"snapshot-old": 90_000, "snapshot-young": 60, "locks": 90_000}.items():
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    sweep_snapshots(tmp_path, 1_000_000)
    assert {path.name for path in tmp_path.iterdir()} == {"snapshot-young", "locks"}


def test_cpus_for_one_container_alone_are_for_one_node(tmp_path):
    told = Settings(nodes=2, cpu_manager="static")
    with pytest.raises(SeawayError, match="2 nodes share this machine's CPUs"):
        cluster_settings(Home(tmp_path), DaemonSettings(told))
