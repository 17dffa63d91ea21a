"""The contract classes. pytest collects the `test_…` methods of a subclass whose name starts with
`Test`; nothing here imports pytest."""

from __future__ import annotations

import inspect
import itertools
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import attrs

from heimdall_core.config import TrainingConfig
from heimdall_core.registry import Registry
from heimdall_core.types import (
    NO_SCHEMA,
    CheckRequest,
    Completion,
    EvaluateContext,
    Example,
    GenerateContext,
    Measurement,
)

#: Modules that a `plugin.py` must not import: `heimdall --help` and `heimdall plugins` would wait.
HEAVY = (
    "torch",
    "numpy",
    "transformers",
    "peft",
    "gguf",
    "llama_cpp",
    "tokenizers",
    "safetensors",
    "pandas",
    "pyarrow",
    "datasets",
    "sentence_transformers",
)


class PluginContract:
    """What holds for every plugin."""

    plugin: ClassVar[str]
    """Import name of the module that the entry point names."""
    role: ClassVar[str] = ""
    """`generator`, `evaluator`, …; set by the role's contract."""

    def registry(self) -> Registry:
        """A registry with this plugin alone."""
        module = import_module(self.plugin)
        return Registry(discover=False, plugins=[(self.plugin, module)])

    def items(self) -> list[Any]:
        """What the plugin registers in its role."""
        registry = self.registry()
        return [getattr(registry, self.role)(name) for name in registry.names(self.role)]

    def test_registers_something_in_its_role(self) -> None:
        """The module loads by itself and yields at least one thing of its role."""
        if self.role:
            assert self.items(), f"{self.plugin} yields nothing from heimdall_{self.role}s"
        else:
            assert self.registry().plugins[0].hooks

    def test_imports_nothing_heavy(self) -> None:
        """Importing the plugin in a fresh interpreter imports none of `HEAVY`."""
        code = (
            "import sys, importlib, heimdall_core.registry; "
            f"importlib.import_module({self.plugin!r}); "
            f"print([m for m in {HEAVY!r} if m in sys.modules])"
        )
        done = subprocess.run(  # noqa: S603 - our own interpreter, no shell
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "[]", f"{self.plugin} imports {done.stdout.strip()}"

    def test_has_a_card(self) -> None:
        """A README.md lies beside the module and says more than its title."""
        spec = find_spec(self.plugin)
        assert spec is not None
        assert spec.origin is not None
        card = Path(spec.origin).with_name("README.md")
        assert card.is_file(), f"{card} is missing"
        assert len(card.read_text(encoding="utf-8").split()) >= 30

    def test_names_and_summaries(self) -> None:
        """Names can be written in a recipe, and each thing says in a line what it is."""
        for item in self.items() if self.role else ():
            assert item.name == item.name.strip().lower(), item.name
            assert item.summary.strip(), f"{item.name} has no summary"
            assert "\n" not in item.summary

    def test_options_have_defaults_types_and_help(self) -> None:
        """Options are a frozen attrs class; each field has a type, a default and a docstring."""
        from heimdall_core.schema import class_schema

        for item in self.items() if self.role else ():
            options = getattr(item, "options", None)
            if options is None:
                continue
            assert attrs.has(options), f"{item.name}: options must be an attrs class"
            made = options()
            for field in attrs.fields(options):
                try:
                    setattr(made, field.name, None)
                except attrs.exceptions.FrozenInstanceError:
                    pass
                else:
                    raise AssertionError(f"{item.name}: the options class is not frozen")
            for name, entry in class_schema(options)["properties"].items():
                assert entry.get("description"), f"{item.name}: option '{name}' has no docstring"
                assert set(entry) - {"description", "default"}, f"option '{name}' has no type"


class GeneratorContract(PluginContract):
    """Generators: pure, deterministic streams of unique rows."""

    role = "generator"
    rows: ClassVar[int] = 200
    """Rows that a test asks for."""
    reads_seed: ClassVar[bool] = True
    """Whether another seed gives other rows; not so where all rows are somebody's own."""

    def options(self, generator: Any) -> Any:
        """The options that the tests use: the defaults, unless it needs a file to read."""
        return generator.options()

    def _context(self, seed: int, count: int | None = None) -> GenerateContext:
        return GenerateContext(count=count or self.rows, seed=seed)

    def _rows(self, generator: Any, seed: int) -> list[Example]:
        stream = generator.examples(self._context(seed), self.options(generator))
        return list(itertools.islice(stream, self.rows))

    def test_yields_examples_of_its_categories(self) -> None:
        """Every row is an `Example` with a question, an answer, a declared category, a licence
        and a template family."""
        for generator in self.items():
            rows = self._rows(generator, 1)
            assert rows, f"{generator.name} yields no row"
            for row in rows:
                assert isinstance(row, Example)
                assert row.instruction.strip()
                assert row.output.strip()
                assert row.category in generator.categories, row.category
                assert row.licence, f"{generator.name}: a row without a licence"
                assert row.family, f"{generator.name}: a row without a family"

    def test_same_seed_same_rows(self) -> None:
        """The same seed gives the same rows, another seed others."""
        for generator in self.items():
            first = self._rows(generator, 1)
            assert first == self._rows(generator, 1)
            other = self._rows(generator, 2)
            assert first != other or not self.reads_seed, f"{generator.name} ignores its seed"

    def test_no_prompt_twice(self) -> None:
        """No prompt is yielded twice, so none has two answers."""
        for generator in self.items():
            rows = self._rows(generator, 1)
            assert len({row.prompt_key for row in rows}) == len(rows)

    def test_streams(self) -> None:
        """The first row comes without making a million others."""
        for generator in self.items():
            stream = generator.examples(self._context(1, 1_000_000), self.options(generator))
            assert inspect.isgenerator(stream) or hasattr(stream, "__next__")
            assert isinstance(next(iter(stream)), Example)

    def test_rows_name_schemas_that_exist(self) -> None:
        """A row's schema is one that `schemas` describes, or it says that there is none."""
        for generator in self.items():
            known = generator.schemas(self.options(generator)) if generator.schemas else {}
            for row in self._rows(generator, 1):
                assert row.schema in ("", NO_SCHEMA, *known), row.schema


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

    def test_extracts_the_query_from_an_answer(self) -> None:
        """A query alone, in a fence, and none in prose."""
        for language in self.items():
            query = self.valid[0]
            assert language.extract(query).strip() == query
            assert language.extract(f"Here it is:\n```\n{query}\n```\n").strip() == query
            assert language.extract("I am afraid I cannot do that.") == ""


class EvaluatorContract(PluginContract):
    """Evaluators: one measurement per row, in order."""

    role = "evaluator"
    examples: ClassVar[Sequence[Example]] = (
        Example("Count the people", output="MATCH (p:Person) RETURN count(p)", language="cypher"),
        Example("Say hello", output="Hello."),
    )
    answers: ClassVar[Sequence[str]] = ("MATCH (p:Person) RETURN count(p)", "")

    def context(self) -> EvaluateContext:
        """What the evaluators are given; override it for one that needs a model."""
        completions = [Completion(text, len(text.split()), "stop") for text in self.answers]
        return EvaluateContext(examples=self.examples, completions=completions, model=None)

    def test_one_measurement_per_row(self) -> None:
        """As many measurements as rows, finite, with weights that are not negative."""
        for evaluator in self.items():
            found = list(evaluator.measure(self.context(), evaluator.options()))
            assert len(found) == len(self.examples)
            for measurement in found:
                assert isinstance(measurement, Measurement)
                assert measurement.weight >= 0
                assert measurement.value == measurement.value, "not a number"

    def test_needs_are_known(self) -> None:
        """`needs` says `answers`, `model`, or both."""
        for evaluator in self.items():
            assert evaluator.needs
            assert evaluator.needs <= {"answers", "model"}


class TrainerContract(PluginContract):
    """Trainers: they read the settings that they say they read."""

    role = "trainer"

    def test_reads_fields_that_exist(self) -> None:
        """`reads` and `defaults` name fields of `TrainingConfig`."""
        known = {field.name for field in attrs.fields(TrainingConfig)}
        for trainer in self.items():
            assert trainer.reads <= known, trainer.reads - known
            assert set(trainer.defaults) <= trainer.reads


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
        from heimdall_core.errors import HeimdallError
        from heimdall_core.types import ExportContext

        (tmp_path / "model").mkdir()
        (tmp_path / "out").mkdir()
        for exporter in self.items():
            context = ExportContext(model=tmp_path / "model", output=tmp_path / "out")
            exported = False
            with suppress(HeimdallError):
                list(exporter.export(context, exporter.options()))
                exported = True
            assert not exported, f"{exporter.name} exported an empty folder"
            assert not list((tmp_path / "out").iterdir())
