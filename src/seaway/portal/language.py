"""The language of an answer: the first that a request accepts (RFC 9110, section 12.5.4) and that there is."""

from __future__ import annotations

from typing import Annotated, Protocol, Self, TypeVar

from fastapi import Depends, Header, Response

from seaway.base.languages import accepted, catalogue
from seaway.base.messages import Catalogue


class Spoken(Protocol):
    """What says something to people."""

    def spoken_in(self, catalogue: Catalogue) -> Self:
        """Return the same in another language."""
        ...


_Said = TypeVar("_Said", bound=Spoken)


class AnswerLanguage:
    """The language of one answer."""

    def __init__(
        self,
        response: Response,
        accept_language: Annotated[
            str, Header(description="The languages in which the answer may be, such as `de`")
        ] = "",
    ) -> None:
        self._response, self._language = response, accepted(accept_language)

    def say(self, told: _Said) -> _Said:
        """Return what is answered in the language that is wanted, and have the answer say which that is."""
        self._response.headers["Content-Language"] = self._language
        self._response.headers["Vary"] = "Accept-Language"
        return told.spoken_in(catalogue(self._language))


WantedLanguage = Annotated[AnswerLanguage, Depends()]
