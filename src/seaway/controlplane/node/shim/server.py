"""The fork server of a node: waits on a socket, and forks a shim for each container it is asked to start.

Forking a small process with everything imported costs a millisecond; starting an interpreter costs twenty. The server
keeps no state: shims do not need it, and another server takes its place when it dies.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

from seaway.controlplane.node.shim import files, interpreter, kernel, root
from seaway.controlplane.node.shim.container import Shim
from seaway.controlplane.node.shim.execute import execute
from seaway.controlplane.node.shim.rootplan import Mount
from seaway.controlplane.node.shim.session import attend

SOCKET, LOCK, LOG = "shim.sock", "shim.lock", "shim.log"
PROTOCOL = 4
"""Of requests and of what a container's spec says; a node replaces a server that speaks another one."""

_CHUNK = 1 << 16
_LOOK_SECONDS = 60.0
"""How often an idle server looks whether its node's folder is still there."""


def main(arguments: list[str]) -> int:
    """Start the server of the node folder named by the only argument, in the background.

    Returns:
        0: it listens, or another one does; 75: another one holds the lock but does not answer yet.
    """
    os.umask(0o077)
    os.chdir(arguments[0])
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0 if _answers() else 75
    hello = {"protocol": PROTOCOL, "namespaces": True} | _missing(arguments[0])
    with suppress(FileNotFoundError):
        os.unlink(SOCKET)  # noqa: PTH108
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(SOCKET)
    listener.listen(1024)
    if os.fork():
        os._exit(0)
    _detach()
    Server(listener, lock, hello | {"pid": os.getpid()}).serve()
    return 0


def _answers() -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(SOCKET) == 0


def _detach() -> None:
    os.setsid()
    null = os.open("/dev/null", os.O_RDWR)
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, null), (1, log), (2, log)):
        os.dup2(source, target)
    os.close(null)
    os.close(log)
    os.chdir("/")
    kernel.set_name("seaway-forks")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Pages that the collector never touches stay shared with every shim.
    gc.disable()
    gc.freeze()


def _missing(folder: str) -> dict[str, Any]:
    """Try a container's namespaces once; return what this machine does not allow."""
    if not kernel.LINUX:
        return {"namespaces": False, "why": "this is not Linux"}
    reading, writing = os.pipe()
    scratch = f"{folder}/.probe"
    os.makedirs(scratch, exist_ok=True)  # noqa: PTH103
    pid = os.fork()
    if pid == 0:
        _probe(writing, scratch)
    os.close(writing)
    with os.fdopen(reading) as answer:
        why = answer.read()
    os.waitpid(pid, 0)
    os.rmdir(scratch)  # noqa: PTH106
    return {"namespaces": False, "why": why} if why != "ok" else {}


def _probe(writing: int, scratch: str) -> None:
    try:
        root.leave_namespaces()
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            os._exit(0)
        mounts = [
            Mount("proc", "/proc"),
            Mount("shm", "/dev/shm"),  # noqa: S108
            Mount("/usr", "/seaway-probe", read_only=True),
        ]
        root.build_root(scratch, mounts)
        os.write(writing, b"ok")
    except OSError as error:
        os.write(writing, str(error.args[-1]).encode())
    os._exit(0)


class Server:
    """Answers one line of JSON with another: hello, start, exec, session, stop."""

    def __init__(self, listener: socket.socket, lock: int, hello: dict[str, Any]) -> None:
        self._listener, self._lock, self._hello = listener, lock, hello

    def serve(self) -> None:
        """Serve until told to stop, or until the node's folder is gone."""
        self._listener.settimeout(_LOOK_SECONDS)
        while True:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                if os.fstat(self._lock).st_nlink == 0:
                    return
                continue
            with connection:
                try:
                    connection.settimeout(5)
                    if not self._handle(connection):
                        connection.detach()  # whoever asked for the end sees it: the kernel closes this then
                        return
                except (OSError, ValueError, KeyError) as error:
                    _answer(connection, {"error": f"{type(error).__name__}: {error}", "reason": "BadRequest"})

    def _handle(self, connection: socket.socket) -> bool:
        if not _is_ours(connection):
            return True
        request, descriptors = _receive(connection)
        try:
            return self._do(connection, request, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _do(self, connection: socket.socket, request: dict[str, Any], descriptors: list[int]) -> bool:
        operation = request["operation"]
        if operation == "hello":
            _answer(connection, self._hello)
        elif operation == "start":
            self._start(connection, request["folder"])
        elif operation == "exec":
            self._exec(connection, request)
        elif operation == "session":
            self._session(connection, request, descriptors)
        elif operation == "stop":
            _answer(connection, {})
            return False
        else:
            _answer(connection, {"error": f"unknown operation {operation!r}", "reason": "BadRequest"})
        return True

    def _start(self, connection: socket.socket, path: str) -> None:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            spec = files.read_json(files.SPEC, folder)
            interpreter.compile_ahead(spec["argv"])
            marker = files.claim(folder)
            if marker is None:
                _answer(connection, {"error": "was started before", "reason": "AlreadyStarted"})
                return
            if os.fork() == 0:
                self._close()
                _become_shim(path, folder, spec, connection)
            os.close(marker)
        finally:
            os.close(folder)

    def _exec(self, connection: socket.socket, request: dict[str, Any]) -> None:
        if os.fork() == 0:
            self._close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            try:
                _answer(connection, execute(request["folder"], request["argv"], request["timeout"]))
            finally:
                os._exit(0)

    def _session(self, connection: socket.socket, request: dict[str, Any], descriptors: list[int]) -> None:
        if len(descriptors) != 3:
            raise ValueError("a session needs its three streams")
        if os.fork() == 0:
            self._close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            connection.settimeout(None)
            os.setsid()
            try:
                _answer(connection, attend(connection, request, descriptors))
            finally:
                os._exit(0)

    def _close(self) -> None:
        self._listener.close()
        os.close(self._lock)


def _become_shim(path: str, folder: int, spec: dict[str, Any], connection: socket.socket) -> None:
    """Turn this fresh child into a shim; never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        connection.settimeout(None)
        os.setsid()
        if spec["namespaces"]:
            root.leave_namespaces(spec.get("mapped"))
            if os.fork():
                os._exit(0)
        Shim(path, folder, spec, connection).run()
    except BaseException as error:
        import traceback  # late: it brings what reads source files, which every shim would hold

        traceback.print_exc(file=sys.stderr)
        _answer(connection, {"error": f"{type(error).__name__}: {error}", "reason": "CreateContainerError"})
    finally:
        os._exit(0)


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return a request and the open files that came with it. Raises ValueError, OSError."""
    data, descriptors = b"", []
    try:
        while not data.endswith(b"\n"):
            part, files_, _, _ = socket.recv_fds(connection, _CHUNK, 3)
            descriptors += files_
            if not part:
                raise ValueError("the request ends early")
            data += part
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        request: dict[str, Any] = json.loads(data)
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return request, descriptors


def _answer(connection: socket.socket, value: dict[str, Any]) -> None:
    with suppress(OSError):
        connection.sendall(json.dumps(value).encode() + b"\n")


def _is_ours(connection: socket.socket) -> bool:
    """Tell whether the caller is the same user (or root): the folder's mode says so too, this says it again."""
    if not kernel.LINUX:
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    user: int = struct.unpack("3i", credentials)[1]
    return user in {0, os.geteuid()}
