"""What produces each cause that `seaway why` knows for real: the table behind docs/reference/causes.md.

    python tools/causes.py        write docs/reference/causes.md

A rule's endings are those of tests/corpus that it decides. What no dump shows has tests of its own here; what cannot be
produced has its reason. A test holds the table complete, and free of reasons for what is produced by now.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from seaway.platform.diagnosis.dump.cluster import Cluster  # noqa: E402
from seaway.platform.diagnosis.dump.documents import as_objects, parse_log  # noqa: E402
from seaway.platform.diagnosis.dump.printed import parse_objects  # noqa: E402
from seaway.platform.diagnosis.dump.subject import choose  # noqa: E402
from seaway.platform.diagnosis.finding import Rule  # noqa: E402
from seaway.platform.diagnosis.table import RULES  # noqa: E402

CORPUS = ROOT / "tests" / "corpus"
PAGE = ROOT / "docs" / "reference" / "causes.md"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
KINDS = ("embedded", "real")


@dataclass(frozen=True, slots=True)
class Tests:
    """What produces a cause of runs, which a dump does not show."""

    names: tuple[str, ...]
    """`path::function`, each."""
    kinds: tuple[str, ...] = KINDS
    """On which clusters."""


_RUNS = "tests/scenarios/runs"
_OF_RUNS = f"{_RUNS}/test_why_runs.py"
OF_RUNS: dict[str, Tests] = {
    "infrastructure.given_up": Tests(
        (
            f"{_RUNS}/test_lost_nodes.py::test_without_a_lease_a_run_is_given_up_and_a_stop_does_not_wait_for_ever",
        )
    ),
    "requests.drained": Tests(
        ("tests/scenarios/cli/test_daemon.py::test_a_run_goes_on_from_its_checkpoint_after_down_and_up",),
        ("embedded",),
    ),
    "requests.lost_on_purpose": Tests(
        (f"{_RUNS}/test_checkpoints.py::test_the_next_attempt_finds_the_checkpoint_on_another_node",)
    ),
    "requests.stopped": Tests((f"{_OF_RUNS}::test_a_stop_and_a_time_limit_are_called_so",)),
    "requests.timed_out": Tests((f"{_OF_RUNS}::test_a_stop_and_a_time_limit_are_called_so",)),
    "requests.stopped_as_hung": Tests(
        (f"{_RUNS}/test_hung.py::test_programs_that_hang_and_programs_that_do_not",)
    ),
    "requests.not_started_in_time": Tests(
        (f"{_OF_RUNS}::test_a_run_that_waits_for_longer_than_it_may_is_given_up_and_says_for_what",)
    ),
    "lasting.hangs": Tests((f"{_RUNS}/test_hung.py::test_programs_that_hang_and_programs_that_do_not",)),
    "lasting.gpu_idle": Tests(
        (f"{_RUNS}/test_hung.py::test_a_gpu_that_was_asked_for_and_is_not_used_is_seen_by_measurement",),
        ("embedded",),
    ),
    "states.stopping": Tests((f"{_OF_RUNS}::test_a_run_that_was_asked_to_stop_is_said_to_end_until_it_has",)),
    "states.waits_for_others": Tests((f"{_OF_RUNS}::test_who_waits_for_a_lock_is_told_who_has_it",)),
    "states.skipped": Tests((f"{_RUNS}/test_runs.py::test_tasks_follow_their_graph",)),
    "infrastructure.deleted": Tests(
        (f"{_OF_RUNS}::test_a_pod_that_somebody_deletes_is_the_clusters_doing_and_the_run_goes_on",)
    ),
    "infrastructure.deleted_before_start": Tests(
        (f"{_OF_RUNS}::test_a_pod_that_is_deleted_before_it_begins",)
    ),
    "gone.removed": Tests((f"{_RUNS}/test_why_objects.py::test_what_is_gone_is_explained_as_it_was",)),
    "infrastructure.pod_gone": Tests((f"{_OF_RUNS}::test_a_pod_that_is_gone_at_once_is_missed",)),
    "runner.runner_failed": Tests(
        (
            f"{_RUNS}/test_scratch.py::test_whoever_fills_a_folder_is_ended_alone",
            "tests/chaos/test_odd_programs.py::test_outputs_that_the_server_refuses_end_the_run",
        )
    ),
    "python.no_python": Tests(
        (f"{_RUNS}/test_rules.py::test_a_python_program_in_an_image_without_python_is_told_at_once",)
    ),
    "pressure.filled_disk": Tests(
        ("tests/scenarios/node/test_full_disk.py::test_a_pod_that_fills_the_disk_of_its_node_is_told_so",),
        ("embedded",),
    ),
    "infrastructure.node_silent": Tests(
        (
            f"{_RUNS}/test_node_alerts.py::test_a_node_that_is_lost_for_good_is_told_with_its_runs_and_what_became_of_them",
        ),
        ("embedded",),
    ),
}
_RUNTIME = (
    "the nodes of the tests run programs as processes: they have no container runtime that could say this"
)
_REGISTRY = "the nodes of the tests know images by name and pull none from a registry"
_NETWORK = "the pods of the tests have addresses of the machine's own network"
_DRIVER = "it takes a volume driver, a network share or a block device"
_GPU = "it takes a GPU"
_AUTOSCALER = "the clusters of the tests have no autoscaler"
BY_HAND: dict[str, str] = {
    "nodes.shut_down": "no operating system shuts a node of the tests down",
    "nodes.rebooted": "the machine of the tests does not start anew",
    "infrastructure.rejected_by_node": "the nodes of the tests turn pods away for pressure and devices alone",
    "infrastructure.taken_away": "releases of Kubernetes before 1.26, and cluster autoscalers, say it so",
    "infrastructure.preempted": "releases of Kubernetes before 1.26 say it so",
    "setup.init_out_of_memory": _RUNTIME,
    "programs.system_out_of_memory": "the kernel of the machine of the tests would have to run out of memory",
    "images.image_rate_limited": _REGISTRY,
    "images.image_platform_missing": _REGISTRY,
    "images.image_no_disk": _REGISTRY,
    "images.image_certificate": _REGISTRY,
    "images.image_registry_plain": _REGISTRY,
    "images.image_denied": _REGISTRY,
    "images.image_absent": _REGISTRY,
    "images.image_slow": _REGISTRY,
    "setup.gpu_runtime": _GPU,
    "setup.forbidden_by_node": _RUNTIME,
    "setup.runtime_slow": _RUNTIME,
    "setup.no_address": _NETWORK,
    "setup.sandbox_failed": _NETWORK,
    "startup.cannot_start": _RUNTIME,
    "python.old_python": "no Python older than 3.9 is on the machines of the tests",
    "volumes.attached_elsewhere": _DRIVER,
    "volumes.wrong_file_system": _DRIVER,
    "volumes.driver_missing": _DRIVER,
    "volumes.network_share": _DRIVER,
    "volumes.node_full_of_volumes": _DRIVER,
    "volumes.volume_denied": _DRIVER,
    "volumes.volume_absent": _DRIVER,
    "autoscaling.scaling_up": _AUTOSCALER,
    "environment.storage_failed": "it takes storage that fails",
    "gpus.device_assertion": _GPU,
    "volumes.attach_failed": _DRIVER,
    "lasting.held_by_volume": _DRIVER,
    "requests.started_too_late": "it takes a program that starts at the very moment at which its pod is deleted",
    "lasting.hung": "an hour of silence would have to pass",
}
"""By rule: why no cluster of the tests produces it."""
NOT_REAL: dict[str, str] = {
    "pressure.filled_disk": "the node of a cluster that others use would have to be filled; the words are its node's own",
    "infrastructure.container_lost": "the containers of a node of Seaway's outlive its process, and the machine keeps its power",
    "requests.drained": "only `seaway down` ends runs with their cluster",
    "lasting.gpu_idle": "no machine of the tests has a GPU: a stand-in for NVIDIA's library says that it is idle",
    "infrastructure.node_silent": "the test cuts the power of a node, as `seaway cluster kill` does",
}
"""By rule: why Kubernetes' own control plane does not, where the embedded cluster does."""


