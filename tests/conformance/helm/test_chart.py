"""The chart says what `seaway install` says: the same objects, the same refusals, and files that follow the code."""

from __future__ import annotations

import base64
import contextlib
import copy
import importlib
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seaway import __version__
from seaway.platform import access
from seaway.platform.deploy.installation import fresh_credentials
from seaway.platform.deploy.manifests import Credentials, manifests
from seaway.platform.deploy.notes import next_steps
from seaway.platform.deploy.release import Release
from seaway.platform.deploy.values import Values, parse_values
from seaway.platform.errors import Invalid
from tests.conformance.helm.conftest import CHART, Helm
from tests.conformance.helm.tables import BAD, GOOD, IMAGE, REFUSED
from tools.generate_chart import files

MADE_ANEW = {"Secret": ("data",)}
"""What is random."""


def comparable(objects: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return objects by kind and name, without what is random and what says who made them."""
    found = {}
    for one in copy.deepcopy(objects):
        for holder in (one, one.get("spec", {}).get("template", {})):
            holder.get("metadata", {}).get("labels", {}).pop("app.kubernetes.io/managed-by", None)
        if one["kind"] == "Secret":
            one["data"] = sorted(one["data"])
        if one["kind"] == "Deployment":
            (container,) = one["spec"]["template"]["spec"]["containers"]
            container["env"].sort(key=lambda variable: variable["name"])
        found[one["kind"], one["metadata"]["name"]] = one
    assert len(found) == len(objects)
    return found


def installed(values: dict[str, Any], name: str = "seaway") -> list[dict[str, Any]]:
    return manifests(
        parse_values({"image": IMAGE, **values}), Release(name, "research", __version__), Credentials()
    )


@pytest.mark.parametrize("values", GOOD.values(), ids=GOOD)
def test_same_objects(helm: Helm, values: dict[str, Any]) -> None:
    assert comparable(helm.template({"image": IMAGE, **values})) == comparable(installed(values))


def test_same_objects_under_another_name(helm: Helm) -> None:
    made = helm.template({"image": IMAGE}, name="second")
    assert comparable(made) == comparable(installed({}, "second"))


@pytest.mark.parametrize(("values", "said"), BAD.values(), ids=BAD)
def test_same_refusals(helm: Helm, values: dict[str, Any], said: str) -> None:
    assert said in helm.fails("template", "seaway", str(CHART), values={"image": IMAGE, **values})
    with pytest.raises(Invalid) as caught:
        parse_values({"image": IMAGE, **values})
    assert said in f"{caught.value.field}: {caught.value.message}"


@pytest.mark.parametrize(("values", "named"), REFUSED.values(), ids=REFUSED)
def test_values_are_checked(helm: Helm, values: dict[str, Any], named: str) -> None:
    said = helm.fails("template", "seaway", str(CHART), values={"image": IMAGE, **values})
    assert named in said
    assert "don't meet the specifications of the schema" in said
    with pytest.raises(Invalid) as caught:
        parse_values({"image": IMAGE, **values})
    assert named in caught.value.field
    assert caught.value.remedy


def test_no_credential_in_a_refusal() -> None:
    with pytest.raises(Invalid) as caught:
        parse_values({"image": IMAGE, "artifacts": {"url": "s3://key:hunter2@bucket"}})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments", [(), ("--strict", "--set", f"image={IMAGE}")], ids=["defaults", "strict"]
)
def test_lint(helm: Helm, arguments: tuple[str, ...]) -> None:
    assert "0 chart(s) failed" in helm("lint", str(CHART), *arguments)


@pytest.mark.parametrize(("name", "content"), files().items(), ids=files())
def test_made_files_follow_the_code(name: str, content: str) -> None:
    assert (CHART / name).read_text() == content, "python -m tools.generate_chart makes it anew"


def test_rights_are_those_that_the_server_uses(helm: Helm) -> None:
    objects = helm.template({"image": IMAGE, "rbac": {"nodes": True}})
    granted = {one["kind"]: one["rules"] for one in objects if "rules" in one}
    assert granted["Role"] == [*access.WORKSPACE_RULES, *access.LEADER_RULES]
    assert granted["ClusterRole"] == [access.NODE_RULE]
    wide = helm.template({"image": IMAGE, "rbac": {"workspaces": True}})
    assert [one["rules"] for one in wide if one["kind"] == "ClusterRole"] == [list(access.MANAGER_RULES)]
    more = {one["kind"]: one for one in helm.template({"image": IMAGE, "rbac": {"metrics": True}})}
    assert more["Role"]["rules"] == [*granted["Role"], access.METRICS_RULE]


def test_nothing_outside_the_namespace_by_default(helm: Helm) -> None:
    kinds = {one["kind"] for one in helm.template({"image": IMAGE})}
    assert not {kind for kind in kinds if kind.startswith("Cluster")}
    assert kinds == {
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "Secret",
        "PersistentVolumeClaim",
        "Deployment",
        "Service",
    }


NOTES = ["least", "given token", "given certificate", "public certificate", "ingress", "load balancer"]


@pytest.mark.parametrize("row", NOTES)
def test_notes_say_how_to_go_on(helm: Helm, row: str) -> None:
    """They are the two commands, of Helm and of `seaway install`: get the token, log in with it."""
    values = {"image": IMAGE, **GOOD[row]}
    written = helm("install", "seaway", str(CHART), "--dry-run=client", "-n", "research", values=values)
    notes = [line for line in written.partition("NOTES:")[2].splitlines()[2:] if line.strip()]
    steps = next_steps(parse_values(values), Release("seaway", "research", __version__))
    assert notes == steps.splitlines()
    assert notes[-1].count(" | seaway login https://") == 1


def test_values_file_is_the_models_own_defaults() -> None:
    yaml = importlib.import_module("yaml")
    written = yaml.safe_load((CHART / "values.yaml").read_text())
    assert Values.model_validate(written) == Values()


def handshake(secret: dict[str, str], folder: Path, name: str) -> None:
    """Shake hands in memory, with everything checked that RFC 5280 asks for, as newer Pythons do by default."""
    for key, text in secret.items():
        (folder / key).write_bytes(base64.b64decode(text))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    client = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there, server_hostname=name)
    answering = server.wrap_bio(there, back, server_side=True)
    waiting = {asking, answering}
    for _ in range(10):
        for side in waiting.copy():
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
                waiting.discard(side)
    assert not waiting


@pytest.mark.parametrize(
    "name", ["seaway.research.svc", "localhost", "127.0.0.1", "::1", "seaway.example.com"]
)
@pytest.mark.parametrize("maker", ["helm", "seaway install"])
def test_the_certificate_is_good_for_every_name(helm: Helm, tmp_path: Path, maker: str, name: str) -> None:
    given = {"image": IMAGE, "tls": {"names": ["seaway.example.com"]}}
    values, release = parse_values(given), Release("seaway", "research", __version__)
    if maker == "helm":
        objects = helm.template(given)
    else:
        objects = manifests(values, release, fresh_credentials(values, release, datetime.now(UTC)))
    (secret,) = [one["data"] for one in objects if one["metadata"]["name"] == "seaway-tls"]
    handshake(secret, tmp_path, name)
