"""What `seaway why` says: the words that matter, the evidence and the command to type next."""

from __future__ import annotations

import pytest

from seaway.model.verdict import Level
from seaway.platform.diagnosis.blockers import first_blocker
from seaway.platform.diagnosis.dump.documents import as_objects
from seaway.platform.diagnosis.dump.explain import explain_dump
from seaway.platform.diagnosis.evidence import brief
from seaway.platform.diagnosis.facts import Facts, Made
from seaway.platform.diagnosis.packages import package_of
from seaway.platform.diagnosis.tracebacks import last_traceback
from seaway.platform.diagnosis.why import explain

PENDING = {"phase": "Pending"}
NO_MEMORY = "0/3 nodes are available: 1 Insufficient cpu, 2 Insufficient memory. preemption: 0/3 nodes are available: {}."


def ended(code, **state):
    terminated = {"exitCode": code, "reason": "Error", "finishedAt": "2026-01-02T03:04:05Z", **state}
    return {"spec": {"containers": [{"name": "main", "resources": {"limits": {"memory": "2Gi"}}}]},
            "status": {"phase": "Failed", "containerStatuses": [{"name": "main", "state": {"terminated": terminated}}]}}  # fmt: skip


def unscheduled(message, memory="4Gi"):
    resources = {"requests": {"memory": memory, "cpu": "1"}}
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {
        "spec": {"containers": [{"name": "main", "resources": resources}]},
        "status": {"phase": "Pending", "conditions": [condition]},
    }


def node(memory, cpu="8"):
    return {"status": {"allocatable": {"memory": memory, "cpu": cpu}}}


def why(pod=None, **more):
    return explain(Facts(run="digits", pod=pod, command=("python", "train.py", "--lr", "0.1"), **more))


def test_a_missing_module_names_the_package_and_the_command():
    log = "Traceback (most recent call last):\n  File \"/code/train.py\", line 3, in <module>\n    import sklearn.svm\nModuleNotFoundError: No module named 'sklearn'\n"
    told = why(ended(1), log_tail=log)
    assert "'sklearn'" in told.message
    assert "'scikit-learn'" in told.message
    assert "train.py:3" in told.message
    assert (
        told.next_step
        == "echo scikit-learn >> requirements.txt && seaway run --requirements requirements.txt train.py --lr 0.1"
    )
    assert told.evidence[0].source == "log"
    assert told.evidence[0].quote == "ModuleNotFoundError: No module named 'sklearn'"


def test_out_of_memory_says_limit_peak_and_twice_as_much():
    told = why(ended(137, reason="OOMKilled", message="peak memory 2254857830 bytes"))
    assert "limit of 2Gi" in told.message
    assert "2.1 GiB" in told.message
    assert told.next_step == "seaway run --memory 4Gi train.py --lr 0.1"
    assert told.level is Level.CONTAINER


