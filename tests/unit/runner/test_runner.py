"""The runner as a node starts it: its own text as the command, a gateway over TLS, real programs."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from seaway.platform.storage.runner_archive import build_runner
from seaway.runner.gateway import Gateway
from seaway.runner.reading import _tells

TOKEN = "the-token-of-this-run"
SHOW = "import json, os, sys; print(json.dumps({k: v for k, v in os.environ.items()})); print(os.getcwd())"


def test_the_program_gets_its_folders_and_none_of_the_secrets(start):
    container = start(SHOW)
    assert container.wait() == 0, container.text
    environ, folder = container.text.splitlines()
    environ = json.loads(environ)
    assert {"SEAWAY_RUN", "SEAWAY_TASK", "SEAWAY_ATTEMPT", "SEAWAY_OUTPUTS", "SEAWAY_CHECKPOINT"} <= set(
        environ
    )
    assert not {"SEAWAY_TOKEN", "SEAWAY_SPEC", "SEAWAY_CA", "SEAWAY_GATEWAY"} & set(environ)
    assert environ["PYTHONUNBUFFERED"] == "1"
    assert folder.endswith("/code")


def test_it_leaves_no_file_outside_the_cache(start, tmp_path, gateway, pack):
    container = start("open('made', 'w')", code=gateway.add("code", pack({"a/b.py": b""})))
    assert container.wait() == 0, container.text
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("program", "code"),
    [
        pytest.param("pass", 0, id="success"),
        pytest.param("import sys; sys.exit(3)", 3, id="its own code"),
        pytest.param("raise ValueError('x')", 1, id="an exception"),
        pytest.param("import os; os.kill(os.getpid(), 9)", 137, id="killed"),
        pytest.param("import os; os.abort()", 134, id="aborted"),
    ],
)
def test_it_exits_with_the_programs_own_code(start, program, code):
    container = start(program)
    assert container.wait() == code, container.text
    assert not container.termination_log.exists()


def test_a_command_that_is_not_there_is_127(start):
    container = start(command=["no-such-command"])
    assert container.wait() == 127
    assert "[seaway] no-such-command: command not found" in container.text


def test_a_file_that_cannot_be_executed_is_126(start, gateway, pack):
    container = start(command=["./data"], code=gateway.add("code", pack({"data": b"\x7fnot a program"})))
    assert container.wait() == 126, container.text


def test_everything_is_fetched_once_for_a_node(start, gateway, pack):
    code = gateway.add(
        "code", pack({"train.py": b"print('trained')", "pkg/run.py": b"", "again.py": "train.py"})
    )
    for _ in range(2):
        container = start(command=["python", "again.py"], code=code)
        assert container.wait() == 0, container.text
        assert container.text == "trained\n"
    runner = f"GET /gateway/v1/runner/{build_runner().digest}.pyz"
    assert gateway.requests == [runner, f"GET /gateway/v1/code/{code}"]


def test_nobody_else_can_read_the_cache_and_the_program_keeps_its_umask(start, tmp_path):
    container = start("import os; print(oct(os.umask(0)))")
    assert container.wait() == 0, container.text
    mask = os.umask(0)
    os.umask(mask)
    assert container.text == f"{oct(mask)}\n"
    wide = [
        path for path in (tmp_path / "cache", *(tmp_path / "cache").rglob("*")) if path.stat().st_mode & 0o077
    ]
    assert [path for path in wide if "__pycache__" not in str(path)] == []


def test_what_a_program_writes_beside_its_code_is_gone_in_the_next_attempt(start, gateway, pack):
    code = gateway.add(
        "code", pack({"a.py": b"import os; print(sorted(os.listdir())); open('a.py', 'w'); open('b', 'w')"})
    )
    for _ in range(2):
        container = start(command=["python", "a.py"], code=code)
        assert container.wait() == 0
        assert container.text == "['a.py']\n"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        pytest.param({"pyproject.toml": b"", "src/own/__init__.py": b""}, 0, id="src layout"),
        pytest.param({"pyproject.toml": b"", "own/__init__.py": b""}, 0, id="flat layout"),
        pytest.param({"own/__init__.py": b""}, 1, id="no Python project"),
    ],
)
def test_a_project_can_import_its_own_packages(start, gateway, pack, files, code):
    digest = gateway.add("code", pack({**files, "scripts/train.py": b"import own"}))
    container = start(command=["python", "scripts/train.py"], code=digest)
    assert container.wait() == code, container.text


def test_it_starts_in_the_workdir(start, gateway, pack):
    code = gateway.add("code", pack({"deep/er/x.py": b""}))
    container = start("import os; print(os.path.basename(os.getcwd()))", code=code, workdir="deep/er")
    assert (container.wait(), container.text) == (0, "er\n")
    container = start("pass", code=code, workdir="none")
    assert container.wait() == 121
    assert container.failure == {
        "stage": "code",
        "error": "the code has no folder 'none' to start in",
        "refused": True,
    }


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({"../escaped": b"x"}, "leads out", id="a path upwards"),
        pytest.param({"/tmp/escaped-by-a-test": b"x"}, "leads out", id="an absolute path"),
        pytest.param({"link": "/etc"}, "leads out", id="a link out"),
        pytest.param({"a": ".", "a/b": b"x"}, "behind a link", id="a file behind a link"),
    ],
)
def test_an_unsafe_archive_is_refused(start, gateway, pack, tmp_path, files, message):
    container = start("pass", code=gateway.add("code", pack(files)))
    assert container.wait() == 121
    assert container.failure["stage"] == "code"
    assert message in container.failure["error"]
    assert not list((tmp_path / "cache").rglob("escaped*"))
    assert not Path("/tmp/escaped-by-a-test").exists()


def test_code_with_another_digest_is_refused(start, gateway, pack):
    digest = gateway.add("code", pack({"a": b""}))
    gateway.files[f"code/{digest}"] = pack({"a": b"other"})
    container = start("pass", code=digest)
    assert container.wait() == 121
    assert "has the digest" in container.failure["error"]


def test_code_that_the_gateway_does_not_have_is_told(start):
    container = start("pass", code="0" * 64)
    assert container.wait() == 121
    assert "answered 404" in container.failure["error"]


def test_a_gateway_that_is_away_for_a_moment_is_waited_for(start, gateway, pack):
    gateway.failures = [503, 500, 502]
    container = start("pass", code=gateway.add("code", pack({"a": b""})))
    assert container.wait() == 0, container.text


def test_a_gateway_with_another_certificate_gets_no_token(start, gateway, other_ca):
    container = start("pass", environ={"SEAWAY_CA": other_ca})
    assert container.wait() == 120
    assert gateway.requests == []
    assert "certificate" in container.failure["error"]


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        pytest.param({"SEAWAY_SPEC": "{"}, "SEAWAY_SPEC", id="no JSON"),
        pytest.param({"SEAWAY_SPEC": '{"command": []}'}, "command must be", id="an empty command"),
        pytest.param({"SEAWAY_SPEC": '{"command": ["x"], "code": "../x"}'}, "code must be", id="no digest"),
        pytest.param(
            {"SEAWAY_SPEC": '{"command": ["x"], "workdir": "../x"}'},
            "workdir must be",
            id="a workdir outside",
        ),
        pytest.param({"SEAWAY_FENCE": "x"}, "SEAWAY_FENCE", id="no number"),
    ],
)
def test_a_wrong_order_is_named(start, environ, message):
    container = start("pass", environ=environ)
    assert container.wait() == 125, container.text
    assert container.failure["stage"] == "spec"
    assert message in container.failure["error"]


WRITE = """
import os
out = os.environ["SEAWAY_OUTPUTS"]
os.makedirs(out + "/models")
open(out + "/models/best.bin", "wb").write(b"w" * 500000)
os.symlink("models/best.bin", out + "/latest")
os.symlink("models", out + "/folder")
os.link(out + "/models/best.bin", out + "/hard")
os.mkfifo(out + "/pipe")
"""
OUTPUTS = "/gateway/v1/runs/digits/tasks/main/outputs?fence=1"


@pytest.mark.parametrize(("end", "code"), [("", 0), ("raise SystemExit(4)", 4)], ids=["success", "failure"])
def test_outputs_are_committed_however_the_program_ends(start, gateway, unpack, end, code):
    container = start(WRITE + end)
    assert container.wait() == code, container.text
    (body,) = gateway.received[OUTPUTS]
    assert unpack(body) == dict.fromkeys(["hard", "latest", "models/best.bin"], b"w" * 500000)
    assert "[seaway] outputs: folder is a link" in container.text


def test_a_server_that_keeps_many_outputs_is_waited_for_and_the_log_says_so(start, gateway):
    program = "import os\nfor number in range(1000): open(f'{os.environ[\"SEAWAY_OUTPUTS\"]}/{number}', 'w').write('x')"
    container = start(program)
    assert container.wait() == 0, container.text
    assert "[seaway] outputs: keeping 1,000 files of 0.0 MiB" in container.text


def test_an_answer_may_take_longer_than_another_step(gateway, monkeypatch):
    patience = []
    answered = http.client.HTTPConnection.getresponse

    def getresponse(connection):
        patience.append(connection.sock.gettimeout())
        return answered(connection)

    monkeypatch.setattr(http.client.HTTPConnection, "getresponse", getresponse)
    client = Gateway(gateway.url, gateway.ca, TOKEN, timeout=50.0)
    client.put(OUTPUTS, lambda send: send(b"body"), answer=500.0)
    client.put(OUTPUTS, lambda send: send(b"body"))
    assert patience == [500.0, 50.0]


@pytest.mark.parametrize("portion", [b"4\r\nbody\r\n", b"0\r\n\r\n"], ids=["in the middle", "at the end"])
def test_a_body_is_sent_again_when_the_server_is_killed_while_it_travels(gateway, monkeypatch, portion):
    """OpenSSL tells of a peer that is gone without a word as an end that breaks the protocol, not as a broken pipe."""
    killed = [ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "EOF occurred in violation of protocol")]
    sent = http.client.HTTPConnection.send

    def send(connection, data):
        if data == portion and killed:
            connection.sock.close()
            raise killed.pop()
        sent(connection, data)

    monkeypatch.setattr(http.client.HTTPConnection, "send", send)
    client = Gateway(gateway.url, gateway.ca, TOKEN, sleep=lambda _: None)
    client.put(OUTPUTS, lambda portion: portion(b"body"))
    assert (gateway.received[OUTPUTS], killed) == ([b"body"], [])


def test_no_outputs_need_no_gateway(start, gateway):
    start("pass").wait()
    gateway.requests.clear()
    assert start("pass").wait() == 0
    assert gateway.requests == []


def test_outputs_are_sent_again_when_the_gateway_was_away(start, gateway, unpack):
    assert start("pass").wait() == 0, "the runner is in the cache now"
    gateway.failures = [503, 503]
    container = start("import os; open(os.environ['SEAWAY_OUTPUTS'] + '/a', 'w').write('a')")
    assert container.wait() == 0, container.text
    assert [unpack(body) for body in gateway.received[OUTPUTS]] == [{"a": b"a"}]
    assert gateway.requests[-3:] == [f"PUT {OUTPUTS}"] * 3


def test_a_server_that_is_down_when_the_program_ends_gets_the_outputs_later(start, gateway, unpack, tmp_path):
    program = """
