from __future__ import annotations

import io
import logging

import pytest

from seaway.base.logs import configure, redact


@pytest.fixture
def log():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield logging.getLogger("seaway.test")
    for handler in list(root.handlers):
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [redacted]"),
        ("token=abcdefgh12345 next", "token=[redacted] next"),
        ('{"token": "abcdefgh12345"}', '{"token": "[redacted]"}'),
        ("https://user:hunter2@host/path", "https://user:[redacted]@host/path"),
        ("jwt eyJhbGciOiJS.eyJzdWIi.c2lnbmF0", "jwt [redacted]"),
        ("the pod default/token-reader is ready", "the pod default/token-reader is ready"),
        ("http://host:8080/path", "http://host:8080/path"),
    ],
)
def test_no_secret_is_written(text, clean):
    assert redact(text) == clean


def test_an_entry_is_one_line_of_text(log):
    stream = io.StringIO()
    configure("info", stream)
    log.debug("not this")
    log.info("started %s\nand more", "it")
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(r" info    seaway.test: started it\nand more")


def test_a_traceback_follows_without_secrets(log):
    stream = io.StringIO()
    configure("debug", stream)
    try:
        raise ValueError("Bearer abcdef")
    except ValueError:
        log.exception("failed")
    first, *traceback = stream.getvalue().splitlines()
    assert first.endswith("error   seaway.test: failed")
    assert traceback[-1] == "ValueError: Bearer [redacted]"


def test_a_new_configuration_replaces_the_old(log):
    before, after = io.StringIO(), io.StringIO()
    configure("info", before)
    configure("info", after)
    log.info("here")
    assert "here" in after.getvalue()
    assert before.getvalue() == ""


def test_an_unknown_level_is_refused(log):
    with pytest.raises(ValueError, match="use debug, info, warning or error"):
        configure("loud", io.StringIO())


def test_the_web_servers_advice_on_websockets_is_left_out(log):
    stream = io.StringIO()
    configure("info", stream)
    log.warning("No supported WebSocket library detected. Please use \"pip install 'uvicorn[standard]'\"")
    log.warning("Invalid HTTP request received.")
    (line,) = stream.getvalue().splitlines()
    assert line.endswith("Invalid HTTP request received.")
