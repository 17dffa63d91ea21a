"""Training on datasets that are no plain file: shards, URLs."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
import toy_plugins
from toy_recipe import RECIPE

from heimdall_core import Recipe, Registry
from heimdall_core.dataset.io import dump_example, read_examples, write_examples
from heimdall_core.dataset.remote import located
from heimdall_core.dataset.save import atomic_rows
from heimdall_core.dataset.shard_write import ShardSize
from heimdall_core.errors import DatasetError
from heimdall_core.pipeline.steps.train import train_files
from heimdall_core.types import Example


def rows(count: int) -> list[Example]:
    return [Example(f"count item {n}", output=f"COUNT {n}", category="c") for n in range(count)]


def train(dataset: Path, output: Path, validation: Path | None = None) -> None:
    registry = Registry(discover=False, plugins=[("toy", toy_plugins)])
    recipe = Recipe.from_dict(RECIPE, registry).resolve(registry)
    train_files(
        registry,
        recipe.training(registry),
        dataset=dataset,
        validation=validation,
        output=output,
        seed=3,
        split=recipe.split,
    )


@pytest.mark.parametrize("where", ["folder", "memory"])
def test_the_model_is_that_of_one_file(tmp_path: Path, where: str) -> None:
    plain = tmp_path / "rows.jsonl"
    write_examples(plain, rows(120))
    root = tmp_path if where == "folder" else located(f"memory://train/{uuid4().hex}")
    with atomic_rows(root / "shards" / "*.parquet", shards=ShardSize(rows=50)) as write:
        for row in read_examples(plain):
            write(dump_example(row) + "\n")
    train(plain, tmp_path / "one")
    train(root / "shards", tmp_path / "other")
    assert (tmp_path / "one" / "table.json").read_bytes() == (
        tmp_path / "other" / "table.json"
    ).read_bytes()
    train(root / "shards", tmp_path / "third", validation=root / "shards" / "part-00002*")
    names = {path.name for path in tmp_path.iterdir()} - {".heimdall-tokens", "shards"}
    assert names == {"rows.jsonl", "one", "other", "third"}, "a copy was left behind"


def test_an_error_names_the_dataset_and_leaves_no_copy(tmp_path: Path) -> None:
    missing = located(f"memory://train/{uuid4().hex}.jsonl")
    with pytest.raises(DatasetError, match=r"memory://train/.*No such file"):
        train(missing, tmp_path / "model")
    folder = tmp_path / "few"
    with atomic_rows(folder, shards=ShardSize(rows=1)) as write:
        write(dump_example(rows(1)[0]) + "\n")
    with pytest.raises(DatasetError) as refused:
        train(folder, tmp_path / "model")
    assert ".rows" not in str(refused.value)
    assert str(folder) in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["few"]
