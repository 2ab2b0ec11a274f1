"""Seaway: Kubernetes for data scientists, without having to know Kubernetes.

`seaway.cli` is what is typed, `seaway.sdk` what a script or another program imports. What a program that runs on a
cluster uses stands here; nothing else is imported: what a command does not need, it does not pay for. The version stands
here because everything else asks for it.
"""

from seaway.program import (
    CheckpointError,
    cache_folder,
    checkpoint,
    checkpoint_folder,
    outputs_folder,
    volume_folder,
)

__all__ = [
    "CheckpointError",
    "__version__",
    "cache_folder",
    "checkpoint",
    "checkpoint_folder",
    "outputs_folder",
    "volume_folder",
]

__version__ = "0.1.0"
