"""Which packages a run needs, and where that is taken from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seaway.sdk.environment import (
    Installed,
    Source,
    active_site_packages,
    choose_source,
    is_empty,
    read_installed,
    select,
    without_local,
)
from seaway.sdk.errors import InvalidInput
from seaway.sdk.lock import Target, is_cached, make_lock, uv_command

SEAWAY = Installed(
    "seaway", "0.1", ("typer>=1", "uvicorn[standard]", "pandas; extra == 'demo'"), requested=True
)
TYPER = Installed("typer", "1.0", ("rich>=10",))
RICH = Installed("rich", "13.0")
UVICORN = Installed("uvicorn", "0.30", ("h11", "uvloop; extra == 'standard'"))
H11 = Installed("h11", "0.14")
UVLOOP = Installed("uvloop", "0.19")
SERVER = (SEAWAY, TYPER, RICH, UVICORN, H11, UVLOOP)
NUMPY = Installed("numpy", "2.0", requested=True)
SKLEARN = Installed("scikit-learn", "1.5", ("numpy>=1.19", "joblib (>=1)"), requested=True)
JOBLIB = Installed("joblib", "1.4")
PANDAS = Installed("pandas", "2.2", ("numpy",))
PIP = Installed("pip", "24", requested=True)


@pytest.mark.parametrize(
    ("installed", "pins"),
    [
        pytest.param(SERVER, (), id="Seaway alone needs nothing"),
        pytest.param((*SERVER, PIP), (), id="nor does pip"),
        pytest.param(
            (*SERVER, SKLEARN, JOBLIB, NUMPY), ("joblib==1.4", "numpy==2.0", "scikit-learn==1.5"), id="what the user installed"
        ),
        pytest.param(
            (*SERVER, Installed("mine", "1", ("rich",))), ("mine==1", "rich==13.0"), id="what Seaway and another need stays"
        ),
        pytest.param(
            (SEAWAY, Installed("typer", "1.0", ("rich",), requested=True), RICH), ("rich==13.0", "typer==1.0"), id="what was asked for stays"
        ),
        pytest.param((*SERVER, PANDAS, NUMPY), ("numpy==2.0", "pandas==2.2"), id="an extra of Seaway is the user's"),
        pytest.param((TYPER, RICH), ("rich==13.0", "typer==1.0"), id="an environment without Seaway"),
        pytest.param((), (), id="an empty environment"),
    ],
)  # fmt: skip
def test_seaway_and_what_is_there_for_it_is_left_out(installed, pins):
    assert select(installed).pins == pins


def test_what_was_installed_from_this_machine_is_named_not_pinned():
    mine = Installed("mine", "0.1", ("numpy",), requested=True, local="/src/mine")
    selection = select([mine, NUMPY, *SERVER])
    assert selection.pins == ("numpy==2.0",)
    assert selection.local == ("mine (/src/mine)",)


def make_environment(folder: Path, *installed: Installed) -> Path:
    site = folder / "lib" / "python3.11" / "site-packages"
    for item in installed:
        info = site / f"{item.name.replace('-', '_')}-{item.version}.dist-info"
        info.mkdir(parents=True)
        requires = "".join(f"Requires-Dist: {requirement}\n" for requirement in item.requires)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {item.name}\nVersion: {item.version}\n{requires}"
        )
        if item.requested:
            (info / "REQUESTED").touch()
        if item.local:
            (info / "direct_url.json").write_text(
                f'{{"url": "file://{item.local}", "dir_info": {{"editable": true}}}}'
            )
    return folder


def test_metadata_is_read_without_running_the_environments_python(tmp_path):
    installed = (SKLEARN, Installed("mine", "0.1", local="/src/mine", editable=True), NUMPY)
    site = active_site_packages({"VIRTUAL_ENV": str(make_environment(tmp_path, *installed))})
    assert site is not None
    assert sorted(read_installed(site), key=lambda item: item.name) == sorted(
        installed, key=lambda item: item.name
    )


def test_the_tools_of_a_checkout_of_seaway_are_not_the_users(tmp_path):
    """There everything counts as asked for; what was installed beside the tools is still brought along."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "pyproject.toml").write_text(
        '[dependency-groups]\ndev = ["pytest>=8", {include-group = "x"}]\n'
    )
    tools = [Installed(name, "1", requested=True) for name in ("typer", "pytest")]
    seaway = Installed("seaway", "0.1", ("typer>=1",), requested=True, local=str(checkout))
    site = active_site_packages({"VIRTUAL_ENV": str(make_environment(tmp_path, seaway, *tools, NUMPY))})
    assert site is not None
    assert select(read_installed(site)).pins == ("numpy==2.0",)


