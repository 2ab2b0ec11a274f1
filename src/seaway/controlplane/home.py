"""What the cluster keeps in its home beside the store: its addresses, the version of its data, the kubeconfig."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from seaway.base.files import write_private
from seaway.controlplane.apiserver.pki import Pair
from seaway.controlplane.ranges import AllRangesTaken, claim_range

HOST = "127.0.0.1"
FORMAT = 2
"""Version of the data in `<home>/cluster`; one more with each change that an older Seaway cannot read."""
_NODE_PREFIX = 20


class ClusterError(Exception):
    """The cluster cannot start as it was asked to. The message says what to do."""

    code = "Storage"
    """A stable word for the kind of fault: something on the disk."""


class ClusterBusy(ClusterError):
    """Something else must end first: the program that has the port, what a node still runs."""

    code = "Temporary"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a cluster lives on this machine."""

    port: int
    """Of the API server, on 127.0.0.1."""
    pod_network: str
    """Loopback range of the pods' addresses."""
    service_network: str
    """Loopback range of the services' addresses."""

    def pod_network_of(self, node: int) -> str:
        """Return one node's part of the pods' addresses; nodes count from 1."""
        parts = list(ipaddress.ip_network(self.pod_network).subnets(new_prefix=_NODE_PREFIX))
        return str(parts[(node - 1) % len(parts)])


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster's address, claimed for as long as it runs."""

    address: Address
    listener: socket.socket
    kubeconfig: Path
    """Of the owner, who administers everything."""
    user_kubeconfig: Path
    """Of a user, who works in the workspace's namespace."""

    @property
    def url(self) -> str:
        """The API server's URL."""
        return f"https://{HOST}:{self.address.port}"


def check_format(folder: Path, version: str) -> None:
    """Refuse data that a newer Seaway wrote; note the version of new data.

    Raises:
        ClusterError: the data is of a newer version, or the note of it cannot be read.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    note = folder / "version.json"
    if note.exists():
        try:
            written = json.loads(note.read_text())
            found, by = int(written["format"]), str(written["seaway"])
        except (ValueError, KeyError, TypeError) as error:
            raise ClusterError(
                f"{note} cannot be read: restore it, or move {folder} away to start anew"
            ) from error
        if found > FORMAT:
            raise ClusterError(
                f"the data in {folder} was written by Seaway {by}, which is newer than this one ({version}): "
                "use that version, or set SEAWAY_HOME to another folder"
            )
    write_private(note, json.dumps({"format": FORMAT, "seaway": version}).encode())


@contextmanager
def open_place(home: Path, port: int | None) -> Iterator[Place]:
    """Claim the cluster's port and loopback ranges: those kept from the last start where they are free.

    Args:
        home: Seaway's home.
        port: the port asked for; None for the kept one, or a free one.

    Raises:
        ClusterError: the port asked for is taken.
    """
    file = home / "cluster" / "address.json"
    kept = _kept(file)
    listener = _listen(port, kept.port if kept else None)
    claim: socket.socket | None = None
    try:
        try:
            second, claim = claim_range(int(kept.pod_network.split(".")[1]) if kept else None)
        except AllRangesTaken as error:
            raise ClusterBusy(str(error)) from error
        address = Address(listener.getsockname()[1], f"127.{second}.0.0/16", f"127.{second + 96}.0.0/16")
        if address != kept:
            write_private(file, json.dumps(asdict(address)).encode())
        yield Place(address, listener, home / "kubeconfig", home / "kubeconfig-user")
    finally:
        listener.close()
        if claim is not None:
            claim.close()


def _kept(file: Path) -> Address | None:
    """Return the address of the last start; None where there is none that can be used."""
    if not file.exists():
        return None
    try:
        kept = Address(**json.loads(file.read_text()))
        ipaddress.ip_network(kept.pod_network)
        return kept
    except (ValueError, TypeError):
        return None  # chosen anew, and the kubeconfig written anew with it


def _listen(asked: int | None, kept: int | None) -> socket.socket:
    if asked is not None:
        try:
            return _bound(asked)
        except OSError as error:
            raise ClusterBusy(f"port {asked} is in use by another program: choose another one") from error
    if kept is not None:
        with contextlib.suppress(OSError):
            return _bound(kept)
    return _bound(0)


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(1024)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def write_kubeconfig(file: Path, url: str, authority: Pair, user: Pair, namespace: str) -> None:
    """Write a kubeconfig that holds all it needs, mode 0600.

    Args:
        file: where.
        url: of the API server.
        authority: that signed the API server's certificate.
        user: whose certificate it holds.
        namespace: the current one.
    """

    def data(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    name = "seaway"
    lines = [
        "apiVersion: v1", "kind: Config", f"current-context: {name}", "preferences: {}",
        "clusters:", f"- name: {name}", "  cluster:", f"    server: {url}",
        f"    certificate-authority-data: {data(authority.certificate)}",
        "users:", f"- name: {name}", "  user:",
        f"    client-certificate-data: {data(user.certificate)}",
        f"    client-key-data: {data(user.key)}",
        "contexts:", f"- name: {name}", "  context:",
        f"    cluster: {name}", f"    user: {name}", f"    namespace: {namespace}", "",
    ]  # fmt: skip
    write_private(file, "\n".join(lines).encode())