def test_an_exception_names_the_users_own_line():
    log = 'Traceback (most recent call last):\n  File "/code/train.py", line 9, in main\n  File "/x/site-packages/pandas/io.py", line 2, in read\nFileNotFoundError: data.csv\n'
    told = why(ended(1), log_tail=log)
    assert told.message == "the program failed at train.py:9: FileNotFoundError: data.csv"
    assert told.level is Level.DATA


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("[Errno 2] No such file or directory: 'data.csv'", "put 'data.csv' into the project, where"),
        ("[Errno 2] No such file or directory: '../data.csv'", "put '../data.csv' into the project: a run has a copy"),
        ("[Errno 2] No such file or directory: '/tmp/data.csv'", "put '/tmp/data.csv' elsewhere"),
        ("[Errno 2] No such file or directory: '/tmp/seaway-0123456789abcdef/code/a b.csv'", "put 'a b.csv' into the"),
        ("[Errno 2] No such file or directory: '/data/x.csv'", "correct train.py:9"),
        ("data.csv not found.", "put 'data.csv' into the project, where"),
        ("the data are gone", "correct train.py:9"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_there_is_said_to_be_missing_from_the_project(said, expected):
    log = f'Traceback (most recent call last):\n  File "/code/train.py", line 9, in main\nFileNotFoundError: {said}\n'
    assert why(ended(1), log_tail=log).next_step.startswith(expected)


def test_what_waits_for_room_is_not_called_impossible():
    told = why(
        unscheduled(NO_MEMORY.format("3 No preemption victims found for incoming pod")),
        waiting=True,
        nodes=[node("8Gi"), node("4Gi")],
    )
    assert told.message == "it waits for memory: no node has enough free now (Insufficient memory)"
    assert told.class_ is None


IMPOSSIBLE = {
    "more than any node has": (NO_MEMORY.format("3 No preemption victims found"), [node("2Gi"), node("3Gi")], "the largest has 3Gi"),
    "the scheduler says preemption cannot help": (NO_MEMORY.format("3 Preemption is not helpful for scheduling"), [], "more memory than any node"),
    "no node has the label": ("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.", [], "can ever take it"),
}  # fmt: skip


@pytest.mark.parametrize(("message", "nodes", "expected"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_what_can_never_fit_fails_fast(message, nodes, expected):
    told = why(unscheduled(message), waiting=True, nodes=nodes)
    assert expected in told.message
    assert told.class_ == "configuration"


def test_a_node_that_has_not_told_its_size_may_have_enough():
    told = why(
        unscheduled(NO_MEMORY.format("3 No preemption victims found")),
        waiting=True,
        nodes=[node("2Gi"), {"status": {}}],
    )
    assert told.class_ is None


KUBE_1_36 = (
    "0/1 nodes are available: {}. no new claims to deallocate, preemption: 0/1 nodes are available: "
    "1 Preemption is not helpful for scheduling."
)


def test_the_words_of_kubernetes_own_scheduler():
    told = why(unscheduled(KUBE_1_36.format("1 Insufficient cpu")), waiting=True, nodes_hidden=True)
    assert told.message == "it asks for more CPU than any node has (Insufficient cpu)"
    assert "may not see the cluster's nodes" in told.evidence[-1].quote


def tainted(*keys):
    return {"spec": {"taints": [{"key": key, "effect": "NoSchedule"} for key in keys]}, "status": {}}


@pytest.mark.parametrize(
    ("nodes", "class_"),
    [
        pytest.param([], None, id="hidden nodes: it may be a node that starts"),
        pytest.param([tainted("node.kubernetes.io/not-ready")], None, id="a node that starts"),
        pytest.param([tainted("team"), tainted()], None, id="one of several nodes"),
        pytest.param([tainted("team", "node.kubernetes.io/not-ready")], "configuration", id="somebody's own taint"),
    ],
)  # fmt: skip
def test_a_taint_that_the_scheduler_does_not_name(nodes, class_):
    message = KUBE_1_36.format("1 node(s) had untolerated taint(s)")
    assert why(unscheduled(message), waiting=True, nodes=nodes).class_ == class_


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        pytest.param([["node.kubernetes.io/disk-pressure"]], "its nodes are short of disk", id="disk"),
        pytest.param([["node.kubernetes.io/memory-pressure"]], "its nodes are short of memory", id="memory"),
        pytest.param([["node.kubernetes.io/unreachable"]], "its nodes do not answer", id="lost"),
        pytest.param([["tolerated", "team"]], "kept for others by the taint team", id="somebody's own"),
        pytest.param([["a"], ["b"], ["b"]], "kept for others by the taint b", id="that of most nodes"),
        pytest.param([], "they are kept for others, or short of memory or disk", id="hidden nodes"),
    ],
)
def test_a_taint_that_the_scheduler_does_not_name_is_looked_up_at_the_nodes(keys, said):
    pod = unscheduled(KUBE_1_36.format("1 node(s) had untolerated taint(s)"))
    pod["spec"]["tolerations"] = [{"key": "tolerated", "operator": "Exists"}]
    assert said in why(pod, waiting=True, nodes=[tainted(*each) for each in keys]).message


def test_a_transient_taint_is_waited_for():
    message = "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }."
    assert why(unscheduled(message), waiting=True).class_ is None


BLOCKERS = {
    "one reason": ("0/1 nodes are available: 1 Insufficient cpu.", "Insufficient cpu"),
    "the most common of several": (NO_MEMORY.format("x"), "Insufficient memory"),
    "no nodes": ("no nodes available to schedule pods", "no nodes available to schedule pods"),
    "a reason with a comma inside a taint": (
        "0/1 nodes are available: 1 node(s) had untolerated taint {a: b}.", "node(s) had untolerated taint {a: b}",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("message", "blocker"), BLOCKERS.values(), ids=BLOCKERS.keys())
def test_the_first_blocker_is_taken_out_of_the_schedulers_words(message, blocker):
    assert first_blocker(message) == blocker


def test_an_unhindered_attempt_is_said_to_run():
    status = {
        "phase": "Running",
        "containerStatuses": [{"name": "main", "state": {"running": {"startedAt": "2026-01-02T03:04:05Z"}}}],
    }
    told = why({"spec": {}, "status": status}, waiting=True)
    assert (told.cause, told.class_) == ("Running", None)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("stop", "it is ending: it was asked to stop; it has until 2026-01-02T03:05:00Z, and is killed then"),
        (
            "timeout",
            "it is ending: its time limit has passed; it has until 2026-01-02T03:05:00Z, and is killed then",
        ),
    ],
)
def test_an_attempt_that_was_asked_to_end_is_not_said_to_run(asked, said):
    status = {
        "phase": "Running",
        "containerStatuses": [{"name": "main", "state": {"running": {"startedAt": "2026-01-02T03:04:05Z"}}}],
    }
    pod = {"metadata": {"deletionTimestamp": "2026-01-02T03:05:00Z"}, "spec": {}, "status": status}
    told = why(pod, waiting=True, requested=asked)
    assert (told.cause, told.message) == ("Stopping", said)


