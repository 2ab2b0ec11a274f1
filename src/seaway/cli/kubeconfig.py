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
  kubectl get pods
  kubectl --kubeconfig $(seaway kubeconfig --path --admin) create namespace team"""


def kubeconfig(
    path: Annotated[bool, typer.Option("--path", help="Print where the file is.")] = False,
    admin: Annotated[
        bool, typer.Option("--admin", help="The owner's: it may do everything, everywhere.")
    ] = False,
) -> None:
    """Print the kubeconfig of the cluster, for kubectl and other tools. It holds a private key.

    With it you work in the namespace of your runs, and see the rest of the cluster but its Secrets.
    """
    home = require_local("kubeconfig", "its cluster is reached with a kubeconfig of that cluster's own")
    file = home.kubeconfig if admin else home.user_kubeconfig
    if not file.is_file():
        raise ServerUnreachable("there is no kubeconfig yet: it is made when the cluster first starts")
    if path:
        print(file)
    else:
        sys.stdout.write(file.read_text())
