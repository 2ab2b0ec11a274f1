"""Which environment of this machine an image name stands for. Pure, but for `default_images`, which looks at this interpreter."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from seaway.controlplane.node.settings import ImageEnvironment

_REGISTRIES = ("docker.io/library/", "docker.io/")


class UnknownImageError(Exception):
    """No environment is known by this name; the message names those that are."""


def default_images() -> dict[str, ImageEnvironment]:
    """Return the images that every node knows: this interpreter's environment, as Python."""
    package = Path(__file__).resolve().parents[3]
    visible = {sys.prefix, sys.base_prefix, sys.exec_prefix, str(package)}
    here = ImageEnvironment(
        path=(str(Path(sys.executable).parent),), env={"LANG": "C.UTF-8"}, visible=tuple(sorted(visible))
    )
    return dict.fromkeys(("python", "python:3*", "seaway/*"), here)


def find_image(name: str, images: Mapping[str, ImageEnvironment]) -> ImageEnvironment:
    """Return the environment of an image name.

    Raises:
        UnknownImageError: there is none.
    """
    plain = name
    for registry in _REGISTRIES:
        plain = plain.removeprefix(registry)
    for candidate in (name, plain):
        if candidate in images:
            return images[candidate]
        patterns = [p for p in images if p.endswith("*") and candidate.startswith(p[:-1])]
        if patterns:
            return images[max(patterns, key=len)]
    known = ", ".join(sorted(images))
    raise UnknownImageError(
        f'image "{name}" is not known to this node: an image is an environment of this machine here, '
        f"and the known ones are {known}"
    )
