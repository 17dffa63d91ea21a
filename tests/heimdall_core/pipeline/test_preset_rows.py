"""The rows of the presets that fine-tune pass the presets' own checks, from generation to split."""

from __future__ import annotations

from pathlib import Path

import pytest

from heimdall_core import Recipe, Registry
from heimdall_core.dataset.io import read_examples
from heimdall_core.pipeline import runner


@pytest.mark.parametrize("preset", ["heimdall", "heimdall_nornicdb"])
def test_a_presets_rows_come_through_its_own_checks(tmp_path: Path, preset: str) -> None:
    registry = Registry(third_party=False)
    recipe = Recipe.load(preset, registry, ["generate.num_examples=700"])
    runner.run(recipe, registry=registry, runs=tmp_path, until="split")
    [rows] = (tmp_path / preset / "stages").glob("split-*/train.jsonl")
    found = list(read_examples(rows))
    assert len(found) > 500
    under_system = sum(bool(row.system) for row in found)
    assert (under_system > 100) == (preset == "heimdall_nornicdb")
