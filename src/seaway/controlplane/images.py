"""Environments of this machine that a person names as images: virtual environments, conda environments, folders of tools."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from seaway.controlplane.node.images import default_images
from seaway.controlplane.node.settings import ImageEnvironment


class LocalImage(Protocol):
    """What a person says of an image."""

    @property
    def python(self) -> str | None:
        """A Python interpreter; None for whichever stands first in PATH."""

    @property
    def path(self) -> tuple[str, ...]:
        """Folders put before the standard ones in PATH."""

    @property
    def env(self) -> Mapping[str, str]:
        """Variables that the image brings."""


def image_environments(images: Mapping[str, LocalImage], home: Path) -> dict[str, ImageEnvironment]:
    """Return the nodes' own images and those that a person named, which win.

    Args:
        images: by name; a trailing * stands for any ending.
        home: Seaway's own; no folder that holds it is made visible to a container.
    """
    return default_images() | {name: _environment(image, home) for name, image in images.items()}


def _environment(image: LocalImage, home: Path) -> ImageEnvironment:
    folders = [str(Path(folder).expanduser()) for folder in image.path]
    visible = set(folders)
    if image.python is not None:
        python = Path(image.python).expanduser()
        folders.insert(0, str(python.parent))
        visible |= {str(prefix) for prefix in installations(python)}
    shown = (folder for folder in visible if len(Path(folder).parts) > 2 and not home.is_relative_to(folder))
    return ImageEnvironment(
        path=tuple(folders), env={"LANG": "C.UTF-8", **image.env}, visible=tuple(sorted(shown))
    )


def installations(python: Path) -> list[Path]:
    """Return what an interpreter is made of: its virtual environment, and the installation that this was made from."""
    found = []
    for _ in range(40):  # as deep as the kernel follows links
        folder = python.parent
        found.append(folder.parent if folder.name == "bin" else folder)
        if not python.is_symlink():
            break
        python = Path(os.path.normpath(folder / python.readlink()))
    return found
