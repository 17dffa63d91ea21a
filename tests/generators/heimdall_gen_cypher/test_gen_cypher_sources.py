"""Schemas that a user brings: files of two forms, and a database behind a session."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from heimdall_core.errors import HeimdallError
from heimdall_core.types import CheckRequest, GenerateContext
from heimdall_gen_cypher.generate import examples, schemas_as_json
from heimdall_gen_cypher.options import CypherOptions
from heimdall_gen_cypher.sources import read_files, read_session
from heimdall_lang_cypher.language import check

BEES = """
summary = "Bees and what they visit"
[nodes.Bee]
key = "tag"
properties.tag = { type = "STRING", values = ["B1", "B2", "B3"] }
properties.flights = { type = "INTEGER", low = 1, high = 90, step = 1 }
[nodes.Flower]
key = "name"
properties.name = { type = "STRING", values = ["Aster", "Clover"] }
[[relationships]]
type = "LANDED_ON"
from = "Bee"
to = "Flower"
[[relationships]]
type = "HAS_NEIGHBOUR"
from = "Bee"
to = "Bee"
"""

TEXT2CYPHER = {
    "database": "films",
    "structured": {
        "node_props": {
            "Movie": [
                {"property": "title", "type": "STRING", "values": ["Heat", "Jumanji"]},
                {"property": "year", "type": "INTEGER", "min": "1902", "max": "2016"},
                {"property": "rating", "type": "FLOAT", "min": "1.6", "max": "9.6"},
                {"property": "plotEmbedding", "type": "LIST"},
                {"property": "odd name", "type": "STRING"},
            ],
            "Person": [
                {"property": "name", "type": "STRING"},
                {"property": "born", "type": "DATE"},
            ],
            "Odd Label": [{"property": "x", "type": "STRING"}],
        },
        "rel_props": {"ACTED_IN": [{"property": "role", "type": "STRING"}]},
        "relationships": [
            {"start": "Person", "type": "ACTED_IN", "end": "Movie"},
            {"start": "Odd Label", "type": "NEAR", "end": "Movie"},
        ],
    },
}


def rows_fit(options: CypherOptions) -> set[str]:
    """Makes rows, each of which must fit its schema; returns the names of their schemas."""
    schemas = schemas_as_json(options)
    rows = list(examples(GenerateContext(300, 1), options))
    assert len(rows) == 300
    for row in rows:
        if row.language:
            request = CheckRequest(schema=schemas[row.schema], performance=False)
            assert [f for f in check(row.output, request) if f.severity == "error"] == []
    return {row.schema for row in rows}


def test_a_schema_of_ones_own_replaces_the_others(tmp_path: Path) -> None:
    path = tmp_path / "bees.toml"
    path.write_text(BEES, encoding="utf-8")
    options = CypherOptions(schema_files=(str(path),))
    assert rows_fit(options) == {"bees"}
    assert options.inputs() == (path,)
    both = CypherOptions(schema_files=(str(path),), schemas=("bank",))
    assert rows_fit(both) == {"bees", "bank"}
    [schema] = read_files([path])
    landed, neighbour = schema.relationships
    assert (landed.verb, landed.told) == (("landed on", "landed on"), True)
    assert (neighbour.verb, neighbour.told) == (("", ""), False)


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_files_as_text2cypher_tools_write_them(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"schemas.{ending}"
    path.write_text(json.dumps(TEXT2CYPHER) + "\n", encoding="utf-8")
    [schema] = read_files([path])
    assert schema.name == "films"
    movie = schema.by_label["Movie"]
    # What would need backticks is left out.
    assert [p.name for p in movie.properties] == ["title", "year", "rating", "plotEmbedding"]
    assert {r.type for r in schema.relationships} == {"ACTED_IN"}
    assert schema.left_out == ("Movie.odd name", "Odd Label", "(Odd Label)-[NEAR]->(Movie)")
    title, year, rating, embedding = movie.properties
    assert (title.key, title.values) == (True, ("Heat", "Jumanji"))
    assert (min(year.values), max(year.values)) >= (1902, 2000)
    assert (rating.values[0], rating.values[-1]) == (1.6, 9.6)
    assert embedding.type == "LIST<FLOAT>"
    assert schema.by_label["Person"].properties[1].type == "DATE"
    assert rows_fit(CypherOptions(schema_files=(str(path),))) == {"films"}


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.toml", "[nodes", "a.toml: not valid TOML"),
        ("a.toml", "summary = 'x'", "schema 'a': 'nodes' is missing"),
        ("a.json", "{", "a.json: not valid JSON"),
        ("a.jsonl", "[]", "a.jsonl:1: holds no JSON object"),
        ("a.json", '{"nodes": {}}', "a.json: the graph schema names no labels"),
        ("a.txt", "", "a.txt: is no schema file; it must end in .toml, .json or .jsonl"),
        ("a.json", None, "a.json: cannot be read"),
    ],
)
def test_mistakes_in_files(tmp_path: Path, name: str, text: str | None, line: str) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(HeimdallError) as error:
        CypherOptions(schema_files=(str(path),)).loaded_schemas()
    said = str(error.value).replace(f"{tmp_path}/", "")
    assert said.startswith(line)
    assert "\n" not in said


def test_two_schemas_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "bank.toml"
    path.write_text(BEES, encoding="utf-8")
    with pytest.raises(HeimdallError, match="two schemas are called 'bank'"):
        CypherOptions(schema_files=(str(path),), schemas=("bank",)).loaded_schemas()


def test_names_that_need_backticks_are_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "hives.toml"
    odd = """
