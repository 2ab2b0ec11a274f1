"""What manifests are read as, and what is said of those that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.client.manifests import ManifestError, read_manifests

A = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
TEXT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "d"},
}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (A, "a"),
        ([], ""),
        (TEXT, "a"),
        (f"---\n{TEXT}---\n---\n{TEXT}", "a a"),
        ("", ""),
        ([A, DEFINITION, SPACE], "n d a"),
        ({"apiVersion": "v1", "kind": "List", "items": [A, SPACE]}, "n a"),
        ((one for one in (A, A)), "a a"),
    ],
)
def test_read(source, names: str) -> None:
    assert [one["metadata"]["name"] for one in read_manifests(source)] == names.split()


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text(TEXT.replace("name: a", "name: b"))
    (tmp_path / "a.yaml").write_text(TEXT)
    (tmp_path / "README.md").write_text("not this")
    assert [one["metadata"]["name"] for one in read_manifests(tmp_path)] == ["a", "b"]
    assert read_manifests(tmp_path / "a.yaml") == [A]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("a: [", "the manifest is no YAML"),
        (
            "manifests/web.yaml",
            r"document 1 of the manifest should be an object .* give a file as a pathlib.Path",
        ),
        ([3], "object 1 should be an object with apiVersion and kind"),
        (f"{TEXT}---\nkind: Pod\n", "document 2 of the manifest needs apiVersion: a text such as v1"),
        ({"apiVersion": "v1", "kind": 3}, "object 1 needs kind: a text such as Pod"),
        ({"apiVersion": "v1", "kind": "Pod"}, r"object 1 \(Pod\) needs metadata.name"),
        ({"apiVersion": "v1", "kind": "List", "items": [3]}, "an item of object 1 should be an object"),
    ],
)
def test_refused(source, words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        read_manifests(source)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="holds no YAML files"):
        read_manifests(tmp_path)
