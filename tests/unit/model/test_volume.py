"""Where a volume may be mounted, and what a task may say of several."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from seaway.model.run import TaskSpec
from seaway.model.volume import VolumeMount, VolumeSpec, unusable


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/data", ""),
        ("/mnt/inputs/2026", ""),
        ("/srv/inputs", ""),
        ("/etcetera", ""),
        ("data", "no absolute path"),
        ("", "no absolute path"),
        ("/a:b", "no absolute path"),
        ("/data/", "not written plainly"),
        ("/data//x", "not written plainly"),
        ("/data/../etc", "not written plainly"),
        ("/./etc", "not written plainly"),
        ("/", "would hide what is in /bin"),
        ("/etc", "would hide what is in /etc"),
        ("/usr/lib/python3", "would hide what is in /usr"),
        ("/var", "would hide what is in /var/cache/seaway"),
        ("/tmp/x", "would hide what is in /tmp"),
        ("/cache", "would hide what is in /cache"),
        ("/" + "x" * 1023, ""),
        ("/" + "x" * 1024, "has 1,025 characters"),
        ("/données", ""),
        ("/data\n", "that nobody sees"),
        ("/data\0", "that nobody sees"),
        ("/data\udcff", "that nobody sees"),
    ],
)
def test_where_no_volume_is_mounted(path: str, why: str) -> None:
    assert why in unusable(path)
    assert bool(unusable(path)) is bool(why)


@pytest.mark.parametrize(
    ("mounts", "why"),
    [
        ([{"name": "a"}, {"name": "b"}], ""),
        ([{"name": "a", "path": "/data"}, {"name": "b", "path": "/data2"}], ""),
        ([{"name": "a"}, {"name": "a", "path": "/data"}], "'a' is named twice"),
        ([{"name": "a", "path": "/data"}, {"name": "b", "path": "/data"}], "would hide each other"),
        ([{"name": "a", "path": "/data/in"}, {"name": "b", "path": "/data"}], "would hide each other"),
        ([{"name": "a"}, {"name": "b", "path": "/volumes"}], "would hide each other"),
        ([{"name": "seaway-cache"}], "Seaway's own"),
        ([{"name": "A"}], "pattern"),
    ],
)
def test_volumes_that_cannot_be_mounted_together(mounts: list[dict[str, str]], why: str) -> None:
    if not why:
        TaskSpec(command=("x",), volumes=mounts)
        return
    with pytest.raises(ValidationError, match=why):
        TaskSpec(command=("x",), volumes=mounts)


def test_where_a_program_finds_a_volume() -> None:
    mount = VolumeMount(name="train-data")
    assert (mount.folder, mount.variable) == ("/volumes/train-data", "SEAWAY_VOLUME_TRAIN_DATA")
    assert VolumeMount(name="a", path="/data").folder == "/data"


@pytest.mark.parametrize(
    "wrong", [{"size": "0"}, {"size": "ten"}, {"size": "500m"}, {"name": "seaway-x"}, {"name": "a.b"}, {}]
)
def test_a_wrong_volume_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"size|name"):
        VolumeSpec(**({"name": "inputs"} | ({"size": "1Gi"} if "name" in wrong else {}) | wrong))
