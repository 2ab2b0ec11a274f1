"""Particular ways in which a program fails: killed children, GPUs that are not there, other languages, file systems."""

from __future__ import annotations

import re

from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again, twice
from seaway.platform.diagnosis.evidence import blanked, exit_code, from_event, memory_limit
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.spoken import ended_badly, of_surroundings, said, spoken
from seaway.platform.diagnosis.tracebacks import exception

_CHILD_KILLED = re.compile(
    r"(?i)dataloader worker \(pid.{0,40}killed by signal: killed|exitcode ?[:=] ?-9\b|exit code:? -9\b|<Signals\.SIGKILL: 9>|died from signal 9|signal 9 \(SIGKILL\) received|^(?:\S+: line \d+:\s+\d+ )?Killed\b|SIGKILL\(-9\)|OutOfMemoryError: Task was killed due to the node running low|exceeded (?:95|\d+)% memory budget|worker exceeded \d+% memory|exit code 137|returned non-zero exit status (?:-9|137)|worker process managed by the executor was unexpectedly terminated|Memory cgroup out of memory|KilledWorker|ray\.exceptions\.OutOfMemoryError|worker .{0,60}was sent SIGKILL! Perhaps out of memory|BrokenProcessPool"
)
_SHARED_MEMORY = re.compile(
    r"(?i)insufficient shared memory \(shm\)|unable to (?:open|allocate) shared memory|/dev/shm.{0,80}no space|killed by signal: bus error|No space left on device.{0,60}/dev/shm|unable to mmap \d+ bytes from file </torch"
)
_HEAP = re.compile(r"java\.lang\.OutOfMemoryError|GC overhead limit exceeded")
_NO_GPU = re.compile(
    r"(?i)no cuda gpus are available|found no nvidia driver|cuda driver version is insufficient|no cuda-capable device|libcuda\.so\.1: cannot open|torch not compiled with cuda|cuda unavailable|CUDA_ERROR_NO_DEVICE|could not find any nv?idia gpu|nvml: driver not loaded|Attempting to deserialize object on a CUDA device but torch\.cuda\.is_available\(\) is False|requested cuda, but no gpu|No GPU found|libcudart\.so\S*: cannot open"
)
_GPU_BROKEN = re.compile(
    r"(?i)cuda error: (?:uncorrectable ecc|unspecified launch failure|an illegal memory access|device-side assert)|\bXid\b|fallen off the bus|uncorrectable ECC error|CUDA_ERROR_ECC"
)
_KERNEL = re.compile(r"(?i)no kernel image is available for execution on the device")
_PEERS = re.compile(
    r"(?i)watchdog caught collective operation timeout|NCCL (?:error|timeout)|DistBackendError|ncclRemoteError|ncclSystemError|connection closed by (?:remote )?peer|ProcessGroupNCCL.{0,80}timeout|gloo.{0,120}(?:connection|timed out|reset)|RendezvousTimeoutError|RendezvousConnectionError|horovod has been shut down|socket timeout.{0,40}store|Timed out initializing process group|DistStoreError|recvValue failed|Broken pipe.*TCPStore|MPI_ABORT"
)
_READ_ONLY = re.compile(r"(?i)read-only file system|\[errno 30\]|\bEROFS\b")
_PERMISSION = re.compile(r"(?i)permission denied|\bPermissionError\b|\bEACCES\b")
_INODES = re.compile(r"(?i)no space left on device")
_THREADS = re.compile(
    r"(?i)can't start new thread|resource temporarily unavailable|fork: retry|pthread_create.{0,40}(?:failed|resource)|too many open files|\[errno 24\]|\[errno 11\]|unable to create (?:new )?native thread"
)
_ASSERTION = ("AssertionError",)


def child_killed(facts: Facts) -> Finding | None:
    """Find a program one of whose processes the kernel killed, as it does for memory, and that then gave up."""
    if exit_code(facts) == 137 or not ended_badly(facts):
        return None
    line = said(facts, _CHILD_KILLED)
    if not line:
        return None
    limit = memory_limit(facts)
    over = f", which its limit of {limit} makes likely to be for memory" if limit else ""
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.RESOURCE, "ChildKilled",
        f"a process that it had started was killed (SIGKILL, out of memory{over})".replace(", which its limit of", " under its limit of").replace(" makes likely to be for memory", ""),
        again(facts, "--memory", twice(limit)),
    )  # fmt: skip


