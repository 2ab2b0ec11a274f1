"""Kubeconfigs: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from seaway.client.config import kubeconfig_paths, load_in_cluster, load_kubeconfig
from seaway.client.errors import ConfigError

V1 = "client.authentication.k8s.io/v1"


def config(**changes) -> dict:
    content = {
        "current-context": "here",
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}},
            {"name": "there", "context": {"cluster": "c", "user": "t"}},
        ],
        "clusters": [
            {
                "name": "c",
                "cluster": {
                    "server": "https://127.0.0.1:6443/",
                    "certificate-authority-data": base64.b64encode(b"CA").decode(),
                },
            }
        ],
        "users": [
            {
                "name": "u",
                "user": {"client-certificate": "u.crt", "client-key-data": base64.b64encode(b"KEY").decode()},
            },
            {"name": "t", "user": {"token": "secret-token"}},
        ],
    }
    return content | changes


def write(path: Path, content: dict) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_current_context_with_inline_data_and_relative_files(tmp_path: Path) -> None:
    (tmp_path / "u.crt").write_bytes(b"CERT")
    connection = load_kubeconfig(write(tmp_path / "config", config()))
    assert connection.server == "https://127.0.0.1:6443"
    assert (connection.ca, connection.client_certificate, connection.client_key) == (b"CA", b"CERT", b"KEY")
    assert (connection.namespace, connection.user) == ("team", "u")


def test_a_named_context_with_a_token_that_its_repr_hides(tmp_path: Path) -> None:
    connection = load_kubeconfig(write(tmp_path / "config", config()), "there")
    assert (connection.token, connection.namespace) == ("secret-token", "default")
    assert "secret-token" not in repr(connection)


def test_of_several_files_the_first_to_name_something_wins(tmp_path: Path) -> None:
    first = write(tmp_path / "one", {"clusters": [{"name": "c", "cluster": {"server": "https://first"}}]})
    second = write(tmp_path / "two", config())
    connection = load_kubeconfig((first, tmp_path / "missing", second), "there")
    assert connection.server == "https://first"


def test_the_environment_lists_files() -> None:
    assert kubeconfig_paths({"KUBECONFIG": "/a::/b"}) == (Path("/a"), Path("/b"))
    assert kubeconfig_paths({})[0].name == "config"


@pytest.mark.parametrize(
    ("content", "context", "says"),
    [
        pytest.param(config(), "nowhere", "no context 'nowhere'; it has here, there", id="unknown context"),
        pytest.param(config(**{"current-context": ""}), None, "no current-context", id="no current context"),
        pytest.param(config(clusters=[]), None, "names the cluster 'c'", id="unknown cluster"),
        pytest.param(config(clusters=[{"name": "c", "cluster": {}}]), None, "has no server", id="no server"),
        pytest.param(config(), "here", "u.crt", id="missing file"),
        pytest.param(config(users=[{"name": "u", "user": {"exec": {"command": "aws"}}}]), None, "v1beta1 are supported", id="exec plugin without a version"),
        pytest.param(config(users=[{"name": "u", "user": {"exec": {"args": ["x"]}}}]), None, "without a command", id="exec plugin without a command"),
        pytest.param(config(users=[{"name": "u", "user": {"exec": {"command": "aws", "apiVersion": V1, "interactiveMode": "Always"}}}]), None, "asks a person", id="exec plugin that asks a person"),
        pytest.param(config(users=[{"name": "u", "user": {"auth-provider": {"name": "oidc"}}}]), None, "auth provider", id="auth provider"),
        pytest.param(config(users=[{"name": "u", "user": {"client-key-data": "S0VZ"}}]), None, "both a client certificate and its key", id="key alone"),
        pytest.param(config(users=[{"name": "u", "user": {"client-key-data": "%", "client-certificate-data": "%"}}]), None, "not base64", id="bad base64"),
        pytest.param({"contexts": ["x"]}, None, "contexts must be a list of mappings", id="wrong shape"),
        pytest.param({}, None, "no kubeconfig with a cluster", id="empty"),
    ],
)  # fmt: skip
def test_a_kubeconfig_that_cannot_be_used_says_why(
    tmp_path: Path, content: dict, context: str | None, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        load_kubeconfig(write(tmp_path / "config", content), context)


@pytest.mark.parametrize("text", ["a: [", "- x", "\x00"], ids=["broken", "a list", "not text"])
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConfigError, match=str(path)):
        load_kubeconfig(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent"):
        load_kubeconfig(tmp_path / "absent")


def test_inside_a_pod(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    (tmp_path / "ca.crt").write_bytes(b"CA")
    (tmp_path / "namespace").write_text("team\n")
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    connection = load_in_cluster(environment, tmp_path)
    assert (connection.server, connection.namespace) == ("https://[fd00::1]:443", "team")
    assert (connection.token_file, connection.ca_file) == (tmp_path / "token", tmp_path / "ca.crt")
    with pytest.raises(ConfigError, match="not inside a pod"):
        load_in_cluster({}, tmp_path)


def test_an_exec_plugin_with_the_cluster_as_it_is_told(tmp_path: Path) -> None:
    told = {
        "command": "bin/sign-in", "args": ["--cluster", "c"], "env": [{"name": "PROFILE", "value": "team"}],
        "apiVersion": V1, "provideClusterInfo": True, "interactiveMode": "Never", "installHint": "brew install it",
    }  # fmt: skip
    content = config(users=[{"name": "u", "user": {"exec": told}}])
    content["clusters"][0]["cluster"]["extensions"] = [
        {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    ]
    plugin = load_kubeconfig(write(tmp_path / "config", content), environment={"HOME": "/h"}).plugin
    assert plugin is not None
    assert (plugin.command, plugin.arguments) == (str(tmp_path / "bin/sign-in"), ("--cluster", "c"))
    assert plugin.environment == {"HOME": "/h", "PROFILE": "team"}
    assert plugin.cluster == {
        "server": "https://127.0.0.1:6443/",
        "certificate-authority-data": base64.b64encode(b"CA").decode(),
        "config": {"audience": "x"},
    }


def test_whom_to_act_for(tmp_path: Path) -> None:
    user = {
        "token": "t",
        "as": "ada",
        "as-groups": ["a", "b"],
        "as-uid": "7",
        "as-user-extra": {"x/y": ["1"]},
    }
    connection = load_kubeconfig(write(tmp_path / "config", config(users=[{"name": "u", "user": user}])))
    assert connection.impersonate == (
        ("impersonate-user", "ada"), ("impersonate-uid", "7"), ("impersonate-group", "a"), ("impersonate-group", "b"),
        ("impersonate-extra-x%2Fy", "1"),
    )  # fmt: skip
