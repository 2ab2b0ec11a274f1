"""Rules meet real failures: each program here really fails, and its own output and exit code are the evidence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.tracebacks import last_traceback
from seaway.platform.diagnosis.why import explain

PYTHON = {
    "an exception in the user's own function": (
        "def load(path):\n    return {}[path]\n\nload('x')\n", "UserException", "the program failed at train.py:2: KeyError: 'x'",
    ),
    "an exception raised out of another": (
        "try:\n    int('x')\nexcept ValueError as error:\n    raise RuntimeError('no number') from error\n",
        "UserException", "the program failed at train.py:4: RuntimeError: no number",
    ),
    "an exception inside the standard library": (
        "import json\n\njson.loads('{')\n", "InputBroken", "its input could not be read at train.py:3: json.decoder.JSONDecodeError: ",
    ),
    "a module that is not installed": (
        "import cv2_no_such_module\n", "ModuleNotFound",
        "it imports the module 'cv2_no_such_module' (package 'cv2-no-such-module') at train.py:1, which is not installed",
    ),
    "a name that the module lacks": ("from json import nothing\n", "ImportFailed", "the module 'json' has no 'nothing'"),
    "a script that does not parse": ("x = = 1\n", "UserException", "the program failed at train.py:1: SyntaxError: "),
    "a service that asks for fewer requests": (
        "from urllib.error import HTTPError\n\nraise HTTPError('http://s3.example.com/b', 503, 'Slow Down', {}, None)\n",
        "ServiceBusy", "a service that it reads from or writes to limits the rate of its requests",
    ),
    "a bare exit code": ("raise SystemExit(7)\n", "NonZeroExit", "the program ended with exit code 7"),
    "a full disk": ("with open('/dev/full', 'w') as file:\n    file.write('x')\n", "DiskFull", "it failed because the disk was full"),
    "a crash": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "KilledBySignal", "it crashed in native code"),
    "a part that its package does not have": (
        "import json.no_such_part\n", "ImportFailed", "the package 'json' is there, but has no module 'json.no_such_part'",
    ),
    "a module of the user's own": ("from utils.data import load\n", "ModuleNotFound", "it imports the module 'utils' at train.py:1"),
    "a file that hides a package": ("import train.part\n", "ImportFailed", "'train' is a single file"),
    "a command that is not there": (
        "import subprocess\nsubprocess.run(['nvidia-smi-not-there'])\n", "CommandNotFound", "it starts the command 'nvidia-smi-not-there' at train.py:2",
    ),
    "a question to the keyboard": ("input('name? ')\n", "NoTerminal", "it asks somebody to type something at train.py:1"),
    "a process of a pool that leaves": (
        "import os\nfrom concurrent.futures import ProcessPoolExecutor\nProcessPoolExecutor(1).submit(os._exit, 1).result()\n",
        "WorkerDied", "nothing says why",
    ),
    "what fails when all is over": (
        "import atexit\ndef late():\n    raise OSError('flush')\natexit.register(late)\nraise ValueError('first')\n", "UserException", "ValueError: first",
    ),
    "what is ignored before an exit": (
        "class Held:\n    def __del__(self):\n        raise ValueError('ignored')\nheld = Held()\ndel held\nraise SystemExit(3)\n", "NonZeroExit", "exit code 3",
    ),
    "a thread that fails after the program": (
        "import threading, time\ndef work():\n    threading.main_thread().join()\n    raise OSError('torn')\nthreading.Thread(target=work).start()\nraise ValueError('first')\n",
        "UserException", "ValueError: first",
    ),
    "a thread that alone fails": (
        "import threading\ndef work():\n    raise OSError('torn')\nthread = threading.Thread(target=work)\nthread.start()\nthread.join()\nraise SystemExit(1)\n",
        "UserException", "train.py:3: OSError: torn",
    ),
    "an exception because of another": (
        "try:\n    {}['lr']\nexcept KeyError as error:\n    raise ValueError('bad settings') from error\n", "UserException", "ValueError: bad settings, because of KeyError: 'lr'",
    ),
    "a command that says why": (
        "import subprocess\nsubprocess.run(['sh', '-c', 'echo no such branch >&2; exit 4'], check=True)\n", "UserException", "exit status 4",
    ),
    "a service that fails": (
        "from urllib.error import HTTPError\n\nraise HTTPError('http://a.example.com/b', 500, 'Internal Server Error', {}, None)\n",
        "ServiceFailed", "answered with a failure of its own",
    ),
    "a page that is not there": (
        "from urllib.error import HTTPError\n\nraise HTTPError('http://a.example.com/b', 404, 'Not Found', {}, None)\n", "InputMissing", "not where it looks",
    ),
    "a file in a folder that is not there": (
        "with open('results/metrics.json', 'w') as file:\n    file.write('{}')\n", "OutputFolderMissing", "it writes a file at train.py:1 into the folder 'results'",
    ),
    "a file that is read where one is written": (
        "import json\njson.dump(json.load(open('data/in.json')), open('out.json', 'w'))\n", "UserException", "No such file or directory: 'data/in.json'",
    ),
    "a module that hides one of Python's": (
        "import os, sys\nos.mkdir('lib')\nopen('lib/random.py', 'w').write('import random\\nrandom.choice([1])\\n')\nsys.path.insert(0, 'lib')\nimport random\n",
        "ImportFailed", "the file random.py hides the module 'random' that is meant (at random.py:2)",
    ),
    "modules in a circle": (
        "import sys\nfor one, other in (('first', 'second'), ('second', 'first')):\n    open(f'{one}.py', 'w').write(f'from {other} import x\\n')\nimport first\n",
        "ImportFailed", "modules import each other in a circle: 'first' is wanted before its own import is done (at second.py:1)",
    ),
    "a bar of progress before the traceback": (
        "import sys\nprint('one', 'two', 'three', 'four', sep='\\n', flush=True)\nsys.stderr.write('\\r 40%|####      | 4/10 [00:01<00:01, 3.9it/s]')\nimport sklearnn\n",
        "ModuleNotFound", "it imports the module 'sklearnn' at train.py:4",
    ),
    "a pointer of git LFS": (
        "import pickle\npickle.loads(b'version https://git-lfs.github.com/spec/v1')\n", "InputBroken", "its input at train.py:2 is a pointer of git LFS",
    ),
    "an error before the last words": (
        "print('12:00 ERROR cannot load ckpt.pt')\nprint('12:00 INFO shutting down')\nraise SystemExit(1)\n",
        "NonZeroExit", "the program ended with exit code 1; the last error that it told of: 12:00 ERROR cannot load ckpt.pt",
    ),
    "a file of settings that is broken": ("import tomllib\n\ntomllib.loads('lr = ')\n", "InputBroken", "its input could not be read at train.py:3"),
    "too many open files": (
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))\nopened = [open(__file__) for _ in range(20)]\n",
        "TooManyProcesses", "it has as many open files as it may have",
    ),
    "a quota of a file system": (
        "import errno, os\nraise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), '/mnt/model')\n", "DiskFull", "a quota of its file system is used up",
    ),
    "a signal that few know": ("import os, signal\nos.kill(os.getpid(), signal.SIGUSR1)\n", "KilledBySignal", "it was ended by the signal SIGUSR1"),
    "an interruption": ("raise KeyboardInterrupt\n", "KilledBySignal", "it was interrupted at train.py:1"),
    "a crash whose place Python says": (
        "import faulthandler, os, signal\nfaulthandler.enable()\nos.kill(os.getpid(), signal.SIGSEGV)\n", "KilledBySignal", "(segmentation fault) at train.py:3",
    ),
    "an abort": ("import os\nos.abort()\n", "KilledBySignal", "it aborted itself"),
}  # fmt: skip
COMMANDS = {
    "a command that is not there": (["sh", "-c", "no-such-command --flag"], "CommandNotFound", "the command 'no-such-command' was not found"),
    "a file that may not be executed": (["sh", "-c", "./plain.txt"], "NotExecutable", "is there but may not be executed"),
    "a part of a package of python -m": ([sys.executable, "-m", "no_such_package.train"], "ModuleNotFound", "it imports the module 'no_such_package'"),
    "a module of python -m": ([sys.executable, "-m", "no_such_module"], "ModuleNotFound", "it imports the module 'no_such_module'"),
    "C++ that aborts": (
        ["sh", "-c", "echo \"terminate called after throwing an instance of 'std::runtime_error'\"; echo '  what():  cannot open model.bin'; kill -ABRT $$"],
        "KilledBySignal", "it aborted itself (SIGABRT): cannot open model.bin",
    ),
    "Rust that panics": (
        ["sh", "-c", "echo \"thread 'main' panicked at src/main.rs:4:5:\"; echo 'index out of bounds: the len is 3'; echo 'note: run with X'; exit 101"],
        "ProgramError", "the program failed: index out of bounds: the len is 3",
    ),
    "a script that a shell does not find": (
        ["sh", "-c", "echo 'sh: 0: cannot open start.sh: No such file'; exit 2"], "WrongArguments", "cannot open start.sh: No such file",
    ),
    "a value that click does not take": (
        ["sh", "-c", "echo \"Error: Invalid value for 'DATA': Path 'data.csv' does not exist.\"; exit 2"], "WrongArguments", "Path 'data.csv' does not exist",
    ),
}  # fmt: skip
LOGURU = """2025-03-04 10:00:00.123 | ERROR    | __main__:<module>:12 - An error has been caught
Traceback (most recent call last):

