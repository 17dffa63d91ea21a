"""Names against a schema: per label, with the nearest name."""

from __future__ import annotations

from typing import Any

import pytest

from heimdall_core.types import CheckRequest, Finding
from heimdall_lang_cypher.checker import check

MOVIES: dict[str, Any] = {
    "name": "movies",
    "nodes": {
        "Person": {"properties": {"name": "STRING", "born": "INTEGER"}},
        "Movie": {"properties": {"title": "STRING", "released": "INTEGER", "tags": "LIST<STRING>"}},
        "Studio": {"properties": {"name": "STRING"}},
    },
    "relationships": [
        {"type": "ACTED_IN", "from": "Person", "to": "Movie", "properties": {"roles": "LIST"}},
        {"type": "DIRECTED", "from": "Person", "to": "Movie"},
        {"type": "MADE_BY", "from": "Movie", "to": "Studio"},
        {"type": "FOLLOWS", "from": "Person", "to": "Person"},
    ],
}


def names(marked: str) -> list[Finding]:
    """The findings of kind `schema` of a query."""
    request = CheckRequest(schema=MOVIES, performance=False)
    return [each for each in check(marked.replace("»", ""), request) if each.kind == "schema"]


@pytest.mark.parametrize(
    ("query", "code", "nearest"),
    [
        ("MATCH (m:»Movies) RETURN m", "UnknownLabel", "Movie"),
        ("MATCH (m) WHERE m:»Film RETURN m", "UnknownLabel", ""),
        ("MATCH ()-[:»ACTS_IN]->() RETURN 1 AS x", "UnknownRelationshipType", "ACTED_IN"),
        ("MATCH (p:Person) RETURN p.»nam", "UnknownProperty", "name"),
        ("MATCH (p:Person) RETURN p.»title", "UnknownProperty", ""),
        ("MATCH (p:Person {»title: 'x'}) RETURN p", "UnknownProperty", ""),
        ("MATCH (p:Person) RETURN p {.»title}", "UnknownProperty", ""),
        ("MATCH (:Person)-[r:ACTED_IN]->() RETURN r.»role", "UnknownProperty", "roles"),
        ("MATCH (m:Movie) WITH m AS film RETURN film.»name", "UnknownProperty", ""),
        ("MATCH (p:Person) WHERE EXISTS { (p) WHERE p.»released > 1 } RETURN p", "UnknownProperty",
         ""),
        ("MATCH (:Movie)-[:MADE_BY]->(s) RETURN s.»title", "UnknownProperty", ""),
        ("MATCH (n) RETURN n.»undefined", "UnknownProperty", ""),
        ("MATCH (x:A|Movie) RETURN x", "UnknownLabel", ""),
        ("MATCH (p:Person) WITH p MATCH (p) WHERE p.»released = 1 RETURN p", "UnknownProperty", ""),
    ],
)  # fmt: skip
def test_reports_a_name_that_the_schema_lacks(query: str, code: str, nearest: str) -> None:
    (finding,) = names(query)
    assert (finding.code, finding.severity, finding.suggestion) == (code, "error", nearest)
    if "»" in query:
        assert finding.column == query.index("»") + 1


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (p:Person)-[r:ACTED_IN]->(m:Movie) WHERE p.born > 1970 RETURN m.title, r.roles",
        "MATCH (n) WHERE n.name = 'x' RETURN n.title",
        "MATCH (n:Person|Movie) RETURN n.title, n.born",
        "MATCH (n) WHERE n:Movie OR n:Person RETURN n.title, n.born",
        "MATCH (a)-[:ACTED_IN]->(m) RETURN a.born, m.title",
        "MATCH (m:Movie) RETURN m.released.year, date(m.released).foo",
        "UNWIND $rows AS row RETURN row.anything",
        "MATCH (p:Person) WITH {any: p.name} AS m RETURN m.any, m.other",
        "MATCH (p:Person)-[:FOLLOWS*1..3]->(q) RETURN q.name",
        "CALL db.index.fulltext.queryNodes('i', 'x') YIELD node RETURN node.title",
        "MATCH (a:Person)-[:ACTED_IN|DIRECTED]-(m:Movie) RETURN m.title",
    ],
)
def test_accepts_what_the_schema_has(query: str) -> None:
    assert names(query) == []


def test_an_unknown_label_is_the_only_finding_about_its_node() -> None:
    findings = names("MATCH (f:Film {year: 1})-[:ACTED_IN]->(p:Person) RETURN f.name, f.other")
    assert [each.code for each in findings] == ["UnknownLabel"]


def test_a_name_is_reported_once() -> None:
    assert len(names("MATCH (p:Person) WHERE p.foo > 1 RETURN p.foo ORDER BY p.foo")) == 1


def test_writing_a_new_name_is_a_warning() -> None:
    findings = names("CREATE (p:Actor {nick: 'x'}) WITH p MATCH (m:Movie) SET m.stars = 5")
    assert [(each.code, each.severity) for each in findings] == [
        ("UnknownLabel", "warning"),
        ("UnknownProperty", "warning"),
    ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("MATCH (m:Movie)»-[:ACTED_IN]->(p:Person) RETURN m", "WrongDirection"),
        ("MATCH (p:Person)»<-[:ACTED_IN]-(m:Movie) RETURN m", "WrongDirection"),
        ("MATCH (s:Studio)»-[:DIRECTED]->(m:Movie) RETURN m", "WrongEndpointLabels"),
        ("MATCH (s:Studio)»-[:ACTED_IN]-(m:Movie) RETURN m", "WrongEndpointLabels"),
        ("MATCH (m:Movie)»-[:FOLLOWS*]->(p:Person) RETURN p", "WrongEndpointLabels"),
    ],
)
def test_warns_of_a_relationship_between_the_wrong_nodes(query: str, code: str) -> None:
    (finding,) = names(query)
    assert (finding.code, finding.severity) == (code, "warning")
    assert finding.column == query.index("»") + 1


def test_shows_the_direction_that_fits() -> None:
    (finding,) = names("MATCH (m:Movie)-[:ACTED_IN]->(p:Person) RETURN m")
    assert finding.suggestion == "<-[:ACTED_IN]-"


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (p:Person) WHERE p.born = »'1970' RETURN p",
        "MATCH (p:Person {born: »'1970'}) RETURN p",
        "MATCH (p:Person) WHERE »1970 = p.name RETURN p",
        "MATCH (m:Movie) WHERE m.released STARTS WITH »'19' RETURN m",
    ],
)
def test_warns_of_a_literal_of_another_type(query: str) -> None:
    (finding,) = names(query)
    assert (finding.code, finding.severity) == ("PropertyTypeMismatch", "warning")
    assert finding.column == query.index("»") + 1


def test_numbers_are_comparable() -> None:
    assert names("MATCH (p:Person) WHERE p.born > 1970.5 RETURN p") == []


def test_a_property_of_an_overlapping_label_is_a_warning() -> None:
    schema = {
        "node_props": {"Stream": [{"property": "followers", "type": "INTEGER"}], "User": []},
        "relationships": [
            {"start": "Stream", "type": "CHATTER", "end": "User"},
            {"start": "User", "type": "CHATTER", "end": "Stream"},
        ],
    }
    findings = check(
        "MATCH (u:User) RETURN u.followers", CheckRequest(schema=schema, performance=False)
    )
    assert [(each.code, each.severity) for each in findings] == [("UnknownProperty", "warning")]


def test_without_a_schema_no_name_is_looked_up() -> None:
    assert check("MATCH (f:Film) RETURN f.anything", CheckRequest(performance=False)) == ()
