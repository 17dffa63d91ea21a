"""A whole small way: a nano model is trained, answers as the teacher, the checker filters, a
student learns from what is right. With `-s` it prints its figures; `HEIMDALL_NANO_RUN` may name the
folder of a `heimdall run nano` that is there already."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from heimdall_core import Registry
from heimdall_core.config import TrainingConfig
from heimdall_core.dataset import read_examples
from heimdall_core.pipeline.steps.models import open_model, prompt_of
from heimdall_core.prompt import strip_answer
from heimdall_core.types import CheckRequest, Example, Json, TrainContext
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.write import distill_file
from heimdall_lang_cypher.language import check
from heimdall_lang_cypher.normalise import normalise
from heimdall_train_scratch.train import train

#: The nano recipe, shortened to a few minutes.
RECIPE = """
name = "teacher"
extends = "nano"
[generate]
num_examples = 9000
[generate.mix.cypher]
schemas = ["bank", "cinema", "library", "shop"]
families = ["match_all", "match_property", "equals", "greater", "less", "count_all", "limit",
  "traverse_out", "avg", "order_ascending", "create_node", "is_null"]
[split]
unseen_schemas = 0
[train]
num_train_epochs = 2
[export.options.gguf]
quant_types = ["F16"]
[evaluate]
artefacts = ["F16"]
metrics = ["cypher_syntax"]
max_rows = 40
[evaluate.targets]
cypher_syntax = 0.0
"""
PROMPTS, HELD_OUT = 2000, 200
STUDENT = TrainingConfig(
    trainer="scratch",
    train_from_scratch=True,
    hidden_size=160,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    intermediate_size=448,
    vocab_size=1536,
    max_seq_length=128,
    max_position_embeddings=256,
    per_device_train_batch_size=32,
    gradient_accumulation_steps=1,
    optimizer="muon",
    matrix_learning_rate=0.008,
    learning_rate=2e-3,
    copy_drill_steps=100,
    num_train_epochs=8,
    eval_steps=100,
    logging_steps=50,
)


@pytest.fixture(scope="module")
def teacher_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the stages of a nano run."""
    if given := os.environ.get("HEIMDALL_NANO_RUN"):
        return Path(given) / "stages"
    folder = tmp_path_factory.mktemp("nano")
    recipe = folder / "teacher.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    code = "from heimdall_core.cli.main import entry; entry()"
    command = [sys.executable, "-c", code, "run", str(recipe), "--runs", str(folder / "runs")]
    subprocess.run(command, check=True, cwd=folder)
    return folder / "runs" / "teacher" / "stages"


def _one(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def _figures(path: Path, rows: list[Example], schemas: Json) -> dict[str, float]:
    """Shares of a model's answers that pass the check, and that mean what they should."""
    valid = right = 0
    with open_model(Registry(), path) as model:
        answers = model.generate([prompt_of(row) for row in rows], max_new_tokens=96)
    for row, answer in zip(rows, answers, strict=True):
        query = strip_answer(answer.text)
        request = CheckRequest(dialect="nornicdb", schema=schemas[row.schema], performance=False)
        if answer.finish != "stop" or any(f.severity == "error" for f in check(query, request)):
            continue
        valid += 1
        right += normalise(query).canonical == normalise(row.output).canonical
    return {"valid": valid / len(rows), "right": right / len(rows)}


@pytest.mark.slow
def test_a_student_learns_what_nano_answers(teacher_run: Path, tmp_path: Path) -> None:
    schema_file = _one(teacher_run, "generate-*/schemas.json")
    schemas = json.loads(schema_file.read_text(encoding="utf-8"))
    teacher = _one(teacher_run, "export-*/gguf/*-F16.gguf")
    held_out = list(islice(read_examples(_one(teacher_run, "split-*/test.jsonl")), HELD_OUT))
    prompts = tmp_path / "prompts.jsonl"
    with prompts.open("w", encoding="utf-8") as file:
        for row in islice(read_examples(_one(teacher_run, "split-*/train.jsonl")), PROMPTS):
            asked = {"question": row.instruction, "input": row.input, "schema": row.schema}
            file.write(json.dumps({**asked, "category": row.category}) + "\n")
    output = tmp_path / "distilled.jsonl"
    report: Any = distill_file(
        DistillOptions(
            prompts=str(prompts),
            teacher="local",
            teacher_options={"model": str(teacher)},
            plain=True,
            schema=str(schema_file),
            max_tokens=96,
            cache=str(tmp_path / "cache"),
        ),
        Registry(third_party=False).teacher,
        output,
    )
    context = TrainContext(
        train=output,
        validation=output,
        output=tmp_path / "student" / "model",
        work=tmp_path / "student" / "work",
        seed=1,
    )
    result = train(context, STUDENT)
    figures = {
        "prompts": report["prompts"],
        "accepted": report["rows"],
        "rejected": report["reasons"],
        "student's steps": result.history[-1].get("step"),
        "teacher": _figures(teacher, held_out, schemas),
        "student": _figures(context.output, held_out, schemas),
    }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    # The filter let nothing through that its own check refuses, and refused something or nothing
    # for a reason that it names.
    assert report["rows"] + report["rejected"] + report["repeated"] == report["prompts"]
    assert report["rows"] > 0.5 * report["prompts"]
    for row in read_examples(output):
        request = CheckRequest(dialect="nornicdb", schema=schemas[row.schema], performance=False)
        assert not [f for f in check(row.output, request) if f.severity == "error"]
    student, taught = figures["student"], figures["teacher"]
    assert student["valid"] > 0.5
    assert student["right"] > 0.3 * taught["right"] > 0