> File "/app/train.py", line 12, in <module>
    main()
    └ <function main at 0x7f>

  File "/app/train.py", line 8, in main
    return 1 / n
               └ 0

ZeroDivisionError: division by zero
"""
BROKEN_PATH = """╭──────────── Traceback (most recent call last) ─────────────╮
│ /app/train.py:12 in <module>                           │
│                                                            │
│ ❱ 12 fit()                                                 │
│                                                            │
│ /usr/lib/python3.11/site-packages/somewhere/very/deep/in_a │
│ _module.py:3 in fit                                        │
│ ╭─ locals ─╮                                               │
│ │ x = 3    │                                               │
│ ╰──────────╯                                               │
╰────────────────────────────────────────────────────────────╯
ValueError: bad fold
"""


@pytest.mark.parametrize(
    ("log", "where", "line"),
    [
        (LOGURU, "train.py:8", "ZeroDivisionError: division by zero"),
        (BROKEN_PATH, "train.py:12", "ValueError: bad fold"),
        (f"12:00 ERROR it failed\n{BROKEN_PATH}12:01 INFO bye\n", "train.py:12", "ValueError: bad fold"),
    ],
)
def test_a_traceback_that_a_library_draws_is_read(log, where, line):
    found = last_traceback(log)
    assert found is not None
    assert (found.where, found.line) == (where, line)


def _explain(command: list[str], folder: Path):
    """Run a command to its end and explain it from what a Pod would show."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    state = {"terminated": {"exitCode": code, "reason": "Error", "finishedAt": "2026-01-02T03:04:05Z"}}
    pod = {"spec": {}, "status": {"phase": "Failed", "containerStatuses": [{"name": "main", "state": state}]}}
    return explain(Facts(run="r", pod=pod, log_tail=done.stdout, command=("python", "train.py")))


@pytest.mark.parametrize(("source", "cause", "message"), PYTHON.values(), ids=PYTHON.keys())
def test_a_failing_script_is_explained(tmp_path, source, cause, message):
    if "/dev/full" in source and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "train.py").write_text(source)
    told = _explain([sys.executable, str(tmp_path / "train.py")], tmp_path)
    assert told.cause == cause
    assert message in told.message


@pytest.mark.parametrize(("command", "cause", "message"), COMMANDS.values(), ids=COMMANDS.keys())
def test_a_failing_command_is_explained(tmp_path, command, cause, message):
    (tmp_path / "plain.txt").write_text("no program\n")
    told = _explain(command, tmp_path)
    assert told.cause == cause
    assert message in told.message
