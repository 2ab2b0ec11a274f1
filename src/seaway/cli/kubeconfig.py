"""`seaway kubeconfig`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from seaway.cli.context import current_home
from seaway.sdk.errors import ServerUnreachable

EPILOG = """\b
Examples:
  export KUBECONFIG=$(seaway kubeconfig --path)
  kubectl get pods"""


def kubeconfig(
    path: Annotated[bool, typer.Option("--path", help="Print where the file is.")] = False,
) -> None:
    """Print the kubeconfig of the cluster, for kubectl and other tools. It holds a private key."""
    file = current_home().kubeconfig
    if not file.is_file():
        raise ServerUnreachable("there is no kubeconfig yet: it is made when the cluster first starts")
    if path:
        print(file)
    else:
        sys.stdout.write(file.read_text())
