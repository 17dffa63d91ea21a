"""How many rows of a category stay, and which."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from heimdall_core.dataset.balance import cap, quotas, spread


def test_the_cap_rests_on_the_smallest_category_or_the_size_it_is_to_have() -> None:
    counts = {"a": 141, "b": 20, "c": 1}
    assert cap(counts, 3.0, 0) == 3
    assert cap(counts, 3.0, 50) == 150
    assert cap(counts, 3.0, 10) == 30
    assert cap(counts, None, 50) is None
    assert cap({}, 3.0, 50) is None


def test_the_cap_is_not_one_too_low_by_rounding() -> None:
    assert cap({"a": 10}, 2.3, 0) == 23


def test_quotas_are_what_is_missing() -> None:
    assert quotas({"b": 20, "a": 0, "c": 50}, 50) == {"a": 50, "b": 30}
    assert quotas({"a": 0}, 0) == {}


def test_strata_take_turns_from_coarse_to_fine() -> None:
    # Row: family, schema, combination. Family 1 has 8 rows, family 2 has 2.
    rows = [(1, 1, 1)] * 4 + [(1, 1, 2), (1, 2, 3), (1, 2, 4), (1, 2, 4), (2, 1, 5), (2, 1, 5)]
    columns = [list(column) for column in zip(*rows, strict=True)]
    content = [5, 3, 9, 1, 4, 8, 2, 7, 6, 0]
    order = spread(range(len(rows)), columns, content)
    assert sorted(order) == list(range(10))
    assert [columns[0][row] for row in order] == [2, 1, 2, 1, 1, 1, 1, 1, 1, 1]
    first_of_family_1 = [row for row in order if columns[0][row] == 1][:4]
    assert Counter(columns[1][row] for row in first_of_family_1) == {1: 2, 2: 2}
    assert Counter(columns[2][row] for row in first_of_family_1) == {1: 1, 2: 1, 3: 1, 4: 1}


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1), st.randoms(use_true_random=False))
def test_every_beginning_is_even_and_the_order_of_the_file_does_not_matter(
    strata: list[tuple[int, int, int]], random: Random
) -> None:
    columns = [list(column) for column in zip(*strata, strict=True)]
    content = [hash((n, s)) for n, s in enumerate(strata)]
    rows = list(range(len(strata)))
    order = spread(rows, columns, content)
    shuffled = rows[:]
    random.shuffle(shuffled)
    assert spread(shuffled, columns, content) == order
    sizes = Counter(columns[0])
    for end in range(1, len(order) + 1):
        taken = Counter(columns[0][row] for row in order[:end])
        # No family is two rows ahead of one that still has rows to give.
        assert all(taken[a] <= taken[b] + 1 for a in sizes for b in sizes if taken[b] < sizes[b])
