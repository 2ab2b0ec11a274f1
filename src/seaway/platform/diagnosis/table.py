"""The order in which causes are considered: the first rule that finds something decides.

Three thoughts order them. What Seaway or a user asked for explains what follows from it. What the cluster did to an
attempt comes before what the program shows, since a program that is torn down shows anything. A particular cause comes
before a general one.
"""

from __future__ import annotations

from seaway.platform.diagnosis.finding import Rule
from seaway.platform.diagnosis.rules import (
    infrastructure,
    program,
    python,
    requests,
    resources,
    runner,
    scheduling,
    startup,
    states,
)  # fmt: skip

RULES: tuple[Rule, ...] = (
    startup.refused,
    infrastructure.given_up,
    requests.drained,
    requests.stopped,
    requests.timed_out,
    states.waits_for_others,
    states.completed,
    resources.over_disk_limit,
    infrastructure.disrupted,
    infrastructure.rejected_by_node,
    resources.out_of_memory,
    infrastructure.container_lost,
    infrastructure.deleted,
    infrastructure.deleted_before_start,
    runner.runner_failed,
    startup.bad_image,
    startup.missing_configuration,
    python.no_python,
    python.old_python,
    startup.command_not_found,
    startup.not_executable,
    startup.cannot_start,
    scheduling.unschedulable,
    startup.volume_trouble,
    resources.gpu_memory,
    resources.memory_refused,
    resources.disk_full,
    program.module_not_found,
    program.import_failed,
    program.user_exception,
    program.killed_by_signal,
    program.failed_exit,
    infrastructure.preempted,
    infrastructure.node_lost,
    infrastructure.pod_gone,
    infrastructure.node_silent,
    states.running,
    states.starting,
)
