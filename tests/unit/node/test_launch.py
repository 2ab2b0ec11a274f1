"""Environment, images, volumes, GPUs and the mount plan: values in, values out."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from seaway.controlplane.node import launch, payloads, volumes
from seaway.controlplane.node.context import Addresses, GpuLedger
from seaway.controlplane.node.env import command, complete, declared, expand, references
from seaway.controlplane.node.fields import ConfigError, PodFacts, field_text, resource_text
from seaway.controlplane.node.gpu import Gpu, NotEnoughGpusError, choose, environment, wanted
from seaway.controlplane.node.images import UnknownImageError, find_image
from seaway.controlplane.node.payloads import File, MountError
from seaway.controlplane.node.podvolumes import Objects
from seaway.controlplane.node.settings import ImageEnvironment
from seaway.controlplane.node.shim.rootplan import Mount, plan_root, shown

POD = {
    "metadata": {
        "name": "p",
        "namespace": "d",
        "uid": "u",
        "labels": {"a": "b"},
        "annotations": {"n": 'x"y'},
    },
    "spec": {
        "nodeName": "n1",
        "serviceAccountName": "sa",
        "containers": [{"name": "main", "resources": {"limits": {"cpu": "1500m", "memory": "1Gi"}}}],
    },
}
FACTS = PodFacts(POD, "127.1.0.2", "127.1.0.1", {"cpu": "8", "memory": "16Gi"})
OBJECTS = Objects({
    ("configmaps", "c"): {"kind": "ConfigMap", "data": {"k": "v", "l": "w"}, "binaryData": {"b": base64.b64encode(b"\0").decode()}},
    ("secrets", "s"): {"kind": "Secret", "data": {"p": base64.b64encode(b"pw").decode()}},
})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "a"),
        ("x$(A)y$(A)", "xaya"),
        ("$(NONE)", "$(NONE)"),
        ("$$(A)", "$(A)"),
        ("$A", "$A"),
        ("$$$$", "$$"),
        ("$(A", "$(A"),
        ("$", "$"),
    ],
    ids=["a name", "twice", "unknown stays", "escaped", "no parentheses", "dollars", "not closed", "alone"],
)
def test_expansion(text: str, expected: str) -> None:
    assert expand(text, {"A": "a"}) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "p"), ("metadata.labels['a']", "b"), ("metadata.annotations['none']", ""), ("metadata.labels", 'a="b"'),
        ("metadata.annotations", 'n="x\\"y"'), ("spec.nodeName", "n1"), ("spec.serviceAccountName", "sa"), ("status.podIP", "127.1.0.2"),
        ("status.hostIP", "127.1.0.1"),
    ],
)  # fmt: skip
def test_fields(path: str, expected: str) -> None:
    assert field_text(FACTS, path) == expected


def test_unknown_field_is_named() -> None:
    with pytest.raises(ConfigError, match=r"unsupported fieldPath: spec\.nope"):
        field_text(FACTS, "spec.nope")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"resource": "limits.cpu"}, "2"), ({"resource": "limits.cpu", "divisor": "1m"}, "1500"), ({"resource": "limits.memory", "divisor": "1Mi"}, "1024"),
        ({"resource": "requests.cpu"}, "0"), ({"resource": "limits.ephemeral-storage"}, "0"),
    ],
    ids=["rounded up", "in millis", "in mebibytes", "no request", "no limit known"],
)  # fmt: skip
def test_resources(reference: dict[str, str], expected: str) -> None:
    assert resource_text(FACTS, reference, "main") == expected


def test_declared_environment() -> None:
    container = {
        "name": "main",
        "envFrom": [
            {"configMapRef": {"name": "c"}, "prefix": "P_"},
            {"secretRef": {"name": "none", "optional": True}},
        ],
        "env": [
            {"name": "A", "value": "$(P_k)!"},
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "p"}}},
            {"name": "O", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "none", "optional": True}}},
        ],
    }
    assert declared(FACTS, container, OBJECTS) == {"P_k": "v", "P_l": "w", "A": "v!", "S": "pw"}
    assert references(container) == {("configmaps", "c"), ("secrets", "none"), ("secrets", "s")}


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ({"configMapKeyRef": {"name": "none", "key": "k"}}, 'configmap "none" not found'),
        ({"configMapKeyRef": {"name": "c", "key": "x"}}, "couldn't find key x in ConfigMap d/c"),
        ({"secretKeyRef": {"name": "s", "key": "x"}}, "couldn't find key x in Secret d/s"),
    ],
)
def test_missing_values_are_named(variable: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        declared(FACTS, {"name": "main", "env": [{"name": "X", "valueFrom": variable}]}, OBJECTS)


def test_complete_environment() -> None:
    image = ImageEnvironment(path=("/venv/bin",), env={"LANG": "C.UTF-8"})
    env = complete(
        {"LANG": "de"}, image, {"HTTPS_PROXY": "http://x"}, {"CUDA_VISIBLE_DEVICES": ""}, "/workspace"
    )
    assert env["PATH"].startswith("/venv/bin:/usr/local/sbin")
    assert (env["LANG"], env["HTTPS_PROXY"], env["HOME"], env["CUDA_VISIBLE_DEVICES"]) == (
        "de",
        "http://x",
        "/workspace",
        "",
    )


def test_command() -> None:
    assert command({"command": ["a", "$(X)"], "args": ["b"]}, {"X": "x"}) == ("a", "x", "b")
    assert command({"args": ["-c", "1"]}, {}) == ("-c", "1")


@pytest.mark.parametrize(
    "name",
    ["python", "python:3.12", "docker.io/library/python:3.12-slim", "seaway/runtime:1", "docker.io/python"],
)
def test_known_images(name: str) -> None:
    image = ImageEnvironment(path=("/x",))
    assert find_image(name, {"python": image, "python:3*": image, "seaway/*": image}) is image


def test_unknown_image_names_the_known_ones() -> None:
    with pytest.raises(UnknownImageError, match=r'image "torch" is not known.*python, python:3\*'):
        find_image("torch", {"python": ImageEnvironment(), "python:3*": ImageEnvironment()})


def test_longest_pattern_wins() -> None:
    special = ImageEnvironment(path=("/special",))
    assert find_image("a/b:1", {"a/*": ImageEnvironment(), "a/b:*": special}) is special


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"configMap": {"name": "c"}}, {"k": File(b"v"), "l": File(b"w"), "b": File(b"\0")}),
        ({"configMap": {"name": "c", "items": [{"key": "k", "path": "x/y", "mode": 0o400}]}}, {"x/y": File(b"v", 0o400)}),
        ({"secret": {"secretName": "s", "defaultMode": 0o600}}, {"p": File(b"pw", 0o600)}),
        ({"secret": {"secretName": "none", "optional": True}}, {}),
        ({"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}}, {"n": File(b"p")}),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}, {"configMap": {"name": "c", "items": [{"key": "k", "path": "ca"}]}}]}},
            {"token": File(b"T", 0o600), "ca": File(b"v")},
        ),
    ],
    ids=["config map", "items", "secret", "optional", "downward API", "projected"],
)  # fmt: skip
def test_payloads(volume: dict[str, Any], expected: payloads.Payload) -> None:
    assert payloads.payload(FACTS, volume, OBJECTS, {"token": "T"}) == expected


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "none"}}, 'configmap "none" not found'),
        (
            {"secret": {"secretName": "s", "items": [{"key": "x", "path": "x"}]}},
            "references non-existent secret key: x",
        ),
        ({"configMap": {"name": "c", "items": [{"key": "k", "path": "../x"}]}}, 'may not contain ".."'),
    ],
    ids=["missing", "missing key", "path traversal"],
)
def test_payload_faults_are_named(volume: dict[str, Any], message: str) -> None:
    with pytest.raises(MountError, match=message):
        payloads.payload(FACTS, volume, OBJECTS, {})


def test_written_volume_changes_at_one_instant(tmp_path: Path) -> None:
    folder = tmp_path / "v"
    assert volumes.write_payload(folder, {"a": File(b"1"), "d/b": File(b"2", 0o400)})
    assert ((folder / "a").read_bytes(), (folder / "d" / "b").read_bytes()) == (b"1", b"2")
    assert (folder / "d" / "b").stat().st_mode & 0o777 == 0o400
    assert not volumes.write_payload(folder, {"a": File(b"1"), "d/b": File(b"2", 0o400)})
    assert volumes.write_payload(folder, {"a": File(b"3")})
    assert (folder / "a").read_bytes() == b"3"
    assert not (folder / "d").is_symlink()


def test_folders_of_a_written_volume_are_open_whatever_the_process_masks(tmp_path: Path) -> None:
    """The daemon masks all bits of others; who reads the volume is whom its container runs as."""
    before = os.umask(0o077)
    try:
        volumes.write_payload(tmp_path / "v", {"a": File(b"1"), "d/e/b": File(b"2")})
        launch.write_files(tmp_path / "c", {"hosts": "127.0.0.1"})
    finally:
        os.umask(before)
    shown = [tmp_path / "v", *(path for path in (tmp_path / "v").rglob("*") if not path.is_symlink())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in shown if path.is_dir()} == {0o755}
    assert stat.S_IMODE((tmp_path / "c" / "hosts").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("wanted", "mounted", "made"),
    [
        ("/app/src", [("own", "/app/src", False)], None),
        ("/usr", [], None),
        ("/data/a/b", [], "volume/a/b"),
        ("/data", [], None),
        ("/tmp/a", [], "tmp/a"),
        ("/fixed/a", [], None),
    ],
    ids=["nobody has it", "the machine has it", "in a volume", "a volume", "in /tmp", "in what may only be read"],
)  # fmt: skip
def test_a_working_folder_is_made(
    wanted: str, mounted: list[tuple[str, str, bool]], made: str | None, tmp_path: Path
) -> None:
    mounts = [
        (str(tmp_path / "tmp"), "/tmp", False),
        (str(tmp_path / "volume"), "/data", False),
        (str(tmp_path / "fixed"), "/fixed", True),
    ]
    for source, _, _ in mounts:
        Path(source).mkdir()
    assert volumes.working_folder(wanted, "own", mounts) == mounted
    found = {path for path in tmp_path.rglob("*") if path.is_dir() and not any(path.iterdir())}
    assert ((tmp_path / made) in found) if made else {path.parent for path in found} == {tmp_path}


def test_sub_paths_stay_in_their_volume(tmp_path: Path) -> None:
    mount = {"name": "v", "mountPath": "/m", "subPath": "in/side"}
    found = volumes.container_mounts({"volumeMounts": [mount]}, {"v": tmp_path}, {}, frozenset())
    assert found == [(str(tmp_path / "in" / "side"), "/m", False)]
    (tmp_path / "out").symlink_to("/etc")
    for sub in ("../x", "out/passwd"):
        with pytest.raises(MountError, match="leaves its volume"):
            volumes.container_mounts(
                {"volumeMounts": [mount | {"subPath": sub}]}, {"v": tmp_path}, {}, frozenset()
            )


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"name": "v", "nfs": {}}, 'volume "v": nfs is not served'),
        (
            {"name": "v", "hostPath": {"path": "/etc/passwd", "type": "Directory"}},
            "hostPath type check failed: /etc/passwd is not a directory",
        ),
    ],
    ids=["other", "wrong type"],
)
def test_volumes_that_cannot_be(tmp_path: Path, volume: dict[str, Any], message: str) -> None:
    with pytest.raises(MountError, match=message):
        volumes.plain_volume(tmp_path, volume)


GPUS = [Gpu("a", "m", 1), Gpu("b", "m", 1), Gpu("c", "m", 1)]


def test_gpus_are_given_once() -> None:
    assert choose(GPUS, {"a"}, 2) == ("b", "c")
    with pytest.raises(NotEnoughGpusError, match="Requested: 2, Available: 1"):
        choose(GPUS, {"a", "b"}, 2)
    assert environment(()) == {"CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": "void"}
    assert wanted({"resources": {"limits": {"nvidia.com/gpu": "2"}}}) == 2


def test_gpu_ledger_remembers() -> None:
    ledger = GpuLedger(GPUS)
    ledger.restore("u0", "main", ["b"])
    assert ledger.take("u1", "main", 2) == ("a", "c")
    assert ledger.take("u1", "main", 2) == ("a", "c")
    ledger.give_back("u0")
    assert ledger.take("u2", "main", 1) == ("b",)


def test_addresses_are_taken_once_and_not_reused_at_once() -> None:
    addresses = Addresses("127.9.0.0/29")
    assert addresses.node == "127.9.0.1"
    addresses.reserve("old", "127.9.0.2")
    assert addresses.take("a") == "127.9.0.3"
    addresses.give_back("a")
    assert addresses.take("b") == "127.9.0.4"
    for owner in "cde":
        addresses.take(owner)
    with pytest.raises(RuntimeError, match="larger range"):
        addresses.take("f")


HOST = {"/", "/dev", "/usr", "/var", "/var/run", "/run", "/run/lock", "/data", "/tmp"}


def plan(*targets: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    made = plan_root(
        [Mount("/s", t) for t in targets], HOST.__contains__, lambda p: p.replace("/var/run", "/run")
    )
    return made.mirrored, tuple(m.target for m in made.mounts)


@pytest.mark.parametrize(
    ("targets", "mirrored", "mounts"),
    [
        (["/data"], ("/", "/dev"), ("/data",)),
        (["/workspace"], ("/", "/dev"), ("/workspace",)),
        (["/var/run/secrets/x"], ("/", "/dev", "/run"), ("/run/secrets/x",)),
        (["/tmp/a/b", "/tmp"], ("/", "/dev"), ("/tmp", "/tmp/a/b")),
        (["/usr/new/x"], ("/", "/dev", "/usr"), ("/usr/new/x",)),
    ],
    ids=["there already", "new at the top", "through a link", "inside another mount", "new below"],
)
def test_root_plan(targets: list[str], mirrored: tuple[str, ...], mounts: tuple[str, ...]) -> None:
    assert plan(*targets) == (mirrored, mounts)


def test_what_is_shown_of_the_host() -> None:
    assert shown("/", ["usr", "proc", "dev", "etc"], ["/", "/dev"]) == ["etc", "usr"]
    assert shown("/dev", ["null", "sda", "nvidia0", "tty7", "shm"], ["/", "/dev"]) == ["null", "nvidia0"]
