"""A finished run with real evaluators and answers of every kind, made in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import attrs
import pytest
import toy_plugins
from toy_recipe import RECIPE

from heimdall_core import Example, Generator, Recipe, Registry, hookimpl, run
from heimdall_core.recipe_data import merge
from heimdall_core.types import Completion, Evaluator, Measurement, Runtime

#: What a data set may hold to see whether a page lets it out.
NASTY = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"

SCHEMA = {
    "name": "people",
    "nodes": {"Person": {"properties": {"name": "STRING", "age": "INTEGER"}}},
    "relationships": [],
}

TOWNS = {
    "name": "towns",
    "nodes": {"Town": {"properties": {"name": "STRING", "size": "INTEGER"}}},
    "relationships": [],
}


def examples(context, options) -> Iterator[Example]:
    for number in range(context.count):
        if number % 25 == 24:
            yield unseen(number)
            continue
        yield Example(
            f"List people over {number}. {NASTY}",
            output=f"MATCH (p:Person) WHERE p.age > {number} RETURN p.name",
            category=("plain", "odd <b>one</b>")[number % 2],
            language="cypher",
            schema="people",
            family=f"family {number % 5}",
            combination=str(number),
            licence="MIT",
            context_size=("small", "large")[number % 2],
        )


def unseen(number: int) -> Example:
    """A row of the schema that is kept for the test; every third one's reference writes."""
    write = number % 3 == 0
    return Example(
        f"Towns over {number}.",
        output=f"CREATE (t:Town {{size: {number}}})"
        if write
        else f"MATCH (t:Town) WHERE t.size > {number} RETURN t.name",
        category=("plain", "odd <b>one</b>")[number % 2],
        language="cypher",
        schema="towns",
        family=f"towns {number % 5}",
        combination=str(number),
        licence="MIT",
        context_size="small",
    )


class Model(toy_plugins.ToyModel):
    """Every third answer is right, one has an unknown property, one is prose with a script."""

    def generate(self, prompts, **settings):
        if on_text := settings.get("on_text"):
            on_text("M")
        return [self._answer(prompt) for prompt in prompts]

    def _answer(self, prompt: str) -> Completion:
        number = int(prompt.partition("over ")[2].partition(".")[0])
        if "Towns" in prompt:
            return Completion(f"MATCH (t:City) WHERE t.size > {number} RETURN t.name", 9, "stop")
        right = f"MATCH (p:Person) WHERE p.age > {number} RETURN p.name"
        wrong = f"Here it is:\nMATCH (p:Person)\nWHERE p.years > {number} RETURN p.name"
        return Completion((right, wrong, NASTY)[number % 3], 9, "stop")


class Plugin:
    @hookimpl
    def heimdall_generators(self):
        schemas = {"people": SCHEMA, "towns": TOWNS}
        yield Generator(
            "people",
            "people",
            ("plain", "odd <b>one</b>"),
            examples,
            schemas=lambda options: schemas,
        )

    @hookimpl
    def heimdall_runtimes(self):
        def handles(path: Path) -> bool:
            return path.suffix == ".toy" or (path / "table.json").is_file()

        yield Runtime("people", "answers", handles, lambda path, options: Model(path))

    @hookimpl
    def heimdall_evaluators(self):
        def lengths(context, options):
            return [Measurement(float(len(a.text))) for a in context.completions]

        yield Evaluator("length", "characters of answers", lengths, higher_is_better=False)


@pytest.fixture(scope="session")
def report_registry() -> Registry:
    names = ("eval_exact_match", "eval_cypher", "eval_execution", "eval_latency", "lang_cypher")
    modules = [(name, import_module(f"heimdall_{name}.plugin")) for name in names]

    class Toy:
        """The toy's trainer and exporter; its runtime makes way for ours."""

        heimdall_trainers = staticmethod(toy_plugins.heimdall_trainers)
        heimdall_exporters = staticmethod(toy_plugins.heimdall_exporters)

    return Registry(discover=False, plugins=[("toy", Toy()), ("people", Plugin()), *modules])


@pytest.fixture(scope="session")
def finished_run(report_registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run. Do not write into it."""
    runs = tmp_path_factory.mktemp("report") / "runs"
    changes = {
        "name": "people",
        "description": f"A run & its <i>report</i> {NASTY}",
        "generate": {"mix": {"people": {}}, "num_examples": 320},
        "split": {"unseen_schemas": ["towns"]},
        "export": {"options": {"toy": {"types": ["F16", "Q8_0", "Q4_K_M"]}}},
        "evaluate": {
            "artefacts": ["Q4_K_M", "Q8_0", "F16"],
            "metrics": ["exact_match", "execution", "cypher_semantics", "latency", "length"],
            "max_rows": 30,
            "targets": {"exact_match": 0.9},
        },
    }
    recipe = attrs.evolve(Recipe.from_dict(_only(merge(RECIPE, changes)), report_registry))
    return run(recipe, registry=report_registry, runs=runs).folder


def _only(recipe: dict) -> dict:
    """Without the toy generator, which this registry does not have."""
    recipe["generate"]["mix"].pop("toy", None)
    return recipe
