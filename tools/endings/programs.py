"""Programs that fail by themselves: exceptions, exit codes, signals, input that is not what it should be."""

from __future__ import annotations

from tools.endings.ending import (
    CONFIGURATION,
    DEADLINE,
    INFRASTRUCTURE,
    PASS,
    RESOURCE,
    SLEEP,
    USER,
    Ending,
    container,
    deployment,
    job,
    limited,
    pod,
    shell,
)  # fmt: skip

_GREEDY = "x = []\nwhile True: x.append(bytearray(10 << 20))"
_CHILD = f"import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\np.kill()\nraise subprocess.CalledProcessError(p.wait(), 'worker')"
_NO_LIBRARY = "the library is not among the packages that the tests have; the program says its words"
_MISFIT = """import ctypes, re, struct
def hashed(name):
    found = 0
    for byte in name:
        found = (found << 4) + byte
        found = (found ^ (found >> 24 & 0xF0)) & 0xFFFFFFF
    return struct.pack('<I', found)
for path in sorted({line.split()[-1] for line in open('/proc/self/maps') if '.so' in line and 'libc.so' not in line}):
    library = open(path, 'rb').read()
    for name in sorted(set(re.findall(rb'GLIBC_2\\.[0-9.]+', library))):
        if hashed(name) in library:
            newer = name.replace(b'GLIBC_2', b'GLIBC_9')
            open('libfast.so', 'wb').write(library.replace(name, newer).replace(hashed(name), hashed(newer)))
            ctypes.CDLL('./libfast.so')
"""
"""Loads a library that is made to ask for a newer glibc than there is: the version that it needs, by name and hash."""
_BOX = """print('''╭───────────────────── Traceback (most recent call last) ─────────────────────╮
│ /app/train.py:3 in <module>                                            │
│                                                                            │
│   2                                                                        │
│ ❱ 3 import sklearn                                                         │
╰────────────────────────────────────────────────────────────────────────────╯
ModuleNotFoundError: No module named \\'sklearn\\'''')
raise SystemExit(1)
"""
"""What typer prints with rich."""
_INDEX = """import functools, http.server, os, subprocess, sys, threading
os.makedirs('simple/lightgbm')
open('simple/lightgbm/index.html', 'w').write('<a href="lightgbm-4.5.0-py3-none-any.whl">lightgbm-4.5.0-py3-none-any.whl</a>')
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *told): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
pip = [sys.executable, '-m', 'pip', '--isolated', 'install', '--no-cache-dir', '--disable-pip-version-check', '--target', 'packages']
raise SystemExit(subprocess.call([*pip, '--index-url', 'http://127.0.0.1:%d/simple' % server.server_port, 'lightgbm==9.9.9']))
"""
"""Installs, from an index of its own, a version that this one does not have."""
_RAY = """class ActorDiedError(Exception): __module__ = 'ray.exceptions'
raise ActorDiedError('The actor died unexpectedly before finishing this task. The actor is dead because its worker process has died.')
"""
_NO_GPU = "it takes a GPU; the program says the library's words"
_ELF = "import os\nopen('train', 'wb').write(b'\\x7fELF\\x02\\x01\\x01' + bytes(9) + (2).to_bytes(2, 'little') + (0xF7).to_bytes(2, 'little') + bytes(44))\nos.chmod('train', 0o755)"
"""Makes a program for a kind of CPU that no node has (Berkeley Packet Filter)."""
_FILES = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))\nfiles = [open('/dev/null') for _ in range(40)]"
_WORKER = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import os; os.kill(os.getpid(), 11)'], check=True)"

