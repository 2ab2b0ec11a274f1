"""What happens to pods that run: probes, hooks, deadlines, deletion, what their Jobs decide."""

from __future__ import annotations

from typing import Any

from tools.endings.ending import (
    CONFIGURATION,
    DEADLINE,
    INFRASTRUCTURE,
    PASS,
    RESOURCE,
    SLEEP,
    SLOW_END,
    USER,
    Ending,
    always,
    container,
    deployment,
    job,
    made,
    pod,
    shell,
)  # fmt: skip

_FAILING = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
_NO_COMMAND = {"exec": {"command": ["curlx", "localhost"]}, "periodSeconds": 1, "failureThreshold": 1}
_NO_PORT = {"httpGet": {"port": 8000, "path": "/healthz"}, "periodSeconds": 1, "failureThreshold": 1}
_HANGS_LATER = {
    "exec": {"command": ["sh", "-c", "test ! -e /tmp/hangs"]},
    "periodSeconds": 1,
    "failureThreshold": 1,
    "initialDelaySeconds": 1,
}
_DELETE = (("delete", "pod", "train", "--wait=false"),)
_WRITES = "import time\nopen(PLACE + '/big', 'wb').write(bytes(3 << 20))\ntime.sleep(600)"
_SCHEDULE = {"schedule": "* * * * *", "concurrencyPolicy": "Forbid"}
_DUE = (
    ("patch", "cronjob", "nightly", "--subresource=status", "--type=merge", "-p", '{"status":{"lastScheduleTime":"@EARLIER@"}}'),
)  # fmt: skip
"""Its first time has passed, so that its second comes within a minute."""
_RULES = {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]}


def _cron(**spec: Any) -> dict[str, Any]:
    inner = {"spec": job(container(SLEEP))["spec"]}
    return made("batch/v1", "CronJob", "nightly", spec={**_SCHEDULE, "jobTemplate": inner, **spec})


