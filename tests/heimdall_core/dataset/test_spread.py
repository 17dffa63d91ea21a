"""Validation, correction and split give the same wherever the work is done."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from elsewhere import Elsewhere

from heimdall_core import Registry
from heimdall_core.dataset import formats, write_examples
from heimdall_core.dataset.correct import CorrectOptions, correct_file
from heimdall_core.dataset.parallel import spread_over
from heimdall_core.dataset.split import SplitOptions, split_rows
from heimdall_core.dataset.validate import ValidateOptions, validate_file
from heimdall_core.types import Example

REGISTRY = Registry(third_party=False, environ={})
WORDS = ("which", "people", "own", "a", "house", "in", "town", "and", "know", "each", "other")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some thousand rows with copies, near copies far from each other, contradictions and errors,
    in many blocks."""
    rng = random.Random(3)
    made: list[Example] = []
    for number in range(700):
        words = [rng.choice(WORDS) for _ in range(14)]
        query = f"MATCH (p:Person {{age: {number % 400}}}) RETURN p.name"
        row = Example(
            instruction=" ".join(words) + f" number {number % 400}?",
            output=query,
            category=f"kind_{number % 4}",
            language="cypher",
            family=f"family_{number % 7}",
            source="test",
            licence="MIT",
        )
        made.append(row)
        if number % 5 == 0:
            made.append(attrs.evolve(row, instruction=row.instruction.replace("?", " please?")))
        if number % 11 == 0:
            made.append(row)
        if number % 50 == 0:
            made.append(attrs.evolve(row, output="MATCH (p:Person) RETURN p.age"))
        if number % 90 == 0:
            made.append(attrs.evolve(row, instruction=f"broken {number}", output="MATCH (p RETURN"))
    rng.shuffle(made)
    path = tmp_path_factory.mktemp("spread") / "rows.jsonl"
    write_examples(path, made)
    return path


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "BLOCK_BYTES", 20_000)


def _files(folder: Path) -> Mapping[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix in (".jsonl", ".json")}


def _corrected(rows: Path, folder: Path, **options: Any) -> Mapping[str, bytes]:
    folder.mkdir()
    correct_file(
        rows,
        folder / "out.jsonl",
        CorrectOptions(**options),
        language=REGISTRY.find_language,
    )
    return _files(folder)


@pytest.mark.parametrize("parts", [1, 5])
@pytest.mark.parametrize("options", [{}, {"canonical_duplicates": "all", "hash": "md5"}])
def test_correction_is_the_same_to_the_byte(
    rows: Path, tmp_path: Path, parts: int, options: dict[str, Any]
) -> None:
    here = _corrected(rows, tmp_path / "here", **options)
    session = Elsewhere(parts)
    with spread_over(session):
        there = _corrected(rows, tmp_path / "there", **options)
    assert there == here
    assert session.exchanges == 1
    assert session.maps >= 2  # canonical forms, and the writing
    reasons = here["corrections.jsonl"].decode()
    last = "canonical" if options else "near"
    for reason in (last, "duplicate", "contradiction", "language"):
        assert f'"reason": "{reason}"' in reasons


def test_near_duplicates_are_found_across_partitions(rows: Path, tmp_path: Path) -> None:
    blocks = list(formats.blocks(rows))
    assert len(blocks) > 10
    with spread_over(Elsewhere(4)):
        _corrected(rows, tmp_path / "out")
        again = validate_file(tmp_path / "out" / "out.jsonl", language=REGISTRY.find_language)
    assert again.near_duplicates == 0


def test_validation_is_the_same(rows: Path) -> None:
    options = ValidateOptions(personal_data=True)
    here = validate_file(rows, options, language=REGISTRY.find_language)
    with spread_over(Elsewhere(4)):
        there = validate_file(rows, options, language=REGISTRY.find_language)
    assert there == here
    assert here.near_duplicates


def test_a_split_is_the_same(rows: Path, tmp_path: Path) -> None:
    found = []
    for name, session in (("here", None), ("there", Elsewhere(4))):
        with spread_over(session):
            split_rows(
                rows, tmp_path / name, SplitOptions(), seed=3, language=REGISTRY.find_language
            )
        found.append(_files(tmp_path / name))
    assert found[0] == found[1]
    assert "train.jsonl" in found[0]