import os, time
open(os.environ["SEAWAY_OUTPUTS"] + "/a", "w").write("a")
print("working", flush=True)
while not os.path.exists("{go}"):
    time.sleep(0.01)
print("ended", flush=True)
"""
    container = start(program.replace("{go}", str(tmp_path / "go")))
    container.wait_for("working")
    gateway.leave()
    (tmp_path / "go").touch()
    container.wait_for("ended")
    gateway.listen()
    assert container.wait() == 0, container.text
    assert unpack(gateway.received[OUTPUTS][-1]) == {"a": b"a"}


def test_an_attempt_with_an_old_fence_is_told_and_fails(start, gateway):
    gateway.refuse["outputs"] = (409, "attempt 2 is newer")
    container = start(WRITE)
    assert container.wait() == 117
    assert container.failure["stage"] == "outputs"
    assert "attempt 2 is newer" in container.failure["error"]


@pytest.mark.parametrize("stage", ["outputs", "checkpoint"])
@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize("code", [0, 7])
def test_a_folder_that_a_program_replaced_by_a_file_is_its_own_doing(start, stage, attempt, code):
    program = f"import os\npath = os.environ['SEAWAY_{stage.upper()}']\nos.rmdir(path)\nopen(path, 'w').write('x')\n"
    container = start(f"{program}raise SystemExit({code})", attempt=attempt)
    assert (container.wait() == code) is bool(code)
    assert "Not a directory" in container.text
    if not code:
        assert (container.failure["stage"], container.failure["refused"]) == (stage, True)


def test_outputs_that_cannot_be_committed_do_not_hide_the_programs_own_failure(start, gateway):
    gateway.refuse["outputs"] = (413, "too large")
    container = start(WRITE + "raise SystemExit(7)")
    assert container.wait() == 7
    assert "too large" in container.text
    assert not container.termination_log.exists()


COUNT = """
import os
folder = os.environ["SEAWAY_CHECKPOINT"]
path = folder + "/epochs/count"
count = int(open(path).read()) if os.path.exists(path) else 0
print("found", count, flush=True)
os.makedirs(folder + "/epochs", exist_ok=True)
open(path + ".new", "w").write(str(count + 1))
os.replace(path + ".new", path)
if not os.path.lexists(folder + "/latest"):
    os.symlink("epochs/count", folder + "/latest")
