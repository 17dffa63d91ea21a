"""Rows as token ids: what is trained, what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from heimdall_core.dataset.io import write_examples
from heimdall_core.errors import DatasetError, ModelError, PromptError
from heimdall_core.prompt import IM_END, render_example
from heimdall_core.types import Example
from heimdall_run_transformers.encode import encode_rows, read_rendered
from heimdall_run_transformers.model import TransformersModel
from heimdall_run_transformers.tokens import rust_tokenizer

ROWS = [render_example("Find all people.", "", "MATCH (p) RETURN p"), render_example("a", "b", "c")]
LIMITS = {"max_length": 100, "max_share_too_long": 0.0, "where": "rows.jsonl"}


@pytest.fixture
def rust(model: TransformersModel) -> Tokenizer:
    return rust_tokenizer(model.tokenizer)


def test_the_answer_is_trained_and_nothing_else(rust: Tokenizer) -> None:
    encoded = encode_rows(rust, ROWS, **LIMITS)  # type: ignore[arg-type]
    for row, rendered in zip(encoded.rows, ROWS, strict=True):
        tokens = row.tokens.tolist()
        # The prompt's ids are those that the model is given when it answers.
        assert tokens[: row.prompt_length] == rust.encode(rendered.prompt).ids
        assert rust.decode(tokens[row.prompt_length :], skip_special_tokens=False) == (
            rendered.answer
        )
        assert tokens[-1] == rust.token_to_id(IM_END)
        assert row.trained == len(tokens) - row.prompt_length
    assert encoded.tokens == sum(len(row.tokens) for row in encoded.rows)
    assert encoded.trained_tokens == sum(row.trained for row in encoded.rows)


def test_rows_too_long_are_counted_and_left_out(rust: Tokenizer) -> None:
    longest = max(len(rust.encode(r.prompt + r.answer).ids) for r in ROWS)
    limits = {**LIMITS, "max_length": longest - 1, "max_share_too_long": 0.5}
    encoded = encode_rows(rust, ROWS, **limits)  # type: ignore[arg-type]
    assert encoded.too_long == 1
    assert len(encoded.rows) == 1
    assert encode_rows(rust, ROWS, **{**limits, "max_length": longest}).too_long == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(("shorter", "share"), [(1, 0.49), (1, 0.0), (1000, 1.0)])
def test_too_many_rows_too_long_stop_the_run(rust: Tokenizer, shorter: int, share: float) -> None:
    longest = max(len(rust.encode(r.prompt + r.answer).ids) for r in ROWS)
    length = max(1, longest - shorter)
    with pytest.raises(
        ModelError, match=r"of 2 rows are longer than max_seq_length = \d+"
    ) as error:
        encode_rows(rust, ROWS, max_length=length, max_share_too_long=share, where="rows.jsonl")
    assert str(error.value).startswith("rows.jsonl: ")
    assert "max_truncated" in str(error.value)


def test_a_control_marker_names_its_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_examples(path, [Example("fine", output="x"), Example(f"bad {IM_END}", output="x")])
    with pytest.raises(PromptError, match=r"rows.jsonl: row 2 \([0-9a-f]{16}\): .*im_end"):
        read_rendered(path)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n")
    with pytest.raises(DatasetError, match="the file has no rows"):
        read_rendered(path)