def name_of(rule: Rule) -> str:
    """Return a rule's module and name: "nodes.shut_down"."""
    return f"{rule.__module__.rpartition('.')[2]}.{rule.__name__}"


def load(path: Path) -> tuple[dict[str, Any], list[Any], list[Any]]:
    """Return a recorded ending, its objects and its logs."""
    ending = yaml.load(path.read_text(), LOADER)
    objects = [one for text in ending.get("dumps") or () for one in parse_objects(text)]
    objects = objects or as_objects(ending["objects"])
    return ending, objects, [parse_log(text, name) for name, text in (ending.get("logs") or {}).items()]


def decided() -> dict[str, list[str]]:
    """Return the endings of the corpus that each rule decides, by the rule's name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(CORPUS.glob("*.yaml")):
        ending, objects, logs = load(path)
        facts = choose(Cluster(objects), logs, ending.get("ask", "")).facts
        rule = next((rule for rule in RULES if rule(facts) is not None), None)
        if rule is not None:
            found[name_of(rule)].append(path.stem)
    return found


def page(endings: Mapping[str, list[str]]) -> str:
    """Return the page.

    Args:
        endings: by rule, as `decided` returns them.
    """
    rows = [_row(rule, endings.get(name_of(rule), [])) for rule in RULES]
    return (
        f"{_HEAD.format(rules=len(RULES), count=sum(map(len, endings.values())))}\n" + "\n".join(rows) + "\n"
    )


_HEAD = """<!-- made by tools/causes.py: change the table there or the recordings, then make it anew -->
# Causes

What `seaway why` looks for, in this order, and what of it the tests produce: {rules} rules.
A name stands for a recording in `tests/corpus` (of {count} that the rules decide), made on that cluster by `tools/record_endings.py`; `tests/scenarios/endings` makes them again.
A path stands for a test of runs. "By hand" are recordings written after the words of the component that their `how` names, or unit tests.
*played* are those whose program itself says what a library or a device would say that the tests do not have.

| rule | finds | embedded cluster | Kubernetes' own control plane | by hand | why not for real |
| --- | --- | --- | --- | --- | --- |"""


def _row(rule: Rule, endings: list[str]) -> str:
    name = name_of(rule)
    tests, cells = OF_RUNS.get(name), []
    for kind in KINDS:
        made = [_shown(kind, one) for one in endings if one.startswith(f"{kind}-")]
        if tests is not None and kind in tests.kinds:
            made += [f"`{each.removeprefix('tests/')}`" for each in tests.names]
        cells.append(", ".join(made))
    hand = ", ".join(one for one in endings if not one.startswith(tuple(f"{kind}-" for kind in KINDS)))
    finds = (rule.__doc__ or "").partition("\n")[0].removeprefix("Find ").rstrip(".")
    reason = BY_HAND.get(name) or NOT_REAL.get(name, "")
    return f"| `{name}` | {finds} | {cells[0]} | {cells[1]} | {hand} | {reason} |"


def _shown(kind: str, ending: str) -> str:
    played = "; " in (CORPUS / f"{ending}.yaml").read_text().partition("\n")[0]
    return ending.removeprefix(f"{kind}-") + (" (*played*)" if played else "")


if __name__ == "__main__":
    PAGE.write_text(page(decided()))