[nodes."Bee Keeper"]
key = "name"
properties.name = { type = "STRING", values = ["Ada", "Ben"] }
[nodes.Hive]
key = "hive number"
properties."hive number" = { type = "STRING", values = ["1", "2"] }
[[relationships]]
type = "KEEPS"
from = "Bee Keeper"
to = "Bee"
"""
    bees = BEES.replace("properties.flights", 'properties."wing span"', 1)
    path.write_text(bees + odd, encoding="utf-8")
    options = CypherOptions(schema_files=(str(path),), schema_share=1.0)
    assert rows_fit(options) == {"hives"}
    notes: list[str] = []
    rows = list(examples(GenerateContext(400, 2, note=notes.append), options))
    told = " ".join(f"{row.instruction} {row.input} {row.output}" for row in rows)
    assert not [name for name in ("Keeper", "hive number", "wing span") if name in told]
    assert notes[0] == (
        "schema 'hives': no question is about Bee.wing span, Bee Keeper, Hive, "
        "(Bee Keeper)-[KEEPS]->(Bee) (4 names that need backticks, have no key, or belong to such "
        "a label)"
    )
    path.write_text(BEES.replace("LANDED_ON", "LANDED ON").replace("HAS_", "HAS "), "utf-8")
    with pytest.raises(HeimdallError, match="no relationship between such labels"):
        read_files([path])


class Session:
    """Answers as one of two servers does; the procedures of the other it does not know."""

    def __init__(self, neo4j: bool) -> None:
        self.neo4j = neo4j
        self.asked: list[str] = []

    def run(self, query: str) -> Iterable[Mapping[str, Any]]:
        self.asked.append(query)
        if query.startswith("MATCH"):
            return [{"a": ["Bee"], "t": "LANDED_ON", "b": ["Flower"]}]
        known = {
            "CALL db.schema.nodeTypeProperties()": [
                {"nodeLabels": ["Bee"], "propertyName": "tag", "propertyTypes": ["String"]},
                {"nodeLabels": ["Bee"], "propertyName": "flights", "propertyTypes": ["Long"]},
                {"nodeLabels": ["Flower"], "propertyName": "name", "propertyTypes": ["String"]},
            ],
            "CALL db.schema.relTypeProperties()": [
                {"relType": ":`LANDED_ON`", "propertyName": "at", "propertyTypes": ["Date"]}
            ],
        }
        if not self.neo4j:
            known = {
                "CALL db.schema.nodeProperties()": [
                    {"nodeLabel": "Bee", "propertyName": "tag", "propertyType": "STRING"},
                    {"nodeLabel": "Bee", "propertyName": "flights", "propertyType": "INTEGER"},
                    {"nodeLabel": "Flower", "propertyName": "name", "propertyType": "STRING"},
                ],
                "CALL db.schema.relProperties()": [
                    {"relType": "LANDED_ON", "propertyName": "at", "propertyType": "DATE"}
                ],
            }
        if query not in known:
            raise LookupError("there is no such procedure")
        return known[query]


@pytest.mark.parametrize("neo4j", [True, False])
def test_a_database_tells_its_schema_and_no_value(neo4j: bool) -> None:
    session = Session(neo4j)
    schema = read_session(session, "live", (LookupError,))
    assert [node.label for node in schema.nodes] == ["Bee", "Flower"]
    assert [p.type for p in schema.by_label["Bee"].properties] == ["STRING", "INTEGER"]
    [landed] = schema.relationships
    assert (landed.start, landed.type, landed.end) == ("Bee", "LANDED_ON", "Flower")
    assert [p.type for p in landed.properties] == ["DATE"]
    assert not any("n." in query or "RETURN n" in query for query in session.asked)


def test_a_database_that_tells_nothing() -> None:
    class Silent:
        def run(self, query: str) -> Iterable[Mapping[str, Any]]:
            raise LookupError("no")

    with pytest.raises(HeimdallError, match="does not tell its schema: no"):
        read_session(Silent(), "live", (LookupError,))
