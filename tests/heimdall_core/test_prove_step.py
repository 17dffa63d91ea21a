"""Rows that are executed on an engine: which count as proved, and which do not."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from heimdall_core import Example, Registry
from heimdall_core.cli.main import cli
from heimdall_core.pipeline.steps.prove import Draw, prove

SCHEMA = {
    "name": "s",
    "nodes": {"A": {"properties": {"k": "STRING", "n": "INTEGER"}}},
    "relationships": [{"type": "R", "from": "A", "to": "A"}],
}
ROW = Example("q", output="", licence="MIT", language="cypher", schema="s", family="f", source="g")


@pytest.fixture(scope="module")
def registry() -> Registry:
    import heimdall_lang_cypher.plugin

    return Registry(discover=False, plugins=[("lang-cypher", heimdall_lang_cypher.plugin)])


def of(query: str, **more: object) -> Example:
    return attrs.evolve(ROW, output=query, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "counts"),
    [
        (of("MATCH (a:A) RETURN a.k"), {"executed": 1, "with_rows": 1}),
        # Nothing like this is there before it is made for the query.
        (of("MATCH (a:A {k: 'no such'}) RETURN a.n"), {"executed": 1, "with_rows": 1}),
        (of("CREATE (a:A {k: 'new'})"), {"executed": 1}),
        (of("MATCH (a:A) WHERE a.n > 1 AND a.n < 1 RETURN a.k"), {"executed": 1, "empty": 1}),
        (
            of("MATCH (a:A) WHERE a.n > 1 AND a.n < 1 RETURN a.k", meta={"expects_rows": False}),
            {"executed": 1},
        ),
        (of("MATCH (a:A {k: $k}) RETURN a.n"), {"executed": 1}),
        (
            of("RETURN $k AS k", meta={"parameters": {"k": 3}}),
            {"executed": 1, "with_rows": 1},
        ),
        # It cannot be deleted where it has relationships; alone it can.
        (of("MATCH (a:A) DELETE a"), {"executed": 1}),
        (of("RETURN date('nonsense') AS x"), {"failed": 1}),
        (of("CREATE INDEX FOR (a:A) ON (a.k)"), {"unknown": 1}),
        (of("MATCH (a:A) RETURN a.k", schema="other"), {"unknown": 1}),
        (of("FETCH", language="other"), {"unknown": 1}),
    ],
)
def test_what_counts_as_what(registry: Registry, row: Example, counts: dict[str, int]) -> None:
    proof = prove(registry, {"g": [row]}, {"s": SCHEMA})["g"]
    found = {name: n for name, n in attrs.asdict(proof).items() if n and name != "examples"}
    assert found == {"drawn": 1, **counts}
    assert bool(proof.examples) == ("empty" in counts or "failed" in counts)
    assert proof.covered == counts.get("executed", 0)


def test_rows_are_drawn_evenly_and_prose_is_passed_over() -> None:
    draw = Draw(50, seed=3)
    again = Draw(50, seed=3)
    for each in (draw, again):
        for i in range(2000):
            each.add(of(f"RETURN {i} AS x", source="g" if i % 2 else "h"))
        each.add(attrs.evolve(ROW, language="", output="prose", source="p"))
    assert draw.rows == again.rows
    assert {name: len(rows) for name, rows in draw.rows.items()} == {"g": 50, "h": 50}
    places = [int(row.output.split()[1]) for row in draw.rows["g"]]
    assert len(set(places)) == 50
    assert 700 < sum(places) / 50 < 1300


def test_the_cypher_generator_is_proved_by_the_command(tmp_path: Path) -> None:
    arguments = ["generate", "--generator", "cypher", "--num-examples", "400", "--prove", "60"]
    done = CliRunner().invoke(
        cli, [*arguments, "--output", str(tmp_path / "rows.jsonl"), "--json"], standalone_mode=False
    )
    proof = json.loads(done.output.splitlines()[-1])["proof"]["cypher"]
    assert proof["drawn"] == 60
    assert proof["covered"] >= 0.8
    assert proof["failed"] == 0
    assert proof["empty"] <= 1, proof["examples"]
