"""`seaway kubeconfig`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from seaway.cli.context import require_local
from seaway.sdk.errors import ServerUnreachable

EPILOG = """\b
Examples:
  export KUBECONFIG=$(seaway kubeconfig --path)
  kubectl get pods"""


def kubeconfig(
    path: Annotated[bool, typer.Option("--path", help="Print where the file is.")] = False,
) -> None:
    """Print the kubeconfig of the cluster, for kubectl and other tools. It holds a private key."""
    home = require_local("kubeconfig", "its cluster is reached with a kubeconfig of that cluster's own")
    file = home.kubeconfig
    if not file.is_file():
        raise ServerUnreachable("there is no kubeconfig yet: it is made when the cluster first starts")
    if path:
        print(file)
    else:
        sys.stdout.write(file.read_text())
