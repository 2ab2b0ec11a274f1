"""Images of the settings as the nodes take them. Imported by the daemon alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from seaway.cli.settings_file import Image
from seaway.controlplane.node.images import default_images
from seaway.controlplane.node.settings import ImageEnvironment


def image_environments(images: Mapping[str, Image], home: Path) -> dict[str, ImageEnvironment]:
    """Return the nodes' own images and those of the settings, which win.

    Args:
        images: of the settings.
        home: Seaway's own; no folder that holds it is made visible to a container.
    """
    return default_images() | {name: _environment(image, home) for name, image in images.items()}


def _environment(image: Image, home: Path) -> ImageEnvironment:
    folders = [str(Path(folder).expanduser()) for folder in image.path]
    visible = set(folders)
    if image.python is not None:
        python = Path(image.python).expanduser()
        folders.insert(0, str(python.parent))
        visible |= {str(prefix) for prefix in _prefixes(python)}
    shown = sorted(
        folder for folder in visible if len(Path(folder).parts) > 2 and not home.is_relative_to(folder)
    )
    return ImageEnvironment(path=tuple(folders), env={"LANG": "C.UTF-8", **image.env}, visible=tuple(shown))


def _prefixes(python: Path) -> list[Path]:
    """Return the installations that an interpreter is made of: a virtual environment's, and that which it was made from."""
    found = []
    for _ in range(40):  # as deep as the kernel follows links
        folder = python.parent
        found.append(folder.parent if folder.name == "bin" else folder)
        if not python.is_symlink():
            break
        python = Path(os.path.normpath(folder / python.readlink()))
    return found
