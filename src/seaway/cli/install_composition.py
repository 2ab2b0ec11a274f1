"""The installer put together: a client of the cluster, and the platform's own manifests."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seaway import __version__
from seaway.sdk.errors import SeawayError

Say = Callable[[str], None]
NAME_LIMIT = 40
"""Characters of an installation's name: those of its objects are longer, and at most 63."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which installation, in which cluster."""

    name: str
    kubeconfig: Path | None
    context: str | None
    namespace: str | None
    """None for the context's own."""


def chart_folder() -> Path:
    """Return where the Helm chart lies."""
    from seaway.platform import deploy

    return Path(deploy.__file__).parent / "chart"


def render(target: Target, given: Mapping[str, Any]) -> str:
    """Return the manifests as YAML, with a token and a certificate that are new. No cluster is asked.

    Raises:
        SeawayError: values that cannot be.
    """
    import yaml

    from seaway.platform.deploy.installation import fresh_credentials
    from seaway.platform.deploy.manifests import manifests

    values = parse(given)
    try:
        namespace = _connection(target).namespace
    except SeawayError:
        if target.kubeconfig is not None or target.context is not None:
            raise
        namespace = "default"
    release = _release(target, namespace)
    objects = manifests(values, release, fresh_credentials(values, release, datetime.now(UTC)))
    return yaml.safe_dump_all(objects, sort_keys=False, width=200)


def parse(given: Mapping[str, Any]) -> Any:
    """Return the values of an installation. Raises SeawayError for what cannot be."""
    from seaway.platform.deploy.values import parse_values
    from seaway.platform.errors import Invalid

    try:
        return parse_values(dict(given))
    except Invalid as error:
        place = f"{error.field}: " if error.field else ""
        raise SeawayError(
            f"{place}{error.message}", code="Usage", field=error.field, remedy=error.remedy
        ) from error


async def install(
    target: Target, given: Mapping[str, Any], say: Say, *, create_namespace: bool, timeout: float
) -> str:
    """Install or upgrade, wait until the server is ready, and return what to do next.

    Raises:
        SeawayError: values that cannot be, what the cluster refuses, or a server that does not become ready.
    """
    from seaway.platform.deploy import installation
    from seaway.platform.deploy.notes import next_steps

    values = parse(given)
    async with _cluster(target) as (client, release):
        try:
            hint = await installation.check_namespace(client, values, release)
        except installation.MadeByHelm as error:
            raise SeawayError(
                f"the installation {error} in the namespace {release.namespace} is Helm's",
                code="Usage",
                field="--name",
                remedy='helm upgrade, with the chart that "seaway install --chart" names',
            ) from error
        except installation.Embedded as error:
            raise SeawayError(
                "this cluster is embedded in a Seaway on one machine, which has a server already",
                code="Usage",
                field="--kubeconfig",
                remedy="Give the kubeconfig of a team's Kubernetes; here, seaway up is all",
            ) from error
        if hint is None:
            await _create_namespace(client, release, say, wanted=create_namespace)
        elif hint:
            say(f"note: {hint}")
        async for line in installation.apply(client, values, release, datetime.now(UTC)):
            say(line)
        await _wait(client, values, release, say, timeout)
    return next_steps(values, release)


async def _create_namespace(client: Any, release: Any, say: Say, *, wanted: bool) -> None:
    from seaway.platform.deploy import installation

    if not wanted:
        raise SeawayError(
            f"the namespace {release.namespace} does not exist",
            code="Usage",
            field="--namespace",
            remedy="Make it with --create-namespace, or name another one",
        )
    await installation.create_namespace(client, release.namespace)
    say(f"Namespace {release.namespace}")


