"""Secrets are sealed in the store's file: who has the file alone, or a backup of it, cannot read them.

In memory they are as plain as everything else. A sealed value begins with what it is sealed with, as in etcd under
Kubernetes; one that does not is plain, so that files of older versions can be read and are sealed when they are opened.

Source: Kubernetes' "Encrypting Confidential Data at Rest"; AES-GCM as of NIST SP 800-38D, the store's key as its
associated data, so that no value passes for another one's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from seaway.base.files import write_private
from seaway.base.sqlite import DatabaseError, connect, translated
from seaway.controlplane.store.keys import prefix_end

SEALED_PREFIX = "/registry/core/secrets/"
"""Where what is sealed lies in the store."""
ROTATE_SECONDS = 90 * 86400.0
"""At the first start after so long a new key takes over, and the old one goes."""
_MARK = b"k8s:enc:aesgcm:v1:"
_NONCE, _ID = 12, 8


class KeyUnusable(DatabaseError):
    """The key of the Secrets is missing, damaged or another one. The message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """One key."""

    secret: bytes
    made: float
    """Seconds since the epoch."""

    @property
    def id(self) -> bytes:
        """What names it in values; says nothing of it."""
        return hashlib.sha256(self.secret).hexdigest()[:_ID].encode()


class Sealer:
    """Seals and opens values.

    Args:
        keys: the first one seals, all of them open.
        file: where they lie, for errors.
    """

    def __init__(self, keys: Sequence[SealingKey], file: Path) -> None:
        self._file = file
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}
        self._head = _MARK + keys[0].id + b":"
        self._cipher = self._ciphers[keys[0].id]

    def seal(self, key: str, value: bytes) -> bytes:
        """Return a value as the file keeps it."""
        if not key.startswith(SEALED_PREFIX):
            return value
        nonce = os.urandom(_NONCE)
        return self._head + nonce + self._cipher.encrypt(nonce, value, key.encode())

    def open(self, key: str, value: bytes) -> bytes:
        """Return a value as it was. Raises KeyUnusable."""
        if not value.startswith(_MARK):
            return value
        start = len(_MARK)
        name, rest = value[start : start + _ID], value[start + _ID + 1 :]
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise _other_key(self._file)
        try:
            return cipher.decrypt(rest[:_NONCE], rest[_NONCE:], key.encode())
        except InvalidTag:
            raise _other_key(self._file) from None

    def is_current(self, value: bytes) -> bool:
        """Tell whether a value of the file is sealed with the key that seals."""
        return value.startswith(self._head)


def prepare_sealing(store: Path, file: Path, now: float) -> Sealer:
    """Return what seals a store's Secrets, with all of them sealed by one key of this time.

    Args:
        store: the store's file, which nobody has open; there may be none.
        file: of the keys, mode 0600.
        now: seconds since the epoch.

    Raises:
        KeyUnusable: the key is missing, damaged or another one.
        DatabaseError: the store cannot be read or written.
    """
    keys = _read(file)
    if not keys:
        _require_unsealed(store, file)
    if not keys or now - keys[0].made > ROTATE_SECONDS:
        keys = [SealingKey(AESGCM.generate_key(256), now), *keys]
        _write(file, keys)
    sealer = Sealer(keys, file)
    if store.exists():
        _seal_all(store, sealer)
    if len(keys) > 1:
        _write(file, keys[:1])
    return Sealer(keys[:1], file)


def _read(file: Path) -> list[SealingKey]:
    if not file.exists():
        return []
    keys = []
    try:
        for line in file.read_text().splitlines():
            kind, made, secret = line.split()
            key = SealingKey(base64.b64decode(secret, validate=True), float(made))
            if kind != "aesgcm" or len(key.secret) != 32:
                raise ValueError("another kind of key")
            keys.append(key)
    except (OSError, ValueError, binascii.Error):
        keys = []
    if not keys:
        raise KeyUnusable(
            f"{file} cannot be read as the key of the Secrets: restore it from a backup; without it the Secrets of "
            f"{file.parent.parent / 'store.db'} are lost: move that folder away to start anew"
        )
    return keys


def _write(file: Path, keys: Sequence[SealingKey]) -> None:
    lines = [f"aesgcm {key.made:.0f} {base64.b64encode(key.secret).decode()}\n" for key in keys]
    write_private(file, "".join(lines).encode())


def _require_unsealed(store: Path, file: Path) -> None:
    """Refuse to make a new key where Secrets are sealed with one that is not there."""
    if not store.exists():
        return
    connection = connect(store, check=False)
    try:
        if any(value.startswith(_MARK) for _, _, value in _rows(connection, store)):
            raise KeyUnusable(
                f"{file} is missing, and the Secrets in {store} are sealed with it: restore it from a backup, "
                f"or move {store.parent} away to start anew"
            )
    finally:
        connection.close()


def _seal_all(store: Path, sealer: Sealer) -> None:
    """Seal whatever is plain or sealed with an older key; of plain values nothing stays behind in the file."""
    connection = connect(store, check=False)
    try:
        stale = [row for row in _rows(connection, store) if not sealer.is_current(row[2])]
        if not stale:
            return
        plain = any(not value.startswith(_MARK) for _, _, value in stale)
        sealed = [(sealer.seal(key, sealer.open(key, value)), revision) for revision, key, value in stale]
        with translated(store):
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("UPDATE log SET value = ? WHERE revision = ?", sealed)
            connection.execute("COMMIT")
            if plain:
                connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()


def _rows(connection: sqlite3.Connection, store: Path) -> list[tuple[int, str, bytes]]:
    bounds = (SEALED_PREFIX, prefix_end(SEALED_PREFIX))
    with translated(store):
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'log'").fetchone():
            return []
        found = connection.execute("SELECT revision, key, value FROM log WHERE key >= ? AND key < ?", bounds)
        return list(found)


def _other_key(file: Path) -> KeyUnusable:
    return KeyUnusable(
        f"a Secret of the store cannot be opened with {file}: it is another cluster's key, or the store is damaged; "
        "restore both from one backup"
    )
