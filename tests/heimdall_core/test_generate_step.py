"""What every generator's rows must pass, and who makes what another one cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import toy_plugins

from heimdall_core import Event, Example, GenerateContext, Generator, Registry, hookimpl
from heimdall_core.dataset import read_examples
from heimdall_core.errors import FindingsError, HeimdallError, PluginError
from heimdall_core.pipeline.steps import companions
from heimdall_core.pipeline.steps.checking import Checker, ProcessChecker, open_checker
from heimdall_core.pipeline.steps.companions import Ties, write_companions
from heimdall_core.pipeline.steps.generate import (
    GenerateReport,
    Source,
    generate_dataset,
    known_schemas,
)
from heimdall_core.pipeline.steps.mix import default_mix

GOOD = Example(
    "fetch it", output="FETCH it", licence="MIT", language="toy", schema="left", family="f"
)


def registry(*generators: Generator) -> Registry:
    """The toy plugins, and generators of the test's own."""

    @hookimpl
    def heimdall_generators() -> Iterator[Generator]:
        yield from generators

    own = SimpleNamespace(heimdall_generators=heimdall_generators)
    return Registry(discover=False, plugins=[("toy", toy_plugins), ("own", own)])


def of(name: str, *rows: Example, categories: tuple[str, ...] = ("c",)) -> Generator:
    """A generator that yields these rows, no more than asked for."""

    def examples(context: GenerateContext, _: Any) -> Iterator[Example]:
        yield from rows[: context.count]

    return Generator(name, "test", categories, examples)


def numbered(name: str, most: int = 10**6, *, categories: tuple[str, ...] = ("c",)) -> Generator:
    """A generator of distinct rows; with quotas, of those categories alone."""

    def examples(context: GenerateContext, _: Any) -> Iterator[Example]:
        wanted = context.quotas or {categories[0]: context.count}
        for category, count in wanted.items():
            for i in range(min(count, most)):
                yield attrs.evolve(
                    GOOD,
                    instruction=f"{name} {category} {i}",
                    output=f"FETCH {name} {category} {i}",
                    category=category,
                    combination=f"{name}{category}{i // 2}",
                )

    return Generator(name, "test", categories, examples)


def make(tmp_path: Path, *sources: Source, total: int, **more: Any) -> GenerateReport:
    plugins = registry(*(source.generator for source in sources))
    return generate_dataset(
        plugins, sources, total=total, seed=1, output=tmp_path / "rows.jsonl", **more
    )


@pytest.mark.parametrize("field", ["family", "instruction", "output"])
def test_a_row_that_says_too_little_is_rejected(tmp_path: Path, field: str) -> None:
    bad = attrs.evolve(GOOD, **{"instruction": "other", field: " "})
    source = Source(of("g", GOOD, bad), None)
    report = make(tmp_path, source, total=2, max_rejected=1.0, rejects=tmp_path / "no.jsonl")
    assert report.rows == 1
    assert report.rejected_by == {"MissingField": 1}
    assert f"the row has no {field}" in (tmp_path / "no.jsonl").read_text(encoding="utf-8")
    with pytest.raises(FindingsError, match=f"MissingField: the row has no {field}"):
        make(tmp_path, source, total=2)


def test_the_registration_stands_for_source_and_licence(tmp_path: Path) -> None:
    prose = attrs.evolve(GOOD, language="", schema="", licence="", output="It is.")
    make(tmp_path, Source(of("g", prose), None), total=1)
    [row] = read_examples(tmp_path / "rows.jsonl")
    assert (row.source, row.licence, row.schema) == ("g", "MIT", "none")
    assert row.id == row.content_id()


def test_a_query_about_no_graph_names_nothing_of_one(tmp_path: Path) -> None:
    import heimdall_lang_cypher.plugin as cypher

    def row(number: int, query: str) -> Example:
        return attrs.evolve(
            GOOD, instruction=f"q{number}", output=query, language="cypher", schema=""
        )

    queries = ("CALL db.labels() YIELD label RETURN label", "MATCH (a:A) RETURN a.k")
    bare = of("g", *(row(n, query) for n, query in enumerate(queries)))
    described = attrs.evolve(bare, schemas=lambda _: {"s": {"name": "s"}})
    for generator, rejected in ((bare, 0), (described, 1)):
        report = generate_dataset(
            Registry(discover=False, plugins=[("c", cypher)]),
            (Source(generator, None),),
            total=2,
            seed=1,
            output=tmp_path / "rows.jsonl",
            max_rejected=1.0,
        )
        assert report.rejected == rejected
        assert {each.schema for each in read_examples(tmp_path / "rows.jsonl")} == {"none"}


