"""The kinds of patch; `jsonpatch.py` and `strategic.py` hold two of them, `apply.py` the fourth.

Source: RFC 7386 for the JSON merge patch.
"""

from __future__ import annotations

from typing import Any

from seaway.objects import meta
from seaway.objects.jsonpatch import MOST_OPERATIONS, json_patch
from seaway.objects.strategic import strategic_merge_patch

__all__ = ["MOST_OPERATIONS", "json_patch", "merge_patch", "strategic_merge_patch"]


def merge_patch(obj: Any, patch: Any) -> Any:
    """Return the object merged with the patch: null removes, objects merge, all else replaces."""
    if type(patch) is not dict:
        return meta.copy(patch)
    merged = dict(obj) if type(obj) is dict else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    patched = patch.keys()
    return {name: value if name in patched else meta.copy(value) for name, value in merged.items()}
