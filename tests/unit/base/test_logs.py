from __future__ import annotations

import io
import json
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


def test_an_entry_is_one_json_object_with_the_traceback_inside(log):
    stream = io.StringIO()
    configure("debug", stream, json=True)
    try:
        raise ValueError("Bearer abcdef")
    except ValueError:
        log.exception("failed")
    entry = json.loads(stream.getvalue())
    assert (entry["level"], entry["logger"], entry["message"]) == ("error", "seaway.test", "failed")
    assert "ValueError: Bearer [redacted]" in entry["exception"]


def test_a_file_is_private_and_a_new_configuration_replaces_the_old(log, tmp_path):
    stream = io.StringIO()
    configure("info", stream)
    handler = configure("info", file=tmp_path / "a.log")
    log.info("here")
    handler.flush()
    assert "here" in (tmp_path / "a.log").read_text()
    assert stream.getvalue() == ""
    assert (tmp_path / "a.log").stat().st_mode & 0o777 == 0o600


def test_an_unknown_level_is_refused(log):
    with pytest.raises(ValueError, match="use debug, info, warning or error"):
        configure("loud")