def test_a_relative_import_without_a_package_says_how_modules_are_run():
    log = 'Traceback (most recent call last):\n  File "/code/train.py", line 1, in <module>\n    from . import model\nImportError: attempted relative import with no known parent package\n'
    told = why(ended(1), log_tail=log)
    assert told.cause == "ImportFailed"
    assert "seaway run -- python -m PACKAGE.MODULE" in told.next_step


@pytest.mark.parametrize("status", ["False", "Unknown"])
@pytest.mark.parametrize(
    "state", [{"running": {"startedAt": "2026-01-02T03:04:05Z"}}, None], ids=["running", "starting"]
)
def test_a_silent_node_is_told_of_an_attempt_under_way(state, status):
    ready = {"type": "Ready", "status": status, "message": "Kubelet stopped posting node status."}
    shown = [{"name": "main", "state": state}] if state else []
    pod = {"spec": {"nodeName": "n1"}, "status": {"phase": "Pending", "containerStatuses": shown}}
    told = why(pod, waiting=True, node={"status": {"conditions": [ready]}})
    assert (told.cause, told.message) == ("NodeSilent", "its node n1 does not answer")
    assert "Kubelet stopped posting node status." in told.evidence[0].quote
    assert "tried again" in told.done


@pytest.mark.parametrize(
    ("code", "more", "done"),
    [
        pytest.param(3, {"retries_left": 1, "retry_on": ("4", "user-x")},
                     "it is not tried again: retries are for 4, user-x (--retry-on)", id="another ending is retried"),
        pytest.param(143, {"retries_left": 1, "retry_on": ("user",), "requested": "timeout"},
                     "it is not tried again: retries are for user (--retry-on)", id="another ending than its time limit is retried"),
        pytest.param(3, {"retries_left": 1}, "", id="it was stopped before its retries were used"),
        pytest.param(3, {"attempt": 2, "before": "it hung"},
                     "it was tried 2 times; the time before it ended: it hung", id="for another cause before"),
        pytest.param(0, {"attempt": 3, "memory_grown": "4Gi", "before": "it needed more memory"},
                     "it was tried 3 times, at last with 4Gi of memory; the time before it ended: it needed more memory",
                     id="with more memory"),
    ],
)  # fmt: skip
def test_what_was_tried_is_told_of_every_ending(code, more, done):
    assert why(ended(code), **more).done == done


def test_a_stop_between_two_attempts_is_no_more_their_ending():
    told = why(ended(143), attempt=2, stopped_after="its node was lost", requested_at="2026-01-02T03:04:09Z")
    assert (told.class_, told.retry) == ("cancelled", False)
    assert told.message == "it was stopped on request before its next attempt started"
    assert told.done == "it was tried 2 times; the time before it ended: its node was lost"


def test_a_task_that_waits_for_another_says_for_which():
    told = why(waiting=True, waits_for="waits for the task 'prepare'")
    assert told.message == "it waits for the task 'prepare'"


