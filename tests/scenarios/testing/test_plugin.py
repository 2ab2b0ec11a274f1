"""The pytest plugin in somebody else's project: found without being named, quiet until it is used."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

FILES = {
    "test_fresh.py": """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_fresh(kube, number):
    assert kube.list("configmaps", namespace=None, selector="mine") == []
    kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"mine": ""}}})

@pytest.mark.kube(controllers=True)
def test_accounts(kube):
    assert kube.wait_for("serviceaccount", "default", "create")
""",
    "test_a_first.py": """
import sys

def test_quiet():
    loaded = {n for n in sys.modules if n.startswith("seaway")}
    assert loaded <= {"seaway", "seaway.program", "seaway.pytest_plugin"}
""",
    "test_wrong.py": """
import pytest

@pytest.mark.kube(node=1)
def test_word(kube): pass

@pytest.mark.kube(2)
def test_number(kube): pass
""",
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest prints in a project that has Seaway installed, and nothing that names it."""
    folder = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "--strict-markers", "-p", "no:randomly", "-p", "no:cacheprovider", "-W",
         "error", "-o", "asyncio_default_fixture_loop_scope=function", "--rootdir", str(folder), str(folder)],
        cwd=folder, env=kept, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_each_test_has_a_fresh_cluster(printed: str) -> None:
    assert len(re.findall(r"test_fresh\[\d\] PASSED", printed)) == 3, printed
    assert "test_accounts PASSED" in printed


def test_a_wrong_marker_is_explained(printed: str) -> None:
    assert (
        "the marker kube does not take node; it is: kube(nodes=0, simulated_nodes=0, controllers=None)"
        in printed
    )
    assert "the marker kube does not take 2" in printed
    assert "5 passed, 2 errors" in printed


def test_who_does_not_use_it_does_not_pay(printed: str) -> None:
    assert "test_quiet PASSED" in printed, printed
