"""The languages in which Seaway explains itself: which there are, which one is wanted, and their catalogues.

Catalogues are gettext's PO files in the folder `catalogues`, one for each language but English.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from seaway.base.messages import Catalogue

ENGLISH = "en"
LANGUAGES = {
    ENGLISH: "English",
    "de": "Deutsch",
    "es": "español",
    "fr": "français",
    "zh": "简体中文",
}
"""Their names in themselves, by their codes (ISO 639)."""
VARIABLE = "SEAWAY_LANGUAGE"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Where POSIX says the language of messages is named; the first that is set counts."""
_TRADITIONAL = ("hant", "tw", "hk", "mo")
"""Of Chinese, what is written in other characters than those that there are here."""


class _Translations:
    """A catalogue that was read."""

    def __init__(self, templates: Mapping[str, str]) -> None:
        self._templates = templates

    def template(self, english: str) -> str:
        return self._templates.get(english, english)


@cache
def catalogue(language: str) -> Catalogue:
    """Return the catalogue of one of `LANGUAGES`."""
    return _Translations(translations(language) if language != ENGLISH else {})


def translations(language: str) -> dict[str, str]:
    """Return the templates of a language other than English, by the English ones."""
    # late: who reads English needs neither
    from importlib.resources import files

    import polib

    text = files("seaway.base").joinpath("catalogues", f"{language}.po").read_text(encoding="utf-8")
    return {entry.msgid: entry.msgstr for entry in polib.pofile(text) if entry.msgstr and not entry.obsolete}


def known(tag: str) -> str | None:
    """Return the language that a tag names, such as "de-AT", "zh_CN.UTF-8" or "C"; None for one that there is not."""
    language, *rest = tag.partition(".")[0].partition("@")[0].replace("_", "-").lower().split("-")
    if language == "zh" and any(part in _TRADITIONAL for part in rest):
        return None
    return language if language in LANGUAGES else None


def from_environment(environ: Mapping[str, str]) -> str:
    """Return the language that the environment asks for: SEAWAY_LANGUAGE, or else the locale; English where it is none of ours."""
    if asked := environ.get(VARIABLE):
        return known(asked) or ENGLISH
    locale = next((environ[name] for name in _LOCALE if environ.get(name)), "")
    return known(locale) or ENGLISH


def accepted(header: str) -> str:
    """Return the language of a request, by its header Accept-Language (RFC 9110, section 12.5.4); English where it wants none of ours."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header.split(",")):
        tag, _, weight = part.strip().partition(";")
        found = known(tag.strip())
        if found is not None and (quality := _quality(weight)) > 0:
            wanted.append((-quality, place, found))
    return min(wanted)[2] if wanted else ENGLISH


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
