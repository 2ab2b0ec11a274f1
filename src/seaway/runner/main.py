"""The life of one attempt inside its container: restore, run, commit."""

# ruff: noqa: PTH112, PTH113, PTH118, PTH120
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os
import sys
import time

from seaway.runner.cache import open_cache
from seaway.runner.code import restore_code
from seaway.runner.control import Control
from seaway.runner.files import make_folder, remove_tree
from seaway.runner.gateway import Gateway
from seaway.runner.process import CannotStart, Program
from seaway.runner.report import StageFailed, Stopped, note_failure, note_peak, say
from seaway.runner.task import HIDDEN, UNMOUNTED_CACHE, Task, read_task

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    from seaway.runner.cache import Cache
    from seaway.runner.checkpoint import Checkpoint
    from seaway.runner.idle import Idle
    from seaway.runner.lease import Lease
    from seaway.runner.scratch import Scratch
    from seaway.runner.usage import Usage


def main() -> None:
    """Run the attempt that the environment describes, and exit with its code."""
    program = Program()
    work, own = "", ""
    try:
        configured = os.environ.get("SEAWAY_WORK")
        work = own = _new_folder() if not configured else ""
        code = _run_attempt(program, read_task(os.environ), make_folder(configured) if configured else work)
    except StageFailed as failure:
        note_failure(failure)
        code = failure.exit_code
    except Stopped as stopped:
        say(f"stopped before the program was started ({stopped})")
        code = 128 + stopped.signal
    except OSError as error:
        unusable = StageFailed("runner", f"the attempt's folder cannot be used: {error}")
        note_failure(unusable)
        code = unusable.exit_code
    for folder in (own, os.environ.get("SEAWAY_RUNNER_TEMPORARY", "")):
        _clean(folder)
    sys.stdout.flush()
    os._exit(code)  # nothing is left to do; taking the interpreter down would only cost time


def _run_attempt(program: Program, task: Task, work: str) -> int:
    gateway = Gateway(task.gateway, task.ca, task.token)
    cache = open_cache(os.environ.get("SEAWAY_SHARED_CACHE"), work)
    outputs = make_folder(os.environ.get("SEAWAY_OUTPUTS") or os.path.join(work, "outputs"))
    checkpoint_folder = make_folder(os.environ.get("SEAWAY_CHECKPOINT") or os.path.join(work, "checkpoint"))
    environ = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    environ.update(SEAWAY_OUTPUTS=outputs, SEAWAY_CHECKPOINT=checkpoint_folder, PYTHONUNBUFFERED="1")
    if unmounted := environ.pop(UNMOUNTED_CACHE, ""):
        environ["SEAWAY_CACHE"] = unmounted
    code_folder = restore_code(task.code, cache, gateway, os.path.join(work, "code"))
    if task.environment is not None:
        _add_environment(task.environment, cache, gateway, environ)
    saved = _LazyCheckpoint(task, gateway, checkpoint_folder, os.path.join(work, "checkpoint-archive"))
    saved.restore()
    folder = os.path.join(code_folder, task.workdir)
    if not os.path.isdir(folder):
        raise StageFailed("code", f"the code has no folder {task.workdir!r} to start in", refused=True)
    _add_project(code_folder, environ)
    control = Control(work, saved.save_now)
    control.open()
    environ["SEAWAY_CONTROL"] = control.path
    _add_own(environ)
    lease = _take_lease(task, program)
    scratch = _scratch(task, program, work, outputs, checkpoint_folder)
    try:
        program.start(task.command, folder, environ)
    except CannotStart as error:
        say(str(error))
        return error.exit_code
    if lease is not None:
        lease.keep()
    if scratch is not None:
        scratch.keep()
    idle, usage = _LazyIdle(task, program), _LazyUsage(task, program, scratch)

    def periodically() -> None:
        saved.save_while_running()
        idle.look()

    code = program.wait(min(task.checkpoint_seconds, idle.every), periodically, control, usage.begin)
    note_peak(usage.end(program.peak), 0 if program.was_killed else code)
    if code:
        _say_what_is_full(_written(work, outputs, checkpoint_folder))
    if scratch is not None:
        scratch.let_go()
        if scratch.over:
            raise StageFailed("scratch", scratch.over)
    if lease is not None:
        lease.let_go()
        if lease.lost:
            return _give_up(saved, lease.lost)
    return _commit(task, gateway, outputs, saved, code)


def _add_environment(digest: str, cache: Cache, gateway: Gateway, environ: dict[str, str]) -> None:
    """Have the program find the packages that it asks for."""
    from seaway.runner.environment import restore_environment

    environment = restore_environment(digest, cache, gateway, environ)
    environ["VIRTUAL_ENV"] = environment
    environ["PATH"] = f"{environment}/bin:{environ.get('PATH', os.defpath)}"
    environ.pop("PYTHONHOME", None)


def _take_lease(task: Task, program: Program) -> Lease | None:
    """Take the attempt's lease, where it has one. Raises StageFailed where it was refused."""
    if not task.lease_seconds:
        return None
    from seaway.runner.lease import Lease

    lease = Lease(task, program)
    lease.take()
    return lease


def _scratch(task: Task, program: Program, work: str, outputs: str, checkpoint: str) -> Scratch | None:
    """Return what looks after the room that the attempt takes, where that is limited."""
    if not (task.scratch_bytes or task.scratch_files):
        return None
    from seaway.runner.scratch import Scratch

    return Scratch(task, _written(work, outputs, checkpoint), program)