@pytest.mark.parametrize(
    ("environ", "prefix", "expected"),
    [
        pytest.param({"VIRTUAL_ENV": "venv", "CONDA_PREFIX": "conda"}, "own", "venv", id="an activated venv"),
        pytest.param({"CONDA_PREFIX": "conda"}, "own", "conda", id="an activated conda environment"),
        pytest.param({}, "own", "own", id="the interpreter's own venv"),
        pytest.param({}, "base", None, id="no environment"),
    ],
)
def test_the_active_environment(tmp_path, environ, prefix, expected):
    for name in ("venv", "conda", "own"):
        make_environment(tmp_path / name, NUMPY)
    environ = {key: str(tmp_path / value) for key, value in environ.items()}
    found = active_site_packages(environ, str(tmp_path / prefix), str(tmp_path / "base"))
    assert (found and found.parts[-4]) == expected


@pytest.mark.parametrize(
    ("files", "given", "kind"),
    [
        pytest.param(
            ("uv.lock", "pyproject.toml", "requirements.txt", "given.txt"),
            "given.txt",
            "requirements",
            id="given",
        ),
        pytest.param(("uv.lock", "pyproject.toml", "requirements.txt"), None, "uv.lock", id="uv.lock"),
        pytest.param(("pyproject.toml", "requirements.txt"), None, "pyproject", id="pyproject.toml"),
        pytest.param(
            ("tools.toml", "requirements.txt"), None, "requirements", id="a pyproject.toml that names none"
        ),
        pytest.param((), None, "captured", id="the active environment"),
    ],
)
def test_the_order_of_sources(tmp_path, files, given, kind):
    folder = tmp_path / "project"
    folder.mkdir()
    for name in files:
        text = {"pyproject.toml": '[project]\ndependencies = ["numpy"]\n', "tools.toml": "[tool.ruff]\n"}.get(
            name, "numpy\n"
        )
        (folder / name.replace("tools.toml", "pyproject.toml")).write_text(text)
    environ = {"VIRTUAL_ENV": str(make_environment(tmp_path / "venv", NUMPY))}
    source = choose_source(folder, folder / given if given else None, environ)
    assert source is not None
    assert source.kind == kind


@pytest.mark.parametrize(
    ("files", "in_root", "found"),
    [
        pytest.param(("uv.lock", "scripts/requirements.txt"), True, "scripts/requirements.txt", id="the nearest one"),
        pytest.param(("pyproject.toml",), True, "pyproject.toml", id="the project's root"),
        pytest.param(("../requirements.txt",), True, None, id="none above the root"),
        pytest.param(("pyproject.toml",), False, None, id="no root is known"),
    ],
)  # fmt: skip
def test_packages_are_looked_for_from_the_scripts_folder_up_to_the_root(tmp_path, files, in_root, found):
    root = tmp_path.resolve() / "project"
    (root / "scripts").mkdir(parents=True)
    for name in files:
        (root / name).write_text('[project]\ndependencies = ["six"]\n' if name.endswith(".toml") else "six\n")
    source = choose_source(root / "scripts", None, {}, root=root if in_root else None, capture=False)
    assert (source and source.path) == (found and root / found)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("missing.txt", None, "does not exist", id="missing"),
        pytest.param(".", None, "is a folder", id="folder"),
        pytest.param("pyproject.toml", "[project\n", "not valid TOML", id="broken TOML"),
    ],
)
def test_requirements_that_cannot_be_read_are_named(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInput, match=said) as caught:
        choose_source(tmp_path, tmp_path / name, {})
    assert caught.value.field == "--requirements"


