"""The examples, as their README says."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytestmark = [pytest.mark.timeout(300), pytest.mark.registry]
EXAMPLES = Path(__file__).parents[3] / "examples"


def test_digits_trains_and_its_model_and_failure_come_back(running, tmp_path):
    folder = tmp_path / "digits"
    shutil.copytree(EXAMPLES / "digits", folder, ignore=shutil.ignore_patterns("__pycache__"))
    seaway = replace(running, folder=folder)
    done = seaway("run", "--name", "digits", "train.py", "--epochs", "6")
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:7]] == [["epoch", f"{epoch}/6"] for epoch in range(1, 7)]
    assert "held-out accuracy" in lines[7]
    seaway("download", "digits", "-o", "fetched")
    metrics = json.loads((folder / "fetched" / "metrics.json").read_text())
    assert metrics["accuracy"] > 0.9
    assert (folder / "fetched" / "model.joblib").stat().st_size > 10_000
    failed = seaway("run", "--name", "broken", "broken.py", code=1)
    assert "No module named 'pandas'" in failed.stdout
    assert "pandas" in seaway("why", "broken").stdout


@pytest.mark.parametrize("program", ["partial_fit.py", "network.py"])
def test_a_program_with_checkpoints_is_proven(running, tmp_path, program):
    folder = tmp_path / "checkpoints"
    shutil.copytree(EXAMPLES / "checkpoints", folder, ignore=shutil.ignore_patterns("__pycache__"))
    seaway = replace(running, folder=folder)
    done = seaway("prove", "--once-saved", "--after", "1s", "-o", "json", program)
    said = json.loads(done.stdout)
    assert (said["proven"], said["outcome"]) == (True, "resumed")
    assert said["lost_seconds"] < said["ran_seconds"]
    assert "goes on after" in seaway("logs", said["run"]).stdout
    seaway("download", said["run"], "-o", "fetched")
    assert json.loads((folder / "fetched" / "metrics.json").read_text())["accuracy"] > 0.9