"""


def test_a_checkpoint_is_found_by_the_next_attempt(start, gateway, unpack):
    for attempt in (1, 2, 3):
        container = start(COUNT, attempt=attempt)
        assert container.wait() == 0, container.text
        assert f"found {attempt - 1}" in container.text
    assert unpack(gateway.checkpoint) == {"epochs/count": b"3", "latest": b"epochs/count"}
    assert "/gateway/v1/runs/digits/tasks/main/checkpoint?fence=3" in gateway.received


def test_a_later_attempt_without_a_checkpoint_starts_empty(start, gateway):
    container = start(COUNT, attempt=2)
    assert container.wait() == 0, container.text
    assert "found 0" in container.text


def test_an_unchanged_checkpoint_is_not_sent_again(start, gateway):
    assert start(COUNT).wait() == 0
    gateway.received.clear()
    assert start("pass", attempt=2).wait() == 0
    assert gateway.received == {}


UNREAD = "the program read none of the restored files"
REPLACE = """
import os, time
folder = os.environ["SEAWAY_CHECKPOINT"]
open(folder + "/new", "w").write("from the start")
os.replace(folder + "/new", folder + "/epochs/count")
while not os.path.exists(folder + "/../../go"): time.sleep(0.01)
"""


def test_a_program_that_reads_nothing_of_its_checkpoint_is_told_of(start, gateway, tmp_path):
    if not _tells(str(tmp_path)):
        pytest.skip("this file system does not keep when files were read")
    assert start(COUNT).wait() == 0
    reading = start(COUNT, attempt=2)
    assert reading.wait() == 0
    assert UNREAD not in reading.text
    beginning_anew = start(REPLACE, attempt=3, checkpoint_seconds=0.05)
    beginning_anew.wait_until(
        lambda: len(gateway.travelled) == 3
    )  # that it is packed is no reading of the program's
    (tmp_path / "tmp" / "go").touch()
    assert beginning_anew.wait() == 0
    assert UNREAD in beginning_anew.text


def test_a_checkpoint_is_saved_while_the_program_runs(start, gateway, unpack):
    wait = "\nimport time\nwhile not os.path.exists(folder + '/../../go'): time.sleep(0.01)"
    container = start(COUNT + wait, checkpoint_seconds=0.05)
    container.wait_for("found")
    container.wait_until(lambda: gateway.checkpoint is not None)
    assert unpack(gateway.checkpoint)["epochs/count"] == b"1"


def test_a_program_that_always_writes_to_its_checkpoint_is_told_that_it_is_not_saved(start, gateway):
    busy = "import os\nwhile True: open(os.environ['SEAWAY_CHECKPOINT'] + '/state', 'w').write('x')"
    container = start(busy, checkpoint_seconds=0.05)
    container.wait_for("it should call seaway.checkpoint()")
    assert gateway.checkpoint is None
    container.terminate()
    assert container.wait() == 143
    assert container.text.count("should call") == 1
    assert gateway.checkpoint is not None


def test_a_damaged_checkpoint_is_told(start, gateway):
    gateway.stored = b"half of it"
    container = start(COUNT, attempt=2)
    assert container.wait() == 123
    assert container.failure["stage"] == "checkpoint"


@pytest.mark.parametrize(
    ("answer", "damaged", "message"),
    [
        pytest.param("a block is missing", True, "a block is missing", id="the server finds it damaged"),
        pytest.param("", False, "is damaged", id="it is whole on the server"),
        pytest.param(None, False, "is damaged", id="the server cannot be asked"),
    ],
)
def test_a_block_that_is_not_what_was_saved_is_told(start, gateway, answer, damaged, message):
    assert start(COUNT).wait() == 0
    gateway.stored = gateway.stored[:-700] + b"X" + gateway.stored[-699:]
    gateway.damaged = answer
    container = start(COUNT, attempt=2)
    assert container.wait() == 123
    assert message in container.failure["error"]
    assert container.failure.get("damaged", False) is damaged


def test_blocks_that_are_no_archive_are_damaged_for_good(start, gateway):
    data = b"no archive"
    listed = json.dumps({"blocks": [[hashlib.sha256(data).hexdigest(), len(data)]]}).encode()
    gateway.stored = listed + b"\n" + data
    container = start(COUNT, attempt=2)
    assert container.wait() == 123
    assert container.failure["damaged"] is True


BIG = """
import os
folder = os.environ["SEAWAY_CHECKPOINT"]
step = int(os.environ["SEAWAY_ATTEMPT"])
if step == 1:
    open(folder + "/model.bin", "wb").write(os.urandom(20 << 20))
    for number in range(200):
        open(f"{folder}/part-{number}", "wb").write(os.urandom(20_000))
