"""A model on this machine as the teacher, and the whole small way from it to a student."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tiny_models import LESSONS

from heimdall_core import HeimdallError, Registry
from heimdall_core.config import TrainingConfig
from heimdall_core.dataset import read_examples
from heimdall_core.prompt import messages_for
from heimdall_core.testing import TeacherContract
from heimdall_core.types import TeacherRequest, TrainContext
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.write import distill_file
from heimdall_teach_local.options import LocalOptions
from heimdall_teach_local.session import open_session


class TestTeachLocal(TeacherContract):
    plugin = "heimdall_teach_local.plugin"

    @pytest.fixture(autouse=True)
    def model(self, taught_model: Path) -> None:
        self.path = taught_model

    def options(self, teacher: Any) -> Any:
        return teacher.options(model=str(self.path))


@pytest.mark.parametrize("kind", ["taught_model", "taught_gguf"])
def test_requests_at_once_get_their_own_answers(kind: str, request: Any) -> None:
    path: Path = request.getfixturevalue(kind)

    async def ask() -> list[str]:
        session = open_session(LocalOptions(model=str(path), batch=3))
        asked = [
            session.render(TeacherRequest(messages_for(question), max_tokens=64))
            for question, _ in LESSONS
        ]
        found = await asyncio.gather(*(session.send(body) for body in asked))
        await session.close()
        assert all(answer.answer_tokens > 0 for answer in found)
        return [answer.text for answer in found]

    assert asyncio.run(ask()) == [answer for _, answer in LESSONS]


def test_other_weights_are_another_request(taught_model: Path, tmp_path: Path) -> None:
    from heimdall_teach_local.session import fingerprint

    other = tmp_path / "model.safetensors"
    other.write_bytes((taught_model / "model.safetensors").read_bytes()[:-1] + b"x")
    assert fingerprint(taught_model) != fingerprint(tmp_path)
    assert len(fingerprint(taught_model)) == 16


def test_no_model_is_one_clear_line() -> None:
    with pytest.raises(HeimdallError, match="no model is named"):
        open_session(LocalOptions())


def test_the_whole_small_way(taught_model: Path, tmp_path: Path) -> None:
    """The teacher answers, the checker sorts out what is no query, a student learns the rest."""
    from heimdall_train_scratch.train import train

    prompts = tmp_path / "prompts.txt"
    prompts.write_text("\n".join(question for question, _ in LESSONS) + "\n", encoding="utf-8")
    output = tmp_path / "distilled.jsonl"
    report = distill_file(
        DistillOptions(
            prompts=str(prompts),
            teacher="local",
            teacher_options={"model": str(taught_model)},
            plain=True,
            max_tokens=64,
            cache=str(tmp_path / "cache"),
            budget_usd=0.01,
        ),
        Registry(third_party=False).teacher,
        output,
    )
    assert report is not None
    queries = {q: a for q, a in LESSONS if a != "😀"}
    assert (report["rows"], report["rejected"], report["usd_this_run"]) == (len(queries), 1, 0)
    rows = list(read_examples(output))
    assert {row.instruction: row.output for row in rows} == queries
    rejected = (tmp_path / "distilled.rejected.jsonl").read_text(encoding="utf-8")
    assert json.loads(rejected)["question"] == "Smile."
    context = TrainContext(
        train=output,
        validation=output,
        output=tmp_path / "student" / "model",
        work=tmp_path / "student" / "work",
        seed=1,
    )
    settings = TrainingConfig(
        trainer="scratch",
        train_from_scratch=True,
        hidden_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=128,
        vocab_size=400,
        max_seq_length=128,
        max_position_embeddings=128,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=1,
        learning_rate=5e-3,
        num_train_epochs=30,
        max_steps=40,
        eval_steps=20,
        logging_steps=10,
        threads=1,
    )
    result = train(context, settings)
    assert (context.output / "model.safetensors").is_file()
    losses = [step["validation_loss"] for step in result.history if "validation_loss" in step]
    assert losses[-1] < losses[0]
