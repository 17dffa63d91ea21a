"""A whole set of plugins in a few lines, for tests of the pipeline: rows that count, a model that
is a table of the training rows, a runtime that looks answers up in it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen, validators

from heimdall_core import (
    Artefact,
    Check,
    Completion,
    EvaluateContext,
    Evaluator,
    Event,
    Example,
    ExportContext,
    Exporter,
    Finding,
    GenerateContext,
    Generator,
    Language,
    Measurement,
    Normalised,
    Runtime,
    TokenScores,
    TrainContext,
    Trainer,
    TrainResult,
    VerifyContext,
    hookimpl,
)
from heimdall_core.dataset import read_examples
from heimdall_core.pipeline.steps.models import prompt_of


@frozen
class ToyOptions:
    """Options of the toy generator."""

    word: str = "item"
    """What is counted."""
    wrong: int = field(default=0, validator=validators.ge(0))
    """How many rows hold an error that the checker finds."""
    copies: int = 0
    """How many rows are yielded twice."""
    most: int = 10**6
    """How many rows it can make."""


def examples(context: GenerateContext, options: ToyOptions) -> Iterator[Example]:
    count = min(context.count, options.most)
    if count < context.count:
        context.note(f"toy can make {count} rows")
    for i in range(count):
        answer = "BAD" if i < options.wrong else f"FETCH {options.word} {i + context.seed % 1000}"
        row = Example(
            f"fetch {options.word} number {i + context.seed % 1000}",
            output=answer,
            category="even" if i % 2 == 0 else "odd",
            licence="MIT",
            language="toy",
            schema="left" if i % 3 else "right",
            family=f"f{i % 5}",
            combination=f"c{i}",
        )
        yield row
        if i < options.copies:
            yield row


def check(query: str, request: object) -> list[Finding]:
    return [] if query.startswith("FETCH") else [Finding("Bad", "error", "must start with FETCH")]


def train(context: TrainContext, config: Any) -> TrainResult:
    rows = list(read_examples(context.train))
    for i in range(4):
        context.emit(Event("metric", values={"loss": 1.0 / (i + 1)}))
    table = {prompt_of(row): row.output for row in rows}
    text = json.dumps([config.learning_rate, context.seed, table], sort_keys=True)
    (context.output / "table.json").write_text(text, encoding="utf-8")
    history = tuple({"step": i, "loss": 1.0 / (i + 1)} for i in range(4))
    seconds = time.perf_counter()  # of another value each time, as what trainers measure is
    return TrainResult(
        {"validation_loss": 0.25, "seconds": seconds, "tokens_per_second": 1 / seconds},
        tuple({**entry, "tokens_per_second": 1 / seconds} for entry in history),
        {"rows": len(rows)},
    )


class ToyModel:
    name = "toy"
    context_size = 100

    def __init__(self, path: Path) -> None:
        file = path / "table.json" if path.is_dir() else path
        self.table: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))[2]

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode())

    def generate(self, prompts: Sequence[str], **settings: Any) -> list[Completion]:
        return [
            Completion(
                p.split("\n")[1]
                .removesuffix("<|im_end|>")
                .replace("fetch", "FETCH")
                .replace(" number", ""),
                3,
                "stop",
            )
            for p in prompts
        ]

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[TokenScores]:
        return [TokenScores((-0.5,)) for _ in pairs]

    def logits(self, prompt: str) -> list[float]:
        return [0.0]

    def close(self) -> None:
        pass

    def __enter__(self) -> ToyModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@frozen
class ToyExportOptions:
    """Options of the toy exporter."""

    types: tuple[str, ...] = ("T1",)
    """Kinds to write."""


def export(context: ExportContext, options: ToyExportOptions) -> list[Artefact]:
    written = []
    for kind in options.types:
        path = context.output / f"toy-{kind}.toy"
        path.write_bytes((context.model / "table.json").read_bytes())
        written.append(Artefact(path, f"toy:{kind}", {"bits_per_weight": 8.0}))
    return written


def verify(context: VerifyContext) -> list[Check]:
    same = (context.model / "table.json").read_bytes() == context.artefact.read_bytes()
    return [Check("bytes", same, "the whole file")]


def measure(context: EvaluateContext, options: object) -> list[Measurement]:
    pairs = zip(context.examples, context.completions, strict=True)
    return [Measurement(float(row.output == answer.text)) for row, answer in pairs]


@hookimpl
def heimdall_generators() -> Iterator[Generator]:
    schemas = {"left": {"name": "left"}, "right": {"name": "right"}}
    yield Generator(
        "toy", "counts", ("even", "odd"), examples, ToyOptions, schemas=lambda options: schemas
    )


@hookimpl
def heimdall_languages() -> Iterator[Language]:
    yield Language(
        "toy",
        "FETCH and no more",
        ("toy",),
        check,
        lambda query: Normalised(query, query),
        lambda query: query,
        lambda answer: answer,
    )


@hookimpl
def heimdall_trainers() -> Iterator[Trainer]:
    yield Trainer("toy", "learns by heart", train, frozenset({"learning_rate"}))


@hookimpl
def heimdall_runtimes() -> Iterator[Runtime]:
    def handles(path: Path) -> bool:
        return path.suffix == ".toy" or (path / "table.json").is_file()

    yield Runtime("toy", "looks answers up", handles, lambda path, options: ToyModel(path))


@hookimpl
def heimdall_evaluators() -> Iterator[Evaluator]:
    yield Evaluator("same", "answers that are the same", measure, target=0.5)
    yield Evaluator("share", "the same, with bounds", measure, bounds=(0.0, 1.0))
    yield Evaluator("open", "the same, bounded below", measure, bounds=(1.0, math.inf))


@hookimpl
def heimdall_exporters() -> Iterator[Exporter]:
    yield Exporter(
        "toy",
        "copies the table",
        export,
        ToyExportOptions,
        kinds=lambda options: tuple(f"toy:{kind}" for kind in options.types),
        verify=verify,
    )
