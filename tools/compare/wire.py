"""Send raw messages to a server: nothing between a message and its bytes."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.parse
from dataclasses import replace
from typing import Any

import yaml

from tools.compare.calls import Answer
from tools.compare.connection import Endpoint, hung_up
from tools.compare.messages import ALLOWED, ESTABLISHED, SETTLED, Message

_SECONDS = 60.0
USER_AGENT = "tester/1"


class Wire:
    """Connections to one server, with the administrator's certificate and without. Not for several threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._netloc = urllib.parse.urlsplit(endpoint.url).netloc
        self._nobody = ssl.create_default_context(cafile=str(endpoint.ca))
        self._admin = ssl.create_default_context(cafile=str(endpoint.ca))
        self._admin.load_cert_chain(endpoint.certificate, endpoint.key)
        self._kept: http.client.HTTPSConnection | None = None

    def close(self) -> None:
        """Close the connection that is kept."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def send(self, message: Message) -> Answer:
        """Send a message whose references are replaced and return its answer; a watch's body is a list of events."""
        if message.method == ESTABLISHED:
            return self._established(message)
        if message.method == ALLOWED:
            return self._allowed(message)
        if message.method == SETTLED:
            return self._settled(message)
        context = self._nobody if message.anonymous else self._admin
        fresh = message.anonymous or message.events is not None
        connection = None if fresh else self._kept
        if connection is not None and hung_up(connection):
            connection.close()
            connection = None
        if connection is None:
            connection = http.client.HTTPSConnection(self._netloc, timeout=_SECONDS, context=context)
        self._kept = None if not fresh else self._kept
        headers = {"User-Agent": USER_AGENT}
        if message.body is not None and message.content_type:
            headers["Content-Type"] = message.content_type
        connection.request(message.method, message.target, message.body, headers | dict(message.headers))
        answer, reusable = _read(connection.getresponse(), message.events)
        if fresh or not reusable:
            connection.close()
        else:
            self._kept = connection
        return answer

    def _allowed(self, message: Message) -> Answer:
        """Read until it is not forbidden any more."""
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            if self.send(replace(message, method="GET")).status != 403:
                return Answer(200)
            time.sleep(0.05)
        raise TimeoutError(f"{message.target} stays forbidden")

    def _settled(self, message: Message) -> Answer:
        """Send it as a dry run until the answer or a warning beside it holds the words."""
        end = time.monotonic() + _SECONDS
        method = "PATCH" if "patch" in message.content_type else "POST"
        asked = replace(message, method=method, target=f"{message.target}?dryRun=All")
        while time.monotonic() < end:
            answer = self.send(asked)
            if message.words in json.dumps(answer.body) or message.words in answer.headers.get("warning", ""):
                return Answer(200)
            time.sleep(0.02)
        raise TimeoutError(f"{message.target}: {message.words!r} is never said")

    def _established(self, message: Message) -> Answer:
        """Make a custom resource definition where there is none and wait until it is served."""
        path = message.target
        self.send(replace(message, method="POST", target=path.rpartition("/")[0]))
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            made = self.send(Message("GET", path)).body
            conditions = (made.get("status") or {}).get("conditions") or ()
            if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
                spec = made["spec"]
                listed = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
                if self.send(Message("GET", listed)).status == 200:
                    return Answer(200)
            time.sleep(0.05)
        raise TimeoutError(f"{path} is not served")


def _read(response: http.client.HTTPResponse, events: int | None) -> tuple[Answer, bool]:
    headers = {name.lower(): value for name, value in response.getheaders()}
    if not events or response.status != 200:
        return Answer(
            response.status, headers, _parsed(response.read(), headers, events)
        ), not response.will_close
    lines = []
    for _ in range(events):
        line = response.readline()
        if not line:
            break
        lines.append(json.loads(line))
    return Answer(response.status, headers, lines), False


def _parsed(data: bytes, headers: dict[str, str], events: int | None) -> Any:
    if events is not None and headers.get("content-type", "").startswith("application/json"):
        return [json.loads(line) for line in data.splitlines()]
    try:
        return json.loads(data)
    except ValueError:
        if headers.get("content-type", "") == "application/yaml":
            return yaml.load(data, yaml.BaseLoader)  # quotes are style
        return data.decode(errors="replace")
