"""The PostgreSQL of tests beside other programs of a busy machine."""

from __future__ import annotations

import socket

import psycopg
import pytest

from tools import postgresql


def test_a_port_that_another_program_took_meanwhile_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    if postgresql.programs() is None:
        pytest.skip(postgresql.NOT_INSTALLED)
    free = postgresql._free_port
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = [taken.getsockname()[1], free()]
        monkeypatch.setattr(postgresql, "_free_port", lambda: ports.pop(0))
        with postgresql.run_postgres() as server:
            assert server.execute("SELECT 1") == "1"
    assert not ports


def test_a_template_can_be_copied_although_somebody_is_connected_still(
    postgres: postgresql.PostgresServer,
) -> None:
    url = postgres.create_database("held").replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url) as connection:
        postgres.make_template("held")
        postgres.create_database("copied", "held")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
