"""Environments: built once for a node, by uv, from packages that the test makes itself."""

from __future__ import annotations

import base64
import hashlib
import sys
import time
import zipfile
from pathlib import Path

import pytest

from seaway.controlplane.node.cachecollector import collect
from seaway.controlplane.node.cacheplan import CacheSettings

PROGRAM = "import sys, seaway_test_package as p; print('version', p.VERSION, sys.prefix)"


@pytest.fixture
def wheel(tmp_path) -> Path:
    """A wheel of one module."""
    path = tmp_path / "wheels" / "seaway_test_package-1.2-py3-none-any.whl"
    path.parent.mkdir()
    files = {
        "seaway_test_package.py": b"VERSION = '1.2'\n",
        "seaway_test_package-1.2.dist-info/METADATA": b"Metadata-Version: 2.1\nName: seaway-test-package\nVersion: 1.2\n",
        "seaway_test_package-1.2.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "seaway_test_package-1.2.dist-info/RECORD"
    lines = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
        for name, data in files.items()
    ]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr(record, "\n".join([*lines, f"{record},,"]) + "\n")
    return path


@pytest.fixture
def lock(wheel, gateway):
    def lock(version: str = "1.2", digest: str | None = None) -> str:
        digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
        text = f"--no-index\n--find-links {wheel.parent}\nseaway-test-package=={version} \\\n    --hash=sha256:{digest}\n"
        return gateway.add("environments", text.encode())

    return lock


def test_an_environment_is_built_once_and_then_found(start, lock, gateway, tmp_path):
    environment = lock()
    first = start(PROGRAM, environment=environment)
    assert first.wait() == 0, first.text
    assert "[seaway] environment: installing 1 package\n" in first.text
    assert "[seaway] environment: ready in " in first.text
    assert f"version 1.2 {tmp_path}/cache/environments/{environment}" in first.text
    gateway.requests.clear()
    second = start(PROGRAM, environment=environment)
    assert second.wait() == 0
    assert "[seaway]" not in second.text
    assert gateway.requests == []


def test_an_environment_stays_while_a_program_runs_in_it(start, lock, tmp_path):
    """However long ago it was used first; afterwards the node may let go of it, and of the packages it was built from."""
    cache = CacheSettings(tmp_path / "cache", kinds=("environments",), whole=("uv",))
    container = start(f"{PROGRAM}; print('up', flush=True); import time; time.sleep(600)", environment=lock())
    container.wait_for("up")
    assert [one.name for one in collect(cache, time.time() + 1e8, pressed=True)[0]] == ["uv"]
    container.terminate()
    container.wait()
    (gone,) = collect(cache, time.time() + 1e8, pressed=True)[0]
    assert gone.kind == "environments"


def test_two_pods_at_once_build_it_once(start, lock, gateway):
    environment = lock()
    pods = [start(PROGRAM, environment=environment, attempt=number) for number in (1, 2, 3)]
    assert [pod.wait() for pod in pods] == [0, 0, 0], [pod.text for pod in pods]
    assert gateway.requests.count(f"GET /gateway/v1/environments/{environment}") == 1
    assert sum("installing" in pod.text for pod in pods) == 1


def test_what_the_installer_says_reaches_the_user_and_nothing_half_stays(start, lock, tmp_path):
    for environment, said in ((lock("9.9"), "9.9"), (lock(digest="0" * 64), "ash")):
        container = start(PROGRAM, environment=environment)
        assert container.wait() == 122, container.text
        assert container.failure["stage"] == "environment"
        assert "the packages cannot be installed" in container.failure["error"]
        assert said in container.failure["error"]
        assert not list((tmp_path / "cache" / "environments").glob(f"{environment}*"))


def test_a_build_that_was_cut_short_is_begun_anew(start, lock, tmp_path):
    environment = lock()
    container = start(PROGRAM, environment=environment)
    assert container.wait() == 0, container.text
    (place,) = (tmp_path / "cache" / "environments").glob(f"{environment}*")
    (place / ".seaway-ready").unlink()
    (place / "bin" / "python").unlink()
    container = start(PROGRAM, environment=environment)
    assert container.wait() == 0, container.text


def test_without_uv_the_standard_library_and_pip_do_it(start, lock, tmp_path):
    """A `python3 -m uv` that fails and no uv on the PATH: an image that has only Python."""
    base = Path(sys.base_prefix) / "bin" / Path(sys.executable).resolve().name
    container = start(PROGRAM, environment=lock(), python=str(base), environ={"PATH": "/usr/bin:/bin"})
    assert container.wait() == 0, container.text
    assert "version 1.2" in container.text


def test_an_empty_lock_is_an_empty_environment(start, gateway, tmp_path):
    container = start(
        "import sys; print(sys.prefix)", environment=gateway.add("environments", b"# nothing\n")
    )
    assert container.wait() == 0, container.text
    assert "installing 0 packages" in container.text
    assert str(tmp_path / "cache" / "environments") in container.text