@pytest.mark.parametrize(("restarts", "cause"), [(2, "NonZeroExit"), (0, "PodDeleted")])
def test_what_was_started_again_and_again_was_not_ended_by_its_deletion_a_second_later(restarts, cause):
    state = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-02T03:04:00Z"}}
    pod = {
        "metadata": {"deletionTimestamp": "2026-01-02T03:04:02Z", "deletionGracePeriodSeconds": 1},
        "spec": {"nodeName": "n1"},
        "status": {"phase": "Failed", "containerStatuses": [{"name": "main", "state": state}]},
    }
    assert why(pod, restarts=restarts, pod_gone=True).cause == cause


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ({"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "x: not found"}}}]}, "BadImage"),
        ({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu."}]}, "Unschedulable"),
        ({"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "ContainerCreating"}}}]}, "PodDeleted"),
        ({}, "PodDeleted"),
    ],
)  # fmt: skip
def test_somebody_elses_pod_that_was_deleted_is_explained_by_what_it_could_not_do(status, cause):
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "main", "image": "x"}]}, "status": {"phase": "Pending", **status}}  # fmt: skip
    told = why(pod, made=Made("pod", "p"), pod_gone=True, deleted_by_others=True)
    assert told.cause == cause


def test_a_task_that_waits_for_a_lock_says_how_to_look_at_who_holds_it():
    told = why(
        waiting=True, waits_for="waits for the lock 'data', which task 'b' of run 'one' has held since 2026"
    )
    assert told.next_step == "wait, or see how far that is: seaway logs one -f"


@pytest.mark.parametrize(
    ("text", "said"), [("short: ", "short"), ("one two three", "one two ..."), ("o" * 20, "o" * 10 + " ...")]
)
def test_what_is_put_into_a_sentence_ends_after_a_word(text, said):
    assert brief(Facts(run="r"), text, 10) == said


SECRETS = {
    "a value that was handed in": ("login failed for hunter2-long", ("hunter2-long",)),
    "a password in a log line": ("password=hunter2-long", ()),
    "an environment-like assignment": ("AWS_SECRET_ACCESS_KEY: hunter2-long", ()),
    "a bearer token": ("Authorization: Bearer hunter2-long", ()),
    "a password in a URL": ("cannot reach postgres://ada:hunter2-long@db/x", ()),
    "a token of a well-known kind": ("the hub refused hf_AbCdEfGhIjhunter2KlMnOpQrSt for this", ()),
    "a key in the middle of a sentence": ("Incorrect API key provided: sk-proj-0123hunter2456789abcdef.", ()),
    "a key of a cloud": ("no user has AKIAIOSFODNN7EXAMPLE, but hf_AbCdEfGhIjhunter2KlMnOpQrSt", ()),
}