def shared_memory_full(facts: Facts) -> Finding | None:
    """Find processes that share data through /dev/shm, of which a container has 64 MiB unless asked otherwise."""
    line = said(facts, _SHARED_MEMORY)
    if not line:
        return None
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.RESOURCE, "SharedMemoryFull", "its /dev/shm was full: data loader workers share batches there, and a container has 64 MiB of it",
        f"mount an emptyDir with medium Memory at /dev/shm, or set num_workers=0, then: {again(facts)}",
    )  # fmt: skip


def heap_full(facts: Facts) -> Finding | None:
    """Find a Java or Spark program whose heap was full."""
    line = said(facts, _HEAP)
    if not line:
        return None
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.RESOURCE, "HeapFull", "its Java heap was full: the heap is smaller than what it holds at a time",
        f"raise the heap (Spark: spark.driver.memory or spark.executor.memory; Java: -Xmx), then: {again(facts)}",
    )  # fmt: skip


def no_gpu(facts: Facts) -> Finding | None:
    """Find a program that needs a GPU, in a container that has none."""
    line = said(facts, _NO_GPU)
    if not line:
        return None
    if _asks_gpu(facts):
        return spoken(
            facts, line, Level.CONTAINER, VerdictClass.CONFIGURATION, "GpuNotUsable", "it was given a GPU that its image cannot use: CUDA or the driver do not fit",
            f"use an image whose CUDA fits the node's driver: {again(facts, '--image', 'IMAGE')}",
        )  # fmt: skip
    return spoken(
        facts, line, Level.SPEC, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "NoGpu", "it needs a GPU and did not ask for one",
        f"ask for one: {again(facts, '--gpu', '1')}",
    )  # fmt: skip


def gpu_kernel_missing(facts: Facts) -> Finding | None:
    """Find a library that was not built for this kind of GPU."""
    line = said(facts, _KERNEL)
    if not line:
        return None
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "GpuKindUnsupported",
        "its libraries were not built for this kind of GPU", f"use a build for it, or another kind of GPU: {again(facts, '--image', 'IMAGE')}",
    )  # fmt: skip


def gpu_broken(facts: Facts) -> Finding | None:
    """Find a GPU that the driver calls broken."""
    line = said(facts, _GPU_BROKEN)
    if (
        not line
        or "device-side assert" in line
        or "illegal memory access" in line
        or "unspecified launch" in line
    ):
        return None
    return spoken(
        facts, line, Level.NODE, VerdictClass.INFRASTRUCTURE, "GpuBroken", "the GPU of its node is faulty",
        "have the node taken out of use (kubectl cordon NODE); it can run elsewhere", retry=True,
    )  # fmt: skip


def peer_lost(facts: Facts) -> Finding | None:
    """Find a replica that gave up because another did not answer any more."""
    line = said(facts, _PEERS)
    if not line:
        return None
    return spoken(
        facts, line, Level.CLUSTER, of_surroundings(facts), "PeerLost", "it lost another replica of the distributed job: the replica that failed first is the cause, not this one",
        f"see how the other replicas ended, and the first of them: {_peers(facts)}", retry=True,
    )  # fmt: skip


def _peers(facts: Facts) -> str:
    namespace = f" -n {facts.made.namespace}" if facts.made and facts.made.namespace else ""
    return f"kubectl get pods{namespace} --sort-by=.status.startTime" if facts.made else "seaway logs {run}"


def read_only(facts: Facts) -> Finding | None:
    """Find a program that writes where it may only read."""
    line = said(facts, _READ_ONLY)
    if not line:
        return None
    path = re.search(r"['\"](?P<path>/[^'\"]+)['\"]", line)
    where = f" {path['path']!r}" if path else ""
    return spoken(
        facts, line, Level.SPEC, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "ReadOnlyFileSystem",
        f"it writes to a file system that it may only read{where}",
        f"write to a volume instead (an emptyDir mounted there, or /tmp), then: {again(facts)}",
    )  # fmt: skip


