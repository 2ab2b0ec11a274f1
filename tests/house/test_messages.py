"""The catalogues of the languages say all that the code says, with the same values, and leave to be typed what is typed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from string import Formatter

import polib
import pytest

from seaway.base.languages import ENGLISH, LANGUAGES
from seaway.cli.main import COMMANDS
from tools.messages import CATALOGUES, followed, templates

OTHERS = [language for language in LANGUAGES if language != ENGLISH]
OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
QUOTED = re.compile(r"`([^`{}]+)`|\"([^\"{}]+)\"|(?<!\w)'([^'{}]+)'(?!\w)")
TYPED = {
    "seaway": "|".join(COMMANDS),
    "kubectl": "annotate|api-resources|apply|auth|config|cordon|cp|create|debug|delete|describe|drain|edit|events?|exec|explain|get|label|logs|patch|port-forward|replace|rollout|run|scale|set|taint|top|uncordon|wait",
    "pip": "check|download|freeze|index|install|list|show|uninstall|wheel",
    "uv": "add|lock|pip|python|run|sync|venv",
    "helm": "get|history|install|list|rollback|status|template|uninstall|upgrade|values",
}
"""Commands that are typed, by their programs: "kubectl says" is prose, "kubectl logs" is none."""
COMMAND = re.compile("|".join(rf"\b{program} (?:{words})\b" for program, words in TYPED.items()))

said = cache(templates)


@cache
def translations(language: str) -> dict[str, str]:
    return {entry.msgid: entry.msgstr for entry in polib.pofile(str(CATALOGUES / f"{language}.po"))}


def fields(template: str) -> Counter[str]:
    """Return how often each value is filled in, with its conversion and its format."""
    return Counter(
        name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
        for _, name, spec, conversion in Formatter().parse(template)
        if name is not None
    )


def kept(template: str) -> set[str]:
    """Return what stands in a template as it is typed or written elsewhere: options, words in quotes."""
    return set(OPTION.findall(template)) | {"".join(match) for match in QUOTED.findall(template)}


def faults(english: str, translated: str) -> Iterator[str]:
    """Yield what a translation lacks of the template, and what it has of its own."""
    if not translated.strip():
        yield "is not translated"
        return
    try:
        filled = fields(translated)
    except ValueError as error:
        yield f"is no template: {error}"
        return
    asked = fields(english)
    yield from (f"lacks {{{name}}}" for name in asked if filled[name] < asked[name])
    yield from (f"has {{{name}}}, which the code does not give" for name in filled if name not in asked)
    yield from (f"lacks {words!r}" for words in sorted(kept(english)) if words not in translated)


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_follows_the_code(language: str) -> None:
    known = translations(language)
    assert known.keys() == said().keys(), "make messages makes it anew"
    text = (CATALOGUES / f"{language}.po").read_text(encoding="utf-8")
    # compared apart from the assertion: of texts this long pytest would look for the differences for minutes
    same = text == str(followed(known, said(), language))
    assert same, "make messages makes it anew"


@pytest.mark.parametrize("language", OTHERS)
def test_everything_is_translated_with_its_values(language: str) -> None:
    known = translations(language)
    wrong = [
        f"{english!r} {fault}" for english in said() for fault in faults(english, known.get(english, ""))
    ]
    assert not wrong, "\n".join([f"{len(wrong)} faults:", *wrong[:30]])


@pytest.mark.parametrize(
    ("english", "translated", "fault"),
    [
        ("{a} of {b}", "{b}: {a}, {a}", ""),
        ("{a} of {b}", "{a}", "lacks {b}"),
        ("{a} and {a}", "{a}", "lacks {a}"),
        ("{a!r} for {b:.0f} s", "{a} / {b:.0f} s", "lacks {a!r}"),
        ("{a}", "{a} {amount}", "has {amount}, which the code does not give"),
        ("{a}", "{a} {", "is no template"),
        ("its CPU (--cpu)", "seine CPU (--CPU)", "lacks '--cpu'"),
        (
            "the node's `timeout` says 'it is over'",
            "Das Programm `timeout` des Knotens sagt »it is over«",
            "",
        ),
        ("the command `timeout`", "der Befehl »Zeitgrenze«", "lacks 'timeout'"),
        ("room", " ", "is not translated"),
    ],
)
def test_a_fault_of_a_translation_is_found(english: str, translated: str, fault: str) -> None:
    found = list(faults(english, translated))
    assert [each[: len(fault)] for each in found][:1] == ([fault] if fault else [])


def test_every_message_is_written_out_and_given_its_values() -> None:
    """Else templates() says where one is not."""
    assert said()


def test_what_is_typed_is_a_value() -> None:
    """A translation could change it, and would be typed wrong."""
    assert COMMAND.search("see it with seaway logs {run}")
    assert not COMMAND.search("what kubectl says, and Seaway runs")
    assert [template for template in said() if COMMAND.search(template)] == []