@pytest.mark.parametrize(("line", "values"), SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_is_never_quoted(line, values):
    log = f"Traceback (most recent call last):\nValueError: {line}\n"
    told = why(ended(1), log_tail=log, secret_values=values)
    assert "hunter2" not in told.model_dump_json()
    assert "***" in told.evidence[0].quote


SAID = [
    ("KeyError: \"None of [Index(['b', 'c'], dtype='str')] are in the [columns]\"", "ColumnMissing", "no columns 'b', 'c', which"),
    ("KeyError: \"['c'] not in index\"", "ColumnMissing", "no column 'c', which"),
    ("KeyError: \"['a'] not found in axis\"", "ColumnMissing", "no column 'a', which"),
    ("ValueError: operands could not be broadcast together with shapes (3,) (4,)", "WrongShape", "do not fit together"),
    ("ValueError: X has 5 features, but LogisticRegression is expecting 3 features as input.", "WrongShape", "do not fit"),
    ("ValueError: This solver needs samples of at least 2 classes in the data, but the data contains only one class: 1", "InputUnusable", ""),
    ("openai.AuthenticationError: Error code: 401 - Incorrect API key provided", "AccessDenied", ""),
    ("openai.RateLimitError: Error code: 429 - Rate limit reached", "ServiceBusy", ""),
    ("wandb.errors.errors.UsageError: No API key configured. Use `wandb login` to log in.", "AccessDenied", ""),
    ("botocore.exceptions.ClientError: An error occurred (InternalError) when calling the GetObject operation: We failed.", "ServiceFailed", ""),
    ("requests.exceptions.HTTPError: 500 Server Error: Internal Server Error for url: http://data.example.com/a", "ServiceFailed", "(data.example.com)"),
    ("yaml.scanner.ScannerError: mapping values are not allowed here", "InputBroken", ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "cause", "message"), SAID)
def test_what_a_library_says_has_its_cause(line, cause, message):
    told = why(ended(1), log_tail=f'Traceback (most recent call last):\n  File "a.py", line 1\n{line}\n')
    assert (told.cause, message in told.message) == (cause, True)


def test_what_a_library_caught_counts_although_it_was_printed_without_a_traceback():
    log = (
        "retry 5\nhttpx.HTTPStatusError: Client error '429 Too Many Requests' for url 'http://hub/c'\nFor more see: http://docs/429\n\n"
        "The above exception was the direct cause of the following exception:\n\nhub.HubHTTPError: 429 Too Many Requests\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        'Traceback (most recent call last):\n  File "a.py", line 1\nhub.LocalEntryNotFoundError: cannot find the file\n'
    )
    assert why(ended(1), log_tail=log).cause == "ServiceBusy"


def test_a_memory_limit_without_a_unit_is_said_to_lack_it():
    pod = ended(137, reason="OOMKilled")
    pod["spec"]["containers"][0]["resources"]["limits"]["memory"] = "512"
    told = why(pod)
    assert (told.cause, told.level) == ("OOMKilled", Level.SPEC)
    assert "its unit (Mi, Gi) is missing" in told.message
    assert "1Ki" not in told.next_step


def test_where_python_said_that_it_crashed_it_is_not_asked_to_say_it():
    dump = 'Fatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent call first):\n  File "<string>", line 3 in <module>\n'
    assert why(ended(139), log_tail=dump).next_step.startswith("seaway logs")


ENDED_OTHERWISE = "validation accuracy 0.41 is below the threshold 0.9\n"
OVERCOME = [
    "Port 8080 is in use, trying 8081", "CUDA out of memory. Reducing the batch size to 8", "Connection reset by peer, trying the mirror",
    "cache: No space left on device, using memory instead", "Killed 0 stale jobs", "skipped 3 corrupt files",
    "Found no NVIDIA driver on your system, using the CPU", "optional mirror: Access Denied",
]  # fmt: skip
PASSED = [
    *OVERCOME, "statsd: Connection refused", "fatal: not a git repository", "404 Client Error: Not Found for url: http://hub/a.json",
    "exit code: -9 of the run before", "batch 3: loss is nan", "HF_TOKEN: unbound variable", "OSError: [Errno 28] No space left on device",
]  # fmt: skip


@pytest.mark.parametrize(
    "log",
    [f"{line}\n{ENDED_OTHERWISE}" for line in OVERCOME]
    + [
        line + "".join(f"\nepoch {number} loss 0.{number}" for number in range(8)) + f"\n{ENDED_OTHERWISE}"
        for line in PASSED
    ],
)
def test_what_a_program_got_over_did_not_end_it(log):
    told = why(ended(1), log_tail=log)
    assert (told.cause, "0.41 is below the threshold" in told.message) == ("NonZeroExit", True)


def test_the_place_is_the_users_where_a_library_is_compiled():
    log = 'Traceback (most recent call last):\n  File "train.py", line 2\n  File "pandas/_libs/parsers.pyx", line 9\npandas.errors.ParserError: bad\n'
    assert last_traceback(log).where == "train.py:2"


def test_what_a_completed_program_printed_of_an_exception_is_shown():
    log = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: bad batch\ndone\n'
    told = why(ended(0, reason="Completed"), log_tail=log)
    assert (told.cause, told.evidence[-1].quote) == ("Completed", "ValueError: bad batch")


@pytest.mark.parametrize("unit", ["x", "a.", "A_", "token", "://a"])
def test_a_line_of_any_length_is_explained(unit):
    """Whoever prints 50,000 characters on one line holds up nobody: looked at from each of them on, it would take minutes."""
    line = unit * (50_000 // len(unit))
    told = why(ended(1), log_tail=f"Traceback (most recent call last):\nValueError: {line}\n")
    assert told.cause == "UserException"


TRACEBACKS = {
    "plain": ("Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    f()\nKeyError: 'x'\n", "KeyError: 'x'", "a.py:1"),
    "without a text": ("Traceback (most recent call last):\n  File \"a.py\", line 1\nAssertionError\n", "AssertionError", "a.py:1"),
    "the last of two": (
        "Traceback (most recent call last):\nKeyError: 1\n\nDuring handling:\n\nTraceback (most recent call last):\nValueError: 2\n", "ValueError: 2", "",
    ),
    "dotted class": ("Traceback (most recent call last):\n  File \"/x/lib/python3.11/json/d.py\", line 1\njson.decoder.JSONDecodeError: e\n", "json.decoder.JSONDecodeError: e", ""),
    "a script that does not parse": ('  File "/code/train.py", line 4\n    x =\n       ^\nSyntaxError: invalid syntax\n', "SyntaxError: invalid syntax", "train.py:4"),
    "a line of the other stream in its middle": (
        'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    f(x)\nbegin\n      ^\nValueError: bad\n', "ValueError: bad", "a.py:1",
    ),
    "several of them, before what was raised": (
        'Traceback (most recent call last):\n  File "a.py", line 1\nepoch 3 loss=0.1\nloss: 0.1\ndone\nValueError: bad\n', "ValueError: bad", "a.py:1",
    ),
    "one of them between two frames": (
        'Traceback (most recent call last):\n  File "a.py", line 1\nBegin\n  File "b.py", line 2\nValueError: bad\n', "ValueError: bad", "b.py:2",
    ),
    "what was printed after it": (
        'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: bad\nbegin\nKeyError: 1\n', "ValueError: bad", "a.py:1",
    ),
    "cut off": ("Traceback (most recent call last):\n  File \"a.py\", line 1\n", None, None),
    "none": ("all is well\n", None, None),
}  # fmt: skip


@pytest.mark.parametrize(("log", "line", "where"), TRACEBACKS.values(), ids=TRACEBACKS.keys())
def test_the_last_traceback_is_read(log, line, where):
    found = last_traceback(log)
    assert (found and found.line, found and found.where) == (line, where)


@pytest.mark.parametrize("own", ["Traceback (most recent call last):\n", ""], ids=["raised", "never raised"])
def test_a_chain_of_any_length_is_read(own: str) -> None:
    frame = '  File "/app/t.py", line 3, in f\n' if own else ""
    joint = "\n\nThe above exception was the direct cause of the following exception:\n\n"
    chain = "".join(f"{own}{frame}ValueError: {number}{joint}" for number in range(3000))
    last = 'Traceback (most recent call last):\n  File "/app/t.py", line 9, in f\nKeyError: 1\n'
    found = last_traceback(chain + last)
    assert found is not None
    assert (found.line, found.start, found.where) == ("KeyError: 1", 0, "t.py:9")


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("cv2", "opencv-python"),
        ("sklearn.svm", "scikit-learn"),
        ("yaml", "pyyaml"),
        ("PIL", "pillow"),
        ("pandas", "pandas"),
    ],
)
def test_a_module_leads_to_its_package(module, package):
    assert package_of(module) == package


