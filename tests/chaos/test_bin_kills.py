"""`kill -9` of the daemon while the bin is emptied: what was begun is finished, and nothing else goes."""

from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path

import pytest

from tests.waiting import wait_until

FILES = 1200
KILLS = int(os.environ.get("SEAWAY_CHAOS_KILLS", "3"))
PROGRAM = """
import os, pathlib, sys
outputs = pathlib.Path(os.environ["SEAWAY_OUTPUTS"])
for number in range(int(sys.argv[1])):
    (outputs / f"{number}.txt").write_text(f"{sys.argv[2]} {number}")
(outputs / "shared.txt").write_text("the same of everybody")
print("a word of its own:", sys.argv[2])
"""
OF_RUNS = {
    "tasks": "run_id NOT IN (SELECT id FROM runs)",
    "attempts": "run_id NOT IN (SELECT id FROM runs)",
    "outputs": "run_id NOT IN (SELECT id FROM runs)",
    "run_uploads": "run_id NOT IN (SELECT id FROM runs)",
    "logs": "pod = '' AND run_uid NOT IN (SELECT uid FROM runs)",
    "log_pieces": "run_uid NOT IN (SELECT uid FROM runs)",
    "sentences": "run_uid NOT IN (SELECT uid FROM runs)",
}
"""What nothing may be left of in each table when its run is gone."""


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()


def stored(home: Path, kind: str = "outputs") -> set[str]:
    """Return the names of the files of a kind, as they lie on the disk."""
    return {path.name for path in (home / "server" / "artifacts" / kind).rglob("*") if path.is_file()}


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_nothing_half_done_stays_and_nothing_else_goes(home, tmp_path: Path) -> None:
    seed = int(os.environ.get("SEAWAY_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SEAWAY_CHAOS_SEED={seed}")
    choose = random.Random(seed)
    script, database = tmp_path / "work.py", home.path / "server" / "seaway.db"
    script.write_text(PROGRAM)
    (nothing := tmp_path / "requirements.txt").touch()
    home.seaway("up")
    for run, count in (("gone", FILES), ("kept", 3)):
        home.seaway("run", "--name", run, "--requirements", str(nothing), str(script), str(count), run)
    whole = len(stored(home.path))
    assert whole == FILES + 3 + 1
    home.seaway("rm", "--now", "gone")
    interrupted = 0
    for least in sorted((choose.randrange(50, FILES) for _ in range(KILLS)), reverse=True):
        wait_until(lambda most=least: len(stored(home.path)) <= most or not _left(database))
        home.kill_daemon()
        interrupted += bool(_left(database))
        home.seaway("up")
    wait_until(lambda: not _left(database))
    assert interrupted, "no kill came in the middle: the bin was emptied too quickly for this test"

    assert rows(database, "SELECT name FROM runs") == [("kept",)]
    for table, orphan in OF_RUNS.items():
        assert rows(database, f"SELECT count(*) FROM {table} WHERE {orphan}") == [(0,)], table
    referred = {str(digest) for (digest,) in rows(database, "SELECT sha256 FROM outputs")}
    assert stored(home.path) == referred
    assert len(referred) == 4
    assert len(stored(home.path, "code")) == 1, "both runs had the same"
    assert "a word of its own: kept" in home.seaway("logs", "kept")
    home.seaway("download", "kept", "--output-dir", str(tmp_path / "kept"))
    assert (tmp_path / "kept" / "shared.txt").read_text() == "the same of everybody"
    assert home.attempt("logs", "gone")[0] != 0
    home.seaway("run", "--name", "gone", "--", "true")  # the name is free


def _left(database: Path) -> list[tuple[object, ...]]:
    """Return the runs that are being taken out of the bin."""
    return rows(database, "SELECT name FROM runs WHERE emptied IS NOT NULL")
