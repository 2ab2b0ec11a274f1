"""`seaway doctor`."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import typer

from seaway import __version__
from seaway.base.languages import catalogue
from seaway.base.messages import Catalogue, spoken_in, wording
from seaway.cli import exits
from seaway.cli.arguments import Output
from seaway.cli.checks import cache, certificates, machine, network, server, tokens
from seaway.cli.checks.check import Check, State, fail, ok, warn
from seaway.cli.context import Target, current_home, current_target
from seaway.cli.language import Language
from seaway.cli.language import language as chosen
from seaway.cli.output import GREEN, RED, YELLOW, Format, paint, print_json
from seaway.cli.settings import load_settings
from seaway.cli.settings_file import Settings
from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import Home, is_locked

EPILOG = """\b
Examples:
  seaway doctor
  seaway doctor --context team            a team's server, and the way to it
  seaway doctor --language de             in German; also es, fr and zh
  seaway doctor -o json | jq '.[] | select(.state != "ok")'

Exits with 0 where nothing fails (warnings are no failures), else with 1."""
_COLOURS = {State.OK: GREEN, State.WARN: YELLOW, State.FAIL: RED}


def doctor(language: Language = None, output: Output = Format.TEXT) -> None:
    """Check this machine, the way to the server, the server and its cluster; each line that is not ok has its remedy. Needs no server."""
    words = catalogue(chosen(language))
    found = [check.spoken_in(words) for check in _all()]
    if output is Format.JSON:
        print_json([check._asdict() for check in found])
    else:
        for check in found:
            _draw(check, words)
    if any(check.state is State.FAIL for check in found):
        raise typer.Exit(exits.NO_CODE)


def _draw(check: Check, words: Catalogue) -> None:
    state = paint(f"{check.state:<4}", _COLOURS[check.state])
    print(f"{state}  {spoken_in(check.name, words)}: {check.message}")
    if check.remedy:
        print(f"      {spoken_in(wording('try: {remedy}', remedy=check.remedy), words)}")


def _all() -> Iterator[Check]:
    home = current_home()
    try:
        target = current_target()
    except SeawayError as error:
        yield fail(wording("context"), error.message, error.remedy)
        yield from _machine(home, Settings(), running=is_locked(home.lock))
        return
    yield ok(wording("context"), target.name)
    if target.context is None:
        running = is_locked(home.lock)
        settings = Settings()
        try:
            settings = load_settings(home)
        except SeawayError as error:
            yield fail(wording("settings"), error.message, error.remedy)
        yield from _machine(home, settings, running=running)
        yield from certificates.of_home(home.path, datetime.now(UTC))
        if not running:
            yield warn(wording("server"), wording("does not run"), "seaway up")
            return
    else:
        yield machine.disk(wording("disk"), home.path)
        yield network.proxy(target.context.url, os.environ)
        yield network.name_of(target.context.url)
    yield from _server(target)


def _machine(home: Home, settings: Settings, *, running: bool) -> Iterator[Check]:
    yield machine.home(home.path, os.getuid())
    yield machine.disk(wording("disk"), home.path)
    yield cache.cache(home.cache, settings.cache_days)
    yield machine.kernel(platform.system(), Path("/proc"), Path("/sys/fs/cgroup"))
    yield network.port(settings.port, "server.port", running=running)
    yield network.port(settings.api_port, "cluster.api_port", running=running)


def _server(target: Target) -> Iterator[Check]:
    try:
        endpoint = target.endpoint()
        if target.context is not None:
            yield network.certificate(endpoint, datetime.now(UTC))
        with SeawayClient(
            endpoint.url, endpoint.token, endpoint.ca, locate=lambda: endpoint, timeout=20.0
        ) as client:
            before = time.time()
            facts = client.ask("GET", "/api/v1/health")
            after = time.time()
            caller = client.whoami()
            known = client.tokens() if caller["admin"] else []
    except SeawayError as error:
        yield fail(wording("server"), error.message, error.remedy or "seaway status")
        return
    yield ok(wording("server"), wording("answers at {url}", url=endpoint.url))
    yield from tokens.checks(caller, known, datetime.fromtimestamp(facts["time"], UTC))
    yield from server.checks(facts, __version__, before, after)