def _written(work: str, outputs: str, checkpoint: str) -> dict[str, str]:
    """Return where a program writes, by the names under which users know it."""
    return {
        "the working directory": work,
        "/tmp": _temporary(),  # noqa: S108 - what users call it
        "SEAWAY_OUTPUTS": outputs,
        "SEAWAY_CHECKPOINT": checkpoint,
    }


def _say_what_is_full(folders: dict[str, str]) -> None:
    """Say what the program's own words, "no space left on device", leave open."""
    from seaway.runner.scratch import without_entries

    if said := without_entries(folders):
        say(said)


def _give_up(saved: _LazyCheckpoint, why: str) -> int:
    """Keep the checkpoint of a program that lost its lease, if the server still takes it. Raises StageFailed in any case."""
    try:
        saved.save_at_end(well=False)
    except StageFailed as failure:
        say(f"{failure.stage}: {failure.message}")
    raise StageFailed("lease", f"the program was stopped: {why}")


def _add_project(code_folder: str, environ: dict[str, str]) -> None:
    """Let a Python project import its own packages, as where it is installed for development (src or flat layout)."""
    if not os.path.isfile(os.path.join(code_folder, "pyproject.toml")):
        return
    sources = os.path.join(code_folder, "src")
    own = sources if os.path.isdir(sources) else code_folder
    given = environ.get("PYTHONPATH")
    environ["PYTHONPATH"] = f"{own}{os.pathsep}{given}" if given else own


def _add_own(environ: dict[str, str]) -> None:
    """Let a program import what it may ask of Seaway (`import seaway`) where its environment has no Seaway."""
    own = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "program")
    if not os.path.isdir(own):
        return
    given = environ.get("PYTHONPATH")
    environ["PYTHONPATH"] = f"{given}{os.pathsep}{own}" if given else own


def _commit(task: Task, gateway: Gateway, outputs: str, saved: _LazyCheckpoint, code: int) -> int:
    """Keep what the program left. What fails here decides the exit code only where the program itself did well."""
    try:
        saved.save_at_end(well=code == 0)
        if _any_entry(outputs):
            from seaway.runner.outputs import commit_outputs

            commit_outputs(task, gateway, outputs)
    except StageFailed as failure:
        if code == 0:
            raise
        say(f"{failure.stage}: {failure.message}")
    return code


class _LazyIdle:
    """What sees that a program is idle; loaded only where one runs for a while."""

    def __init__(self, task: Task, program: Program) -> None:
        self._task, self._program, self._began = task, program, time.monotonic()
        self._made: Idle | None = None
        self.every = min(30.0, task.hung_seconds / 4) if task.hung_seconds else 30.0

    def look(self) -> None:
        if self._made is None:
            from seaway.runner.idle import Idle

            self._made = Idle(self._task, self._program, self._began)
        self._made.look()


class _LazyUsage:
    """What sees how much memory a program uses; loaded only where one runs for a moment."""

    def __init__(self, task: Task, program: Program, scratch: Scratch | None) -> None:
        self._task, self._program, self._scratch = task, program, scratch
        self._made: Usage | None = None

    def begin(self) -> None:
        from seaway.runner.usage import Usage

        try:
            made = Usage(self._task, self._program, self._scratch)
            made.keep()
        except (
            OSError,
            RuntimeError,
        ) as error:  # no file or thread is left: the program goes on all the same
            say(f"what the program uses is not measured: {error}")
        else:
            self._made = made

    def end(self, largest: int) -> int:
        """Return the most bytes of memory that were in use; `largest` is what one process alone had of it."""
        if self._made is None:
            return largest
        self._made.let_go()
        return self._made.peak if self._made.is_exact else max(self._made.peak, largest)


class _LazyCheckpoint:
    """A checkpoint whose module is loaded only where there is something to restore or to save."""

    def __init__(self, task: Task, gateway: Gateway, folder: str, spare: str) -> None:
        self._arguments = (task, gateway, folder, spare)
        self._needed = task.attempt > 1
        self._folder = folder
        self._made: Checkpoint | None = None

    def restore(self) -> None:
        if self._needed:
            self._checkpoint().restore()

    def save_while_running(self) -> None:
        if self._needed or _any_entry(self._folder):
            self._checkpoint().save_while_running()

    def save_now(self) -> None:
        self._checkpoint().save_now()

    def save_at_end(self, *, well: bool) -> None:
        if self._needed or _any_entry(self._folder):
            self._checkpoint().save_at_end(well=well)

    def _checkpoint(self) -> Checkpoint:
        if self._made is None:
            from seaway.runner.checkpoint import Checkpoint

            self._made = Checkpoint(*self._arguments)
        return self._made


def _any_entry(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except FileNotFoundError:  # the program removed it
        return False
    except (NotADirectoryError, PermissionError):  # it is not what it was: who is to keep it says so
        return True


def _new_folder() -> str:
    return make_folder(os.path.join(_temporary(), f"seaway-{os.urandom(8).hex()}"))


def _temporary() -> str:
    return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108


def _clean(folder: str) -> None:
    if not folder:
        return
    try:
        remove_tree(folder)
    except OSError as error:
        say(f"the temporary folder {folder} cannot be removed: {error}")
