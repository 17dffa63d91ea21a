"""The composition of a dataset."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from heimdall_core.dataset.io import write_examples
from heimdall_core.dataset.stats import Lengths, composition
from heimdall_core.errors import DatasetError
from heimdall_core.types import Example

Write = Callable[..., Path]


def test_counts_and_lengths(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl.gz"
    write_examples(
        path,
        [
            Example(
                "i" * n,
                system="s",
                input="in",
                output="o" * (2 * n),
                category="ab"[n > 30],
                family="f",
                schema="s",
                source="gen",
                licence="MIT",
                context_size="large",
            )
            for n in range(1, 101)
        ],
    )
    found = composition(path)
    assert (found.rows, found.bad) == (100, 0)
    assert list(found.categories.items()) == [("b", 70), ("a", 30)]
    assert found.families == {"f": 100}
    assert found.schemas == {"s": 100}
    assert found.sources == {"gen": 100}
    assert found.licences == {"MIT": 100}
    assert found.context_sizes == {"large": 100}
    # The prompt: one character, the instruction, a line end, and the input's two characters.
    assert found.prompt == Lengths(mean=54.5, p5=9, p50=54, p95=99, longest=104)
    assert found.answer == Lengths(mean=101.0, p5=10, p50=100, p95=190, longest=200)
    assert json.loads(json.dumps(found.to_json()))["answer"]["p95"] == 190


def test_a_single_row_is_all_percentiles(write: Write) -> None:
    found = composition(write([{"instruction": "four", "output": "x"}, b"{"]))
    assert found.prompt == Lengths(4.0, 4, 4, 4, 4)
    assert found.bad == 1


def test_an_empty_file_has_no_lengths(write: Write) -> None:
    found = composition(write([]))
    assert (found.rows, found.prompt, found.categories) == (0, Lengths(), {})


def test_a_missing_file_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        composition(tmp_path / "missing.jsonl")