def test_one_prompt_has_one_answer(tmp_path: Path) -> None:
    rows = (GOOD, attrs.evolve(GOOD, output="FETCH that"), GOOD)
    report = make(tmp_path, Source(of("g", *rows), None), total=3)
    assert (report.rows, report.duplicates, report.conflicts) == (1, 2, 1)
    assert any("1 of them with another answer" in note for note in report.notes)
    assert [row.output for row in read_examples(tmp_path / "rows.jsonl")] == ["FETCH it"]


def test_what_one_cannot_make_the_others_do(tmp_path: Path) -> None:
    few, many = Source(numbered("few", 10), None), Source(numbered("many"), None)
    report = make(tmp_path, few, many, total=100)
    assert report.by_source == {"few": 10, "many": 90}
    assert report.possible == {"few": 10}
    assert "few can make 10; the other 40 rows come from many" in report.notes
    assert report.duplicates == 0


def test_nothing_is_copied_where_nobody_can_make_more(tmp_path: Path) -> None:
    sources = Source(numbered("few", 10), None), Source(numbered("none", 5), None)
    report = make(tmp_path, *sources, total=100)
    assert report.rows == report.prompts == 15
    assert report.possible == {"few": 10, "none": 5}
    assert "100 rows wanted, 15 made; none was copied to fill up" in report.notes


def test_a_generator_that_repeats_itself_for_ever_is_left(tmp_path: Path) -> None:
    def examples(context: GenerateContext, _: Any) -> Iterator[Example]:
        while True:
            yield GOOD

    report = make(tmp_path, Source(Generator("again", "test", ("c",), examples), None), total=5)
    assert report.rows == 1
    assert "again yields only prompts that were there already" in report.notes


def test_a_rejected_row_is_made_up_for(tmp_path: Path) -> None:
    toy = toy_plugins
    options = toy.ToyOptions(wrong=3, copies=2)
    plugins = registry()
    report = generate_dataset(
        plugins,
        (Source(plugins.generator("toy"), options),),
        total=50,
        seed=1,
        output=tmp_path / "rows.jsonl",
        max_rejected=1.0,
    )
    assert (report.rows, report.rejected, report.duplicates) == (50, 3, 2)


@pytest.mark.parametrize("workers", [2, 3])
def test_the_number_of_processes_changes_no_byte(tmp_path: Path, workers: int) -> None:
    plugins = registry()
    source = Source(plugins.generator("toy"), toy_plugins.ToyOptions(wrong=7))
    written = []
    for count in (1, workers):
        path = tmp_path / f"{count}.jsonl"
        report = generate_dataset(
            plugins, (source,), total=2000, seed=3, output=path, max_rejected=1, workers=count
        )
        assert report.rejected == 7
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_other_processes_are_really_used_and_tell_their_errors() -> None:
    plugins = registry()
    with open_checker(plugins, {}, rows=10, workers=2) as checker:
        assert isinstance(checker, ProcessChecker)
    with open_checker(plugins, {}, rows=10, workers=1) as checker:
        assert isinstance(checker, Checker)
    with ProcessChecker({"toy": "json:loads"}, {}, 2) as broken:
        from heimdall_core.pipeline.steps.checking import Question

        broken.ask([None, Question("toy", "BAD", "", "")])
        with pytest.raises(PluginError, match="language toy: "):
            broken.take()


def test_a_row_may_name_its_dialect_and_the_user_rules(tmp_path: Path) -> None:
    from heimdall_core.pipeline.steps.checking import question

    row = attrs.evolve(GOOD, meta={"dialect": "other"})
    own, forced = question(row, ""), question(row, "toy")
    assert own is not None
    assert forced is not None
    assert (own.dialect, forced.dialect) == ("other", "toy")
    assert question(attrs.evolve(row, language=""), "") is None


def test_focus_gives_half_of_the_rows_to_its_categories(tmp_path: Path) -> None:
    generator = numbered("g", categories=("plain", "optimise", "performance"))
    source = Source(generator, None, focus=("optimise", "performance"))
    report = make(tmp_path, source, total=100)
    assert report.by_category == {"plain": 50, "optimise": 25, "performance": 25}
    assert report.duplicates == 0


