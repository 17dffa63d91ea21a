"""Mixing by weight and temperature, and the store of earlier generations."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall_core.dataset.io import read_examples, write_examples
from heimdall_core.dataset.mix import MixOptions, allot, mix_files, shares
from heimdall_core.dataset.replay import STORE, ReplayStore
from heimdall_core.errors import DatasetError
from heimdall_core.types import Example


def dataset(path: Path, name: str, size: int, start: int = 0) -> Path:
    write_examples(
        path, (Example(f"{name} {n}", output=f"A {n}") for n in range(start, start + size))
    )
    return path


def drawn(path: Path) -> Counter[str]:
    return Counter(row.instruction.split()[0] for row in read_examples(path))


@pytest.mark.parametrize(
    ("options", "weights", "expected"),
    [
        (MixOptions(), (1, 1), (900, 100)),
        (MixOptions(temperature=2), (1, 1), (300, 100)),
        (MixOptions(by_size=False), (1, 1), (100, 100)),
        (MixOptions(by_size=False), (3, 1), (300, 100)),
        (MixOptions(by_size=False, rows=40), (3, 1), (30, 10)),
        (MixOptions(by_size=False, rows=400), (1, 1), (300, 100)),
        (MixOptions(by_size=False, rows=5000), (1, 1), (900, 100)),
        (MixOptions(by_size=False, rows=400, allow_oversampling=True), (1, 1), (200, 200)),
    ],
)
def test_shares(
    tmp_path: Path, options: MixOptions, weights: tuple[int, int], expected: tuple[int, int]
) -> None:
    large, small = dataset(tmp_path / "l.jsonl", "l", 900), dataset(tmp_path / "s.jsonl", "s", 100)
    output = tmp_path / "mix.jsonl"
    report = mix_files({large: weights[0], small: weights[1]}, output, options)
    found = drawn(output)
    assert (found["l"], found["s"]) == expected
    copies = max(0, expected[1] - 100)
    assert [source.copies for source in report.sources] == [0, copies]
    assert len({row.instruction for row in read_examples(output)}) == sum(expected) - copies


def test_the_mix_is_spread_evenly_and_the_same_each_time(tmp_path: Path) -> None:
    large, small = dataset(tmp_path / "l.jsonl", "l", 900), dataset(tmp_path / "s.jsonl", "s", 90)
    for name in ("one", "two"):
        mix_files({large: 1, small: 1}, tmp_path / name, MixOptions())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    rows = [row.instruction[0] for row in read_examples(tmp_path / "one")]
    windows = [rows[at : at + 110].count("s") for at in range(0, 990, 110)]
    assert all(9 <= count <= 11 for count in windows)


def test_a_larger_mix_holds_the_smaller_one(tmp_path: Path) -> None:
    source = dataset(tmp_path / "l.jsonl", "l", 500)
    found = []
    for rows in (50, 200):
        mix_files({source: 1}, tmp_path / f"{rows}", MixOptions(rows=rows))
        found.append({row.instruction for row in read_examples(tmp_path / f"{rows}")})
    assert found[0] < found[1]


@given(
    st.lists(st.tuples(st.floats(0.1, 9), st.integers(1, 500)), min_size=1, max_size=6),
    st.one_of(st.none(), st.integers(1, 3000)),
    st.floats(1, 8),
)
def test_no_dataset_gives_more_than_it_has(
    sources: list[tuple[float, int]], rows: int | None, temperature: float
) -> None:
    options = MixOptions(rows=rows, temperature=temperature)
    weights, sizes = zip(*sources, strict=True)
    counts = allot(shares(weights, sizes, options), sizes, options)
    assert all(0 <= count <= size for count, size in zip(counts, sizes, strict=True))
    if rows is not None:
        assert sum(counts) == min(rows, sum(sizes))


@pytest.mark.parametrize("weight", [0, -1, float("nan")])
def test_a_weight_must_be_above_zero(tmp_path: Path, weight: float) -> None:
    source = dataset(tmp_path / "l.jsonl", "l", 5)
    with pytest.raises(DatasetError, match="must be above 0"):
        mix_files({source: weight}, tmp_path / "out.jsonl")


def test_replay_takes_its_share_and_makes_nothing_smaller(tmp_path: Path) -> None:
    new = dataset(tmp_path / "new.jsonl", "new", 900)
    store = ReplayStore(tmp_path / "store")
    store.remember(dataset(tmp_path / "old.jsonl", "old", 400), "g1")
    report = mix_files({new: 1}, tmp_path / "m.jsonl", replay=(store.rows_path(), 0.1))
    assert drawn(tmp_path / "m.jsonl") == {"new": 900, "old": 100}
    assert report.sources[-1].taken == 100
    mix_files({new: 1}, tmp_path / "m.jsonl", replay=(store.rows_path(), 0.9))
    assert drawn(tmp_path / "m.jsonl") == {"new": 900, "old": 400}


def test_the_reservoir_keeps_generations_by_weight(tmp_path: Path) -> None:
    store = ReplayStore(tmp_path / "store")
    for number, weight in enumerate((1.0, 1.0, 4.0)):
        path = dataset(tmp_path / f"{number}.jsonl", f"g{number}", 2000)
        state = store.remember(path, f"g{number}", weight=weight, capacity=600)
    kept = {generation.name: generation.kept for generation in state.generations}
    assert state.rows == sum(kept.values()) == 600
    # Of 2000 rows each, and few of them drawn, the shares are near 1 : 1 : 4.
    assert 70 <= kept["g0"] <= 140
    assert 70 <= kept["g1"] <= 140
    assert 340 <= kept["g2"] <= 450
    assert Counter(row.meta["replay"] for row in store.rows()) == kept


def test_remembering_again_changes_nothing(tmp_path: Path) -> None:
    store = ReplayStore(tmp_path / "store")
    one = dataset(tmp_path / "1.jsonl", "a", 300)
    two = dataset(tmp_path / "2.jsonl", "b", 300)
    store.remember(one, "g1", capacity=100)
    store.remember(two, "g2")
    before = {row.id for row in store.rows()}
    state = store.remember(one, "g1")
    assert {row.id for row in store.rows()} == before
    assert [g.seen for g in state.generations] == [300, 300]


def test_misuse_is_told(tmp_path: Path) -> None:
    store = ReplayStore(tmp_path / "store")
    with pytest.raises(DatasetError, match="is no replay store"):
        store.state()
    one = dataset(tmp_path / "1.jsonl", "a", 30)
    store.remember(one, "g1", capacity=10)
    with pytest.raises(DatasetError, match="holds 10 rows, not 20"):
        store.remember(one, "g2", capacity=20)
    with pytest.raises(DatasetError, match="is there with the weight 1"):
        store.remember(one, "g1", weight=2)
    (tmp_path / "store" / STORE).write_text("{")
    with pytest.raises(DatasetError, match="cannot be read"):
        store.state()


KILLED = """
import os, signal, sys
from pathlib import Path
steps = int(sys.argv[3])
def counted(function):
    def step(*args, **kwargs):
        global steps
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return step
os.fsync, os.replace = counted(os.fsync), counted(os.replace)
from heimdall_core.dataset.replay import ReplayStore
ReplayStore(Path(sys.argv[1])).remember(Path(sys.argv[2]), "g2")
"""


def test_killed_at_any_step_the_store_is_the_old_or_the_new(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store = ReplayStore(folder)
    store.remember(dataset(tmp_path / "1.jsonl", "a", 50), "g1", capacity=40)
    old = {row.id for row in store.rows()}
    second = dataset(tmp_path / "2.jsonl", "b", 50)
    for step in range(1, 20):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(folder), str(second), str(step)], check=False
        )
        names = [g.name for g in store.state().generations]
        rows = {row.id for row in store.rows()}
        assert len(rows) == 40
        assert (rows == old) == (names == ["g1"])
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    else:
        pytest.fail("never ended")
    assert names == ["g1", "g2"]
    assert step > 3
    assert [p.name for p in folder.glob("rows-*")] == [store.rows_path().name]


def test_rows_of_two_datasets_are_counted_and_left_out_where_asked(tmp_path: Path) -> None:
    one = dataset(tmp_path / "one.jsonl", "q", 60)
    other = dataset(tmp_path / "other.jsonl", "q", 60, start=40)  # 20 of them are the same
    same_prompt = tmp_path / "third.jsonl"
    write_examples(same_prompt, [Example("q 1", output="another answer")])
    output = tmp_path / "mix.jsonl"
    sources = {one: 1.0, other: 1.0, same_prompt: 60.0}
    report = mix_files(sources, output, MixOptions(rows=1000))
    assert [source.shared for source in report.sources] == [0, 20, 0]
    assert report.rows == 121
    assert any("20 of its rows stand before it too" in line for line in report.lines())
    assert len({row.content_id() for row in read_examples(output)}) == 101
    dropped = mix_files(sources, output, MixOptions(rows=1000, drop_shared=True))
    assert dropped.rows == 101
    assert [(source.taken, source.rows) for source in dropped.sources] == [
        (60, 60),
        (40, 60),
        (1, 1),
    ]
    assert len({row.content_id() for row in read_examples(output)}) == 101
    with pytest.raises(DatasetError, match="no row that does not stand before"):
        mix_files(
            {one: 1, dataset(tmp_path / "copy.jsonl", "q", 9): 1},
            output,
            MixOptions(drop_shared=True),
        )


def test_replayed_rows_that_are_new_too_are_counted(tmp_path: Path) -> None:
    new = dataset(tmp_path / "new.jsonl", "q", 50)
    old = dataset(tmp_path / "old.jsonl", "q", 50, start=45)
    output = tmp_path / "mix.jsonl"
    for drop in (False, True):
        report = mix_files({new: 1}, output, MixOptions(drop_shared=drop), replay=(old, 0.5))
        assert report.sources[1].shared == 5
        assert report.sources[1].taken == 50 - 5 * drop
        assert report.dropped_shared == drop
