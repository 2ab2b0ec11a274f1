"""Which servers a client can speak to."""

from __future__ import annotations

import pytest

from seaway import __version__
from seaway.sdk.versions import LEVEL, ServerVersion, parse_version, remedy_for, said_by_server


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("1.2.3; api=1-2", ServerVersion("1.2.3", 1, 2)),
        (" 1.2.3rc1; api=10-12 ", ServerVersion("1.2.3rc1", 10, 12)),
        (None, None),
        ("", None),
        ("nginx/1.25", None),
        ("1.2.3; api=1", None),
    ],
)
def test_what_a_server_says(header, expected):
    assert parse_version(header) == expected


@pytest.mark.parametrize(
    ("server", "level", "said"),
    [
        pytest.param(ServerVersion("9", 1, 3), 2, "", id="within"),
        pytest.param(ServerVersion("9", 2, 2), 2, "", id="equal"),
        pytest.param(ServerVersion("9", 3, 4), 2, "pip install --upgrade 'seaway>=9'", id="a newer server"),
        pytest.param(ServerVersion("0.1", 1, 1), 2, "pip install seaway==0.1", id="an older server"),
    ],
)
def test_what_to_do(server, level, said):
    assert (said in remedy_for(server, level)) if said else not remedy_for(server, level)


def test_this_release_speaks_to_itself():
    server = parse_version(said_by_server(__version__))
    assert server is not None
    assert server.oldest <= LEVEL <= server.newest
    assert remedy_for(server) == ""
