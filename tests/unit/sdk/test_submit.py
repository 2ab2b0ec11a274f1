"""What is typed, as a specification."""

from __future__ import annotations

import pytest

from seaway.model.run import RunSpec
from seaway.sdk.errors import InvalidInput
from seaway.sdk.submit import Options, Program, build_spec, check_script, script_program, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("500ms", 0.5)],
)
def test_durations(text, expected):
    assert seconds("--timeout", text) == expected


@pytest.mark.parametrize("text", ["", "0", "-5", "ten", "5x", "5 apples", "1h-3m"])
def test_no_durations(text):
    with pytest.raises(InvalidInput) as caught:
        seconds("--timeout", text)
    assert caught.value.field == "--timeout"


@pytest.fixture
def program(tmp_path) -> Program:
    (tmp_path / "sub").mkdir()
    return Program(("python", "train.py"), tmp_path, tmp_path)


def task(program: Program, options: Options, **more) -> dict:
    spec = build_spec(program, options, code="0" * 64, environment=None, environ=more.get("environ", {}))
    RunSpec.model_validate(spec)
    return spec["tasks"][0]


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        (Options(), "resources", None),
        (Options(cpu="500m"), "resources", {"cpu": "500m"}),
        (Options(memory="4GB"), "resources", {"memory": "4G"}),
        (Options(memory="512MiB", gpu=2), "resources", {"memory": "512Mi", "gpu": 2}),
        (Options(env=("A=1", "B=x=y", "C=")), "env", {"A": "1", "B": "x=y", "C": ""}),
        (Options(env=("PASSED",)), "env", {"PASSED": "on"}),
        (Options(secret=("db",)), "secrets", [{"name": "db"}]),
        (Options(secret=("db:url",)), "secrets", [{"name": "db", "key": "url"}]),
        (Options(secret=("URL=db:url",)), "secrets", [{"name": "db", "key": "url", "variable": "URL"}]),
        (Options(timeout="2m"), "timeout_seconds", 120),
        (Options(retries=3), "retries", 3),
        (Options(workdir="sub"), "workdir", "sub"),
        (Options(retries=2, retry_on=("75", "resource")), "retry_on", ["75", "resource"]),
        (Options(memory="1Gi", on_oom="grow"), "on_oom", "grow"),
        (Options(memory="1Gi", on_oom="grow", memory_cap="8GB"), "memory_cap", "8G"),
        (Options(lock="features/daily"), "lock", "features/daily"),
        (Options(image="torch:2"), "image", "torch:2"),
        (Options(cache="100GiB"), "resources", {"cache": "100Gi"}),
        (Options(volume=("inputs",)), "volumes", [{"name": "inputs"}]),
        (Options(volume=("inputs:ro",)), "volumes", [{"name": "inputs", "read_only": True}]),
        (
            Options(volume=("a:/data", "b:/more:ro")),
            "volumes",
            [{"name": "a", "path": "/data"}, {"name": "b", "path": "/more", "read_only": True}],
        ),
    ],
)
def test_an_option_becomes_a_field_that_the_server_accepts(program, options, field, value):
    assert task(program, options, environ={"PASSED": "on"}).get(field) == value


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (Options(cpu="many"), "--cpu"),
        (Options(cpu="0"), "--cpu"),
        (Options(memory="4 apples"), "--memory"),
        (Options(memory="500m"), "--memory"),
        (Options(memory="512"), "--memory"),
        (Options(image=""), "--image"),
        (Options(retry_on=("75",)), "--retry-on"),
        (Options(retries=1, retry_on=("sometimes",)), "--retry-on"),
        (Options(retries=1, retry_on=("0",)), "--retry-on"),
        (Options(retries=1, retry_on=("256",)), "--retry-on"),
        (Options(on_oom="grow"), "--on-oom"),
        (Options(on_oom="explode"), "--on-oom"),
        (Options(memory="1Gi", memory_cap="2Gi"), "--memory-cap"),
        (Options(memory="1Gi", on_oom="grow", memory_cap="much"), "--memory-cap"),
        (Options(memory="2Gi", on_oom="grow", memory_cap="1Gi"), "--memory-cap"),
        (Options(lock="Not A Name"), "--lock"),
        (Options(cache="500m"), "--cache"),
        (Options(volume=("",)), "--volume"),
        (Options(volume=("Inputs",)), "--volume"),
        (Options(volume=("seaway-cache",)), "--volume"),
        (Options(volume=("a:",)), "--volume"),
        (Options(volume=("a:data",)), "--volume"),
        (Options(volume=("a:/etc/ssl",)), "--volume"),
        (Options(volume=("a:/" + 2000 * "x",)), "--volume"),
        (Options(volume=("a:/not-utf8-\udcff",)), "--volume"),
        (Options(volume=("a:/b:rw",)), "--volume"),
        (Options(volume=("a", "a:/b")), "--volume"),
        (Options(volume=("a:/d", "b:/d/e")), "--volume"),
        (Options(env=("=1",)), "--env"),
        (Options(env=("1A=1",)), "--env"),
        (Options(env=("UNSET",)), "--env"),
        (Options(secret=("A=db",)), "--secret"),
        (Options(secret=("db:",)), "--secret"),
        (Options(name="Big Name"), "--name"),
        (Options(name="x" * 41), "--name"),
        (Options(workdir="../.."), "--workdir"),
        (Options(workdir="missing"), "--workdir"),
        (Options(timeout="soon"), "--timeout"),
    ],
)
def test_a_value_that_cannot_be_understood_names_its_option_and_the_remedy(program, options, field):
    with pytest.raises(InvalidInput) as caught:
        task(program, options)
    assert caught.value.field == field
    assert caught.value.remedy


def test_a_script_runs_from_the_callers_folder_inside_the_project(tmp_path):
    (tmp_path / "src").mkdir()
    assert script_program("src/train.py", ["--x"], tmp_path, tmp_path).command == (
        "python",
        "src/train.py",
        "--x",
    )


def test_a_script_elsewhere_runs_from_its_own_folder(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "here").mkdir()
    program = script_program("../project/train.py", [], tmp_path / "here", tmp_path / "project")
    assert (program.command, program.folder) == (("python", "train.py"), tmp_path / "project")


def test_an_executable_runs_as_itself(tmp_path):
    assert script_program("run.sh", ["x"], tmp_path, tmp_path).command == ("./run.sh", "x")


@pytest.mark.parametrize(
    ("name", "said", "remedy"),
    [
        ("missing.py", "there is no file", "Check the path"),
        ("trian.py", "there is no file", "Did you mean train.py"),
        ("nvidia-smi", "there is no file", "seaway run -- nvidia-smi"),
        ("folder", "is a folder", "seaway run folder/train.py"),
        ("notes.txt", "neither a Python file", "seaway run -- notes.txt"),
        ("steps.sh", "neither a Python file", "seaway run -- bash steps.sh"),
        ("marked.sh", "neither a Python file", "chmod +x marked.sh"),
        ("note book.ipynb", "neither a Python file", "jupyter nbconvert --to script 'note book.ipynb'"),
    ],
)
def test_what_is_no_script_is_refused_with_a_way_out(tmp_path, name, said, remedy):
    (tmp_path / "train.py").touch()
    for plain in ("notes.txt", "steps.sh", "note book.ipynb"):
        (tmp_path / plain).write_text("notes")
    (tmp_path / "marked.sh").write_text("#!/bin/sh\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInput, match=said) as caught:
        check_script(name, tmp_path)
    assert remedy in caught.value.remedy


def test_an_executable_with_an_interpreter_line_is_a_script(tmp_path):
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    assert check_script("run.sh", tmp_path)
