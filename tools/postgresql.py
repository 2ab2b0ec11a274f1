"""Run PostgreSQL as a test tool: a server of its own in a folder, on a free port, thrown away afterwards.

It is Debian's package `postgresql` (or any whose programs are on PATH); nothing of it is packaged with Seaway.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL

from seaway.portal.certificates import ensure_certificate

NOT_INSTALLED = "PostgreSQL is not installed (Debian: apt-get install postgresql)"
SUPERUSER = "seaway_admin"
USER = "seaway"
TLS_USER = "seaway_tls"
"""Is admitted with TLS only."""
PASSWORD = "horse/battery@staple"
_HOST = "127.0.0.1"
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "listen_addresses": f"'{_HOST}'",
    "autovacuum": "off",
    "ssl": "on",
    "ssl_cert_file": "server.crt",
    "ssl_key_file": "server.key",
}
"""A test's data may be lost with the machine."""
_READY_SECONDS = 60.0
_TRIES = 3
"""Starts of a server whose port another program took between choosing and binding it."""
_TAKEN = "Address already in use"
_ENDS_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""Has the kernel end the server with the thread that started it, however that ends; Linux with util-linux."""


class DidNotStart(Exception):
    """The server ended, or was not ready in time; the message holds the end of its log."""


class PortTaken(DidNotStart):
    """Another program listens on the server's port, or is connected from it."""


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, of its newest version; None where it is not installed."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]), reverse=True
    )
    on_path = shutil.which("postgres")
    return found[0].parent if found else Path(on_path).parent if on_path else None


@dataclass(slots=True)
class PostgresServer:
    """A running server."""

    folder: Path
    port: int = 0
    """Chosen at the first start."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def ca(self) -> Path:
        """Return the authority of the server's certificate (PEM)."""
        return self.folder / "ca.crt"

    def url(self, database: str, *, user: str = USER, password: str = PASSWORD) -> str:
        """Return the SQLAlchemy URL of a database, with the password."""
        url = URL.create("postgresql+psycopg", user, password, _HOST, self.port, database)
        return url.render_as_string(hide_password=False)

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as the superuser; return what it answers, a line a row."""
        command = [
            str(_program("psql")), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
            "-h", str(self.folder), "-p", str(self.port), "-U", SUPERUSER, "-d", database, "-c", statement,
        ]  # fmt: skip
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, user=_owner())
        if done.returncode != 0:
            raise RuntimeError(f"{statement}: {done.stderr}")
        return done.stdout.strip()

    def make_template(self, name: str) -> None:
        """Have a database copied only: nobody connects to it any more. One that somebody is connected to cannot be copied."""
        self.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        others = f"FROM pg_stat_activity WHERE datname = '{name}'"
        deadline = time.monotonic() + _READY_SECONDS
        while self.execute(f"SELECT pg_terminate_backend(pid, 1000) {others}"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"connections to {name} do not end: {self.execute(f'SELECT * {others}')}")

    def create_database(self, name: str, template: str = "template0") -> str:
        """Create a database of the ordinary user and return its URL."""
        self.execute(f'CREATE DATABASE "{name}" OWNER {USER} TEMPLATE "{template}"')
        return self.url(name)

    def start(self) -> None:
        """Start the server and return when it answers; call it in a thread that lives as long as the server shall."""
        with (self.folder / "server.log").open("ab") as log:
            begin = log.tell()
            self.process = subprocess.Popen(
                [*_ENDS_WITH_PARENT, str(_program("postgres")), "-D", str(self.folder / "data"), "-k", str(self.folder),
                 "-p", str(self.port), *(f"--{name}={value.strip(chr(39))}" for name, value in _SETTINGS.items())],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=_owner(), cwd=self.folder,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _READY_SECONDS
        ready = [str(_program("pg_isready")), "-q", "-h", _HOST, "-p", str(self.port), "-d", "postgres"]
        while subprocess.run(ready, check=False, timeout=30).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "server.log").read_bytes()[begin:].decode(errors="replace")[-3000:]
                kind = PortTaken if _TAKEN in said else DidNotStart
                raise kind(f"PostgreSQL is not ready; the end of its log:\n{said}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server at once; what it acknowledged is there at the next start."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # "fast": it ends all sessions
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(30)
            self.process = None

    def restart(self) -> None:
        """Stop and start the server."""
        self.stop()
        self.start()


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """Run a new server until the block is left; ready when entered, its data are deleted at the end.

    Raises:
        DidNotStart: it is not installed, ended, or was not ready in time.
    """
    folder = Path(tempfile.mkdtemp(prefix="seaway-postgresql-"))  # short: a socket's path has a limit
    server = PostgresServer(folder)
    try:
        _give_to_owner(folder)
        _initialise(server)
        _encrypt(server)
        _start_first(server)
        for user in (USER, TLS_USER):
            server.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'")
        server.execute(f"GRANT {USER} TO {TLS_USER}")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _start_first(server: PostgresServer) -> None:
    for left in reversed(range(_TRIES)):
        server.port = _free_port()
        try:
            server.start()
            return
        except PortTaken:
            if not left:
                raise


def _program(name: str) -> Path:
    folder = programs()
    if folder is None:
        raise DidNotStart(NOT_INSTALLED)
    return folder / name


def _initialise(server: PostgresServer) -> None:
    command = [
        str(_program("initdb")), "-D", str(server.folder / "data"), "-U", SUPERUSER, "-E", "UTF8",
        "--locale=C", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256",
    ]  # fmt: skip
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, user=_owner(), cwd=server.folder
    )
    if done.returncode != 0:
        raise DidNotStart(f"initdb failed: {done.stderr}")


def _encrypt(server: PostgresServer) -> None:
    """Give the server a certificate, and a user who has to use it."""
    made = ensure_certificate(server.folder / "certificate", datetime.now(UTC))
    shutil.copy(made.ca, server.ca)
    for source, name in ((made.certificate, "server.crt"), (made.key, "server.key")):
        target = server.folder / "data" / name
        shutil.copy(source, target)
        target.chmod(0o600)
        _give_to_owner(target)
    rules = server.folder / "data" / "pg_hba.conf"
    rules.write_text(f"hostnossl all {TLS_USER} all reject\n" + rules.read_text())


def _give_to_owner(path: Path) -> None:
    if (owner := _owner()) is not None:
        os.chown(path, pwd.getpwnam(owner).pw_uid, -1)


def _owner() -> str | None:
    """Return as whom the server runs, None for this process' own user: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as listener:
        return int(listener.getsockname()[1])
