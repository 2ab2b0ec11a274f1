"""What is loaded only when it is needed."""

from __future__ import annotations

import subprocess
import sys


def test_the_in_process_daemon_loads_no_http_client() -> None:
    """Importing every client module must not load httpx or yaml: they cost start-up time and memory."""
    program = (
        "import sys, seaway.client.client, seaway.client.watch, seaway.client.http, seaway.client.config;"
        "print([m for m in ('httpx', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
