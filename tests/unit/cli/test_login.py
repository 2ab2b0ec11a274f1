"""What `seaway login` takes as an address, and what it refuses before anything is asked or sent."""

from __future__ import annotations

import pytest

from seaway.cli.login import server_url
from seaway.cli.main import main
from seaway.sdk.errors import SeawayError
from seaway.sdk.trust import fingerprint, parse_fingerprint

HEX = "0a" * 32
SHOWN = "SHA256:" + ":".join(["0A"] * 32)


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    monkeypatch.setenv("SEAWAY_HOME", str(tmp_path / "home"))
    for name in ("SEAWAY_TOKEN", "SEAWAY_CONTEXT", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("https://seaway.example.com", "https://seaway.example.com"),
        ("https://Seaway.Example.com/", "https://seaway.example.com"),
        ("seaway.example.com", "https://seaway.example.com"),
        ("seaway.example.com:8443", "https://seaway.example.com:8443"),
        ("https://seaway.example.com:443", "https://seaway.example.com"),
        ("https://10.0.0.7:8443", "https://10.0.0.7:8443"),
        ("https://[FD00::1]:8443", "https://[fd00::1]:8443"),
    ],
)
def test_an_address_has_one_form(typed, expected):
    assert server_url(typed) == expected
    assert server_url(expected) == expected


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("http://seaway.example.com", "never sent without TLS"),
        ("ftp://seaway.example.com", "https://"),
        ("https://", "no address"),
        ("https://a:port", "no address"),
        ("https://exa mple.com", "no address"),
        ("https://a\r\nb", "no address"),
        ("https://ada:secret@seaway.example.com", "password"),
        ("https://seaway.example.com/team", "after the host"),
        ("https://seaway.example.com?x=1", "after the host"),
    ],
)
def test_an_address_that_cannot_be_is_refused(typed, said):
    with pytest.raises(SeawayError, match=said) as caught:
        server_url(typed)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "typed",
    [
        HEX,
        HEX.upper(),
        SHOWN,
        f"sha256:{HEX}",
        "SHA256 Fingerprint=" + SHOWN.removeprefix("SHA256:"),
        f" {SHOWN}\n",
    ],
)
def test_a_fingerprint_is_understood_however_it_was_copied(typed):
    assert parse_fingerprint(typed) == SHOWN


@pytest.mark.parametrize("typed", ["", "0a", HEX + "0a", "g" * 64, "SHA1:" + "0a" * 20])
def test_what_is_no_fingerprint_is_refused(typed):
    with pytest.raises(SeawayError, match="SHA-256"):
        parse_fingerprint(typed)


def test_a_text_without_a_certificate_has_no_fingerprint():
    with pytest.raises(ValueError, match="no certificate"):
        fingerprint("-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["login"], 64, "URL", id="no address"),
        pytest.param(["login", "http://x"], 64, "TLS", id="no TLS"),
        pytest.param(
            ["login", "x.example", "--token", "secret"], 64, "shell's history", id="token as argument"
        ),
        pytest.param(["login", "x.example", "--name", "local"], 64, "this machine", id="the local name"),
        pytest.param(
            ["login", "x.example", "--name", "A B"], 64, "cannot be a context's name", id="a bad name"
        ),
        pytest.param(["login", "x.example", "--fingerprint", "12"], 64, "fingerprint", id="bad fingerprint"),
        pytest.param(["login", "x.example", "--ca", "none.pem"], 64, "none.pem", id="no such file"),
        pytest.param(["login", "https://127.0.0.1:1"], 69, "does not answer", id="nobody there"),
        pytest.param(["logout"], 64, "this machine", id="log out of local"),
        pytest.param(["logout", "team"], 64, "no context 'team'", id="log out of an unknown one"),
        pytest.param(["context", "use", "team"], 64, "no context 'team'", id="use an unknown one"),
        pytest.param(["context", "rm", "local"], 64, "always there", id="remove local"),
        pytest.param(["context", "us"], 64, "Did you mean 'use'", id="a mistyped subcommand"),
        pytest.param(["--context", "team", "ps"], 64, "no context 'team'", id="an unknown context, before"),
        pytest.param(["ps", "--context", "team"], 64, "no context 'team'", id="an unknown context, after"),
        pytest.param(["up", "--context", "team"], 64, "this machine", id="up is for this machine"),
        pytest.param(["token", "create", "eve", "--expires", "soon"], 64, "--expires", id="no duration"),
        pytest.param(["token", "list"], 69, "seaway up", id="tokens without a server"),
    ],
)
def test_mistakes_get_a_sentence_a_remedy_and_a_stable_code(capfd, arguments, code, said, tmp_path):
    assert main(arguments) == code
    shown = capfd.readouterr()
    assert said in shown.err
    assert "try:" in shown.err
    assert "secret" not in shown.err
    assert "Traceback" not in shown.err
    assert not (tmp_path / "home").exists()


def test_a_context_of_one_command_is_not_the_next_ones(capfd):
    assert main(["ps", "--context", "team"]) == 64
    assert main(["context"]) == 0
    assert "*  local" in capfd.readouterr().out


def test_a_damaged_file_stops_nothing_on_this_machine(capfd, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "contexts.json").write_text("{")
    assert main(["ps"]) == 65
    assert "contexts.json is damaged" in capfd.readouterr().err
    assert main(["ps", "--context", "local"]) == 69
    assert "seaway up" in capfd.readouterr().err
    assert main(["down"]) == 0
    assert "contexts.json is damaged" in capfd.readouterr().err