else:
    with open(folder + "/model.bin", "r+b") as model:
        model.seek(9 << 20)
        model.write(b"changed")
    open(folder + "/part-77", "ab").write(b"longer")
"""


def test_only_what_changed_travels(start, gateway, unpack):
    assert start(BIG).wait() == 0
    first = unpack(gateway.checkpoint)
    container = start(BIG, attempt=2)
    assert container.wait() == 0, container.text
    second = unpack(gateway.checkpoint)
    assert [name for name in first if first[name] != second[name]] == ["model.bin", "part-77"]
    whole, changed = gateway.travelled
    assert (whole > 24 << 20, changed < 7 << 20) == (True, True), gateway.travelled


def test_what_a_save_leans_on_may_be_gone(start, gateway, unpack):
    assert start(COUNT).wait() == 0
    container = start(
        COUNT + "\nopen(folder + '/more', 'w').write('x' * 5000)\n__import__('time').sleep(3600)",
        attempt=2,
        checkpoint_seconds=0.1,
    )
    container.wait_for("found 1")
    gateway.stored = b"something else\n"
    container.wait_until(lambda: len(gateway.travelled) > 1)
    assert unpack(gateway.checkpoint)["more"] == b"x" * 5000


STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: open(os.environ["SEAWAY_CHECKPOINT"] + "/state", "w").write("told to end"))
print("running", flush=True)
while True:
    time.sleep(0.01)
"""


