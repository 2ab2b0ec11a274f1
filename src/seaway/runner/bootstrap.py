"""Get the runner and become it. This file's own text is the container's command: `python3 -I -S -c TEXT DIGEST`.

It runs before everything else in every pod, so it imports nothing that it does not need: where the node's cache has
the runner, no network, TLS or hash module is loaded.
"""

# ruff: noqa: PTH103, PTH104, PTH112
# ruff: noqa: PTH118, PTH120, PTH123
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def fetch(digest: str) -> bytes:
    """Return the runner's bytes from the gateway, trying again while it cannot be reached (it may be restarting)."""
    import time

    deadline = time.monotonic() + 120
    delay = 0.1
    while True:
        try:
            return request(digest)
        except ConnectionRefusedError:  # nobody there: the most usual, while a server restarts
            pass
        except OSError as error:
            if "certificate" in str(error).lower():
                raise
        if time.monotonic() > deadline:
            raise OSError(
                "the gateway cannot be reached at " + os.environ.get("SEAWAY_GATEWAY", "an unknown address")
            )
        time.sleep(delay)
        delay = min(5, delay * 2)


def request(digest: str) -> bytes:
    """Ask the gateway once."""
    import hashlib
    import http.client
    import ssl

    url = os.environ["SEAWAY_GATEWAY"]
    scheme, _, place = url.partition("://")
    place = place.rstrip("/")
    connection: http.client.HTTPConnection
    if scheme == "https":
        context = ssl.create_default_context(cadata=os.environ.get("SEAWAY_CA") or None)
        connection = http.client.HTTPSConnection(place, timeout=30, context=context)
    else:
        connection = http.client.HTTPConnection(place, timeout=30)
    try:
        headers = {"Authorization": "Bearer " + os.environ.get("SEAWAY_TOKEN", "")}
        connection.request("GET", "/gateway/v1/runner/" + digest + ".pyz", headers=headers)
        response = connection.getresponse()
        data = response.read()
    except http.client.HTTPException as error:
        raise OSError("the gateway broke off: " + repr(error)) from error
    finally:
        connection.close()
    if response.status >= 500:
        raise OSError("the gateway answered " + str(response.status))
    if response.status != 200:
        raise ValueError("the gateway answered " + str(response.status) + " for the runner")
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError("the runner that came is not the one that was asked for")
    return data


def unpack(data: bytes, place: str) -> None:
    """Unpack the runner beside its place and move it there whole."""
    import io
    import zipfile

    unfinished = place + "." + os.urandom(8).hex()
    mask = os.umask(0o077)  # the cache is nobody else's
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(unfinished)
    finally:
        os.umask(mask)
    try:
        os.rename(unfinished, place)
    except OSError:  # another pod was first
        import shutil

        shutil.rmtree(unfinished, ignore_errors=True)
        if not os.path.isdir(place):
            raise


def locate(digest: str) -> str:
    """Return the folder or archive to import the runner from."""
    cache = os.environ.get("SEAWAY_SHARED_CACHE")
    place = os.path.join(cache, "runner", digest) if cache else ""
    if place and os.path.isdir(place):
        return place
    data = fetch(digest)
    if place:
        try:
            unpack(data, place)
        except OSError as error:  # a cache that cannot be written is only slower
            sys.stderr.write("[seaway] the runner cannot be kept in " + place + ": " + str(error) + "\n")
        else:
            return place
    import tempfile

    place = os.path.join(tempfile.mkdtemp(prefix="seaway-runner-"), digest)
    os.environ["SEAWAY_RUNNER_TEMPORARY"] = os.path.dirname(place)
    unpack(data, place)
    return place


def fail(error: Exception) -> NoReturn:
    """Say why the runner cannot start, on the log and in the pod's status."""
    import json

    message = str(error) or type(error).__name__
    sys.stderr.write("[seaway] the runner cannot start: " + message + "\n")
    try:
        with open(os.environ.get("SEAWAY_TERMINATION_LOG", "/dev/termination-log"), "w") as log:
            log.write(json.dumps({"stage": "runner", "error": message[:2000]}) + "\n")
    except OSError as unwritable:
        sys.stderr.write("[seaway] and that cannot be noted: " + str(unwritable) + "\n")
    sys.exit(120)


def start(digest: str) -> None:
    """Import the runner and run it."""
    try:
        sys.path.insert(0, locate(digest))
        from seaway.runner.main import main
    except (OSError, ValueError, KeyError, ImportError) as error:
        fail(error)
    main()


if __name__ == "__main__":
    start(sys.argv[1])