def test_the_default_mix_takes_who_is_there_and_says_so() -> None:
    notes: list[str] = []
    plugins = registry(
        numbered("cypher", categories=("cypher_basic", "cypher_optimise")), numbered("apoc")
    )
    mix = default_mix(plugins, "", notes.append)
    assert [(s.generator.name, s.weight) for s in mix] == [("cypher", 30), ("apoc", 20)]
    assert notes == [
        "not installed: nornicdb (40 %), troubleshooting (10 %); the mix is cypher 60 %, apoc 40 %"
    ]
    shifted = default_mix(plugins, "optimize")
    assert shifted[0].focus == ("cypher_optimise",)
    assert shifted[0].weight > 30
    with pytest.raises(HeimdallError, match="none of the default generators is installed"):
        default_mix(registry())


def test_companions_share_no_group_with_the_training_set(tmp_path: Path) -> None:
    # The same rows for every seed: only what is not in the training set can be a companion.
    source = Source(numbered("g", 3000), None)
    ties = Ties()
    training = tmp_path / "heimdall_training.jsonl"
    plugins = registry(source.generator)
    report = generate_dataset(
        plugins, (source,), total=400, seed=1, output=training, on_row=ties.add
    )
    before = training.read_bytes()
    paths = write_companions(plugins, (source,), ties, training=training, rows=report.rows, seed=1)
    assert training.read_bytes() == before
    assert [path.name for path in paths] == ["heimdall_test.jsonl", *companions.names("toy")]
    train, test = list(read_examples(training)), list(read_examples(paths[0]))
    assert len(test) == companions.FEWEST
    assert not {row.combination for row in train} & {row.combination for row in test}
    queries, timed, prompts = (path.read_text(encoding="utf-8").splitlines() for path in paths[1:])
    assert set(queries) == {row.instruction for row in test}
    assert set(timed) <= set(queries)
    assert prompts
    assert not set(prompts) & {row.instruction for row in (*train, *test)}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [training.name, *(path.name for path in paths)]
    )


def test_what_is_said_of_their_pool_is_said_of_it(tmp_path: Path) -> None:
    source = Source(numbered("g", 300), None)
    events: list[Event] = []
    paths = write_companions(
        registry(source.generator),
        (source,),
        Ties(),
        training=tmp_path / "rows.jsonl",
        rows=400,
        seed=1,
        emit=events.append,
    )
    assert paths
    assert {event.stage for event in events} == {"companions"}
    said = [event.message for event in events if event.kind == "warning"]
    assert said
    assert all(text.startswith("of the rows that these files are drawn from: ") for text in said)
    assert all(event.message == "" for event in events if event.kind == "progress")


def described(name: str, schema: dict[str, Any]) -> Generator:
    """A generator that describes the schema `left` in its own way."""
    return attrs.evolve(numbered(name), schemas=lambda options: {"left": schema})


def test_two_generators_may_not_describe_one_schema_differently(tmp_path: Path) -> None:
    first, same, other = (
        described(name, {"name": "left", "nodes": {label: {}}})
        for name, label in (("a", "A"), ("b", "A"), ("c", "C"))
    )
    report = make(tmp_path, Source(first, None), Source(same, None), total=10)
    assert report.rows == 10
    (tmp_path / "rows.jsonl").unlink()
    with pytest.raises(HeimdallError) as caught:
        make(tmp_path, *(Source(each, None) for each in (first, same, other)), total=10)
    assert str(caught.value) == (
        "generate.mix: the generators a and c describe the schema 'left' differently; "
        "rename yours, in the files or options of c or a"
    )
    assert list(tmp_path.iterdir()) == []
    # Installed side by side, and not in one mix, they are at peace.
    assert "left" in known_schemas(registry(first, other))


def test_rows_for_a_larger_context_are_passed_over_and_made_up_for(tmp_path: Path) -> None:
    def examples(context: GenerateContext, _: Any) -> Iterator[Example]:
        for i in range(context.count):
            size = ("small", "large", "xl", "max")[i % 4]
            yield attrs.evolve(
                GOOD, instruction=f"fetch {i}", output=f"FETCH r{i}", context_size=size
            )

    source = Source(Generator("g", "test", ("c",), examples), None)
    report = make(tmp_path, source, total=40, max_context_size="large")
    assert report.rows == 40
    sizes = {row.context_size for row in read_examples(tmp_path / "rows.jsonl")}
    assert sizes == {"small", "large"}
    note = next(note for note in report.notes if "max_context_size" in note)
    assert note.endswith(
        "rows passed over: they are made for more than 2,048 tokens (max_context_size)"
    )
    assert int(note.split()[0]) >= 38
    assert make(tmp_path, source, total=8).rows == 8
    sizes = {row.context_size for row in read_examples(tmp_path / "rows.jsonl")}
    assert sizes == {"small", "large", "xl", "max"}
