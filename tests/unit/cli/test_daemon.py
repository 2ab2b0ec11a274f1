"""Why a daemon cannot start, in a sentence."""

from __future__ import annotations

import errno

import pytest

from seaway.base.sqlite import DatabaseCorrupt
from seaway.cli.daemon import explain
from seaway.cli.network import network_environment
from seaway.platform.errors import StorageFull
from seaway.portal.serve import PortInUse
from seaway.sdk.errors import SeawayError


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
