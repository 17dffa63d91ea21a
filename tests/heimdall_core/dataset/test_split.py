"""Splits: a partition in which no group crosses, and which stays as it was when rows are added."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heimdall_core.dataset import split
from heimdall_core.dataset.groups import Groups
from heimdall_core.dataset.io import read_examples, write_examples
from heimdall_core.dataset.leakage import find_leaks, total
from heimdall_core.dataset.rows import loosen
from heimdall_core.dataset.split import SplitOptions, split_rows
from heimdall_core.errors import DatasetError
from heimdall_core.types import Example

Write = Callable[..., Path]
NAMES = ("train", "validation", "test")


def dataset(combinations: Iterable[int], paraphrases: int = 3, schemas: int = 4) -> list[Example]:
    """Rows in groups of `paraphrases`, told apart by their combination."""
    return [
        Example(
            f"Wording {p} of question {n}",
            output=f"RETURN {n}",
            combination=f"combination {n}",
            schema=f"schema {n % schemas}",
            family=f"family {n % 7}",
        )
        for n in combinations
        for p in range(paraphrases)
    ]


def parts_of(folder: Path) -> dict[str, list[str]]:
    return {
        path.stem: [row.instruction for row in read_examples(path)]
        for path in sorted(folder.glob("*.jsonl"))
    }


def run(tmp_path: Path, rows: Iterable[Example], seed: int = 7, **options: Any) -> Path:
    source, out = tmp_path / "all.jsonl", tmp_path / "out"
    write_examples(source, rows)
    split_rows(source, out, SplitOptions(**options), seed)
    return out


def test_the_parts_have_about_their_shares_and_nothing_crosses(tmp_path: Path) -> None:
    write_examples(tmp_path / "all.jsonl", dataset(range(2000)))
    report = split_rows(tmp_path / "all.jsonl", tmp_path / "out", SplitOptions(test=0.1), seed=3)
    assert (report.rows, report.groups, report.largest_group) == (6000, 2000, 3)
    assert report.parts["validation"].groups == pytest.approx(100, abs=30)
    assert report.parts["test"].groups == pytest.approx(200, abs=45)
    found = parts_of(tmp_path / "out")
    assert {name: len(rows) for name, rows in found.items()} == {
        name: part.rows for name, part in report.parts.items()
    }
    assert Counter(r for rows in found.values() for r in rows) == Counter(
        row.instruction for row in dataset(range(2000))
    )
    questions = [{r.split()[-1] for r in rows} for rows in found.values()]
    assert sum(map(len, questions)) == 2000
    kinds = ("exact prompt", "combination", "prompt", "canonical", "near")
    assert report.leakage == {kind: {} for kind in kinds}
    assert (
        report.lines()[-1] == "✓ Leakage: none (exact prompt, combination, prompt, canonical, near)"
    )
    assert json.loads(json.dumps(report.to_json()))["parts"]["train"]["rows"] > 5000
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "test.jsonl",
        "train.jsonl",
        "validation.jsonl",
    ]


def test_rows_keep_the_order_of_the_source(tmp_path: Path) -> None:
    rows = dataset(range(100))
    out = run(tmp_path, rows, test=0.3)
    place = {row.instruction: n for n, row in enumerate(rows)}
    for part in parts_of(out).values():
        assert part == sorted(part, key=place.__getitem__)


def test_the_same_seed_gives_the_same_bytes_and_another_another_split(tmp_path: Path) -> None:
    rows = dataset(range(200))
    first = {p.name: p.read_bytes() for p in run(tmp_path, rows).iterdir()}
    assert {p.name: p.read_bytes() for p in run(tmp_path, rows).iterdir()} == first
    assert {p.name: p.read_bytes() for p in run(tmp_path, rows, seed=8).iterdir()} != first


def test_neither_added_rows_nor_their_order_move_the_others(tmp_path: Path) -> None:
    rows = dataset(range(300))
    before = parts_of(run(tmp_path, rows, test=0.2, validation=0.2))
    more = [
        *dataset(range(300, 600)),
        # New wordings of old questions join their groups and move nothing.
        *(
            Example(f"New wording of question {n}", output="x", combination=f"combination {n}")
            for n in range(300)
        ),
    ]
    after = parts_of(run(tmp_path, [*more, *reversed(rows)], test=0.2, validation=0.2))
    for name in NAMES:
        assert set(before[name]) <= set(after[name])


def test_groups_that_many_keys_tie_together_are_no_likelier_to_be_tested(tmp_path: Path) -> None:
    rows = [
        Example(f"Question {n}", output=f"{k}", combination=f"combination {n} {k}")
        for n in range(600)
        for k in range(5)
    ]
    out = run(tmp_path, rows, test=0.2)
    test = parts_of(out)["test"]
    assert sorted(parts_of(run(tmp_path, reversed(rows), test=0.2))["test"]) == sorted(test)
    assert len(test) / 5 == pytest.approx(120, abs=40)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("List all people", "list  all people."),
        ("Find 'Alice'", "Find \u201cAlice\u201d!"),
        ("Caf\u00e9", "cafe\u0301"),
        ("\uff21\uff22\uff23", "abc"),
    ],
)
def test_prompts_that_read_alike_stay_together(tmp_path: Path, one: str, other: str) -> None:
    assert loosen(one) == loosen(other)
    noise = dataset(range(40), paraphrases=1)
    for seed in range(8):
        rows = [*noise, Example(one, output="A"), Example(other, output="B")]
        found = parts_of(run(tmp_path, rows, seed, test=0.4, validation=0.3))
        assert sum(one in part for part in found.values()) == 1
        assert [one in part for part in found.values()] == [
            other in part for part in found.values()
        ]


def test_prompts_that_differ_in_a_sign_or_a_number_are_not_alike() -> None:
    assert len({loosen(t) for t in ("age > 3", "age < 3", "age > 4", "age >= 3")}) == 4


@pytest.mark.parametrize("key", ["family", "schema", "answer"])
def test_other_keys_keep_together_what_they_name(tmp_path: Path, key: str) -> None:
    rows = dataset(range(60), schemas=12)
    out = run(tmp_path, rows, by=("prompt", key), test=0.3, validation=0.3)
    attribute = "output" if key == "answer" else key
    values = [{getattr(row, attribute) for row in read_examples(p)} for p in out.iterdir()]
    assert sum(map(len, values)) == len(set().union(*values))
    assert all(values)


def test_whole_schemas_are_held_out(tmp_path: Path) -> None:
    rows = dataset(range(400), schemas=8)
    write_examples(tmp_path / "all.jsonl", rows)
    chosen = set()
    for seed in (1, 2, 3):
        report = split_rows(
            tmp_path / "all.jsonl", tmp_path / "out", SplitOptions(unseen_schemas=2), seed
        )
        assert len(report.unseen_schemas) == 2
        assert report.tied_rows == 0
        assert report.leakage["held-out schema"] == {}
        for path in (tmp_path / "out").iterdir():
            schemas = {row.schema for row in read_examples(path)}
            if path.stem == "test_unseen_schemas":
                assert schemas == set(report.unseen_schemas)
            else:
                assert not schemas & set(report.unseen_schemas)
        chosen.add(report.unseen_schemas)
    assert len(chosen) > 1
    report = split_rows(
        tmp_path / "all.jsonl", tmp_path / "out", SplitOptions(unseen_schemas=("schema 5",))
    )
    assert report.unseen_schemas == ("schema 5",)
    assert report.parts["test_unseen_schemas"].rows == 150
    split_rows(tmp_path / "all.jsonl", tmp_path / "out")
    assert not (tmp_path / "out" / "test_unseen_schemas.jsonl").exists()


def test_a_row_that_shares_its_prompt_with_a_held_out_schema_goes_with_it(tmp_path: Path) -> None:
    shared = [Example("Count all", output=f"{n}", schema=f"schema {n}") for n in (0, 1)]
    write_examples(tmp_path / "all.jsonl", [*dataset(range(80)), *shared])
    options = SplitOptions(unseen_schemas=("schema 0",))
    report = split_rows(tmp_path / "all.jsonl", tmp_path / "out", options)
    assert report.tied_rows == 1
    assert parts_of(tmp_path / "out")["test_unseen_schemas"].count("Count all") == 2
    assert "  with 1 rows of others that share a key" in report.lines()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unseen_schemas": 4}, "the rows name 4 schemas, so 4 cannot be held out"),
        ({"unseen_schemas": ("schema 9",)}, "no row names the schema 'schema 9'.*did you mean"),
        (
            {"unseen_schemas": 1, "by": ("prompt", "family")},
            "share a key with the 60 rows that are held out",
        ),
        ({"by": ("prompt", "schema"), "unseen_schemas": 3}, r"the rows form 1 group\(s\), too few"),
        ({"max_test_rows": 2}, "no group for test has 2 rows or fewer; the smallest has 3"),
    ],
)
def test_a_split_that_cannot_be_is_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        run(tmp_path, dataset(range(80)), **options)
    assert not (tmp_path / "out").exists()


def test_caps_send_whole_groups_to_training(tmp_path: Path) -> None:
    rows = dataset(range(300))
    free = parts_of(run(tmp_path, rows, test=0.2, validation=0.2))
    capped = parts_of(run(tmp_path, rows, test=0.2, validation=0.2, max_test_rows=31))
    assert len(free["test"]) > 31
    assert len(capped["test"]) == 30
    assert set(capped["test"]) < set(free["test"])
    assert set(free["test"]) - set(capped["test"]) == set(capped["train"]) - set(free["train"])
    assert capped["validation"] == free["validation"]


def test_a_small_dataset_leaves_no_part_empty_and_says_so(tmp_path: Path) -> None:
    filled = Counter[str]()
    for seed in range(10):
        source = tmp_path / "all.jsonl"
        write_examples(source, dataset(range(3)))
        report = split_rows(source, tmp_path / "out", seed=seed)
        assert all(part.rows == 3 for part in report.parts.values())
        filled.update(report.filled)
    assert filled["validation"] > 5
    with pytest.raises(DatasetError, match=r"the rows form 2 group\(s\), too few for train, val"):
        run(tmp_path, dataset(range(2)))


def test_a_share_of_zero_gives_an_empty_file(tmp_path: Path) -> None:
    out = run(tmp_path, dataset(range(2)), validation=0.0, test=0.0)
    assert {name: len(rows) for name, rows in parts_of(out).items()} == {
        "train": 6,
        "validation": 0,
        "test": 0,
    }


def test_the_predecessors_dataset_is_split_without_a_leak(
    predecessor: Path, tmp_path: Path
) -> None:
    report = split_rows(predecessor, tmp_path / "out", SplitOptions(test=0.2, validation=0.2))
    assert (report.rows, report.groups, report.largest_group) == (750, 151, 104)
    assert total(report.leakage) == 0


def test_leaks_are_found_in_files_and_by_kind(tmp_path: Path) -> None:
    parts = {name: tmp_path / f"{name}.jsonl" for name in ("train", "test", "unseen")}
    write_examples(
        parts["train"],
        [
            Example("Same", output="a", combination="c1", schema="held"),
            Example("Alike?", output="b", combination="c2"),
            Example("No combination", output="c"),
        ],
    )
    write_examples(
        parts["test"],
        [
            Example("Same", output="z", combination="c2"),
            Example("alike", output="y"),
            Example("Other", output="x", combination="c1"),
        ],
    )
    write_examples(parts["unseen"], [Example("Other", output="q", schema="held")])
    found = find_leaks(parts, unseen="unseen", held_out=("held",))
    assert found == {
        "exact prompt": {"train/test": 1, "test/unseen": 1},
        "combination": {"train/test": 2},
        "prompt": {"train/test": 2, "test/unseen": 1},
        "held-out schema": {"train/unseen": 1},
    }
    assert total(found) == 8


def test_a_split_that_leaks_is_refused_and_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split, "Groups", lambda by, seed: Groups(("prompt",), seed))
    with pytest.raises(DatasetError, match=r"the parts of the split leak: .*'combination': {'"):
        run(tmp_path, dataset(range(50)), test=0.3)
    assert list((tmp_path / "out").iterdir()) == []


def test_bad_lines_and_wrong_places_are_refused(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"data\.jsonl:1: "):
        split_rows(write([b"{"]), tmp_path / "out")
    with pytest.raises(DatasetError, match="holds no rows"):
        split_rows(write([]), tmp_path / "out")
    for name in ("missing.jsonl", "."):
        with pytest.raises(DatasetError):
            split_rows(tmp_path / name, tmp_path / "out")
    source = tmp_path / "train.jsonl"
    write_examples(source, dataset(range(50)))
    with pytest.raises(DatasetError, match="is the source and would be overwritten"):
        split_rows(source, tmp_path)
    with pytest.raises(DatasetError, match="cannot be written"):
        split_rows(source, source / "below")
    assert len(list(read_examples(source))) == 150


def test_a_source_that_changes_meanwhile_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign = split.assign

    def grow(*args: Any) -> Any:
        with (tmp_path / "all.jsonl").open("a") as file:
            file.write(json.dumps({"instruction": "late", "output": "x"}) + "\n")
        return assign(*args)

    monkeypatch.setattr(split, "assign", grow)
    with pytest.raises(DatasetError, match="was changed while it was being split"):
        run(tmp_path, dataset(range(50)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": 1.0}, "'validation' must be < 1"),
        ({"test": -0.1}, "'test' must be >= 0"),
        ({"test": 0.5, "validation": 0.5}, "'validation' must be less than 1 together"),
        ({"by": ("prompt", "combinaton")}, "'combinaton'; did you mean 'combination'"),
        ({"by": ("combination",)}, "'by' must be a list with 'prompt'"),
        ({"unseen_schemas": -1}, "'unseen_schemas' must be >= 0"),
        ({"max_test_rows": 0}, "'max_test_rows' must be >= 1"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SplitOptions(**options)


rows_strategy = st.lists(
    st.builds(
        Example,
        instruction=st.sampled_from([f"{p}{n}" for p in ("Q ", "q  ", "Q? ") for n in range(9)]),
        output=st.sampled_from("xy"),
        combination=st.sampled_from(["", *(f"c{n}" for n in range(12))]),
        schema=st.sampled_from(["", "s1", "s2", "s3", "s4"]),
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.usefixtures("fast_disk")
@settings(max_examples=100, deadline=None)
@given(rows_strategy, st.integers(0, 99), st.integers(0, 2))
def test_every_row_is_in_one_part_and_no_group_crosses(
    rows: list[Example], seed: int, unseen: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "all.jsonl"), Path(folder, "out")
        write_examples(source, rows)
        options = SplitOptions(test=0.3, validation=0.3, unseen_schemas=unseen)
        try:
            report = split_rows(source, out, options, seed)
        except DatasetError as error:
            # Too few groups or schemas: the only reasons that such rows can give.
            if "too few" in str(error) or "held out" in str(error):
                return
            raise
        found = {p.stem: list(read_examples(p)) for p in out.iterdir()}
        identity = [(r.id, r.combination, r.schema) for part in found.values() for r in part]
        assert Counter(identity) == Counter((r.content_id(), r.combination, r.schema) for r in rows)
        for key in (lambda r: r.combination, lambda r: r.instruction.lower().strip("q? ")):
            values = [{key(r) for r in part} - {""} for part in found.values()]
            assert sum(map(len, values)) == len(set().union(*values))
        for part in NAMES:
            assert not {r.schema for r in found[part]} & set(report.unseen_schemas)
