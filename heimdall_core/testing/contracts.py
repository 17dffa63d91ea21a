"""The contract classes of languages, evaluators, trainers, runtimes and exporters. pytest collects
the `test_…` methods of a subclass whose name starts with `Test`; nothing here imports pytest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import HeimdallError
from heimdall_core.testing.base import PluginContract, refusal
from heimdall_core.types import (
    CONTEXT_SIZES,
    CheckRequest,
    Completion,
    EvaluateContext,
    Example,
    ExportContext,
    Measurement,
)


class LanguageContract(PluginContract):
    """Languages: total functions over any text."""

    role = "language"
    valid: ClassVar[Sequence[str]]
    """Queries that are right."""
    invalid: ClassVar[Sequence[str]]
    """Queries that are not."""
    nasty: ClassVar[Sequence[str]] = ("", "\x00", "(((", "'", "\ud800", "é" * 1000, "\n\n")
    """Texts that must not raise."""

    def test_accepts_what_is_right(self) -> None:
        """No error in a valid query."""
        for language in self.items():
            for query in self.valid:
                errors = [f for f in language.check(query, CheckRequest()) if f.severity == "error"]
                assert not errors, (query, errors)

    def test_rejects_what_is_wrong(self) -> None:
        """An error with a position inside the text in an invalid query."""
        for language in self.items():
            for query in self.invalid:
                found = [f for f in language.check(query, CheckRequest()) if f.severity == "error"]
                assert found, query
                assert found[0].line >= 1
                assert found[0].column >= 1
                assert found[0].message

    def test_check_never_raises(self) -> None:
        """Any text in, findings out."""
        for language in self.items():
            for text in self.nasty:
                list(language.check(text, CheckRequest()))

    def test_normalise_and_format_keep_the_meaning(self) -> None:
        """Both are idempotent, and a formatted query has the canonical form it had."""
        for language in self.items():
            for query in self.valid:
                canonical = language.normalise(query).canonical
                assert language.normalise(canonical).canonical == canonical
                pretty = language.format(query)
                assert language.format(pretty) == pretty
                assert language.normalise(pretty).canonical == canonical

    def test_the_same_text_gets_the_same_findings(self) -> None:
        """A second look finds what the first one found."""
        for language in self.items():
            for query in (*self.valid, *self.invalid):
                first = list(language.check(query, CheckRequest()))
                assert list(language.check(query, CheckRequest())) == first, query

    def test_what_does_not_parse_is_refused_in_a_line(self) -> None:
        """`normalise` raises a `HeimdallError` of one line, and nothing else, for such a query."""
        for language in self.items():
            for query in self.invalid:
                errors = [f for f in language.check(query, CheckRequest()) if f.severity == "error"]
                if all(f.kind == "syntax" for f in errors):
                    said = _refusal_of(language, query)
                    assert said, f"{query!r} does not parse and has a canonical form"
                    assert "\n" not in said, f"an error has several lines: {said}"

    def test_says_how_hard_a_query_is(self) -> None:
        """`complexity`, where there is one, gives a level from 1 to 5 and a known context size."""
        for language in self.items():
            for query in self.valid if language.complexity is not None else ():
                found = language.complexity(query)
                assert 1 <= found.level <= 5
                assert found.context_size in CONTEXT_SIZES

    def test_extracts_the_query_from_an_answer(self) -> None:
        """A query alone, in a fence, and none in prose."""
        for language in self.items():
            query = self.valid[0]
            assert language.extract(query).strip() == query
            assert language.extract(f"Here it is:\n```\n{query}\n```\n").strip() == query
            assert language.extract("I am afraid I cannot do that.") == ""


def _refusal_of(language: Any, query: str) -> str:
    try:
        language.normalise(query)
    except HeimdallError as error:
        return str(error)
    return ""


class EvaluatorContract(PluginContract):
    """Evaluators: one measurement per row, in order."""

    role = "evaluator"
    examples: ClassVar[Sequence[Example]] = (
        Example("Count the people", output="MATCH (p:Person) RETURN count(p)", language="cypher"),
        Example("Say hello", output="Hello."),
    )
    answers: ClassVar[Sequence[str]] = ("MATCH (p:Person) RETURN count(p)", "")
    deterministic: ClassVar[bool] = True
    """Whether the same answers always get the same values; not so where time is measured."""

    def use(self, item: Any, options: Any) -> None:
        """Measures the rows."""
        list(item.measure(self.context(), options))

    def _measured(self, evaluator: Any) -> list[Measurement]:
        return list(evaluator.measure(self.context(), evaluator.options()))

    def context(self) -> EvaluateContext:
        """What the evaluators are given; override it for one that needs a model."""
        completions = [Completion(text, len(text.split()), "stop") for text in self.answers]
        return EvaluateContext(examples=self.examples, completions=completions, model=None)

    def test_one_measurement_per_row(self) -> None:
        """As many measurements as rows, finite, with weights that are not negative."""
        for evaluator in self.items():
            found = self._measured(evaluator)
            assert len(found) == len(self.examples)
            for measurement in found:
                assert isinstance(measurement, Measurement)
                assert measurement.weight >= 0
                assert measurement.value == measurement.value, "not a number"

    def test_the_same_answers_get_the_same_values(self) -> None:
        """Measured twice, the same rows and answers get the same measurements, details and all;
        where time is measured, the same rows count."""
        for evaluator in self.items():
            first, second = self._measured(evaluator), self._measured(evaluator)
            if self.deterministic:
                assert first == second, f"{evaluator.name} measures the same rows differently"
            else:
                assert [m.weight for m in first] == [m.weight for m in second]

    def test_values_stay_inside_the_bounds(self) -> None:
        """The metric of the rows, and the target, lie within `bounds`, where it states some."""
        for evaluator in self.items():
            low, high = evaluator.bounds or (-math.inf, math.inf)
            assert low < high, f"{evaluator.name}: the bounds {low} and {high} hold nothing"
            if evaluator.target is not None:
                assert low <= evaluator.target <= high
            found = self._measured(evaluator)
            if sum(m.weight for m in found) > 0:
                value = (evaluator.aggregate or _mean)(found)
                slack = 1e-6 * max(1.0, abs(value))  # a cosine in 32 bits may be 1.0000001
                assert low - slack <= value <= high + slack, f"{evaluator.name} is {value}"

    def test_needs_are_known(self) -> None:
        """`needs` says `answers`, `model`, or both."""
        for evaluator in self.items():
            assert evaluator.needs
            assert evaluator.needs <= {"answers", "model"}


def _mean(measurements: Sequence[Measurement]) -> float:
    total = sum(m.weight for m in measurements)
    return sum(m.value * m.weight for m in measurements) / total


class TrainerContract(PluginContract):
    """Trainers: they read the settings that they say they read."""

    role = "trainer"

    def test_reads_fields_that_exist(self) -> None:
        """`reads` and `defaults` name fields of `TrainingConfig`."""
        known = {field.name for field in attrs.fields(TrainingConfig)}
        for trainer in self.items():
            assert trainer.reads <= known, trainer.reads - known
            assert set(trainer.defaults) <= trainer.reads

    def test_defaults_are_settings(self) -> None:
        """`defaults` holds values that the settings can have."""
        for trainer in self.items():
            TrainingConfig.from_dict(dict(trainer.defaults))


class RuntimeContract(PluginContract):
    """Runtimes: they know what they can load without loading it."""

    role = "runtime"

    def test_refuses_what_it_cannot_load(self, tmp_path: Path) -> None:
        """An empty folder and a text file are not models."""
        note = tmp_path / "note.txt"
        note.write_text("no model", encoding="utf-8")
        for runtime in self.items():
            assert not runtime.handles(tmp_path)
            assert not runtime.handles(note)
            assert not runtime.handles(tmp_path / "missing")

    def test_loading_what_is_not_there_is_told(self, tmp_path: Path) -> None:
        """One clear line, not a traceback from deep inside a library."""
        for runtime in self.items():
            refusal(runtime.load, tmp_path / "missing", runtime.options())


class ExporterContract(PluginContract):
    """Exporters: they say beforehand what they will write, and refuse what is no model."""

    role = "exporter"

    def test_says_what_it_will_write(self) -> None:
        """`kinds` gives at least one kind for the default options."""
        for exporter in self.items():
            if exporter.kinds is not None:
                assert exporter.kinds(exporter.options())

    def test_refuses_a_folder_without_a_model(self, tmp_path: Path) -> None:
        """One clear error, and nothing left behind."""
        (tmp_path / "model").mkdir()
        (tmp_path / "out").mkdir()
        for exporter in self.items():
            context = ExportContext(model=tmp_path / "model", output=tmp_path / "out")
            refusal(_exported, exporter, context)
            assert not list((tmp_path / "out").iterdir())


def _exported(exporter: Any, context: ExportContext) -> list[Any]:
    return list(exporter.export(context, exporter.options()))
