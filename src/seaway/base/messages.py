"""Sentences for people that can be said in other languages: made in English, and knowing what they were made from.

A `Message` is a str, its English words, so that whoever needs no other language need not know what it is. It keeps its
template and what fills it in, and `spoken_in` says it anew in another language. The template is what translators see: a
whole thought in literal words, with commands, names and quotes as values, which no language changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, Self

Value = str | int | float
"""What fills a template in; a `Message` is said in the other language itself."""


class Catalogue(Protocol):
    """A language: what its templates are, by the English ones."""

    def template(self, english: str) -> str:
        """Return a template in this language, the English one where there is none."""
        ...


class Message(str):
    """A sentence, or a part of one, in English.

    Attributes:
        template: its words, with a name in braces where a value comes in, as `str.format` takes them.
        values: the values, by these names.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, Value]

    def __new__(cls, template: str, values: Mapping[str, Value]) -> Self:
        """Fill a template in."""
        made = super().__new__(cls, template.format_map(values))
        made.template, made.values = template, values
        return made

    def __add__(self, other: str) -> Message:
        return joined("", (self, other))

    def __radd__(self, other: str) -> Message:
        return joined("", (other, self))

    def changed(self, change: Callable[[str], Any]) -> dict[str, Any]:
        """Return its values with something done to each that is a text."""
        return {
            name: change(value) if isinstance(value, str) else value for name, value in self.values.items()
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return Message, (self.template, dict(self.values))


def wording(template: str, /, **values: Value) -> Message:
    """Return a message; translators find its template here, so that it must be written out."""
    return Message(template, values)


def joined(separator: str, parts: Iterable[str]) -> Message:
    """Return several messages as one, with the same between them in every language."""
    values = {f"part{number}": part for number, part in enumerate(parts)}
    return Message(
        separator.replace("{", "{{").replace("}", "}}").join(f"{{{name}}}" for name in values), values
    )


def mapped(text: str, change: Callable[[str], str]) -> str:
    """Return a text with something done to all in it that is not a message's own words: names, quotes, commands."""
    if not isinstance(text, Message):
        return change(text)
    return Message(text.template, text.changed(lambda value: mapped(value, change)))


def spoken_in(text: str, catalogue: Catalogue) -> str:
    """Return a message in another language; a text that is none as it is."""
    if not isinstance(text, Message):
        return text
    values = text.changed(lambda value: spoken_in(value, catalogue))
    return catalogue.template(text.template).format_map(values)


def as_words(text: str) -> dict[str, Any] | None:
    """Return what a message was made from as JSON, None for a text that is none."""
    if not isinstance(text, Message):
        return None
    values = text.changed(lambda value: as_words(value) or str(value))
    return {"template": text.template, "values": values}


def from_words(words: Mapping[str, Any]) -> Message:
    """Return the message that `as_words` wrote down."""
    values = {
        name: from_words(value) if isinstance(value, Mapping) else value
        for name, value in words["values"].items()
    }
    return Message(words["template"], values)
