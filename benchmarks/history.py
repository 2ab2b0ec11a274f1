"""A history of very many runs, written straight into a server's database: what each did, what was said and seen of it, its log."""

from __future__ import annotations

from sqlalchemy import Connection, text

from seaway.base.clock import rfc3339_nano

RUNS = 100_000
KEPT = 500
"""So many of the newest runs, and each one of `asked`, have their logs on the disk; of the others the index alone."""
STEP = 20.0
"""Seconds between two runs: all of them lie within the time in which history is kept."""
RARE = 5
"""So many runs, the first ones, are another user's and in another workspace."""
_SPEC = '{"tasks": [{"name": "main", "command": ["python", "train.py"]}]}'
_POD = '{"metadata": {"name": "p", "labels": {}}, "spec": {"nodeName": "node-1"}, "status": {"phase": "Running"}}'
_TOLD = '{"metadata": {"name": "e"}, "reason": "Pulled", "message": "it is there", "type": "Normal"}'
_SOURCE = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {runs})",
    "postgresql": "WITH numbers(n) AS (SELECT generate_series(1, {runs}))",
}
_TERMS = {
    "sqlite": {"uid": "printf('%032x', n)", "json": "", "yes": "1", "words": "{words}"},
    "postgresql": {
        "uid": "lpad(to_hex(n), 32, '0')",
        "json": "::json",
        "yes": "true",
        "words": "array_to_tsvector(string_to_array({words}, ' '))",
    },
}
_MANY = "CROSS JOIN (SELECT 0 AS i UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS five"
_ENDED = "CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'succeeded' END"
_CODE = "CASE WHEN n % 10 = 0 THEN 1 ELSE 0 END"
_TABLES = {
    'runs (id, uid, name, "user", namespace, phase, message, command, spec, created, started, finished, exit_code, deleted)': (
        "SELECT n, {uid}, 'run-' || n, CASE WHEN n <= {rare} THEN 'rare' ELSE 'ada' END, "
        "CASE WHEN n <= {rare} THEN 'rare' ELSE 'seaway-default' END, {ended}, 'it ended', 'python train.py', '{spec}'{json}, "
        "{begin} + n * {step}, {begin} + n * {step}, {begin} + n * {step} + 60, {code}, "
        "CASE WHEN n % 1000 = 0 THEN {begin} + n * {step} + 90 END FROM numbers"
    ),
    "tasks (run_id, name, position, phase, message, fence, failures, losses)": (
        "SELECT n, 'main', 0, {ended}, 'it ended', 1, 0, 0 FROM numbers"
    ),
    "attempts (run_id, task, number, fence, pod, uid, phase, node, created, started, finished, exit_code, asked, log_indexed)": (
        "SELECT n, 'main', 1, 1, 'run-' || n || '-1', 'pod-' || n, {ended}, 'node-' || (n % 50), {begin} + n * {step}, "
        "{begin} + n * {step}, {begin} + n * {step} + 60, {code}, '', {yes} FROM numbers"
    ),
    "sentences (run_uid, task, attempt, said, text)": (
        "SELECT {uid}, 'main', 1, {begin} + n * {step} + i, 'sentence ' || i FROM numbers {many}"
    ),
    "revisions (kind, name, uid, run_uid, observed, deleted, object, namespace, signature)": (
        "SELECT 'Pod', 'run-' || n || '-1', 'pod-' || n, {uid}, {begin} + n * {step} + i, i = 4, '{pod}'{json}, "
        "'seaway-default', n || '-' || i FROM numbers {many}"
    ),
    "revisions (kind, name, uid, observed, deleted, object, signature) ": (
        "SELECT 'Node', 'node-' || (n % 50), 'node-' || (n % 50), {begin} + n * {step}, NOT {yes}, "
        "'{{\"metadata\": {{}}, \"spec\": {{}}}}'{json}, 'n' || n FROM numbers WHERE n % 2 = 0"
    ),
    "events (uid, about, last_seen, object, kind, namespace, name)": (
        "SELECT n || '-' || i, 'pod-' || n, {begin} + n * {step} + i, '{told}'{json}, 'Pod', 'seaway-default', "
        "'run-' || n || '-1' FROM numbers {many} WHERE i < 4"
    ),
    'acts (at, "user", agent, verb, kind, namespace, name, refused, text)': (
        "SELECT {begin} + n * {step} + 60, 'seaway', '', 'delete', 'Pod', 'seaway-default', 'run-' || n || '-1', NOT {yes}, '' "
        "FROM numbers"
    ),
    "logs (run_uid, task, attempt, began, closed, size, indexed)": (
        "SELECT {uid}, 'main', 1, {begin} + n * {step}, {begin} + n * {step} + 60, {size}, {size} FROM numbers"
    ),
    "log_pieces (id, run_uid, task, attempt, start, size, newest)": (
        "SELECT n, {uid}, 'main', 1, 0, {size}, {begin} + n * {step} + 60 FROM numbers"
    ),
    "log_words (rowid, words)": "SELECT n, {words} FROM numbers",
}


def log_of(number: int, at: float) -> bytes:
    """Return a run's log: a few lines as stored, of which one has a word of its own; as long for each run."""
    said = [f"step {step} loss 0.1234 accuracy 0.9876" for step in range(9)] + [f"marker{number:06d}"]
    return b"".join(
        f"{rfc3339_nano(int((at + step) * 1e9))} {line}\n".encode() for step, line in enumerate(said)
    )


def fill(connection: Connection, begin: float) -> None:
    """Write the history; the first run's begins then."""
    dialect = connection.dialect.name
    words = "'step loss accuracy 0 1234 9876 1 2 3 4 5 6 7 8 marker' || {padded}"
    padded = {"sqlite": "printf('%06d', n)", "postgresql": "lpad(n::text, 6, '0')"}[dialect]
    terms = _TERMS[dialect] | {
        "spec": _SPEC, "pod": _POD, "told": _TOLD, "many": _MANY, "ended": _ENDED, "code": _CODE, "begin": f"{begin:.1f}",
        "step": str(STEP), "rare": str(RARE), "size": str(len(log_of(1, begin))),
    }  # fmt: skip
    terms["words"] = _TERMS[dialect]["words"].format(words=words.format(padded=padded))
    source = _SOURCE[dialect].format(runs=RUNS)
    for table, query in _TABLES.items():
        statement = f"INSERT INTO {table} {source} {query.format(**terms)}"
        connection.exec_driver_sql(statement.replace("%", "%%") if dialect == "postgresql" else statement)
    if dialect == "postgresql":
        for table in ("runs", "log_pieces"):
            connection.execute(text(f"SELECT setval('{table}_id_seq', {RUNS})"))