def test_a_program_that_is_told_to_end_and_goes_on_is_saved_soon(start, gateway, unpack):
    container = start(STUBBORN, checkpoint_seconds=3600)
    container.wait_for("running")
    container.terminate()
    container.wait_until(lambda: gateway.checkpoint is not None)
    assert unpack(gateway.checkpoint) == {"state": b"told to end"}


GRACEFUL = """
import os, signal, sys, time
def stop(number, frame):
    open(os.environ["SEAWAY_CHECKPOINT"] + "/state", "w").write("saved at the end")
    print("stopping", flush=True)
    sys.exit(5)
signal.signal(signal.SIGTERM, stop)
print("running", flush=True)
while True:
    time.sleep(0.01)
"""


def test_a_termination_is_passed_on_and_what_is_left_is_kept(start, gateway, unpack):
    container = start(GRACEFUL)
    container.wait_for("running")
    container.terminate()
    assert container.wait() == 5, container.text
    assert unpack(gateway.checkpoint) == {"state": b"saved at the end"}


def test_a_termination_reaches_the_whole_group_of_a_shell(start):
    script = "trap 'echo shell; exit 9' TERM; sleep 60 & echo running; wait"
    container = start(command=["sh", "-c", script])
    container.wait_for("running")
    container.terminate()
    assert container.wait() == 9, container.text


def test_a_program_that_does_not_listen_ends_with_143(start):
    container = start("import time; print('running', flush=True); time.sleep(60)")
    container.wait_for("running")
    container.terminate()
    assert container.wait() == 143


def test_a_termination_before_the_program_starts_ends_at_once(start, gateway):
    assert start("pass").wait() == 0
    gateway.failures = [503] * 1000
    container = start("pass", code="0" * 64)
    container.wait_until(lambda: len(gateway.requests) >= 3)
    container.terminate()
    assert container.wait() == 143
    assert "stopped before the program was started" in container.text


def test_the_programs_children_do_not_hold_the_pod(start):
    container = start("import subprocess; subprocess.Popen(['sleep', '3']); print('done')")
    assert container.wait() == 0


def test_a_warm_start_loads_no_network_module(start, tmp_path):
    """Everything is in the cache: TLS, HTTP and hashes would only cost time."""
    assert start("pass").wait() == 0
    place = tmp_path / "cache" / "runner" / build_runner().digest
    script = f"import sys; sys.path.insert(0, {str(place)!r}); import seaway.runner.main; print(*sys.modules)"
    modules = set(subprocess.check_output([sys.executable, "-I", "-S", "-c", script], text=True).split())
    assert not modules & {
        "ssl",
        "http.client",
        "hashlib",
        "tarfile",
        "subprocess",
        "shutil",
        "tempfile",
        "pathlib",
        "socket",
    }


def test_an_attempts_folder_can_be_given(start, tmp_path):
    work = tmp_path / "work"
    container = start("import os; open('kept', 'w')", environ={"SEAWAY_WORK": str(work)})
    assert container.wait() == 0, container.text
    assert (work / "code" / "kept").exists()
    assert work.stat().st_mode & 0o777 == 0o700
