"""Contexts: which one counts, how they are kept, and what a damaged file says."""

from __future__ import annotations

import json
import multiprocessing
import stat

import pytest

from seaway.sdk.contexts import (
    LOCAL,
    Context,
    Contexts,
    change_contexts,
    check_name,
    chosen_name,
    contexts_path,
    format_contexts,
    name_of_url,
    parse_contexts,
    read_contexts,
)
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import Home
from seaway.sdk.lock import target_for

TEAM = Context("team", "https://seaway.example.com", user="ada")
OTHER = Context("other", "https://10.0.0.7:8443", ca="PEM", expires="2027-01-01T00:00:00Z", keyring=True)
BOTH = Contexts("team", {"team": TEAM, "other": OTHER})


@pytest.mark.parametrize(
    ("asked", "variable", "current", "expected"),
    [
        pytest.param(None, None, "local", "local", id="nothing said"),
        pytest.param(None, None, "team", "team", id="the one that was chosen last"),
        pytest.param(None, "other", "team", "other", id="the variable comes before it"),
        pytest.param("local", "other", "team", "local", id="the option comes before both"),
        pytest.param("", "", "team", "team", id="an empty variable says nothing"),
    ],
)
def test_which_context_counts(asked, variable, current, expected):
    assert chosen_name(asked, variable, lambda: Contexts(current)) == expected


@pytest.mark.parametrize(("asked", "variable"), [("local", None), (None, "local")])
def test_the_file_is_not_needed_for_a_context_that_is_named(asked, variable):
    def read() -> Contexts:
        raise AssertionError

    assert chosen_name(asked, variable, read) == LOCAL


def test_what_was_written_comes_back():
    assert parse_contexts(format_contexts(BOTH)) == BOTH
    assert parse_contexts(format_contexts(Contexts())) == Contexts()


@pytest.mark.parametrize(
    ("change", "current", "names"),
    [
        pytest.param(lambda c: c.with_current("other"), "other", {"team", "other"}, id="use"),
        pytest.param(lambda c: c.with_current("local"), "local", {"team", "other"}, id="use local"),
        pytest.param(lambda c: c.without("other"), "team", {"team"}, id="remove another"),
        pytest.param(lambda c: c.without("team"), "local", {"other"}, id="remove the current one"),
        pytest.param(lambda c: c.renamed("team", "us"), "us", {"us", "other"}, id="rename the current one"),
        pytest.param(lambda c: c.renamed("other", "us"), "team", {"team", "us"}, id="rename another"),
        pytest.param(
            lambda c: c.with_context(Context("new", "https://n")),
            "new",
            {"team", "other", "new"},
            id="log in",
        ),
    ],
)
def test_changes(change, current, names):
    changed = change(BOTH)
    assert (changed.current, set(changed.named)) == (current, names)
    assert {context.name for context in changed.named.values()} == names
    assert parse_contexts(format_contexts(changed)) == changed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda c: c.get("tem"), "there are: local, other, team", id="unknown"),
        pytest.param(lambda c: c.with_current("tem"), "no context 'tem'", id="use an unknown one"),
        pytest.param(lambda c: c.without("local"), "always there", id="remove local"),
        pytest.param(lambda c: c.renamed("local", "x"), "keeps its name", id="rename local"),
        pytest.param(lambda c: c.renamed("team", "other"), "already", id="a name that is taken"),
        pytest.param(lambda c: c.renamed("team", "local"), "this machine", id="a name that is local's"),
        pytest.param(lambda c: c.renamed("team", "../x"), "cannot be", id="a path in place of a name"),
    ],
)
def test_what_cannot_be(change, said):
    with pytest.raises(SeawayError, match=said) as caught:
        change(BOTH)
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["", "-a", "a/b", "..", "A", "a b", "x" * 64, "a\n"])
def test_names_that_cannot_be(name):
    with pytest.raises(SeawayError):
        check_name(name)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://Seaway.Example.com", "seaway.example.com"),
        ("https://10.0.0.7:8443", "10.0.0.7"),
        ("https://[::1]:8443", "1"),
        ("https://local", "server"),
        ("https://a_b.example", "a-b.example"),
    ],
)
def test_a_context_is_named_after_its_host(url, name):
    assert check_name(name_of_url(url)) == name


def damage(**changes: object) -> str:
    said = json.loads(format_contexts(BOTH))
    return json.dumps({**said, **changes})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "line 1", id="empty"),
        pytest.param('{"format": 1,\n', "line 2", id="cut off"),
        pytest.param("[]", "damaged", id="a list"),
        pytest.param("{}", "'format' is missing", id="nothing in it"),
        pytest.param(damage(format=2), "a newer Seaway", id="a newer format"),
        pytest.param(damage(current="gone"), "'gone' is not in it", id="current is none of them"),
        pytest.param(damage(contexts={"a/b": {"url": "https://x"}}), "no context's name", id="bad name"),
        pytest.param(damage(contexts={"team": {}}), "'url' is missing", id="no URL"),
        pytest.param(damage(contexts={"team": {"url": "http://x"}}), "no https URL", id="no TLS"),
        pytest.param(damage(contexts={"team": {"url": 7}}), "no https URL", id="a number as URL"),
        pytest.param(
            damage(contexts={"team": {"url": "https://x", "insecure": True}}), "insecure", id="unknown key"
        ),
        pytest.param(damage(contexts={"team": {"url": "https://x", "ca": 1}}), "ca of", id="wrong type"),
        pytest.param(damage(contexts={"team": None}), "damaged", id="no values"),
        pytest.param("\0", "line 1", id="no text"),
    ],
)
def test_a_damaged_file_is_named_with_a_remedy(tmp_path, text, said):
    home = Home(tmp_path)
    contexts_path(home).write_text(text)
    with pytest.raises(SeawayError, match=said) as caught:
        read_contexts(home)
    assert str(contexts_path(home)) in caught.value.message
    assert "seaway login" in caught.value.remedy
    with pytest.raises(SeawayError):
        change_contexts(home, lambda known: known)
    assert contexts_path(home).read_text() == text, "it was changed"


def test_the_file_is_its_owners_alone(tmp_path):
    home = Home(tmp_path / "home")
    assert read_contexts(home) == Contexts()
    change_contexts(home, lambda known: known.with_context(TEAM))
    assert stat.S_IMODE(contexts_path(home).stat().st_mode) == 0o600
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
    assert read_contexts(home) == Contexts("team", {"team": TEAM})


def add(path, number: int) -> None:
    name = f"server-{number}"
    change_contexts(Home(path), lambda known: known.with_context(Context(name, f"https://{name}")))


def test_commands_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("forkserver")
    processes = [context.Process(target=add, args=(tmp_path, number)) for number in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert sorted(read_contexts(Home(tmp_path)).named) == [f"server-{number}" for number in range(6)]


@pytest.mark.parametrize(
    ("elsewhere", "system", "platform"),
    [
        pytest.param(False, "linux", None, id="here"),
        pytest.param(False, "darwin", None, id="here, on a Mac"),
        pytest.param(True, "linux", None, id="a cluster, from Linux"),
        pytest.param(True, "darwin", "linux", id="a cluster, from a Mac"),
    ],
)
def test_packages_are_resolved_for_where_they_run(elsewhere, system, platform):
    assert target_for(elsewhere=elsewhere, system=system).platform == platform
