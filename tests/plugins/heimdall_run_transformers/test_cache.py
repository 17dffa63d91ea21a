"""The tokenised cache: the same rows as without it, and only what changed is made again."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
from tiny_bases import ROWS
from tokenizers import Tokenizer

from heimdall_core.dataset.io import write_examples
from heimdall_core.errors import DatasetError, ModelError, PromptError
from heimdall_core.types import Example
from heimdall_run_transformers.cache import Tokenised, tokenised
from heimdall_run_transformers.encode import encode_rows, lengths_of, read_rendered


@pytest.fixture(scope="module")
def rust() -> Tokenizer:
    from tiny_models import build_tokenizer

    return build_tokenizer([row.output for row in ROWS])


def two_sources(path: Path, first: str = "a") -> Path:
    other = [Example(f"Say {n}", output=f"RETURN {n}", source="b") for n in range(5)]
    write_examples(path, [*(attrs.evolve(r, source=first) for r in ROWS[:7]), *other])
    return path


def test_rows_are_those_of_plain_encoding(tmp_path: Path, rust: Tokenizer) -> None:
    path = two_sources(tmp_path / "rows.jsonl")
    found = tokenised([path], rust, cache=tmp_path / "cache", task_field="source")
    plain = encode_rows(
        rust, read_rendered(path), max_length=999, max_share_too_long=0.0, where="x"
    )
    assert len(found.rows) == 12
    for one, other in zip(found.rows, plain.rows, strict=True):
        assert np.array_equal(one.tokens, other.tokens)
        assert one.prompt_length == other.prompt_length
    assert found.rows.tasks == ("a", "b")
    assert [row.task for row in found.rows] == [0] * 7 + [1] * 5
    assert isinstance(found.rows._shards[0].tokens, np.memmap)
    assert lengths_of(found.rows).tolist() == [len(row.tokens) for row in plain.rows]


def made(tmp_path: Path, path: Path, rust: Tokenizer) -> int:
    found: Tokenised = tokenised([path], rust, cache=tmp_path / "cache")
    return found.made


def test_only_what_changed_is_tokenised_again(
    tmp_path: Path, rust: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = two_sources(tmp_path / "rows.jsonl")
    assert made(tmp_path, path, rust) == 2
    assert made(tmp_path, path, rust) == 0
    moved = path.rename(tmp_path / "elsewhere.jsonl")
    assert made(tmp_path, moved, rust) == 0  # content counts, not the name
    rows = [attrs.evolve(r, source="a") for r in ROWS[:8]]  # one row more in one source
    other = [Example(f"Say {n}", output=f"RETURN {n}", source="b") for n in range(5)]
    write_examples(path, [*rows, *other])
    assert made(tmp_path, path, rust) == 1
    changed = Tokenizer.from_str(rust.to_str())
    changed.add_tokens(["RETURN"])
    assert made(tmp_path, path, changed) == 2
    prompt = tmp_path / "prompt.py"
    prompt.write_text("# another prompt contract", encoding="utf-8")
    import heimdall_core.prompt

    monkeypatch.setattr(heimdall_core.prompt, "__file__", str(prompt))
    assert made(tmp_path, path, rust) == 2


def test_a_shard_that_is_gone_is_made_again(tmp_path: Path, rust: Tokenizer) -> None:
    path = two_sources(tmp_path / "rows.jsonl")
    made(tmp_path, path, rust)
    [*_, shard] = (tmp_path / "cache" / "shards").iterdir()
    (shard / "names.json").unlink()
    for file in shard.iterdir():
        file.unlink()
    shard.rmdir()
    assert made(tmp_path, path, rust) == 1
    assert not list((tmp_path / "cache").rglob(".making*"))


def test_too_long_rows_are_counted_and_over_the_share_refused(
    tmp_path: Path, rust: Tokenizer
) -> None:
    path = two_sources(tmp_path / "rows.jsonl")
    found = tokenised([path], rust, cache=tmp_path / "cache")
    longest = int(found.rows.lengths.max())
    some = found.fit(longest - 1, 0.5, "rows.jsonl")
    assert some.too_long >= 1
    assert len(some.rows) + some.too_long == 12
    with pytest.raises(ModelError, match="of 12 rows are longer than max_seq_length"):
        found.fit(longest - 1, 0.0, "rows.jsonl")


def test_bad_files_are_named(tmp_path: Path, rust: Tokenizer) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(DatasetError, match="has no rows"):
        tokenised([empty], rust, cache=tmp_path / "cache")
    with pytest.raises(DatasetError, match="cannot be read"):
        tokenised([tmp_path / "none.jsonl"], rust, cache=tmp_path / "cache")
    write_examples(empty, [Example("x <|im_end|>", output="y")])
    with pytest.raises(PromptError, match=r"row 1 .*control marker"):
        tokenised([empty], rust, cache=tmp_path / "cache")
