"""Drawing without replacement, in turn, and by weight."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from heimdall_gen_cypher.sampling import by_weight, round_robin, shuffled, stream


@given(st.integers(0, 300), st.integers())
def test_shuffled_gives_every_number_once(size: int, seed: int) -> None:
    assert sorted(shuffled(size, stream(seed))) == list(range(size))


def test_shuffled_is_fair() -> None:
    rng = stream(1)
    firsts = Counter(tuple(shuffled(3, rng)) for _ in range(6_000))
    assert len(firsts) == 6
    assert all(850 < count < 1_150 for count in firsts.values())


def test_shuffled_does_not_list_a_large_space() -> None:
    drawn = list(islice(shuffled(10**18, stream(1)), 1_000))
    assert len(set(drawn)) == 1_000


def test_streams_differ_by_seed_and_path() -> None:
    paths = [(1, "a", "b"), (2, "a", "b"), (1, "a", "c"), (1, "ab")]
    assert len({stream(seed, *path).random() for seed, *path in paths}) == 4
    assert stream(1, "a").random() == stream(1, "a").random()


def test_round_robin() -> None:
    assert "".join(round_robin(map(iter, ("abc", "", "d", "ef")))) == "adebfc"


def test_by_weight() -> None:
    endless = [
        (weight, iter(lambda name=name: name, None)) for weight, name in ((1, "a"), (0.5, "b"))
    ]
    drawn = list(islice(by_weight(endless), 30))
    assert Counter(drawn) == {"a": 20, "b": 10}
    assert Counter(drawn[:6]) == {"a": 4, "b": 2}
    assert Counter(by_weight([(1, iter("xx")), (0.1, iter("yyyy"))])) == {"x": 2, "y": 4}
