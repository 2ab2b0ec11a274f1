"""What seaway up may say in place of the settings file."""

from __future__ import annotations

import pytest

from seaway.cli.settings_file import Settings, as_values, pretended
from seaway.cli.up_options import OPTIONS, read_options, refuse_other
from seaway.sdk.errors import SeawayError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, ()),
        ("2", (("pretended", 2),)),
        ("a100:2", (("a100", 2),)),
        ("a100:2, t4:0", (("a100", 2), ("t4", 0))),
        ("NVIDIA-A100-SXM4-40GB:8", (("NVIDIA-A100-SXM4-40GB", 8),)),
    ],
)
def test_gpus(text, found):
    assert pretended(read_options({"pretend_gpus": text}).get("pretend_gpus")) == found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pretend_gpus", value)
        for value in ("", "a100", "a100:", ":2", "a100:-1", "a100:65", "a b:1", "a100:2,", "a100:²")
    ]
    + [("nodes", 0), ("nodes", 17), ("simulated_nodes", -1), ("simulated_nodes", 5001)],
)
def test_what_cannot_be_used_names_its_option(field, value):
    with pytest.raises(SeawayError) as fault:
        read_options({field: value})
    assert fault.value.field == next(option.name for option in OPTIONS if option.field == field)
    assert fault.value.code == "Usage"


def test_a_server_that_runs_otherwise_is_not_taken_for_the_one_asked_for():
    running = as_values(Settings(nodes=3, pretend_gpus="a100:2"))
    refuse_other({"nodes": 3, "pretend_gpus": "a100:2"}, running)
    refuse_other({}, running)
    with pytest.raises(SeawayError, match="started with other nodes"):
        refuse_other({"nodes": 2}, running)
