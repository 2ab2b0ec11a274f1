from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.controlplane.store import keys as keys_module
from seaway.controlplane.store.keys import SortedKeys, prefix_end

KEY = st.text(alphabet="ab/c\ud7ff\U0010ffff", max_size=6)


@given(present=st.sets(KEY), gone=st.sets(KEY), prefix=KEY, after=st.one_of(st.none(), KEY))
def test_it_gives_what_a_sorted_set_would(present, gone, prefix, after):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys_module, "_BLOCK", 2)
        keys = SortedKeys(list(present)[:3])
        for key in list(present)[3:]:
            keys.add(key)
        for key in gone & present:
            keys.remove(key)
        expected = sorted(
            key for key in present - gone if key.startswith(prefix) and (after is None or key > after)
        )
        assert list(keys.under(prefix, after)) == expected
        assert keys.count(prefix, after) == len(expected)


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("/a/", "/a0"),
        ("a", "b"),
        ("a\U0010ffff", "b"),
        ("\U0010ffff", None),
        ("", None),
        ("\ud7ff", "\ue000"),
    ],
)
def test_the_end_of_a_prefix(prefix, end):
    assert prefix_end(prefix) == end
