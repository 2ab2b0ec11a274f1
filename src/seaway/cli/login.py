"""`seaway login`."""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from seaway.cli.arguments import complete_contexts
from seaway.cli.context import current_home, note
from seaway.cli.output import ends, now
from seaway.sdk.client import SeawayClient
from seaway.sdk.connection import Endpoint
from seaway.sdk.contexts import Context, Contexts, change_contexts, check_name, name_of_url, read_contexts
from seaway.sdk.errors import SeawayError, Untrusted
from seaway.sdk.home import Home
from seaway.sdk.proxies import proxy_for
from seaway.sdk.token_store import forget_token, save_token, usable_keyring
from seaway.sdk.trust import Offer, choose_trust, is_trusted, offers, parse_fingerprint

TOKEN_VARIABLE = "SEAWAY_TOKEN"  # noqa: S105 - a variable's name
TIMEOUT = 15.0
"""Seconds that a server may take to answer somebody who logs in."""
LONGEST_TOKEN = 4096
EPILOG = """\b
Examples:
  seaway login seaway.example.com                     asks for the token, without showing it
  seaway login https://10.0.0.7:8443 --fingerprint SHA256:0A:1B:...
  seaway login seaway.example.com --ca team-ca.pem --name team
  seaway login seaway.example.com --token-stdin < token.txt
  SEAWAY_TOKEN=... seaway login seaway.example.com    for programs (CI)

\b
The server has to prove who it is before anything is sent to it: by a certificate of an
authority that this system knows, or of --ca FILE, or by the fingerprint that an
administrator told you (--fingerprint, else it is shown and you are asked, as ssh does)."""


def login(
    server: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="The server's address, or the name of a context to log in to again.",
            autocompletion=complete_contexts,
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The context's name [default: the host's].")
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", metavar="FILE", help="The authority that signed its certificate (PEM)."),
    ] = None,
    fingerprint: Annotated[
        str | None,
        typer.Option("--fingerprint", metavar="SHA256", help="Trust the server with this fingerprint."),
    ] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from standard input.")
    ] = False,
    no_keyring: Annotated[
        bool, typer.Option("--no-keyring", help="Keep the token in a file (mode 0600), not in the keyring.")
    ] = False,
    token: Annotated[str | None, typer.Option("--token", hidden=True)] = None,
) -> None:
    """Log in to a team's server: check that it is the right one, keep the token, make it the current context."""
    if token is not None:
        raise SeawayError(
            "a token on the command line stays in the shell's history and is seen by other users of this machine",
            code="Usage",
            field="--token",
            remedy=f"Type it when asked, or use --token-stdin or {TOKEN_VARIABLE}; have this one revoked",
        )
    home = current_home()
    contexts = read_contexts(home)
    wanted = _wanted(contexts, server, name)
    endpoint = _trusted(contexts, wanted, ca, fingerprint)
    endpoint = replace(endpoint, token=_token(wanted.url, from_stdin=token_stdin))
    with SeawayClient(
        endpoint.url, endpoint.token, endpoint.ca, locate=lambda: endpoint, timeout=TIMEOUT
    ) as client:
        who = client.whoami()
    context = replace(wanted, ca=endpoint.ca, user=who["user"], expires=who.get("expires"))
    _keep(home, context, endpoint.token, keyring=not no_keyring)
    note(f"You are {who['user']}{' (administrator)' if who['admin'] else ''} at {context.url}.")
    note(f"  context  {context.name}, the current one now   (back to this machine: seaway context use local)")
    note(f"  token    {ends(context.expires, now())}")


def _wanted(contexts: Contexts, server: str, name: str | None) -> Context:
    """Return the context that is logged in to, as far as it is known before.

    Raises:
        SeawayError: its address or its name cannot be used.
    """
    if server in contexts.named:
        return (
            contexts.named[server] if name is None else replace(contexts.named[server], name=check_name(name))
        )
    url = server_url(server)
    known = contexts.of_url(url)
    if known is not None and name in (None, known.name):
        return known
    chosen = check_name(name or name_of_url(url))
    if (taken := contexts.named.get(chosen)) is not None and taken.url != url:
        raise SeawayError(
            f"the context {chosen!r} is another server, {taken.url}",
            code="Usage",
            field="--name",
            remedy="Give this one a name of its own with --name",
        )
    return Context(chosen, url)


def server_url(text: str) -> str:
    """Return a server's address in the one form that is kept: scheme, host, and a port where it is not 443.

    Raises:
        SeawayError: it is none.
    """

    def refuse(fault: str, remedy: str = "Write it like https://seaway.example.com") -> SeawayError:
        return SeawayError(f"{text!r} {fault}", code="Usage", field="URL", remedy=remedy)

    if any(not each.isprintable() or each.isspace() for each in text):
        raise refuse("is no address of a server")
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise refuse("is no address of a server") from None
    if parts.scheme != "https":
        raise refuse("does not begin with https://: a token is never sent without TLS")
    if not host or any(not (each.isalnum() or each in "-.:_") for each in host):
        raise refuse("is no address of a server")
    if parts.username is not None or parts.password is not None:
        raise refuse("holds a password", "Leave it out: a server is asked with a token")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise refuse("goes on after the host", f"Leave that out: https://{parts.netloc}")
    shown = f"[{host}]" if ":" in host else host
    return f"https://{shown}" + (f":{port}" if port not in (None, 443) else "")