def test_an_included_file_is_part_of_the_caches_key(tmp_path):
    (tmp_path / "requirements.txt").write_text("-r base.txt\n")
    (tmp_path / "base.txt").write_text("numpy==1\n")
    first = choose_source(tmp_path, None, {})
    (tmp_path / "base.txt").write_text("numpy==2\n")
    assert choose_source(tmp_path, None, {}) != first


@pytest.mark.parametrize(
    ("text", "empty"), [("", True), ("# nothing\n\n", True), ("numpy", False), ("a # b", False)]
)
def test_empty_requirements(text, empty):
    assert is_empty(text) is empty


def test_empty_requirements_need_no_environment_and_no_resolver(tmp_path):
    assert make_lock(Source("requirements", tmp_path / "r.txt", "# none\n"), tmp_path / "locks").text == ""
    assert not (tmp_path / "locks").exists()


def test_local_requirements_are_taken_out_with_their_hashes():
    lock = "numpy==2.0 \\\n    --hash=sha256:aa\n-e .\n./wheels/a.whl \\\n    --hash=sha256:bb\nmine @ file:///src/mine\nz==1\n"
    rest, taken = without_local(lock)
    assert rest == "numpy==2.0 \\\n    --hash=sha256:aa\nz==1\n"
    assert taken == ("-e .", "./wheels/a.whl", "mine @ file:///src/mine")


def test_a_lock_that_was_made_before_needs_no_resolver(tmp_path, monkeypatch):
    source = Source("requirements", tmp_path / "r.txt", "numpy\n")
    monkeypatch.setattr("seaway.sdk.lock._resolve", lambda source, target: "numpy==2.0 --hash=sha256:aa\n")
    assert not is_cached(source, tmp_path / "locks")
    first = make_lock(source, tmp_path / "locks")
    monkeypatch.setattr("seaway.sdk.lock._resolve", None)
    assert make_lock(source, tmp_path / "locks") == first
    assert is_cached(source, tmp_path / "locks")
    assert not is_cached(source, tmp_path / "locks", Target("3.99"))


@pytest.mark.parametrize(
    ("text", "emitted"), [("numpy\n", False), ("--index-url https://example.org/simple\nnumpy\n", True)]
)
def test_only_an_index_that_the_user_names_gets_into_the_lock(tmp_path, text, emitted):
    command = uv_command(Source("requirements", tmp_path / "r.txt", text), Target())
    assert ("--emit-index-url" in command) is emitted


def test_a_failure_shows_the_resolvers_own_message(tmp_path):
    """A requirement that is not one needs no registry to be refused."""
    path = tmp_path / "requirements.txt"
    path.write_text("numpy==\n")
    source = choose_source(tmp_path, path, {})
    assert source is not None
    with pytest.raises(InvalidInput, match="cannot be resolved") as caught:
        make_lock(source, tmp_path / "locks")
    assert "numpy==" in caught.value.message
    assert (caught.value.code, caught.value.field) == ("Unresolvable", "--requirements")
    assert not list((tmp_path / "locks").glob("*"))


@pytest.mark.registry
def test_a_package_becomes_a_lock_with_hashes(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("six\n")
    source = choose_source(tmp_path, path, {})
    assert source is not None
    lock = make_lock(source, tmp_path / "locks", Target(f"{sys.version_info.major}.{sys.version_info.minor}"))
    assert lock.text.startswith("six==")
    assert "--hash=sha256:" in lock.text
