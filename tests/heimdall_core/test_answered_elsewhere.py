"""Answers of a model are the same where an executor's machines make them."""

from __future__ import annotations

from pathlib import Path

import pytest
from elsewhere import Elsewhere
from tiny_models import LESSONS

from heimdall_core import Registry
from heimdall_core.dataset.parallel import spread_over
from heimdall_core.errors import ModelError
from heimdall_core.pipeline.steps import models
from heimdall_core.pipeline.steps.answers import AnswerLog
from heimdall_core.pipeline.steps.evaluate import EvaluateReport, evaluate_model
from heimdall_core.pipeline.steps.hosted import HostedModel, ModelSource, answers_elsewhere
from heimdall_core.pipeline.steps.models import open_model
from heimdall_core.types import Completion, Example

REGISTRY = Registry(third_party=False, environ={})
ROWS = [Example(question, output=answer) for question, answer in LESSONS]


class Unasked:
    """Stands for the model in the called process, which is not to answer."""

    name, context_size = "unasked", 512

    def generate(self, *_: object, **__: object) -> list[Completion]:
        raise AssertionError("the called process was asked")


def report(model: object, source: ModelSource | None, log: AnswerLog | None) -> EvaluateReport:
    evaluators = {"exact_match": REGISTRY.evaluator("exact_match").options()}
    return evaluate_model(
        REGISTRY,
        model,  # type: ignore[arg-type]
        ROWS,
        evaluators,
        max_new_tokens=40,
        source=source,
        log=log,
    )


def texts(found: EvaluateReport) -> list[tuple[str, int, str]]:
    return [(answer.text, answer.tokens, answer.finish) for answer in found.completions]


@pytest.mark.slow
def test_the_machines_of_an_executor_answer_as_this_one_does(
    taught_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "_PIECE", 4)
    with open_model(REGISTRY, taught_model) as model:
        here = report(model, None, None)
    session = Elsewhere()
    with spread_over(session), AnswerLog(tmp_path / "log", "key") as log:
        there = report(Unasked(), ModelSource(taught_model), log)
    assert session.maps == 1
    assert texts(there) == texts(here)
    assert there.results[0].to_dict() == here.results[0].to_dict()
    assert there.results[0].value.value == 1.0
    with spread_over(session), AnswerLog(tmp_path / "log", "key") as log:
        again = report(Unasked(), ModelSource(taught_model), log)
    assert texts(again) == texts(here)


def test_without_its_source_or_machines_the_called_process_answers(tmp_path: Path) -> None:
    class Few(Elsewhere):
        def hosts(self, path: Path) -> None:  # type: ignore[override]
            return None

    class Old:  # a session from before there were hosts
        pass

    for session in (Elsewhere(), Few(), Old(), None):
        source = None if isinstance(session, Elsewhere) and type(session) is Elsewhere else tmp_path
        with spread_over(session):  # type: ignore[arg-type]
            assert answers_elsewhere(REGISTRY, source and ModelSource(source), 9) is None


def test_a_machine_with_another_model_at_the_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="is not the model that is measured"):
        HostedModel(REGISTRY, tmp_path, None, "another digest", 9)(["Ask."])
