"""How answers are drawn, and which exit code they give."""

from __future__ import annotations

import io

import pytest

from seaway.cli import exits
from seaway.cli.down import lock_holder
from seaway.cli.download import choose, destination
from seaway.cli.follow import FinalLines, Waiting, write_log
from seaway.cli.output import coloured, print_fields, print_table, span
from seaway.cli.ps import row
from seaway.cli.status import cluster_state
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import Home


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([b"a\nb\n"], b"a\nb\n", id="plain lines"),
        pytest.param([b"a\nb"], b"a\nb\n", id="a last line without an end"),
        pytest.param([b"\r10%\r50%\r100%\n"], b"100%\n", id="a progress bar becomes its last state"),
        pytest.param([b"\r10%", b"\r50%", b"\r100%", b"\n"], b"100%\n", id="also in pieces"),
        pytest.param([b"a\r\nb\r\n"], b"a\nb\n", id="Windows line ends"),
        pytest.param([b"a\r", b"\nb"], b"a\nb\n", id="a line end cut in two"),
        pytest.param([b"10%\r"], b"10%\n", id="a bar that was never finished"),
        pytest.param([b""], b"", id="nothing"),
        pytest.param(["é\n".encode()[:1], "é\n".encode()[1:]], "é\n".encode(), id="a character cut in two"),
    ],
)
def test_a_pipe_gets_final_lines(chunks, expected):
    final = FinalLines()
    assert b"".join(final.feed(chunk) for chunk in chunks) + final.rest() == expected


def test_what_is_held_back_is_bounded():
    final = FinalLines()
    total = sum(len(final.feed(b"x" * 100_000)) for _ in range(30))
    assert total >= 2_000_000


def test_a_terminal_gets_the_log_as_it_is():
    out = io.BytesIO()
    write_log([b"\r10%", b"\r20%\n"], out, raw=True)
    assert out.getvalue() == b"\r10%\r20%\n"


@pytest.mark.parametrize("cut", [1, 3, 7, 1000])
def test_seaways_own_lines_are_said_apart(cut):
    """However the log is cut into chunks, each line goes where it belongs."""
    log = b"[seaway] queued\n[seaway] started\nhello\n[sea] mine\n\r1%\r2%\n[seaway] failed: no"
    said: list[str] = []
    out = io.BytesIO()
    write_log([log[i : i + cut] for i in range(0, len(log), cut)], out, raw=True, say=said.append)
    assert out.getvalue() == b"hello\n[sea] mine\n\r1%\r2%\n"
    assert said == ["[seaway] queued", "[seaway] started", "[seaway] failed: no"]


def test_seaways_lines_and_the_programs_keep_their_order_within_a_chunk():
    lines = []

    class Out(io.BytesIO):
        def write(self, data) -> int:
            lines.append(bytes(data).decode())
            return len(data)

    log = b"[seaway] started\na\nb\n[seaway] failed\n[seaway] attempt 2: queued\nc\n"
    write_log([log], Out(), raw=True, say=lambda line: lines.append(f"{line}\n"))
    assert "".join(lines).encode() == log


def test_how_an_attempt_failed_is_said_when_another_begins_and_of_the_last_one_at_the_end(capsys):
    waiting = Waiting(lambda: pytest.fail("nothing is asked"), "r")
    for line in ("[seaway] failed: the first", "[seaway] attempt 2: queued", "[seaway] failed: the second"):
        waiting.say(line)
    assert capsys.readouterr().err.splitlines() == [
        "[seaway] failed: the first",
        "[seaway] attempt 2: queued",
    ]


@pytest.mark.parametrize(
    ("run", "code"),
    [
        ({"phase": "succeeded", "exit_code": 0}, 0),
        ({"phase": "failed", "exit_code": 3, "verdict": {"class": "user"}}, 3),
        ({"phase": "failed", "exit_code": 137, "verdict": {"class": "resource"}}, 137),
        ({"phase": "failed", "exit_code": None, "verdict": {"class": "configuration"}}, 1),
        ({"phase": "failed", "exit_code": 143, "verdict": {"class": "deadline"}}, 124),
        ({"phase": "failed", "exit_code": 0, "verdict": None}, 1),
        ({"phase": "stopped", "exit_code": 0}, 143),
    ],
)
def test_an_attached_run_exits_with_the_programs_own_code(run, code):
    assert exits.of_run(run) == code


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("Usage", 0, 64),
        ("NoSuchFile", 0, 64),
        ("Unresolvable", 0, 65),
        ("TooLarge", 0, 65),
        ("Unreachable", 0, 69),
        ("OtherVersion", 0, 69),
        ("NotFound", 404, 64),
        ("Invalid", 422, 65),
        ("Conflict", 409, 65),
        ("Unauthorized", 401, 77),
        ("Unavailable", 503, 75),
        ("StorageFull", 507, 74),
        ("Internal", 500, 70),
    ],
)
def test_exit_codes_are_stable(code, status, expected):
    assert exits.of_error(code, status) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (5, "5s"), (192, "3m12s"), (600, "10m"), (7500, "2h5m"), (7200, "2h"), (200_000, "2d")],
)
def test_spans(seconds, text):
    assert span(seconds) == text


def test_a_table_in_a_pipe_is_aligned_plain_and_whole(capsys):
    print_table(("NAME", "COMMAND"), [("a", "x" * 300), ("longer", "tab\there\x1b[31m")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["NAME    COMMAND", "a       " + "x" * 300, "longer  tab here [31m"]


def test_fields_without_a_value_are_left_out(capsys):
    print_fields([("Name", "a"), ("Empty", "")])
    assert capsys.readouterr().out == "Name:  a\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "expected"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colour_is_for_terminals_without_no_color(monkeypatch, stream, environ, expected):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert coloured(stream) is expected


FILES = [{"path": "model.bin"}, {"path": "plots/a.png"}, {"path": "plots/b.png"}, {"path": "plotsx"}]


@pytest.mark.parametrize(
    ("path", "chosen"),
    [
        (None, 4),
        ("model.bin", 1),
        ("plots", 2),
        ("plots/", 2),
        ("./plots/a.png", 1),
        ("none", 0),
    ],
)
def test_a_path_names_a_file_or_a_folder(path, chosen):
    assert len(choose(FILES, path)) == chosen


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a\0b"])
def test_a_download_never_leaves_its_folder(tmp_path, path):
    with pytest.raises(SeawayError):
        destination(tmp_path, "", path)


def test_nor_through_a_link(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "out").symlink_to(tmp_path)
    with pytest.raises(SeawayError, match="leads out"):
        destination(tmp_path / "target", "", "out/x")


def test_the_lock_names_its_holder(tmp_path):
    home = Home(tmp_path)
    home.lock.write_text("123")
    assert lock_holder(home) == 123
    home.lock.write_text("")
    assert lock_holder(home) is None


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        pytest.param({"cluster_seen": True, "cluster_problem": ""}, "answers", id="all is seen"),
        pytest.param({"cluster_seen": False, "cluster_problem": ""}, "does not answer", id="not seen yet"),
        pytest.param(
            {"cluster_seen": True, "cluster_problem": "no answer"}, "cannot be followed: no answer", id="lost"
        ),
        pytest.param({}, "answers", id="an older server"),
    ],
)
def test_how_the_cluster_stands(facts, said):
    assert cluster_state(facts) == said


def test_no_run_took_longer_than_it_is_old():
    """Clusters say in whole seconds when a program began."""
    run = {"name": "r", "phase": "succeeded", "command": "c", "created": "2026-01-01T00:00:00.9Z"}
    run |= {"started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:01.1Z"}
    assert row(run, ())[3] == "0s"