def _trusted(contexts: Contexts, wanted: Context, ca: Path | None, fingerprint: str | None) -> Endpoint:
    """Return the server with what it is trusted by from now on.

    Raises:
        SeawayError: it cannot prove that it is the right one, or nobody said that it is.
    """
    expected = None if fingerprint is None else parse_fingerprint(fingerprint)
    plain = Endpoint(wanted.url, "", None, wanted.name, proxy_for(wanted.url, os.environ))
    if ca is not None:
        if expected is not None:
            raise SeawayError(
                "--ca and --fingerprint say the same thing twice", code="Usage", remedy="Give one of them"
            )
        named = replace(plain, ca=_read_authority(ca))
        if not is_trusted(named, TIMEOUT):
            raise Untrusted(
                f"the certificate of {wanted.url} was not signed by {ca}, or is not for that name",
                remedy="Ask an administrator for the right file or address",
            )
        return named
    known = contexts.of_url(wanted.url)
    if expected is None:
        for pem in dict.fromkeys([known.ca if known else None, None]):
            if is_trusted(replace(plain, ca=pem), TIMEOUT):
                return replace(plain, ca=pem)
    changed = known is not None and known.ca is not None
    chosen = choose_trust(
        offers(plain, TIMEOUT), expected, lambda offer: _confirm(wanted.url, offer, changed=changed)
    )
    if chosen is None:
        raise Untrusted(
            f"the server at {wanted.url} shows another fingerprint than {expected}"
            if expected
            else f"the server at {wanted.url} is not trusted",
            remedy="Ask an administrator for the fingerprint; nothing was sent to the server",
        )
    return replace(plain, ca=chosen.pem)


def _confirm(url: str, offer: Offer, *, changed: bool) -> bool:
    """Show a fingerprint and ask, as ssh does.

    Raises:
        Untrusted: nobody can be asked.
    """
    if changed:
        note(
            f"WARNING: {url} does not show the certificate that you trusted before. Somebody may be listening in."
        )
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Untrusted(
            f"no authority that this system knows signed the certificate of {url}; its fingerprint is {offer.fingerprint}",
            remedy="Compare that with what an administrator told you, then give it with --fingerprint",
        )
    note(f"No authority that this system knows signed the certificate of {url}. Its fingerprint is")
    note(f"  {offer.fingerprint}")
    return typer.confirm("Is it the one that an administrator told you?", default=False, err=True)


def _read_authority(path: Path) -> str:
    import ssl

    try:
        text = path.read_text()
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (OSError, UnicodeDecodeError, ssl.SSLError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
        raise SeawayError(
            f"{path} cannot be used: {said or 'it holds no certificate (PEM)'}",
            code="NoSuchFile" if isinstance(error, FileNotFoundError) else "Invalid",
            field="--ca",
            remedy="Give the authority's certificate as a PEM file",
        ) from error
    return text


def _token(url: str, *, from_stdin: bool) -> str:
    """Return the token: from standard input, the variable or the person.

    Raises:
        SeawayError: there is none, or it cannot be one.
    """
    if from_stdin:
        text = sys.stdin.read(LONGEST_TOKEN + 1)
    elif os.environ.get(TOKEN_VARIABLE):
        text = os.environ[TOKEN_VARIABLE]
    elif sys.stdin.isatty() and sys.stderr.isatty():
        text = getpass.getpass(f"Token for {url}: ")  # its prompt appears when nothing is echoed any more
    else:
        raise SeawayError(
            "there is nobody to ask for the token",
            code="Usage",
            field="--token-stdin",
            remedy=f"Give it on standard input (--token-stdin) or in {TOKEN_VARIABLE}",
        )
    token = text.strip()
    if (
        not token
        or len(token) > LONGEST_TOKEN
        or not token.isascii()
        or not token.isprintable()
        or " " in token
    ):
        raise SeawayError(
            "that is no token: one is a single word of letters, digits and signs",
            code="Usage",
            remedy="Copy the whole of what an administrator gave you",
        )
    return token


def _keep(home: Home, context: Context, token: str, *, keyring: bool) -> None:
    """Keep the token first: a context whose token is missing is only one that is logged out."""
    before = read_contexts(home).named.get(context.name)
    in_keyring = keyring and usable_keyring() is not None
    if before is not None and before.keyring and not in_keyring:
        forget_token(home, before)
    save_token(home, context.name, token, keyring=in_keyring)
    change_contexts(home, lambda contexts: contexts.with_context(replace(context, keyring=in_keyring)))
