"""--values and --set of `seaway install`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seaway.cli.install_values import gather, parse_set
from seaway.sdk.errors import SeawayError


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("replicas=2", {"replicas": 2}),
        ("storage.size=50Gi", {"storage": {"size": "50Gi"}}),
        ("tls.names=[a, b]", {"tls": {"names": ["a", "b"]}}),
        ("runAsUser=null", {"runAsUser": None}),
        ("image=", {"image": ""}),
        ("env.PROXY=http://p:3128/?a=b", {"env": {"PROXY": "http://p:3128/?a=b"}}),
        ("nodeSelector.kubernetes\\.io/os=linux", {"nodeSelector": {"kubernetes.io/os": "linux"}}),
        ('podAnnotations.n="1"', {"podAnnotations": {"n": "1"}}),
    ],
)
def test_set(text: str, meant: dict[str, Any]) -> None:
    assert parse_set(text) == meant


@pytest.mark.parametrize("text", ["", "replicas", "=2", "a..b=1", "a.=1", "a=[1", "a={"])
def test_set_is_refused(text: str) -> None:
    with pytest.raises(SeawayError) as caught:
        parse_set(text)
    assert (caught.value.field, caught.value.code) == ("--set", "Usage")
    assert caught.value.remedy


def test_what_is_said_later_wins(tmp_path: Path) -> None:
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    first.write_text("replicas: 2\nstorage: {size: 1Gi, className: fast}\n")
    second.write_text("storage: {size: 2Gi}\n")
    found = gather([first, second], ["storage.size=3Gi", "image=x"], "y")
    assert found == {"replicas": 2, "storage": {"size": "3Gi", "className": "fast"}, "image": "y"}


@pytest.mark.parametrize(
    ("content", "said"),
    [("- 1\n", "holds no mapping"), ("a: [\n", "line 2"), ("text", "holds no mapping")],
    ids=["list", "no YAML", "text"],
)
def test_file_is_refused(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(content)
    with pytest.raises(SeawayError, match=said) as caught:
        gather([file], [], None)
    assert caught.value.field == "--values"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SeawayError, match=r"missing\.yaml cannot be read"):
        gather([tmp_path / "missing.yaml"], [], None)


def test_empty_file_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.touch()
    assert gather([file], [], None) == {}