def test_a_command_line_that_was_given_as_one_word_is_called_so():
    state = {
        "exitCode": 128,
        "reason": "StartError",
        "message": 'exec: "python t.py": executable file not found in $PATH',
    }
    told = explain(
        Facts(run="train", pod=ended(128, **state), command=("python t.py",), made=Made("pod", "train"))
    )
    assert told.cause == "CommandNotFound"
    assert "each word must be an item of its own" in told.message


def test_lightning_without_a_gpu_is_told():
    log = 'Traceback (most recent call last):\n  File "/code/train.py", line 3, in <module>\n    fit()\nlightning.MisconfigurationException: No supported gpu backend found!\n'
    assert why(ended(1), log_tail=log).cause == "NoGpu"


def test_pods_of_a_job_that_has_several_at_once_are_no_attempts():
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "shards", "uid": "j", "controller": True}
    shards = {
        "kind": "Job",
        "metadata": {"name": "shards", "namespace": "ml", "uid": "j"},
        "spec": {"completions": 3, "parallelism": 3, "backoffLimit": 0},
        "status": {"failed": 2, "conditions": [{"type": "Failed", "status": "True"}]},
    }
    failed = {
        "kind": "Pod",
        "metadata": {"name": "shards-1", "namespace": "ml", "uid": "p", "ownerReferences": [owner]},
        **ended(3),
    }
    told, _ = explain_dump(as_objects([shards, failed]), ())
    assert told.done == "2 pods of its Job failed (backoffLimit 0); its Job has given up"