LIVES = {
    "killed-by-liveness-probe": Ending("LivenessProbe", CONFIGURATION, "spec", (always(container(SLEEP, livenessProbe=_FAILING)),)),
    "liveness-probe-after-a-while": Ending(
        "LivenessProbe", CONFIGURATION, "container",
        (always(shell("rm -f /tmp/hangs; sleep 25; touch /tmp/hangs; sleep 600", livenessProbe=_HANGS_LATER)),), message="did not crash by itself", slow=True,
    ),
    "killed-by-startup-probe": Ending("StartupProbe", CONFIGURATION, "spec", (always(container(SLEEP, startupProbe=_FAILING)),)),
    "never-ready": Ending("NotReady", CONFIGURATION, "container", (always(container(SLEEP, readinessProbe=_FAILING)),)),
    "liveness-probe-without-command": Ending(
        "LivenessProbe", CONFIGURATION, "spec", (always(container(SLEEP, livenessProbe=_NO_COMMAND)),), message="'curlx'", next="livenessProbe.exec.command",
    ),
    "never-ready-without-command": Ending(
        "NotReady", CONFIGURATION, "spec", (always(container(SLEEP, readinessProbe=_NO_COMMAND)),), message="'curlx'", next="readinessProbe.exec.command",
    ),
    "never-ready-no-port": Ending(
        "NotReady", CONFIGURATION, "container", (always(container(SLEEP, readinessProbe=_NO_PORT)),), message="nothing listens"
    ),
    "post-start-hook-failed": Ending(
        "PostStartHook", CONFIGURATION, "spec", (always(container(SLEEP, lifecycle={"postStart": {"exec": {"command": ["false"]}}})),)
    ),
    "pre-stop-hook-failed": Ending(
        "PreStopHook", CONFIGURATION, "spec",
        (pod(container(SLOW_END, lifecycle={"preStop": {"exec": {"command": ["false"]}}}), terminationGracePeriodSeconds=40),), then=_DELETE,
    ),
    "deleted-by-somebody": Ending(
        "Deleted", "cancelled", "cluster",
        ({**pod(shell("trap 'exit 143' TERM; sleep 600 & wait")), "metadata": {"name": "train", "finalizers": ["kueue.x-k8s.io/managed"]}},),
        then=_DELETE, ask="pod/train", message="did not fail by itself",
    ),
    "being-deleted": Ending(
        "Deleted", "cancelled", "cluster", (pod(container(SLOW_END), terminationGracePeriodSeconds=30),), then=_DELETE, ask="pod/train", message="is ending",
    ),
    "finalizer": Ending(
        "HeldByFinalizer", INFRASTRUCTURE, "cluster",
        ({**pod(container(SLEEP)), "metadata": {"name": "train", "finalizers": ["example.com/cleanup"]}},), then=_DELETE,
    ),
    "own-disk-limit": Ending(
        "DiskLimit", RESOURCE, "container",
        (pod(container(_WRITES.replace("PLACE", "'.'"), resources={"limits": {"ephemeral-storage": "1Mi"}})),),
    ),
    "empty-dir-limit": Ending(
        "DiskLimit", RESOURCE, "container",
        (pod(container(_WRITES.replace("PLACE", "'/scratch'"), volumeMounts=[{"name": "scratch", "mountPath": "/scratch"}]),
             volumes=[{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}]),),
    ),
    "job-deadline": Ending("JobDeadline", DEADLINE, "spec", (job(container(SLEEP), activeDeadlineSeconds=3),)),
    "job-deadline-caught": Ending(
        "JobDeadline", DEADLINE, "spec",
        (job(container("import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(1))\n" + SLEEP), activeDeadlineSeconds=3),),
    ),
    "pod-deadline": Ending("Timeout", DEADLINE, "spec", (pod(container(SLEEP), activeDeadlineSeconds=2),)),
    "job-suspended": Ending("JobSuspended", CONFIGURATION, "spec", (job(container(PASS), suspend=True),)),
    "cron-job-of-no-date": Ending(
        "ScheduleMissed", CONFIGURATION, "spec", (_cron(schedule="0 0 30 2 *"),), kinds="cronjob", message="no time that ever comes",
    ),
    "cron-job-suspended": Ending("CronJobSuspended", CONFIGURATION, "spec", (_cron(suspend=True),), kinds="cronjob"),
    "cron-job-still-runs": Ending(
        "ScheduleMissed", CONFIGURATION, "spec", (_cron(),), when='"kind":"CronJob"', then=_DUE, kinds="cronjob", ask="cronjob/nightly",
        message="run before it", slow=True,
    ),
    "job-completed-without-pods": Ending(
        "Completed", "succeeded", None, (job(container(PASS)),), when='"type":"Complete"', then=(("delete", "pods", "--all"),), after="",
    ),
    "job-given-up-without-pods": Ending(
        "BackoffLimitExceeded", "unknown", None, (job(container("raise SystemExit(3)")),), when='"type":"Failed"', then=(("delete", "pods", "--all"),), ask="job/train",
    ),
    "job-failure-policy-without-pods": Ending(
        "FailurePolicy", USER, "code", (job(container("raise SystemExit(42)"), podFailurePolicy=_RULES),),
        when='"type":"Failed"', then=(("delete", "pods", "--all"),), ask="job/train",
    ),
    "exit-0-in-a-crash-loop": Ending("RestartedAfterSuccess", CONFIGURATION, "spec", (deployment(container("print('trained')")),)),
    "sidecar-runs-on": Ending("SidecarRunsOn", CONFIGURATION, "spec", (job(container(PASS), container(SLEEP, name="proxy")),)),
    "init-container-waits": Ending(
        "InitRunning", CONFIGURATION, "container",
        (pod(container(PASS), initContainers=[container("import time; print('waiting for db:5432', flush=True); time.sleep(600)", name="wait-for-db")]),),
    ),
    "init-container-crash-loops": Ending(
        "ModuleNotFound", USER, "code", (always(container(SLEEP), initContainers=[container("import alembicc", name="migrate")]),)
    ),
    "nothing-is-wrong": Ending("Running", "unknown", None, (pod(container(SLEEP)),), ask="pod/train"),
}  # fmt: skip
