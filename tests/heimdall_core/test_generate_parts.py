"""Large counts are made in parts, the same wherever they are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from elsewhere import Elsewhere

from heimdall_core import Event, Registry, hookimpl
from heimdall_core.dataset import read_examples
from heimdall_core.dataset.parallel import spread_over
from heimdall_core.pipeline.steps import parts
from heimdall_core.pipeline.steps.generate import GenerateReport, generate_dataset
from heimdall_core.pipeline.steps.mix import default_mix
from heimdall_core.pipeline.steps.parts import Source
from heimdall_core.types import Example, GenerateContext, Generator, NoOptions

REGISTRY = Registry(third_party=False, environ={})


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PARTS_FROM", 200)
    monkeypatch.setattr("heimdall_core.pipeline.steps.generate.PART_ROWS", 200)


def counted(context: GenerateContext, options: NoOptions) -> Iterator[Example]:
    """Rows of its own part, and one that every part makes."""
    place, of = context.part
    yield Example("shared", output=f"answer {place}", family="shared")
    for number in range(context.count):
        yield Example(f"part {place} of {of}, row {number}", output="yes", family="own")


class Counted:
    splits = True
    made: Any = staticmethod(counted)

    @hookimpl
    def heimdall_generators(self) -> Iterator[Generator]:
        yield Generator("counted", "Counts.", ("numbers",), self.made, splits=self.splits)


def made(
    registry: Registry, sources: tuple[Source, ...], path: Path, total: int, **more: Any
) -> GenerateReport:
    return generate_dataset(
        registry, sources, total=total, seed=5, output=path, max_rejected=1.0, **more
    )


def counting(plugin: Counted) -> tuple[Registry, tuple[Source, ...]]:
    registry = Registry(discover=False, plugins=[plugin])
    return registry, (Source(registry.generator("counted"), NoOptions()),)


def test_few_rows_are_one_stream(tmp_path: Path) -> None:
    registry, sources = counting(Counted())
    made(registry, sources, tmp_path / "rows.jsonl", 200)
    assert all(
        "of 1," in row.instruction for row in list(read_examples(tmp_path / "rows.jsonl"))[1:]
    )


def test_many_rows_are_parts_in_their_order_and_the_first_of_a_prompt_stays(tmp_path: Path) -> None:
    registry, sources = counting(Counted())
    report = made(registry, sources, tmp_path / "rows.jsonl", 500)
    rows = list(read_examples(tmp_path / "rows.jsonl"))
    assert report.rows == len(rows) == 500
    assert len({row.instruction for row in rows}) == 500
    assert rows[0].output == "answer 0"
    assert (report.duplicates, report.conflicts) == (2, 2)
    places = [row.instruction.split()[1] for row in rows[1:]]
    assert places == sorted(places)
    assert set(places) == {"0", "1", "2"}


def test_what_the_parts_lack_is_made_by_more_of_them(tmp_path: Path) -> None:
    def half(context: GenerateContext, options: NoOptions) -> Iterator[Example]:
        for number, row in enumerate(counted(context, options)):
            if context.part[0] != 1 and number < context.count // 2:
                yield row

    plugin = Counted()
    plugin.made = half
    registry, sources = counting(plugin)
    report = made(registry, sources, tmp_path / "rows.jsonl", 500)
    assert report.rows == 500
    assert report.possible == {}


def test_a_generator_that_has_no_more_is_told_with_its_number(tmp_path: Path) -> None:
    def ten(context: GenerateContext, options: NoOptions) -> Iterator[Example]:
        for number in range(10):
            yield Example(f"row {number}", output="yes", family="own")

    plugin = Counted()
    plugin.made = ten
    registry, sources = counting(plugin)
    notes: list[Event] = []
    report = made(registry, sources, tmp_path / "rows.jsonl", 500, emit=notes.append)
    assert report.rows == 10
    assert report.possible == {"counted": 10}
    assert any("500 rows wanted, 10 made" in note.message for note in notes)


def test_the_mix_is_the_same_here_and_elsewhere(tmp_path: Path) -> None:
    sources = default_mix(REGISTRY)
    reports: list[Mapping[str, Any]] = []
    for name, session in (("here", None), ("there", Elsewhere())):
        with spread_over(session):
            report = made(REGISTRY, sources, tmp_path / name, 1500, workers=2)
        reports.append(report.to_dict())
    assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()
    assert reports[0] == reports[1]
    rows = list(read_examples(tmp_path / "here"))
    assert len({row.prompt_key for row in rows}) == len(rows) == 1500
    assert all("cypher:checked" in row.verification for row in rows if row.language)
    facts = Counter(row.meta["fact"] for row in rows if "fact" in row.meta)
    assert facts
    assert max(facts.values()) <= 40


def test_a_stream_is_checked_elsewhere_too(tmp_path: Path) -> None:
    sources = default_mix(REGISTRY)
    found = []
    for name, session in (("here", None), ("there", Elsewhere())):
        with spread_over(session):
            made(REGISTRY, sources, tmp_path / name, 300)
        found.append((tmp_path / name).read_bytes())
    assert found[0] == found[1]
    assert session is not None
    assert session.pieces > 0