def test_a_script_that_a_shell_does_not_find_is_not_called_a_missing_shell():
    given = {
        "run": "train",
        "pod": ended(127),
        "command": ("bash", "/app/start.sh"),
        "made": Made("pod", "train"),
    }
    told = explain(Facts(**given, log_tail="bash: /app/start.sh: No such file or directory"))
    assert told.message.endswith("the command '/app/start.sh' was not found in the container")
    assert explain(Facts(**given)).message.endswith("a command was not found in the container")


def test_less_is_asked_for_of_all_that_no_node_has():
    pod = unscheduled("0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.", memory="1Ti")
    pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "64"
    told = why(pod, nodes=[node("23Gi", cpu="2")])
    assert told.next_step == "ask for less: seaway run --memory 23Gi --cpu 2 train.py --lr 0.1"


def test_a_startup_probe_of_another_port_is_not_only_given_more_time():
    killing = {"reason": "Killing", "message": "Container main failed startup probe, will be restarted"}
    refused = {
        "reason": "Unhealthy",
        "message": "Startup probe failed: dial tcp 10.0.0.1:80: connect: connection refused",
    }
    told = explain(
        Facts(run="web", pod=ended(143), events=[refused, killing], made=Made("deployment", "web", "ml"))
    )
    assert told.next_step.startswith("raise startupProbe.failureThreshold, or, if it listens on another port")
    assert told.next_step.endswith("kubectl edit deployment/web -n ml")


@pytest.mark.parametrize(("count", "cause"), [(4, "LivenessProbe"), (2, "KilledBySignal")])
def test_a_probe_explains_also_an_end_of_which_the_node_did_not_tell_any_more(count, cause):
    def event(reason, message):
        return {"reason": reason, "message": message, "count": count, "lastTimestamp": "2026-01-02T02:04:05Z"}

    events = [
        event("Pulled", "Container image is there"),
        event("Created", "Created container: main"),
        event("Started", "Started container main"),
        event("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503"),
        event("Killing", "Container main failed liveness probe, will be restarted"),
    ]
    pod = ended(143, startedAt="2026-01-02T03:03:05Z")
    told = explain(Facts(run="web", pod=pod, events=events, restarts=8, made=Made("deployment", "web", "ml")))
    assert told.cause == cause


BEGIN = 'Traceback (most recent call last):\n  File "/app/train.py", line 9, in <module>\n    fit()\n'


@pytest.mark.parametrize(
    ("code", "log", "cause", "step"),
    [
        (128, "git@example.com: Permission denied (publickey).\nfatal: Could not read from remote repository.", "AccessDenied", "token"),
        (128, "fatal: could not read Username for 'https://example.com': No such device or address", "AccessDenied", "missing token"),
        (22, "curl: (22) The requested URL returned error: 403", "AccessDenied", "token"),
        (1, "fatal error: An error occurred (404) when calling the HeadObject operation: Key \"x\" does not exist", "InputMissing", "correct the path"),
        (1, "ERROR: Cannot install a==1 and b==2 because these package versions have conflicting dependencies.\nERROR: ResolutionImpossible: see x", "PackageConflict", "leave the version"),
        (1, f"{BEGIN}RuntimeError: Unable to initialize backend 'cuda': INTERNAL: no supported devices found", "NoGpu", "--gpu"),
        (1, f"{BEGIN}xgboost.core.XGBoostError: cuda_context.cuh:10: Must have at least one device", "NoGpu", "--gpu"),
        (1, f"{BEGIN}OSError: libgomp.so.1: cannot open shared object file: No such file or directory", "ImportFailed", "--image"),
        (1, f"{BEGIN}OSError: Not enough disk space. Needed: 12.3 GiB (download: 4.1 GiB)", "DiskFull", ""),
        (1, f"{BEGIN}psycopg2.OperationalError: FATAL:  sorry, too many clients already", "ServiceBusy", "fewer requests"),
        (1, f"{BEGIN}_pickle.UnpicklingError: Weights only load failed. This file can still be loaded", "InputBroken", "weights_only=False"),
        (3, f"{BEGIN}ModuleNotFoundError: No module named 'app'\n[ERROR] Reason: Worker failed to boot.", "ModuleNotFound", "if it is your own"),
    ],
)  # fmt: skip
def test_the_words_of_libraries_and_tools_are_taken_for_what_they_mean(code, log, cause, step):
    told = why(ended(code), log_tail=log)
    assert told.cause == cause
    assert step in told.next_step
