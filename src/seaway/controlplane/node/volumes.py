"""Make a pod's volumes ready on the disk, and say where a container finds them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from seaway.controlplane.node.env import expand
from seaway.controlplane.node.payloads import MountError, Payload

Object = Mapping[str, Any]
_DATA = "..data"
_OPEN = 0o755
"""Set whatever the process masks: the container's user, who may be another one, looks into the folder; others of the machine are kept out by the node's own."""


def write_payload(folder: Path, files: Payload) -> bool:
    """Make a volume's folder show these files, all changed at one instant.

    The files lie in a fresh folder that the link `..data` is switched to, so that a reader sees the old set or the new
    one, never half of each. Source: `pkg/volume/util/atomic_writer.go` for the layout that programs rely on.

    Returns:
        False where nothing changed.
    """
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - top down: fewer calls than pathlib's
    folder.chmod(_OPEN)
    current = folder / _DATA
    if current.exists() and _same(current, files):
        return False
    old = current.resolve() if current.is_symlink() else None
    number = int(old.name.removeprefix("..version")) + 1 if old else 1
    fresh = folder / f"..version{number}"
    if fresh.exists():
        shutil.rmtree(fresh)
    for inside in sorted(
        {fresh, *(above for path in files for above in (fresh / path).parents if fresh in above.parents)}
    ):
        inside.mkdir()
        inside.chmod(_OPEN)
    for path, file in files.items():
        target = fresh / path
        target.write_bytes(file.data)
        if (file.user, file.group) != (-1, -1):
            os.chown(target, file.user, file.group)
        target.chmod(file.mode)
    link = folder / "..data_new"
    link.unlink(missing_ok=True)
    link.symlink_to(fresh.name)
    link.rename(current)
    _link_names(folder, {path.split("/")[0] for path in files})
    if old:
        shutil.rmtree(old, ignore_errors=True)
    return True


def _same(current: Path, files: Payload) -> bool:
    there = {str(p.relative_to(current)) for p in current.rglob("*") if p.is_file()}
    return there == set(files) and all((current / p).read_bytes() == file.data for p, file in files.items())


def _link_names(folder: Path, names: set[str]) -> None:
    for entry in folder.iterdir():
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()
    for name in names:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"{_DATA}/{name}")


def plain_volume(folder: Path, volume: Object, group: int | None = None) -> Path:
    """Make an emptyDir or hostPath volume ready; return its folder or file.

    Args:
        folder: where the pod's volumes lie.
        volume: its spec.
        group: whose an emptyDir is, and all that is made in it; needs root.

    Raises:
        MountError: what is asked for is not there, or of another type, or not served.
    """
    if "emptyDir" in volume:
        path = folder / str(volume["name"])
        path.mkdir(parents=True, exist_ok=True)
        if group is not None:
            os.chown(path, -1, group)
        path.chmod(0o777 if group is None else 0o2777)
        return path
    if "hostPath" in volume:
        return _host_path(volume["hostPath"])
    kinds = ", ".join(key for key in volume if key != "name")
    raise MountError(f'volume "{volume["name"]}": {kinds} is not served by this node')


def _host_path(source: Object) -> Path:
    path, kind = Path(str(source["path"])), str(source.get("type") or "")
    if kind == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True, mode=0o755)
    elif kind == "FileOrCreate":
        path.touch(exist_ok=True)
    checks: dict[str, Callable[[], bool]] = {"Directory": path.is_dir, "DirectoryOrCreate": path.is_dir, "File": path.is_file,
              "FileOrCreate": path.is_file, "Socket": path.is_socket, "CharDevice": path.is_char_device,
              "BlockDevice": path.is_block_device, "": lambda: True}  # fmt: skip
    if not checks.get(kind, lambda: False)():
        raise MountError(f"hostPath type check failed: {path} is not a {kind[:1].lower() + kind[1:]}")
    if not kind and not path.exists():
        path.mkdir(parents=True, mode=0o755)
    return path


def container_mounts(
    container: Object, volumes: Mapping[str, Path], env: Mapping[str, str], read_only: frozenset[str]
) -> list[tuple[str, str, bool]]:
    """Return (source, target, read only) of a container's volume mounts.

    Args:
        container: its spec.
        volumes: where each volume lies.
        env: for subPathExpr.
        read_only: volumes whose files the node writes.

    Raises:
        MountError: a sub path leaves its volume.
    """
    found = []
    for mount in container.get("volumeMounts") or ():
        source = volumes[mount["name"]]
        sub = mount.get("subPath") or expand(mount.get("subPathExpr") or "", env)
        if sub:
            source = _sub_path(source, sub, make=mount["name"] not in read_only)
        found.append(
            (str(source), mount["mountPath"], bool(mount.get("readOnly")) or mount["name"] in read_only)
        )
    return found


def working_folder(
    wanted: str, own: str, mounts: Sequence[tuple[str, str, bool]]
) -> list[tuple[str, str, bool]]:
    """Have a container's working folder there, as runtimes make what the image lacks: in the volume it lies in, or as a mount.

    Args:
        wanted: where it is to be.
        own: the container's folder that is mounted where neither a volume nor the machine has it.
        mounts: (source, target, read only) of the container's volumes; later ones win.

    Raises:
        MountError: a link leads out of the volume.
    """
    for source, target, read_only in reversed(mounts):
        if PurePath(wanted).is_relative_to(target):
            inside = PurePath(wanted).relative_to(target)
            _sub_path(Path(source), str(inside), make=not read_only)
            return []
    return [] if Path(wanted).exists() else [(own, wanted, mounts[0][2])]


def _sub_path(volume: Path, sub: str, *, make: bool) -> Path:
    real = (volume / sub).resolve()
    if not real.is_relative_to(volume.resolve()):
        raise MountError(f'subPath "{sub}" leaves its volume')
    if make and not real.exists():
        real.mkdir(parents=True)
        real.chmod(0o777)
    return real


def volume_env(volumes: Mapping[str, Path], container: Object) -> dict[str, str]:
    """Return variables that say where volumes really lie, for machines where mounts cannot be made."""
    names = {mount["name"] for mount in container.get("volumeMounts") or ()}
    return {f"SEAWAY_VOLUME_{n.upper().replace('-', '_')}": str(p) for n, p in volumes.items() if n in names}


def size_of(folder: Path) -> int:
    """Return the bytes that a folder takes on the disk; what vanishes meanwhile counts as nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).lstat().st_blocks * 512
            except OSError:
                continue
    return total


def remove_folder(folder: Path) -> None:
    """Remove a pod's files; what a program made unreadable is made readable first. Raises OSError."""
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except PermissionError:
        for parent, names, _ in os.walk(folder):  # from the top: a folder is opened before it is looked into
            for path in (Path(parent, name) for name in names):
                if not path.is_symlink():
                    path.chmod(0o700)
        shutil.rmtree(folder)