def not_permitted(facts: Facts) -> Finding | None:
    """Find a file that the container's user may not read or write."""
    found = exception(facts)
    line = (
        found.line
        if found is not None and found.short == "PermissionError"
        else said(facts, _PERMISSION, last=4)
        if facts.made and found is None
        else ""
    )
    if not line or exit_code(facts) == 126:
        return None
    path = re.search(r"['\"](?P<path>/?[^'\"]+)['\"]", line)
    where = f" {path['path']!r}" if path else ""
    user = _user(facts)
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "PermissionDenied",
        f"its user{user} may not read or write{where or ' a file that it needs'}",
        f"give that user the right (fsGroup for a volume, chown in the image), then: {again(facts)}" if facts.made
        else f"write below the working directory or $SEAWAY_OUTPUTS, then: {again(facts)}",
    )  # fmt: skip


def _user(facts: Facts) -> str:
    spec = (facts.pod or {}).get("spec") or {}
    own = (spec.get("securityContext") or {}).get("runAsUser")
    return f" (uid {own})" if own is not None else ""


def too_many_processes(facts: Facts) -> Finding | None:
    """Find a program that may have no more processes, threads or open files."""
    line = said(facts, _THREADS)
    if not line:
        return None
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.RESOURCE, "TooManyProcesses", "it has as many processes, threads or open files as it may have",
        f"start fewer workers or threads (OMP_NUM_THREADS, num_workers), then: {again(facts)}",
    )  # fmt: skip


def recursion(facts: Facts) -> Finding | None:
    """Find a function that calls itself without end."""
    found = exception(facts)
    if found is None or found.short != "RecursionError":
        return None
    return spoken(facts, found.line, Level.CODE, VerdictClass.USER, "Recursion", f"a function calls itself without end{found.at}",
                  f"correct {found.where or 'the program'}, then: {again(facts)}")  # fmt: skip


def assertion(facts: Facts) -> Finding | None:
    """Find an assertion of the program's own that did not hold."""
    found = exception(facts)
    if found is None or found.short not in _ASSERTION:
        return None
    text = f": {blanked(facts, found.text)}" if found.text else ""
    return spoken(facts, found.line, Level.CODE, VerdictClass.USER, "AssertionFailed", f"an assertion of the program does not hold{found.at}{text}",
                  f"correct {found.where or 'the program'}, then: {again(facts)}")  # fmt: skip


def wrong_shape(facts: Facts) -> Finding | None:
    """Find tensors or arrays whose shapes, types or devices do not fit together."""
    found = exception(facts)
    if found is None or not re.search(
        r"(?i)shapes? .{0,60}(?:cannot be|not aligned|mismatch|must|invalid)|size mismatch|must match the size|mat1 and mat2|could not broadcast|cannot reshape|expected (?:scalar type|\w*tensor|input)|inconsistent numbers? of samples|dimensions? .{0,40}(?:mismatch|must)|expected all tensors to be on the same device|dtype.{0,40}(?:mismatch|expected|not match)|incompatible shapes|Error\(s\) in loading state_dict|expected \d+D or \d+D|should be the same",
        found.text,
    ):
        return None
    return spoken(facts, found.line, Level.CODE, VerdictClass.USER, "WrongShape", f"arrays that do not fit together in shape, type or device{found.at}: {blanked(facts, found.text)[:140]}",
                  f"correct {found.where or 'the program'}, then: {again(facts)}")  # fmt: skip


_SIGNED = {"4": "SIGILL", "6": "SIGABRT", "7": "SIGBUS", "8": "SIGFPE", "11": "SIGSEGV"}
_CHILD_CRASHED = re.compile(
    r"(?i)<Signals\.(?P<name>SIG(?:SEGV|ABRT|BUS|ILL|FPE)): \d+>|exitcode ?[:=] ?-(?P<number>4|6|7|8|11)\b|Signal (?P<torch>4|6|7|8|11) \(SIG\w+\) received|Fatal Python error: (?P<fatal>[\w ]+)|Segmentation fault"
)


def child_crashed(facts: Facts) -> Finding | None:
    """Find a program one of whose processes crashed in native code."""
    line = said(facts, _CHILD_CRASHED)
    if not line or (exit_code(facts) or 0) > 128:
        return None
    return spoken(facts, line, Level.CODE, VerdictClass.USER, "NativeCrash", "a process of it crashed in native code: a compiled library, not Python itself",
                  f"have Python say where: {again(facts, '--env', 'PYTHONFAULTHANDLER=1')}")  # fmt: skip


