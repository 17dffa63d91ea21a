"""A model on this machine as the teacher, and the whole small way from it to a student."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tiny_models import LESSONS
from tiny_training import TINY

from heimdall_core import HeimdallError, Registry
from heimdall_core.config import TrainingConfig
from heimdall_core.dataset import read_examples
from heimdall_core.prompt import messages_for
from heimdall_core.testing import TeacherContract
from heimdall_core.types import TeacherRequest, TrainContext
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.prompts import read_fields
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


JSON_LESSONS = tuple((question, json.dumps({"query": answer})) for question, answer in LESSONS)
QUERY = {
    "type": "object",
    "properties": {"query": {"type": "string"}},
    "required": ["query"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def json_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was taught to answer with JSON, as GGUF."""
    from tiny_models import build_model

    from heimdall_core.types import ExportContext
    from heimdall_export_gguf.export import export
    from heimdall_export_gguf.options import GGUFOptions

    folder = tmp_path_factory.mktemp("json")
    model = build_model(folder / "model", taught=JSON_LESSONS)
    context = ExportContext(model=model, output=folder / "json.gguf")
    (artefact,) = export(context, GGUFOptions(quant_types=("F16",)))
    return artefact.path


def _strange(path: Path, *, schema: dict[str, Any] | None, **options: Any) -> list[Any]:
    """Answers to questions that the model was not taught, at a temperature where it errs."""

    async def ask() -> list[Any]:
        session = open_session(LocalOptions(model=str(path), **options))
        try:
            requests = [
                TeacherRequest(
                    messages_for(f"{question} ({number})"),
                    max_tokens=80,
                    temperature=1.3,
                    sample=number,
                    answer_schema=schema,
                )
                for number, (question, _) in enumerate(LESSONS * 3)
            ]
            found = await asyncio.gather(*(session.send(session.render(r)) for r in requests))
            return [answer for answer in found if answer.finish == "stop"]
        finally:
            await session.close()

    return asyncio.run(ask())


def test_structured_answers_are_enforced(json_gguf: Path) -> None:
    fields = {"query": ""}
    free = _strange(json_gguf, schema=QUERY, structured=False)
    held = _strange(json_gguf, schema=QUERY)
    assert any(read_fields(answer.text, fields) is None for answer in free)
    assert len(held) >= 5
    assert all(read_fields(answer.text, fields) is not None for answer in held)


def test_bare_answers_can_be_held_to_cypher(taught_gguf: Path) -> None:
    from heimdall_lang_cypher.parser import parse
    from heimdall_lang_cypher.syntax_errors import CypherSyntaxError

    def parses(text: str) -> bool:
        try:
            parse(text)
        except CypherSyntaxError:
            return False
        return True

    assert not all(parses(answer.text) for answer in _strange(taught_gguf, schema=None))
    held = _strange(taught_gguf, schema=None, grammar="data")
    assert len(held) >= 5
    assert all(parses(answer.text) for answer in held)


def test_a_grammar_needs_a_runtime_that_follows_it(taught_model: Path) -> None:
    assert not open_session(LocalOptions(model=str(taught_model))).structured
    with pytest.raises(HeimdallError, match="cannot follow a grammar"):
        open_session(LocalOptions(model=str(taught_model), grammar="read"))
    with pytest.raises(HeimdallError, match="unknown grammar variant 'raed'"):
        open_session(LocalOptions(model=str(taught_model), grammar="raed"))


def test_grammars_of_schemas() -> None:
    from heimdall_teach_local.grammar import json_grammar

    two = {"reason": {"type": "string"}, "score": {"type": "integer"}}
    root = json_grammar({"properties": two}).splitlines()[0]
    assert root.index("reason") < root.index("score")
    with pytest.raises(HeimdallError, match="'many' is neither a text nor a whole number"):
        json_grammar({"properties": {"many": {"type": "array"}}})


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
    longer = {"max_seq_length": 128, "max_position_embeddings": 128, "max_steps": 40}
    often = {"eval_steps": 20, "logging_steps": 10, "learning_rate": 5e-3, "threads": 1}
    settings = TrainingConfig(**{**TINY, **longer, **often})
    result = train(context, settings)
    assert (context.output / "model.safetensors").is_file()
    losses = [step["validation_loss"] for step in result.history if "validation_loss" in step]
    assert losses[-1] < losses[0]