async def _wait(client: Any, values: Any, release: Any, say: Say, timeout: float) -> None:
    from seaway.platform.deploy import installation

    last = None
    async for last in installation.watch_start(client, values, release, timeout=timeout):
        say(f"the server: {last.text}")
    assert last is not None
    if last.ready:
        return
    if last.crashed:
        for line in await installation.last_lines(client, release, last.crashed):
            say(f"  | {line}")
    patience = "" if last.failed else f" within {timeout:g} s"
    raise SeawayError(
        f"the server is not ready{patience}: {last.text}",
        code="Temporary",
        remedy=f"kubectl -n {release.namespace} describe pods -l app.kubernetes.io/instance={release.name}",
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What an uninstall would do."""

    namespace: str
    goes: list[Any]
    stays: list[Any]
    """The volume claims, where they are not to go too."""
    runs: int
    """Pods of runs that are still there."""
    spaces: list[str]
    """Where these are."""
    everywhere: bool
    """All workspaces were looked at for them."""


async def plan_uninstall(target: Target, workspaces: Sequence[str], *, data: bool) -> Plan:
    """Return what an uninstall would do. Raises SeawayError where the cluster cannot be asked.

    Args:
        target: which installation.
        workspaces: where its runs are, beside its own namespace; without any they are looked for everywhere.
        data: the volume, and what is left of runs, is to go too.
    """
    from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS
    from seaway.platform.deploy import installation
    from seaway.platform.deploy.leftovers import find_runs

    async with _cluster(target) as (client, release):
        found = await installation.find(client, release)
        kept = [] if data else [one for one in found if one.resource == PERSISTENT_VOLUME_CLAIMS]
        left = await find_runs(client, release, workspaces)
        goes = [one for one in found if one not in kept]
        return Plan(release.namespace, goes, kept, len(left.pods), left.namespaces, left.everywhere)


async def uninstall(
    target: Target, plan: Plan, workspaces: Sequence[str], say: Say, *, data: bool, timeout: float
) -> None:
    """Carry out a plan. Raises SeawayError where the cluster refuses, or pods do not end in time."""
    from seaway.platform.deploy import installation
    from seaway.platform.deploy.leftovers import find_runs, remove_runs

    async with _cluster(target) as (client, release):
        try:
            async for line in installation.remove(client, release, plan.goes, timeout=timeout):
                say(line)
        except TimeoutError as error:
            remedy = f"kubectl -n {release.namespace} get pods; then again: seaway uninstall"
            raise SeawayError(str(error), code="Temporary", remedy=remedy) from error
        if data:
            async for line in remove_runs(client, await find_runs(client, release, workspaces)):
                say(line)


@asynccontextmanager
async def _cluster(target: Target) -> AsyncIterator[tuple[Any, Any]]:
    from seaway.client.client import Client
    from seaway.client.http import HttpTransport

    connection = _connection(target)
    client = Client(HttpTransport(connection), field_manager="seaway-install")
    release = _release(target, connection.namespace)
    try:
        with _explained(release.namespace):
            yield client, release
    finally:
        await client.close()


def _connection(target: Target) -> Any:
    from seaway.client.config import kubeconfig_paths, load_kubeconfig
    from seaway.client.errors import ConfigError

    try:
        return load_kubeconfig(target.kubeconfig or kubeconfig_paths(os.environ), target.context, os.environ)
    except ConfigError as error:
        remedy = "kubectl --kubeconfig FILE get pods shows whether it works"
        raise SeawayError(str(error), code="Usage", field="--kubeconfig", remedy=remedy) from error


def _release(target: Target, namespace: str) -> Any:
    from seaway.objects.names import dns_1035_label_faults, dns_label_faults
    from seaway.platform.deploy.release import Release

    if dns_1035_label_faults(target.name) or len(target.name) > NAME_LIMIT:
        remedy = f"Give lower-case letters, digits and hyphens, at most {NAME_LIMIT}"
        raise SeawayError(f"{target.name!r} cannot be a name", code="Usage", field="--name", remedy=remedy)
    if target.namespace and dns_label_faults(target.namespace):
        remedy = "Give lower-case letters, digits and hyphens, at most 63"
        said = f"{target.namespace!r} cannot be a namespace's name"
        raise SeawayError(said, code="Usage", field="--namespace", remedy=remedy)
    return Release(target.name, target.namespace or namespace, __version__)


@contextlib.contextmanager
def _explained(namespace: str) -> Iterator[None]:
    """Say what a cluster refuses, and that it does not answer, as the command line's own errors."""
    from seaway.client.errors import ClientError
    from seaway.objects.errors import ApiError, Forbidden

    try:
        yield
    except Forbidden as error:
        remedy = f"Ask who administers the cluster for the ClusterRole admin in the namespace {namespace}"
        raise SeawayError(error.message, code=error.reason, status=error.code, remedy=remedy) from error
    except ApiError as error:
        raise SeawayError(error.message, code=error.reason, status=error.code) from error
    except ClientError as error:
        remedy = "Check the kubeconfig and the network, then try again: what is done already stays"
        raise SeawayError(str(error), code="Unreachable", remedy=remedy) from error
