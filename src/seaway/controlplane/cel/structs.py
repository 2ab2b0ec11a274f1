"""`Object{...}` and `JSONPatch{...}` in the expressions of mutating policies, read as maps.

The types stand in the text only: `Object.spec{replicas: 3}` is the map `{"replicas": 3}`. What may be in it is checked
when it is applied, by the schema of the object that is changed.

Source: KEP-3962 (MutatingAdmissionPolicy).
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""(?sx)
    (?P<text>r?(?:\"\"\".*?\"\"\"|'''.*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
    |(?P<comment>//[^\n]*)
    |(?P<struct>\b(?:Object(?:\.\w+)*|JSONPatch)\s*\{)
    |(?P<name>[A-Za-z_]\w*|`[^`]+`)
    |(?P<sign>[\[\](){},:?])
    |(?P<other>[^\s]|\s+)
    """
)


def as_maps(text: str) -> str:
    """Return an expression whose struct literals are map literals; others stay as they are."""
    if "Object" not in text and "JSONPatch" not in text:
        return text
    made: list[str] = []
    open_: list[bool] = []  # for each bracket that is open: whether it is a struct's
    field = False  # a name here would be that of a field
    tokens = list(_TOKEN.finditer(text))
    for index, token in enumerate(tokens):
        word, kind = token[0], token.lastgroup
        if kind == "struct":
            open_.append(True)
            made.append("{")
            field = True
            continue
        if kind == "name" and field and _is_field(tokens, index):
            made.append(f'"{word.strip("`")}"')
        else:
            made.append(word)
        if kind == "sign":
            if word in "[({":
                open_.append(False)
            elif word in "])}" and open_:
                open_.pop()
        blank = kind == "comment" or word.isspace() or (field and word == "?")
        field = field if blank else word == "," and bool(open_) and open_[-1]
    return "".join(made)


def _is_field(tokens: list[re.Match[str]], index: int) -> bool:
    """Tell whether a colon follows."""
    following = (token[0] for token in tokens[index + 1 :] if not token[0].isspace())
    return next(following, "") == ":"
