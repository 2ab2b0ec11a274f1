"""What of a run is shown to all who see runs."""

from __future__ import annotations

import pytest

from seaway.model.run import Origin, RunSpec, TaskSpec
from seaway.platform.masking import masked_command, masked_origin, masked_spec


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["python", "train.py", "--epochs", "20"], "python train.py --epochs 20"),
        (["t.py", "--password", "hunter2", "x"], "t.py --password [redacted] x"),
        (["t.py", "--password=hunter2", "x"], "t.py '--password=[redacted]' x"),
        (["t.py", "--api-key", "abc123"], "t.py --api-key [redacted]"),
        (["t.py", "-token", "abc123"], "t.py -token [redacted]"),
        (["t.py", "--hf-token", "abc"], "t.py --hf-token [redacted]"),
        (["env", "AWS_SECRET_ACCESS_KEY=abc", "x"], "env 'AWS_SECRET_ACCESS_KEY=[redacted]' x"),
        (["t.py", "postgresql://ada:pw@db/x"], "t.py 'postgresql://ada:[redacted]@db/x'"),
        (["curl", "-H", "Authorization: Bearer abc.def"], "curl -H 'Authorization: Bearer [redacted]'"),
        (["bash", "-c", "API_KEY=abc python x.py"], "bash -c 'API_KEY=[redacted] python x.py'"),
        (["t.py", "--token", "--verbose"], "t.py --token --verbose"),
        (["t.py", "--tokens-per-batch", "512"], "t.py --tokens-per-batch 512"),
        (["t.py", "--tokenizer", "bert"], "t.py --tokenizer bert"),
        (["t.py", "--max-tokens", "512"], "t.py --max-tokens 512"),
        (["t.py", "--max_new_tokens=2e6", "tokens=8k"], "t.py --max_new_tokens=2e6 tokens=8k"),
        (["t.py", "--eos-token-id", "2"], "t.py --eos-token-id 2"),
        (["t.py", "--pad-token", "<pad>"], "t.py --pad-token '<pad>'"),
        (["t.py", "--use-auth-token", "True"], "t.py --use-auth-token True"),
        (["t.py", "--token", "512"], "t.py --token [redacted]"),  # hidden in doubt
        (["t.py", "--api-tokens", "512abc"], "t.py --api-tokens [redacted]"),
        (["t.py", "--max-tokens", "1234567890123"], "t.py --max-tokens [redacted]"),
        (["t.py", "--password=512"], "t.py '--password=[redacted]'"),
        (["t.py", "--stop-token-secret", "x"], "t.py --stop-token-secret [redacted]"),
        (["t.py", "--sort-key", "name"], "t.py --sort-key name"),
        (["t.py", "hf_AbCdEfGhIjKlMnOpQrStUvWx"], "t.py [redacted]"),
        (["t.py", "sk-proj-0123456789abcdefghij"], "t.py [redacted]"),
        (
            ["t.py", "hf_hub_download_of_everything", "sk-learn-pipeline-grid-search"],
            "t.py hf_hub_download_of_everything sk-learn-pipeline-grid-search",
        ),
    ],
)
def test_a_command_is_shown_without_passwords(words: list[str], shown: str) -> None:
    assert masked_command(words) == shown


def test_values_of_variables_are_not_shown() -> None:
    task = TaskSpec(command=("t.py",), env={"EPOCHS": "20", "KEY": "k"})
    origin = Origin(arguments=("--env", "EPOCHS=20", "--env", "MY_TOKEN=abc", "t.py"))
    shown = masked_spec(RunSpec(tasks=(task,), origin=origin))
    assert shown.tasks[0].env == {"EPOCHS": "[redacted]", "KEY": "[redacted]"}
    assert shown.origin == Origin(arguments=("--env", "EPOCHS", "--env", "MY_TOKEN", "t.py"))
    assert masked_origin(origin, values=True) == Origin(
        arguments=("--env", "EPOCHS=20", "--env", "MY_TOKEN", "t.py")
    )
