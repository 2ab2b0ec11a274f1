"""Code snapshots: what is in them, and that they are always the same."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from seaway.sdk.errors import InvalidInput
from seaway.sdk.files import project_files, project_root
from seaway.sdk.ignore import IgnoreRules
from seaway.sdk.snapshot import SnapshotLimits, readable_size, take_snapshot


def tree(root: Path, names: dict[str, str]) -> Path:
    for name, text in names.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


def names(root: Path, **options) -> list[str]:
    return [file.path for file in project_files(root, **options)]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    tree(
        root,
        {"train.py": "1", "pkg/model.py": "2", "data.bin": "3", ".gitignore": "data.bin\n", "gone.py": "4"},
    )
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    (root / "gone.py").unlink()
    (root / "new.py").write_text("5")
    return root


def test_a_repository_gives_tracked_and_new_files_but_no_ignored_or_deleted_ones(repository):
    assert names(repository) == [".gitignore", "new.py", "pkg/model.py", "train.py"]


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta/history"])
@pytest.mark.parametrize("in_git", [True, False])
def test_environments_never_belong_to_it_whatever_their_name(tmp_path, mark, in_git):
    tree(tmp_path, {"train.py": "1", f"lab/{mark}": "", "lab/bin/activate": "2", "lib/lab/x.py": "3"})
    (tmp_path / "lab" / "bin" / "python").symlink_to("/usr/bin/env")
    if in_git:
        git(tmp_path, "init")
    assert names(tmp_path) == ["lib/lab/x.py", "train.py"]


def test_the_root_is_the_repository_that_holds_the_folder(repository, tmp_path):
    assert project_root(repository / "pkg") == repository.resolve()
    (tmp_path / "plain").mkdir()
    assert project_root(tmp_path / "plain") == (tmp_path / "plain").resolve()


def test_without_git_the_root_is_the_nearest_python_project_but_never_the_home(tmp_path):
    tree(
        tmp_path,
        {
            "pyproject.toml": "",
            "a/pyproject.toml": "",
            "a/scripts/train.py": "",
            "b/train.py": "",
            "c/requirements.txt": "",
            "c/d/train.py": "",
        },
    )
    home = tmp_path.resolve()
    assert project_root(tmp_path / "a" / "scripts", home=home) == home / "a"
    assert project_root(tmp_path / "c" / "d") == home / "c"
    assert project_root(tmp_path / "b") == home
    assert project_root(tmp_path / "b", home=home) == home / "b"
    (home / ".git").mkdir()
    assert project_root(tmp_path / "b", home=home) == home / "b"


def test_a_repository_inside_a_repository_belongs_to_it(repository):
    inner = tree(repository / "inner", {"a.py": "1"})
    git(inner, "init")
    assert "inner/a.py" in names(repository)


def test_seawayignore_leaves_out_tracked_files_too(repository):
    (repository / ".seawayignore").write_text("pkg/\n")
    assert "pkg/model.py" not in names(repository)


def test_a_folder_without_git_leaves_out_environments_caches_and_what_its_ignore_files_name(tmp_path):
    tree(
        tmp_path,
        {
            "train.py": "",
            ".venv/lib/a.py": "",
            "__pycache__/a.pyc": "",
            "mlruns/0/x": "",
            "big.csv": "",
            ".gitignore": "*.csv",
            "home/seaway.db": "",
        },
    )
    assert names(tmp_path, exclude=(tmp_path / "home",)) == [".gitignore", "train.py"]


def test_the_same_files_give_the_same_bytes_whenever_and_wherever(tmp_path):
    digests = set()
    for folder, stamp in (("a", 1), ("b", 2_000_000_000)):
        root = tree(tmp_path / folder, {"train.py": "x", "b/c.py": "y"})
        os.utime(root / "train.py", (stamp, stamp))
        snapshot = take_snapshot(root, tmp_path)
        assert snapshot is not None
        digests.add(snapshot.digest)
    assert len(digests) == 1


def test_contents_executable_bits_and_links_are_kept(tmp_path):
    root = tree(tmp_path / "root", {"run.sh": "#!/bin/sh", "train.py": "x = 1\n"})
    (root / "run.sh").chmod(0o755)
    (root / "link.py").symlink_to("train.py")
    snapshot = take_snapshot(root, tmp_path)
    assert snapshot is not None
    with tarfile.open(snapshot.archive) as archive:
        entries = {entry.name: entry for entry in archive}
        assert archive.extractfile("train.py").read() == b"x = 1\n"
    assert entries["run.sh"].mode & 0o111
    assert not entries["train.py"].mode & 0o111
    assert entries["link.py"].linkname == "train.py"
    assert list(entries) == sorted(entries)


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside"])
def test_a_link_that_leaves_the_tree_is_refused_by_name(tmp_path, target):
    root = tree(tmp_path / "root", {"train.py": ""})
    (root / "data").symlink_to(target)
    with pytest.raises(InvalidInput, match="the link data leads out") as caught:
        take_snapshot(root, tmp_path)
    assert ".seawayignore" in caught.value.remedy


def test_a_folder_that_is_too_large_is_refused_before_anything_is_read(tmp_path):
    """Two gigabytes (a sparse file) are refused at once, with the largest file and the remedy named."""
    root = tree(tmp_path / "root", {"train.py": "", "small.bin": "xx"})
    with (root / "weights.bin").open("wb") as file:
        file.truncate(2 * 1024**3)
    with pytest.raises(InvalidInput, match=r"2\.0 GiB  weights\.bin") as caught:
        take_snapshot(root, tmp_path)
    assert (caught.value.code, caught.value.field) == ("TooLarge", "code")
    assert ".seawayignore" in caught.value.remedy
    assert not list(tmp_path.glob("*.gz"))


def test_an_archive_that_is_too_large_is_refused_and_removed(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "noise.bin").write_bytes(os.urandom(20_000))
    with pytest.raises(InvalidInput, match="compressed"):
        take_snapshot(root, tmp_path, limits=SnapshotLimits(compressed=10_000))
    assert not (tmp_path / "code.tar.gz").exists()


def test_an_empty_folder_has_no_snapshot(tmp_path):
    (tmp_path / "root").mkdir()
    assert take_snapshot(tmp_path / "root", tmp_path) is None


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        (["*.pyc"], "a/b/c.pyc", True),
        (["/data"], "data/x", True),
        (["/data"], "src/data/x", False),
        (["data/"], "src/data/x", True),
        (["data/"], "data", False),
        (["a/**/z"], "a/b/c/z", True),
        (["a/**/z"], "a/z", True),
        (["*.csv", "!keep.csv"], "keep.csv", False),
        (["*.csv", "!keep.csv"], "other.csv", True),
        (["data/", "!data/x"], "data/x", True),
        (["# note", "", "x[0-9].bin"], "x7.bin", True),
        (["x[!0-9].bin"], "x7.bin", False),
        (["?.py"], "ab.py", False),
        ([r"\#odd"], "#odd", True),
        (["a*b"], "a/b", False),
    ],
)
def test_patterns_mean_what_they_mean_to_git(patterns, path, ignored):
    assert IgnoreRules(patterns).ignores(path) is ignored


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 1024**2, "5.0 MiB"), (3 * 1024**3, "3.0 GiB")],
)
def test_sizes_are_written_for_people(size, text):
    assert readable_size(size) == text
