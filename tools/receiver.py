"""A receiver of messages: a real HTTP server that keeps what was posted, and answers as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """What came in."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.status = 200
        self.got: list[dict] = []
        self.tried = 0
        self.changed = threading.Condition()
        self.answers = threading.Event()
        """Until it is set, messages come in and are not answered."""
        self.answers.set()

    @property
    def url(self) -> str:
        """Return Apprise's URL of it, with secrets planted."""
        return f"json://reporter:hunter2-planted@127.0.0.1:{self.port}/T0KEN-planted"

    def wait(self, count: int, seconds: float = 60.0) -> list[dict]:
        """Return what came when it is at least so much."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.got) >= count, seconds), self.got
            return list(self.got)

    def wait_tried(self, count: int, seconds: float = 60.0) -> None:
        """Return when so many messages were sent here, taken or not."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.tried >= count, seconds), self.tried


@contextmanager
def run_receiver() -> Iterator[Receiver]:
    """Serve until the block is left."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keep what is posted."""
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with receiver.changed:
                receiver.tried += 1
                status = receiver.status
                if status == 200:
                    receiver.got.append(body | {"header": self.headers.get("Idempotency-Key")})
                receiver.changed.notify_all()
            receiver.answers.wait()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.answers.set()
            server.shutdown()
            thread.join()
