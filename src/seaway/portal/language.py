"""The language of an answer: the first that a request accepts (RFC 9110, section 12.5.4) and that there is."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Response

from seaway.base.languages import accepted, catalogue
from seaway.model.verdict import Explanation

AcceptLanguage = Annotated[str, Header(description="The languages in which the answer may be, such as `de`")]


def in_wanted_language(told: Explanation, header: str, response: Response) -> Explanation:
    """Return an explanation in the language that a request's header Accept-Language asks for, and say in the answer's which it is."""
    language = accepted(header)
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language"
    return told.spoken_in(catalogue(language))
