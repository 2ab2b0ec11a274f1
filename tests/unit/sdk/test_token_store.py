"""Where the tokens of contexts lie: files of their owner alone, and a keyring that may refuse or not answer."""

from __future__ import annotations

import stat
import threading

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import KeyringLocked, PasswordDeleteError

from seaway.sdk import token_store
from seaway.sdk.contexts import Context
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import Home
from seaway.sdk.token_store import forget_token, has_token, load_token, save_token, usable_keyring

IN_FILE = Context("team", "https://seaway.example.com")
IN_RING = Context("team", "https://seaway.example.com", keyring=True)


class MemoryKeyring(KeyringBackend):
    """A keyring that keeps what it is given, and can be locked or silent."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked, self.answers = False, threading.Event()
        self.answers.set()

    def get_password(self, service: str, username: str) -> str | None:
        self.answers.wait(60)
        if self.locked:
            raise KeyringLocked("it is locked")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise KeyringLocked("it is locked")
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("there is none")


@pytest.fixture
def ring():
    before, ours = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(ours)
    yield ours
    ours.answers.set()
    keyring.set_keyring(before)


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home")


def test_a_file_is_its_owners_alone(home):
    save_token(home, "team", "secret", keyring=False)
    path = home.path / "tokens" / "team"
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (home.path, path.parent, path)]
    assert modes == [0o700, 0o700, 0o600]
    assert load_token(home, IN_FILE) == "secret"
    assert has_token(home, IN_FILE)
    path.chmod(0o640)
    with pytest.raises(SeawayError, match="other users") as caught:
        load_token(home, IN_FILE)
    assert "chmod 600" in caught.value.remedy
    assert "secret" not in caught.value.message
    forget_token(home, IN_FILE)
    forget_token(home, IN_FILE)
    assert not has_token(home, IN_FILE)
    with pytest.raises(SeawayError, match="logged out") as caught:
        load_token(home, IN_FILE)
    assert caught.value.remedy == "seaway login https://seaway.example.com"


def test_homes_and_contexts_are_kept_apart_in_a_keyring(home, ring, tmp_path):
    other = Home(tmp_path / "other")
    save_token(home, "team", "one", keyring=True)
    save_token(other, "team", "two", keyring=True)
    assert (load_token(home, IN_RING), load_token(other, IN_RING)) == ("one", "two")
    assert not (home.path / "tokens").exists()
    forget_token(home, IN_RING)
    forget_token(home, IN_RING)
    assert load_token(other, IN_RING) == "two"
    with pytest.raises(SeawayError, match="logged out"):
        load_token(home, IN_RING)


def test_a_token_that_moves_into_the_keyring_leaves_its_file(home, ring):
    save_token(home, "team", "old", keyring=False)
    save_token(home, "team", "new", keyring=True)
    assert not (home.path / "tokens" / "team").exists()
    assert load_token(home, IN_RING) == "new"


def test_a_keyring_that_is_locked_is_said_to_be_so(home, ring):
    ring.locked = True
    for ask in (
        lambda: save_token(home, "team", "secret", keyring=True),
        lambda: load_token(home, IN_RING),
        lambda: forget_token(home, IN_RING),
    ):
        with pytest.raises(SeawayError, match="it is locked") as caught:
            ask()
        assert "--no-keyring" in caught.value.remedy


def test_one_that_does_not_answer_is_not_waited_for_without_end(home, ring, monkeypatch):
    save_token(home, "team", "secret", keyring=True)
    monkeypatch.setattr(token_store, "PATIENCE", 0.2)
    ring.answers.clear()
    with pytest.raises(SeawayError, match=r"not answered for 0\.2 s") as caught:
        load_token(home, IN_RING)
    assert caught.value.code == "Temporary"


def test_where_there_is_none_it_is_not_used(home):
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    try:
        assert usable_keyring() is None
        with pytest.raises(SeawayError, match="this Python has none") as caught:
            load_token(home, IN_RING)
        assert "seaway[keyring]" in caught.value.remedy
    finally:
        keyring.set_keyring(before)
