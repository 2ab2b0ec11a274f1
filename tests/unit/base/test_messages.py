"""Messages: English words that know how to be said in another language."""

from __future__ import annotations

import copy
import json
import pickle

from seaway.base.messages import Message, as_words, from_words, joined, mapped, spoken_in, wording


class Backwards:
    """A language in which values come first."""

    def template(self, english: str) -> str:
        return {
            "it asks for {amount} of {what}": "{what}: {amount}!",
            "more {what}": "{what} plus",
            "room": "Platz",
        }.get(english, english)


SAID = wording("it asks for {amount} of {what}", amount=3, what=wording("more {what}", what="memory {x}"))


def test_a_message_is_its_english_words() -> None:
    assert SAID == "it asks for 3 of more memory {x}"
    assert isinstance(SAID, str)
    assert f"{SAID}." == "it asks for 3 of more memory {x}."


def test_a_message_is_said_in_another_language_with_the_messages_in_it() -> None:
    assert spoken_in(SAID, Backwards()) == "memory {x} plus: 3!"
    assert spoken_in("memory {x}", Backwards()) == "memory {x}"


def test_messages_that_are_added_or_joined_are_said_each_by_itself() -> None:
    for text, english, other in (
        (wording("room") + ": " + SAID, f"room: {SAID}", "Platz: memory {x} plus: 3!"),
        ("no " + wording("room"), "no room", "no Platz"),
        (joined("; ", ["{a}", wording("room")]), "{a}; room", "{a}; Platz"),
        (joined(" {} ", ["a", "b"]), "a {} b", "a {} b"),
        (joined("; ", []), "", ""),
    ):
        assert text == english
        assert spoken_in(text, Backwards()) == other


def test_what_fills_messages_in_is_changed_and_their_own_words_are_not() -> None:
    shouted = mapped(SAID, str.upper)
    assert shouted == "it asks for 3 of more MEMORY {X}"
    assert spoken_in(shouted, Backwards()) == "MEMORY {X} plus: 3!"
    assert mapped("memory", str.upper) == "MEMORY"


def test_a_message_is_kept_as_json_and_copied() -> None:
    kept = json.loads(json.dumps(as_words(SAID)))
    for again in (from_words(kept), pickle.loads(pickle.dumps(SAID)), copy.deepcopy(SAID)):
        assert isinstance(again, Message)
        assert again == SAID
        assert spoken_in(again, Backwards()) == "memory {x} plus: 3!"
    assert as_words("memory") is None
