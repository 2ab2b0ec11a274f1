"""Which language is wanted."""

from __future__ import annotations

import pytest

from seaway.base.languages import LANGUAGES, accepted, catalogue, from_environment, known


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("de", "de"), ("de-AT", "de"), ("de_DE.UTF-8", "de"), ("fr_FR@euro", "fr"), ("ES", "es"), ("C", None), ("POSIX", None),
        ("zh", "zh"), ("zh-Hans-SG", "zh"), ("zh_CN.UTF-8", "zh"), ("zh_TW.UTF-8", None), ("zh-Hant", None), ("pt", None), ("", None),
    ],
)  # fmt: skip
def test_a_tag_names_a_language(tag: str, language: str | None) -> None:
    assert known(tag) == language


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "", "LC_MESSAGES": "fr_FR"}, "fr"),
        ({"LANG": "de_DE.UTF-8", "SEAWAY_LANGUAGE": "es"}, "es"),
        ({"LANG": "de_DE.UTF-8", "SEAWAY_LANGUAGE": "klingon"}, "en"),
    ],
)
def test_the_environment_asks_for_a_language(environ: dict[str, str], language: str) -> None:
    assert from_environment(environ) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"), ("*", "en"), ("de", "de"), ("pt-BR, fr;q=0.5, es;q=0.7", "es"), ("de;q=0, en", "en"), ("fr;q=x, de;q=0.1", "de"),
        ("en, de", "en"), ("de , en", "de"), (";;q=,,", "en"), ("de;q=0.8, fr;q=0.8", "de"), ("DE;Q=0.1, fr", "fr"),
    ],
)  # fmt: skip
def test_a_request_accepts_a_language(header: str, language: str) -> None:
    assert accepted(header) == language


def test_each_language_can_be_read() -> None:
    for language in LANGUAGES:
        assert catalogue(language).template("no such words") == "no such words"
