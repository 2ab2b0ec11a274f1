"""`seaway install`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from seaway.cli.context import note

EPILOG = """\b
Examples:
  seaway install --image registry.example.com/seaway:0.1.0 -n research
  seaway install --image ... --set storage.size=100Gi --set rbac.nodes=true
  seaway install --values team.yaml                two servers, PostgreSQL, S3: in the file
  seaway install --dry-run --image ... | kubectl apply --dry-run=server -f -
  seaway install --show-values                     all that can be set, as a file to start from
  helm upgrade --install seaway $(seaway install --chart) --set image=...     the same with Helm

\b
The rights of the namespace's administrator (ClusterRole admin) are enough. The same command again
upgrades; the token, the certificate and the data are kept."""
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="What the installation is called.")]
Kubeconfig = Annotated[
    Path | None, typer.Option("--kubeconfig", metavar="FILE", help="The cluster; the usual one without this.")
]
KubeContext = Annotated[
    str | None, typer.Option("--context", metavar="NAME", help="A context of the kubeconfig.")
]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", "-n", metavar="NAME", help="Where; the context's without this."),
]
Timeout = Annotated[
    str, typer.Option("--timeout", metavar="DURATION", help='How long to wait, such as "90s" or "5m".')
]


def install(
    image: Annotated[
        str | None,
        typer.Option("--image", metavar="IMAGE", help="The server's image; build it with the Dockerfile."),
    ] = None,
    name: Name = "seaway",
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: KubeContext = None,
    values: Annotated[
        list[Path] | None, typer.Option("--values", "-f", metavar="FILE", help="Values as YAML. Repeatable.")
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One value. Repeatable.")
    ] = None,
    create_namespace: Annotated[
        bool, typer.Option("--create-namespace", help="Make the namespace where it is missing.")
    ] = False,
    timeout: Timeout = "5m",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the manifests and change nothing; no cluster is asked.")
    ] = False,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Print all values, with what they mean.")
    ] = False,
    chart: Annotated[bool, typer.Option("--chart", help="Print where the Helm chart lies.")] = False,
) -> None:
    """Install the server of a team on any Kubernetes, or upgrade it: in one namespace, with its rights alone."""
    from seaway.cli import install_composition as composition
    from seaway.cli.install_values import gather
    from seaway.sdk.submit import seconds as parse_seconds

    if chart:
        print(composition.chart_folder())
        return
    if show_values:
        print((composition.chart_folder() / "values.yaml").read_text(), end="")
        return
    seconds = parse_seconds("--timeout", timeout)
    target = composition.Target(name, kubeconfig, context, namespace)
    given = gather(values or (), sets or (), image)
    if dry_run:
        print(composition.render(target, given), end="")
        note("The Secrets hold a new token and a new key: keep these manifests private.")
        return
    steps = asyncio.run(
        composition.install(target, given, note, create_namespace=create_namespace, timeout=seconds)
    )
    note("Seaway is ready. To go on as its administrator:")
    print(steps)
