"""The `fieldPath` of a rule: which field of its schema a fault is told of.

Source: "Field Path" of Kubernetes' CustomResourceDefinition documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_STEP = re.compile(r"\.([^.\[\]']+)|\['((?:\\.|[^'\\])*)'\]")


def normalized(text: str, structure: Mapping[str, Any]) -> str:
    """Return a path as faults name it: `.a['b.c'].d` is "a.b.c.d" where these are properties.

    Raises:
        ValueError: it leads to no field of the schema.
    """
    position, named = 0, ""
    here: Any = structure
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None or not isinstance(here, Mapping):
            raise ValueError(text)
        name = step[1] if step[1] is not None else re.sub(r"\\(.)", r"\1", step[2])
        properties, additional = here.get("properties"), here.get("additionalProperties")
        if properties:
            if name not in properties:
                raise ValueError(text)
            here, named = properties[name], f"{named}.{name}" if named else name
        elif isinstance(additional, Mapping):
            here, named = additional, f"{named}[{name}]"
        else:
            raise ValueError(text)
        position = step.end()
    if not named:
        raise ValueError(text)
    return named
