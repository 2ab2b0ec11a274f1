"""Validation of paths within volumes."""

from __future__ import annotations

from seaway.controlplane.kinds.faults import invalid
from seaway.objects.errors import Cause


def backstep_faults(path: str, field: str) -> list[Cause]:
    """Return the fault of a path that steps back."""
    return [invalid(field, path, "must not contain '..'")] if ".." in path.split("/") else []


def descending_path_faults(path: str, field: str) -> list[Cause]:
    """Return the faults of a path that must stay inside its folder."""
    faults = [invalid(field, path, "must be a relative path")] if path.startswith("/") else []
    return faults + backstep_faults(path, field)


def file_path_faults(path: str, field: str) -> list[Cause]:
    """Return the faults of a file's path inside a volume, where names that begin with ".." are the node's own."""
    faults = descending_path_faults(path, field)
    reserved = path.startswith("..") and not path.startswith("../")
    return faults + ([invalid(field, path, "must not start with '..'")] if reserved else [])
