"""Become the Python program that was asked for, where this process is the very interpreter it asks for.

`python3 -I -S -c TEXT` with the node's own Python is what this process, forked from a fork server that runs with the
same flags, already is: executing it again would cost ten milliseconds to arrive at the same state. What a new process
would have otherwise - arguments, environment, folder, signals, open files, modules, capabilities - is made so here.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import CodeType, ModuleType

from seaway.controlplane.node.shim import kernel

FLAGS = ("-I", "-S", "-c")
LANGUAGE = "C.UTF-8"
"""The fork server's own, decided before an interpreter's first line: programs in another one get a new interpreter."""
_DECIDED_AT_START = ("LC_", "LD_", "MALLOC_", "GLIBC_")
_OWN = "seaway"
_LONGEST_KEPT = 64 * 1024
_MOST_KEPT = 8
_compiled: dict[str, CodeType] = {}


def is_asked_for(program: str, argv: Sequence[str], env: Mapping[str, str]) -> bool:
    """Tell whether a program is this process's interpreter, with its flags, in its language.

    Args:
        program: path of the executable, as the container sees it.
        argv: all of its arguments.
        env: its environment.
    """
    if not kernel.LINUX or len(argv) < 5 or tuple(argv[1:4]) != FLAGS or env.get("LANG") != LANGUAGE:
        return False
    if any(name.startswith(_DECIDED_AT_START) for name in env):
        return False
    try:
        return os.path.samefile(program, "/proc/self/exe")  # noqa: PTH121 - pathlib would cost the fork server its import
    except OSError:
        return False


def compile_ahead(argv: Sequence[str]) -> None:
    """Compile a program's text in the fork server, so that no fork has to: most containers run the same few texts."""
    if tuple(argv[1:4]) != FLAGS or len(argv) < 5 or argv[4] in _compiled or len(argv[4]) > _LONGEST_KEPT:
        return
    if len(_compiled) >= _MOST_KEPT:
        _compiled.clear()
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):  # the program itself says so
        _compiled[argv[4]] = compile(argv[4], "<string>", "exec")


def fork(
    program: str, argv: Sequence[str], env: Mapping[str, str], stdout: int, stderr: int, *, namespace: bool
) -> int:
    """Start the program in a fork, in a session of its own with no input; return its process number.

    Args:
        program: path of the executable.
        argv: all of its arguments, `FLAGS` and the text among them.
        env: its whole environment.
        stdout: descriptor.
        stderr: descriptor.
        namespace: the shim holds capabilities in its namespaces that the program must not have.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _be_as_new(program, argv, env, (stdout, stderr))
        if namespace:
            kernel.keep_program_capabilities()
        code = _execute(argv[4])
        kernel.end_interpreter(code)
    finally:
        os._exit(code)


def _be_as_new(program: str, argv: Sequence[str], env: Mapping[str, str], outputs: tuple[int, int]) -> None:
    os.setsid()
    null = os.open("/dev/null", os.O_RDONLY)
    for target, source in enumerate((null, *outputs)):
        os.dup2(source, target)
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        if int(name) > 2:
            with suppress(OSError):  # the listing's own
                os.close(int(name))
    kernel.set_name(program.rpartition("/")[2])
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    for name in [name for name in sys.modules if name == _OWN or name.startswith(f"{_OWN}.")]:
        del sys.modules[name]
    sys.path[:] = [place for place in sys.path if place != _root()]
    sys.argv, sys.orig_argv = ["-c", *argv[5:]], list(argv)
    sys.executable = program
    gc.enable()


def _root() -> str:
    """Return the folder that the fork server added to its path to find this package."""
    return __file__.rsplit("/", 5)[0]


def _execute(text: str) -> int:
    """Run a program's text as `__main__` and return its exit code, as the interpreter itself would."""
    main = sys.modules["__main__"] = ModuleType("__main__")
    try:
        exec(_compiled.get(text) or compile(text, "<string>", "exec"), main.__dict__)  # noqa: S102 - this is what -c means
    except SystemExit as end:
        return _exit_code(end.code)
    except BaseException as error:
        above = error.__traceback__
        below = above.tb_next if above else None
        sys.excepthook(type(error), error.with_traceback(below), below)
        return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _exit_code(wanted: object) -> int:
    if wanted is None:
        return 0
    if isinstance(wanted, int):
        return wanted & 0xFF
    sys.stderr.write(f"{wanted}\n")
    return 1
