"""Quantities as Kubernetes reads and writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.objects.quantity import canonical, cpu_millis, format_quantity, parse_quantity, whole

WRITTEN = {
    "half a core": ("0.5", "500m"),
    "binary unit shrinks": ("1024Mi", "1Gi"),
    "binary fraction": ("1.5Gi", "1536Mi"),
    "not a whole unit": ("1025Ki", "1025Ki"),
    "below one Ki is decimal": ("0.1Ki", "102400m"),
    "a thousand": ("1000", "1k"),
    "not a thousand": ("1500", "1500"),
    "exponent stays": ("1e3", "1e3"),
    "negative exponent": ("1e-3", "1e-3"),
    "zero of any unit": ("0Gi", "0"),
    "negative": ("-1500m", "-1500m"),
    "digits beyond nano round up": ("0.0000000001", "1n"),
    "larger than fits": ("12345678901234567890", "9223372036854775807"),
    "E alone is a unit": ("1E", "1E"),
    "no digit before the point": (".5", "500m"),
    "no digit after the point": ("5.", "5"),
}


@pytest.mark.parametrize(("text", "written"), WRITTEN.values(), ids=WRITTEN.keys())
def test_it_is_written_in_canonical_form(text, written):
    assert canonical(text) == written


@pytest.mark.parametrize(
    "text",
    ["", "x", "1 Gi", "1gi", "1KI", "1.2.3", "1Gi2", "--1", "1e", "0x10", "inf", "nan", "\u0661", "1" * 65],
)
def test_what_is_no_quantity_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="is not a quantity: write a number"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("value", "millis"), [("1", 1000), ("500m", 500), (0.5, 500), (2, 2000), ("100u", 1), ("1n", 1)]
)
def test_cpu_is_counted_in_thousandths_rounded_up(value, millis):
    assert cpu_millis(value) == millis


@pytest.mark.parametrize(
    ("value", "bytes_"), [("1Ki", 1024), ("1k", 1000), ("1.5", 2), ("500m", 1), (7, 7), ("2Gi", 2**31)]
)
def test_bytes_are_whole_rounded_up(value, bytes_):
    assert whole(value) == bytes_


numbers = st.integers(min_value=-(2**62), max_value=2**62)
units = st.sampled_from(["n", "u", "m", "", "k", "M", "Ki", "Mi", "Gi", "e3", "E-2"])
quantities = st.builds(
    lambda number, unit: f"{number}{unit}", st.integers(min_value=-(10**6), max_value=10**6), units
)


@given(quantities)
def test_writing_keeps_the_value_and_is_stable(text):
    once = canonical(text)
    assert parse_quantity(once) == parse_quantity(text)
    assert canonical(once) == once


@given(numbers, numbers)
def test_order_is_that_of_the_numbers(left, right):
    assert (parse_quantity(f"{left}m") < parse_quantity(f"{right}m")) == (left < right)


@given(numbers, st.sampled_from(["decimal", "binary", "exponent"]))
def test_every_style_reads_back(number, style):
    assert parse_quantity(format_quantity(number, style)) == Decimal(number)
