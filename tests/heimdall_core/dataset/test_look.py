"""Preview and statistics: rows as a model sees them, and what a dataset is made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from heimdall_core.cli.main import cli
from heimdall_core.dataset.describe import describe
from heimdall_core.dataset.plots import write_plots
from heimdall_core.dataset.preview import preview_rows
from heimdall_core.dataset.validate import ValidateOptions, validate_file
from heimdall_core.errors import DatasetError, RecipeError
from heimdall_core.prompt import SPECIAL_TOKENS
from heimdall_core.structure import structure
from heimdall_core.types import Complexity, Language

Write = Callable[..., Path]
ROWS = [
    {"instruction": "count the authors", "output": "RETURN 1", "category": "a"},
    {"instruction": "say grüß", "output": "RETURN 'grüß'", "category": "b", "licence": "MIT"},
]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level tokenizer with a limit saved in it, which must not cut."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(["RETURN count the authors user assistant"], trainer)
    made.enable_truncation(5)
    path = tmp_path_factory.mktemp("tok") / "tokenizer.json"
    made.save(str(path))
    return path


def test_a_row_is_shown_as_it_is_trained(write: Write, tokenizer: Path) -> None:
    found, bad = preview_rows(write([*ROWS, b"{"]), rows=5, tokenizer=str(tokenizer))
    assert [row.line for row in found] == [1, 2]
    assert [each.line for each in bad] == [3]
    first = found[0]
    assert first.prompt == "<|im_start|>user\ncount the authors<|im_end|>\n<|im_start|>assistant\n"
    assert first.answer == "RETURN 1<|im_end|>"
    trained = [token for token in first.tokens if token.trained]
    assert "".join(token.text for token in trained) == "RETURN 1<|im_end|>"
    assert trained[-1].text == "<|im_end|>"
    rest = [token.text for token in first.tokens if not token.trained]
    assert "".join(rest) == first.prompt
    assert first.trained == len(trained)


def test_what_lies_beyond_the_limit_is_marked(write: Write, tokenizer: Path) -> None:
    whole = preview_rows(write(ROWS), rows=1, tokenizer=str(tokenizer))[0][0]
    limit = len(whole.tokens) - 2
    (row,), _ = preview_rows(write(ROWS), rows=1, tokenizer=str(tokenizer), max_seq_length=limit)
    assert [token.beyond for token in row.tokens][-3:] == [False, True, True]
    assert row.trained == whole.trained - 2


def test_validation_counts_tokens_and_what_would_not_be_trained(
    write: Write, tokenizer: Path
) -> None:
    long = {"instruction": "x " * 60, "output": "RETURN 1", "category": "a"}
    path = write([*ROWS, long])
    lengths = [len(r.tokens) for r in preview_rows(path, tokenizer=str(tokenizer))[0]]
    options = ValidateOptions(tokenizer=str(tokenizer), max_seq_length=max(lengths[:2]))
    tokens = validate_file(path, options).tokens
    assert tokens is not None
    assert (tokens.rows, tokens.truncated, tokens.untrainable) == (3, 1, 1)
    assert (tokens.row.longest, tokens.row.p50) == (max(lengths), sorted(lengths)[1])
    report = validate_file(path, options)
    assert [line for line in report.failures(options) if line.startswith("Tokens")]
    roomy = attrs.evolve(options, max_seq_length=1000)
    assert not [f for f in validate_file(path, roomy).failures(roomy) if f.startswith("Tokens")]


def test_a_limit_without_a_tokenizer_is_refused() -> None:
    with pytest.raises(RecipeError, match="tokenizer"):
        structure({"max_seq_length": 9}, ValidateOptions)
    with pytest.raises(RecipeError, match="did you mean 'chatml'"):
        structure({"prompt_profile": "chatlm"}, ValidateOptions)


@pytest.mark.parametrize("name", ["none.json", "."])
def test_what_is_no_tokenizer_is_told(write: Write, tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match=r"tokenizer"):
        preview_rows(write(ROWS), tokenizer=str(tmp_path / name))


def test_statistics(write: Write, tokenizer: Path, tmp_path: Path) -> None:
    language = Language(
        name="toy",
        summary="",
        dialects=("plain",),
        check=lambda query, request: [],
        normalise=lambda query: None,  # type: ignore[arg-type, return-value]
        format=str,
        extract=str,
        complexity=lambda query: Complexity(2, "small"),
        vocabulary=lambda query: {"labels": query.split()[1:]},
    )
    rows = [
        {"instruction": f"Q{n}", "output": f"FETCH A B{n % 2} A", "language": "toy", "schema": "s"}
        for n in range(10)
    ]
    path = write([*rows, *ROWS, b"["])
    found = describe(path, language={"toy": language}.get, tokenizer=str(tokenizer))
    assert (found.rows, found.bad, found.unread) == (12, 1, 0)
    assert found.counts["schemas"] == {"s": 10, "": 2}
    assert found.complexity == {2: 10}
    assert found.vocabulary == {"labels": {"A": 10, "B0": 5, "B1": 5}}
    assert found.characters["prompt"].longest == len("count the authors")
    assert found.tokens["row"].longest > found.tokens["answer"].longest
    files = write_plots(found, tmp_path / "plots")
    assert {"categories.svg", "complexity.svg", "vocabulary_labels.svg"} <= {f.name for f in files}
    before = [file.read_bytes() for file in files]
    assert [file.read_bytes() for file in write_plots(found, tmp_path / "plots")] == before
    assert b"<svg" in before[0]
    (png, *_) = write_plots(found, tmp_path / "png", "png")
    assert png.read_bytes().startswith(b"\x89PNG")


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, arguments)
    return done.exit_code, done.output


def test_commands(write: Write, tokenizer: Path, tmp_path: Path) -> None:
    path = write(
        [{**ROWS[n % 2], "instruction": f"Which question is number {n}?"} for n in range(8)]
    )
    code, out = run("preview", str(path), "--rows", "1", "--tokenizer", str(tokenizer))
    assert code == 0
    assert "▶" in out
    assert "<|im_end|>⏹" in out
    code, out = run("preview", str(path), "--rows", "2", "--json")
    assert [row["line"] for row in json.loads(out)["rows"]] == [1, 2]
    code, out = run("stats", str(path), "--json", "--plots", str(tmp_path / "p"))
    assert code == 0
    assert json.loads(out[out.index("{") :])["rows"] == 8
    code, out = run("mix", f"{path}=2", "--rows", "4", "--output", str(tmp_path / "m.jsonl"))
    assert (code, len((tmp_path / "m.jsonl").read_text().splitlines())) == (0, 4)
    code, out = run("replay", "add", str(tmp_path / "s"), str(path), "--generation", "one")
    assert code == 0
    code, out = run("replay", "show", str(tmp_path / "s"), "--json")
    assert json.loads(out)["rows"] == 8
    code, out = run("validate", str(path), "--no-check-language", "--json")
    assert json.loads(out[out.index("{") :])["failed"] == []