_OTHERS = (
    re.compile(r"^Exception in thread \"[^\"]+\" (?P<what>\S+(?:: .*)?)"),
    re.compile(r"^(?P<what>Error in .{3,})$|^(?P<r>Error: .{3,})$"),
    re.compile(r"^panic: (?P<what>.+)"),
    re.compile(r"^thread '.*' panicked at (?P<what>.+)"),
    re.compile(r"^(?P<what>(?:org|java|com)\.[\w.]+(?:Exception|Error): .+)"),
    re.compile(r"^ERROR: (?P<what>LoadError: .+)"),
    re.compile(r"^\w*: error: (?P<what>.+)|^(?P<arg>\S+\.py: error: .+)"),
)


def wrong_arguments(facts: Facts) -> Finding | None:
    """Find a command line that the program does not understand: argparse and its like exit with 2."""
    if exit_code(facts) != 2:
        return None
    line = said(
        facts,
        re.compile(
            r"(?i)\berror: (?:unrecognized arguments|the following arguments are required|argument |invalid choice|no such option|missing option|missing argument|ambiguous option)|no such option|can't open file|Got unexpected extra argument|unknown (?:flag|option)|invalid option|unrecognized option"
        ),
        last=6,
    )
    if not line:
        return None
    return spoken(facts, line, Level.SPEC, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "WrongArguments",
                  f"the program does not take the arguments that it was given: {blanked(facts, line)[:140]}",
                  f"correct command, args or workingDir, then: {again(facts)}" if facts.made else f"correct the arguments, then: {again(facts)}")  # fmt: skip


def other_language(facts: Facts) -> Finding | None:
    """Find the error of a program in another language than Python: Java, Scala, R, Go, Rust, Julia."""
    if exception(facts) is not None or not ended_badly(facts) or (exit_code(facts) or 0) in (126, 127):
        return None
    for line in reversed([line for line in facts.log_tail.splitlines() if line.strip()][-LAST_OTHER:]):
        for pattern in _OTHERS:
            if found := pattern.search(line):
                what = next(filter(None, found.groups()))
                return spoken(facts, line, Level.CODE, VerdictClass.USER, "ProgramError", f"the program failed: {blanked(facts, what)[:160]}",
                              f"correct the program, then: {again(facts)}")  # fmt: skip
    return None


LAST_OTHER = 60


def system_out_of_memory(facts: Facts) -> Finding | None:
    """Find a program that the kernel killed because the whole node had no memory left, not because of its own limit."""
    if exit_code(facts) != 137 or memory_limit(facts) and _says_own_limit(facts):
        return None
    name = ((facts.pod or {}).get("metadata") or {}).get("name", "")
    event = next(
        (e for e in reversed(facts.node_events) if e.get("reason") in ("SystemOOM", "OOMKilling")
         and (e.get("reason") == "SystemOOM" or name in (e.get("message") or "") or not facts.events)),
        None,
    )  # fmt: skip
    if event is None or not _near(facts, event):
        return None
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "NodeOutOfMemory", "its node ran out of memory as a whole, and the kernel killed it; it was not over a limit of its own",
        from_event(facts, event), next_step=f"reserve what it needs, so that it is placed where there is room: {again(facts, '--memory', 'AMOUNT')}",
        retry=True, exit_code=137,
    )  # fmt: skip


def _says_own_limit(facts: Facts) -> bool:
    from seaway.platform.diagnosis.evidence import terminated

    return (terminated(facts) or {}).get("reason") == "OOMKilled"


def _near(facts: Facts, event: object) -> bool:
    from seaway.platform.diagnosis.evidence import event_time, moment, terminated

    at, ended = moment(event_time(event)), moment((terminated(facts) or {}).get("finishedAt"))  # type: ignore[arg-type]
    return at is None or ended is None or abs((at - ended).total_seconds()) < 120


def _asks_gpu(facts: Facts) -> bool:
    from seaway.platform.diagnosis.evidence import main_container

    resources = main_container(facts).get("resources") or {}
    return any("gpu" in name for part in ("limits", "requests") for name in resources.get(part) or {})
