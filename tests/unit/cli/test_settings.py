"""A home's settings on the disk: interpreters that are not there, files that cannot be read, what differs."""

from __future__ import annotations

import os

import pytest

from seaway.cli.settings import load_settings, say_changed
from seaway.cli.settings_file import Settings, as_values
from seaway.controlplane.images import image_environments, installations
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import DaemonRecord, Home


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home")


@pytest.fixture
def venv(tmp_path):
    """The skeleton of a virtual environment."""
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("python3.99", "other"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    (folder / "python3").symlink_to("python3.99")
    (folder / "python").symlink_to("python3")
    return folder


def write(home, content):
    (home.path / "settings.toml").write_text(content)


def record(settings):
    return DaemonRecord(1, 0.0, "0", "https://x", "https://y", settings=as_values(settings))


def test_without_a_file_there_are_the_defaults(home):
    assert load_settings(home) == Settings()
    assert load_settings(Home(home.path / "nowhere")) == Settings()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        pytest.param('python = "{venv}/missing"', "no program that can be run", id="no interpreter"),
        pytest.param('python = "{venv}"', "no program that can be run", id="a folder as interpreter"),
        pytest.param('python = "{venv}/other"', "started as python3", id="not what programs start with"),
        pytest.param('path = ["{venv}/missing"]', "no folder", id="no folder"),
    ],
)
def test_an_image_that_is_not_there_is_refused(home, venv, entry, said):
    write(home, f"[images.lab]\n{entry.format(venv=venv)}\n")
    with pytest.raises(SeawayError, match=said) as caught:
        load_settings(home)
    assert 'images."lab"' in caught.value.message
    assert caught.value.remedy


def test_a_file_that_is_no_text_is_refused(home):
    (home.path / "settings.toml").write_bytes(b"[gpu]\n\xff\n")
    with pytest.raises(SeawayError, match="line 2: not UTF-8"):
        load_settings(home)


def test_a_folder_in_its_place_is_refused(home):
    (home.path / "settings.toml").mkdir()
    with pytest.raises(SeawayError, match="is a folder"):
        load_settings(home)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_refused(home):
    write(home, "")
    (home.path / "settings.toml").chmod(0)
    with pytest.raises(SeawayError) as caught:
        load_settings(home)
    assert caught.value.code == "Forbidden"


def test_only_what_matters_counts_as_a_change(home):
    write(home, "# a remark\n[cluster]\nnodes = 1\n")
    assert say_changed(home, record(Settings())) == ""
    assert say_changed(home, None) == ""
    write(home, "[cluster]\nnodes = 2\n")
    assert "cluster.nodes" in say_changed(home, record(Settings()))
    write(home, "[cluster]\nnodes = 200\n")
    assert "goes on" in say_changed(home, record(Settings()))
    assert "from 1 to 16" in say_changed(home, None)


def test_an_image_brings_its_interpreter_and_what_that_was_made_from(home, venv, tmp_path):
    base = tmp_path / "base" / "bin"
    base.mkdir(parents=True)
    (venv / "python3.99").unlink()
    (base / "python3.99").write_text("#!/bin/sh\n")
    (base / "python3.99").chmod(0o755)
    (venv / "python3.99").symlink_to(base / "python3.99")
    write(home, f'[images.lab]\npython = "{venv}/python"\nenv = {{LANG = "C"}}\n')
    images = image_environments(load_settings(home).images, home.path)
    assert {"python", "lab"} <= images.keys()
    assert images["lab"].path == (str(venv),)
    assert images["lab"].env == {"LANG": "C"}
    assert set(images["lab"].visible) == {str(venv.parent), str(base.parent)}


def test_no_image_makes_the_home_visible(home):
    (home.path / "bin").mkdir()
    (home.path / "bin" / "python3").write_text("#!/bin/sh\n")
    (home.path / "bin" / "python3").chmod(0o755)
    write(home, f'[images.lab]\npython = "{home.path}/bin/python3"\npath = ["{home.path}"]\n')
    images = image_environments(load_settings(home).images, home.path)
    assert images["lab"].visible == ()


def test_links_that_go_in_circles_end(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert set(installations(tmp_path / "a")) == {tmp_path}
