"""What is said of values that do not fit: Kubernetes 1.36's own answers."""

from __future__ import annotations

import pytest

from seaway.controlplane.kinds.schemas import component_names, components, decoded_components, schema_of
from seaway.objects.builtin import EVENTS, LEASES, PODS, SECRETS, SERVICES
from seaway.objects.decoding import base64_fault, decode_fault
from seaway.objects.gotime import time_fault

_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
WATCH_EVENT = "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"
"""Never decoded."""
_FIELD = "json: cannot unmarshal {} into Go struct field {} of type {}"


def container(**fields):
    return {"spec": {"containers": [{"name": "a", **fields}]}}


@pytest.mark.parametrize(
    ("resource", "obj", "fault"),
    [
        (PODS, container(image="x"), ""),
        (PODS, container(image=1), _FIELD.format("number", "Container.spec.containers.image", "string")),
        (PODS, {"spec": []}, _FIELD.format("array", "Pod.spec", "v1.PodSpec")),
        (PODS, {"spec": {"containers": {}}}, _FIELD.format("object", "PodSpec.spec.containers", "[]v1.Container")),
        (PODS, {"spec": {"hostNetwork": "yes"}}, _FIELD.format("string", "PodSpec.spec.hostNetwork", "bool")),
        (PODS, {"spec": {"restartPolicy": 1}}, _FIELD.format("number", "PodSpec.spec.restartPolicy", "v1.RestartPolicy")),
        (
            PODS,
            {"spec": {"terminationGracePeriodSeconds": 0.5}},
            _FIELD.format("number 0.5", "PodSpec.spec.terminationGracePeriodSeconds", "int64"),
        ),
        (
            PODS,
            {"metadata": {"labels": {"a": 1}}, "spec": 1},
            _FIELD.format("number", "ObjectMeta.metadata.labels", "string"),
        ),
        (PODS, {"metadata": {"name": None}, "spec": None}, ""),
        (PODS, container(resources={"limits": {"cpu": "much"}}), _QUANTITY),
        (PODS, container(resources={"limits": {"cpu": 1}}), ""),
        (PODS, {"spec": 1, "metadata": {"creationTimestamp": "now"}}, time_fault("now")),
        (PODS, {"spec": {"containers": [1]}}, _FIELD.format("number", "PodSpec.spec.containers", "v1.Container")),
        (SECRETS, {"data": {"a": "?"}}, "illegal base64 data at input byte 0"),
        (SECRETS, {"data": {"a": 1}}, _FIELD.format("number", "Secret.data", "[]uint8")),
        (SERVICES, {"spec": {"ports": [{"targetPort": True}]}}, _FIELD.format("bool", "ServicePort.spec.ports.targetPort", "int32")),
        (LEASES, {"spec": {"renewTime": 1}}, _FIELD.format("number", "LeaseSpec.spec.renewTime", "string")),
        (LEASES, {"spec": {"renewTime": "2020-01-02T03:04:05.000006Z"}}, ""),
    ],
)  # fmt: skip
def test_what_the_decoder_says(resource, obj, fault):
    assert decode_fault(schema_of(resource), obj) == fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("2020-01-02T03:04:05Z", ""),
        ("2020-01-02T03:04:05.5+01:00", ""),
        ("", 'cannot parse "" as "2006"'),
        ("2020-01-02", 'cannot parse "" as "T"'),
        ("2020-1-02T03:04:05Z", 'cannot parse "1-02T03:04:05Z" as "01"'),
        ("2020-13-02T03:04:05Z", "month out of range"),
        ("2020-02-30T03:04:05Z", "day out of range"),
        ("2020-01-02T03:04:05", 'cannot parse "" as "Z07:00"'),
        ("2020-01-02T03:04:05Zx", 'extra text: "x"'),
        ("ä", 'cannot parse "\\xc3\\xa4" as "2006"'),
    ],
)
def test_times(text, fault):
    found = time_fault(text)
    assert found.endswith(fault)
    assert bool(found) == bool(fault)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", None),
        ("YQ==", None),
        ("AAEC", None),
        ("?", 0),
        ("a", 0),
        ("abc", 0),
        ("abcde", 4),
        ("ab=c", 2),
        ("YQ==x", 4),
        ("YQ=", 3),
        ("YQ==\n", None),
        ("YQ=", 3),
        ("YQ==\n", None),
    ],
)
def test_base64(text, offset):
    wanted = "" if offset is None else f"illegal base64 data at input byte {offset}"
    assert base64_fault(text) == wanted


def test_what_is_not_written_and_what_is_spelled_out():
    obj = {"involvedObject": {}, "reason": "", "count": 0, "metadata": {"name": "a", "labels": {}}}
    schema_of(EVENTS).tidy(obj)
    assert obj == {
        "metadata": {"name": "a"},
        "involvedObject": {},
        "source": {},
        "eventTime": None,
        "firstTimestamp": None,
        "lastTimestamp": None,
        "reportingComponent": "",
        "reportingInstance": "",
    }


def test_every_type_that_has_fields_names_their_go_types():
    types_meta = {"apiVersion", "kind"}
    lacking = [
        name
        for name in component_names().values()
        if (components()[name].get("properties") or {}).keys()
        - (decoded_components()[name].get("x-go-fields") or {}).keys()
        - types_meta
    ]
    assert set(lacking) <= {WATCH_EVENT}