PROGRAMS = {
    "module-missing": Ending("ModuleNotFound", USER, "code", (job(container("import sklearnn")),)),
    "import-failed": Ending("ImportFailed", USER, "code", (job(container("from json import load_all")),), message="'json' has no 'load_all'"),
    "package-not-found": Ending("PackageNotFound", USER, "code", (job(container(_INDEX)),), message="lightgbm==9.9.9"),
    "libraries-misfit": Ending("LibrariesMisfit", CONFIGURATION, "container", (job(container(_MISFIT)),), message="GLIBC_9"),
    "variable-missing": Ending(
        "VariableMissing", CONFIGURATION, "spec", (job(container("import os\nopen(os.environ['DATA_DIR'] + '/train.csv')")),), message="'DATA_DIR'", next="DATA_DIR"
    ),
    "file-missing": Ending("InputMissing", USER, "data", (job(container("open('/data/train.csv')")),)),
    "json-broken": Ending("InputBroken", USER, "data", (job(container("import json; json.loads('{\"a\": ')")),)),
    "gzip-broken": Ending("InputBroken", USER, "data", (job(container("import gzip\nopen('a.gz', 'w').write('id,price')\ngzip.open('a.gz').read()")),)),
    "text-instead-of-numbers": Ending(
        "InputBroken", USER, "data", (job(container("import csv, io\nrows = csv.DictReader(io.StringIO('price\\n12\\nn/a'))\nprint(sum(float(row['price']) for row in rows))")),)
    ),
    "column-missing": Ending(
        "ColumnMissing", USER, "data",
        (job(container("raise ValueError(\"Usecols do not match columns, columns expected but not found: ['price']\")")),), played=_NO_LIBRARY,
    ),
    "nan-in-the-input": Ending("InputUnusable", USER, "data", (job(container("raise ValueError('Input X contains NaN.')")),), played=_NO_LIBRARY),
    "loss-is-nan": Ending(
        "LossNotANumber", USER, "code", (job(container("loss = float('inf') - float('inf')\nif loss != loss:\n    print(f'epoch 3: loss is {loss}, giving up')\n    raise SystemExit(1)")),)
    ),
    "wrong-shape": Ending(
        "WrongShape", USER, "code", (job(container("raise ValueError('shapes (3,4) and (5,6) not aligned: 4 (dim 1) != 5 (dim 0)')")),), played=_NO_LIBRARY
    ),
    "wrong-dtype": Ending(
        "WrongShape", USER, "code", (job(container("raise RuntimeError('mat1 and mat2 must have the same dtype, but got Double and Float')")),), played=_NO_LIBRARY
    ),
    "recursion": Ending("Recursion", USER, "code", (job(container("f = lambda n: f(n + 1)\nf(0)")),)),
    "assertion": Ending("AssertionFailed", USER, "code", (job(container("assert 1 > 2, 'no rows left'")),)),
    "zero-division": Ending("UserException", USER, "code", (job(container("1 / 0")),)),
    "key-error": Ending("UserException", USER, "code", (job(container("{'epochs': 3}['lr']")),), message="KeyError: 'lr'"),
    "syntax-error": Ending("UserException", USER, "code", (job(container("def train(:")),), message="SyntaxError"),
    "exit-3": Ending("NonZeroExit", USER, "code", (job(container("print('no data for today'); raise SystemExit(3)")),)),
    "exit-minus-one-with-traceback": Ending(
        "UserException", USER, "code", (job(container("import sys, traceback\ntry: {}['lr']\nexcept KeyError: traceback.print_exc(); sys.exit(-1)")),),
        message="KeyError",
    ),
    "memory-error": Ending("MemoryRefused", RESOURCE, "code", (job(container("table = bytearray(1 << 60)")),)),
    "native-memory-refused": Ending(
        "MemoryRefused", RESOURCE, "container", (job(container("import mmap; mmap.mmap(-1, 1 << 46)", **limited("256Mi"))),), message="native code", next="512Mi"
    ),
    "out-of-memory": Ending("OOMKilled", RESOURCE, "container", (job(container(_GREEDY, **limited("64Mi"))),), message="limit of 64Mi"),
    "out-of-memory-in-a-crash-loop": Ending("OOMKilled", RESOURCE, "container", (deployment(container(_GREEDY, **limited("64Mi"))),)),
    "child-killed": Ending("ChildKilled", RESOURCE, "container", (job(container(_CHILD, **limited("256Mi"))),)),
    "child-crashed": Ending("NativeCrash", USER, "code", (job(container(_WORKER)),)),
    "shared-memory-full": Ending(
        "SharedMemoryFull", RESOURCE, "container", (job(container("raise RuntimeError('unable to allocate shared memory(shm) for file </torch_7_1>: No space left on device (28)')")),),
        played=_NO_LIBRARY,
    ),
    "gpu-out-of-memory": Ending(
        "GpuOutOfMemory", RESOURCE, "code", (job(container("raise RuntimeError('CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 15.78 GiB total capacity)')")),), played=_NO_GPU
    ),
    "no-gpu-asked-for": Ending(
        "NoGpu", CONFIGURATION, "spec", (job(container("raise RuntimeError('No CUDA GPUs are available')")),), played=_NO_GPU
    ),
    "gpu-of-another-kind": Ending(
        "GpuKindUnsupported", CONFIGURATION, "container",
        (job(container("raise RuntimeError('CUDA error: no kernel image is available for execution on the device')")),), played=_NO_GPU,
    ),
    "gpu-broken": Ending(
        "GpuBroken", INFRASTRUCTURE, "node", (job(container("raise RuntimeError('CUDA error: uncorrectable ECC error encountered')")),), retry=True, played=_NO_GPU
    ),
    "peer-lost": Ending(
        "PeerLost", INFRASTRUCTURE, "cluster",
        (job(container("raise RuntimeError('[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=7, OpType=ALLREDUCE)')")),),
        retry=True, played=_NO_GPU,
    ),
    "worker-died": Ending("WorkerDied", "unknown", None, (job(container(_RAY)),), played=_NO_LIBRARY),
    "java-heap-full": Ending(
        "HeapFull", RESOURCE, "container",
        (job(container("raise SystemExit('Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space')")),), played=_NO_LIBRARY,
    ),
    "caused-in-java": Ending(
        "ProgramError", USER, "code",
        (job(container("class Py4JJavaError(Exception): pass\nPy4JJavaError.__module__ = 'py4j.protocol'\nraise Py4JJavaError('An error occurred while calling o42.count.\\nCaused by: java.lang.NumberFormatException: For input string: \"n/a\"')")),),
        message="NumberFormatException", played=_NO_LIBRARY,
    ),
    "r-script-failed": Ending(
        "ProgramError", USER, "code",
        (job(shell("echo 'Error in solve.default(m) : system is exactly singular' >&2; echo 'Execution halted' >&2; exit 1")),), message="solve", played=_NO_LIBRARY,
    ),
    "too-many-open-files": Ending("TooManyProcesses", RESOURCE, "container", (job(container(_FILES)),)),
    "disk-full": Ending("DiskFull", RESOURCE, "node", (job(container("f = open('/dev/full', 'w', buffering=1)\nf.write('x\\n')")),)),
    "segmentation-fault": Ending("KilledBySignal", USER, "code", (job(container("import os; os.kill(os.getpid(), 11)")),)),
    "exit-137-of-its-own": Ending("KilledBySignal", "unknown", None, (job(container("import os; os.kill(os.getpid(), 9)")),), message="SIGKILL"),
    "exit-143-of-its-own": Ending("KilledBySignal", "unknown", None, (job(container("import os; os.kill(os.getpid(), 15)")),), message="SIGTERM"),
    "command-not-found": Ending("CommandNotFound", CONFIGURATION, "spec", (job(container(command=["trian"])),), message="'trian'"),
    "output-folder-missing": Ending(
        "OutputFolderMissing", USER, "code",
        (job(shell("echo \"open('results/metrics.json', 'w')\" > train.py; python train.py")),), message="'results'", next="os.makedirs",
    ),
    "typer-wrong-arguments": Ending(
        "WrongArguments", CONFIGURATION, "spec", (job(shell("echo '│ No such option: --epoch │' >&2; exit 2")),), message="given: No such option: --epoch$", played=_NO_LIBRARY,
    ),
    "traceback-in-a-box": Ending(
        "ModuleNotFound", USER, "code", (job(container(_BOX)),), message="'sklearn' .* at train.py:3", played=_NO_LIBRARY,
    ),
    "shell-command-not-found": Ending("CommandNotFound", CONFIGURATION, "spec", (job(shell("trian --lr 1")),), message="'trian'"),
    "not-executable": Ending("NotExecutable", CONFIGURATION, "spec", (job(shell("/etc/passwd")),)),
    "program-of-another-cpu": Ending("ImageArchitecture", CONFIGURATION, "container", (job(shell('python -c "$MAKE"; ./train', env=[{"name": "MAKE", "value": _ELF}])),)),
    "wrong-arguments": Ending(
        "WrongArguments", CONFIGURATION, "spec", (job(container("import argparse; argparse.ArgumentParser('train.py').parse_args(['--lrr', '1'])")),)
    ),
    "timeout-of-its-own": Ending("Timeout", DEADLINE, "spec", (job(container(command=["timeout", "1", "sleep", "60"])),)),
    "init-container-failed": Ending(
        "UserException", USER, "code",
        (pod(container(PASS), initContainers=[container("raise RuntimeError('no schema')", name="migrate")]),), message="no schema",
    ),
    "sidecar-failed": Ending(
        "NonZeroExit", USER, "code", (job(container(PASS), container("import time; time.sleep(1); raise SystemExit(5)", name="metrics")),),
        message="exit code 5",
    ),
    "crash-loop": Ending("ModuleNotFound", USER, "code", (deployment(container("import fastapii")),)),
    "job-tried-three-times": Ending("UserException", USER, "code", (job(container("raise ValueError('lr')"), limit=1),)),
    "completed": Ending("Completed", "succeeded", None, (job(container("print('done')")),)),
}  # fmt: skip
