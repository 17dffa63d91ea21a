"""The canonical form: what it merges, what it keeps apart, by example and by execution."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random

import pytest
from cypher_rewrites import SCHEMA, check_pairs, make_query, rewrites_merged, rows

from heimdall_core.errors import HeimdallError
from heimdall_lang_cypher.engine import Limits, open_engine
from heimdall_lang_cypher.engine_agree import same_rows
from heimdall_lang_cypher.normalise import normalise
from heimdall_lang_cypher.populate import populate

SHARED = (
    Path(os.environ.get("HEIMDALL_SHARED", Path(__file__).parents[3].parent / "shared")) / "data"
)

SAME = {
    "names of variables": (
        "MATCH (n:A)-[r:R]->(m) WHERE r.w > 1 RETURN n.x, m",
        "MATCH (a:A)-[b:R]->(c) WHERE b.w > 1 RETURN a.x, c",
    ),
    "spelling": (
        "MATCH (n) WHERE n.x = 'a' AND n.y <> 10 RETURN DISTINCT n.x ORDER BY n.x ASC",
        'match (n)\nwhere n.x = "a" and n.y != 0xA // comment\nreturn distinct n.x order by n.x',
    ),
    "direction": (
        "MATCH (a:A)-[:R]->(b:B)<-[:S]-(c) RETURN a, c",
        "MATCH (c)-[:S]->(b:B)<-[:R]-(a:A) RETURN a, c",
    ),
    "independent MATCHes": (
        "MATCH (a:A) MATCH (b:B)-->(c) MATCH (a)-->(d:D) RETURN a.x, c.y, d.z",
        "MATCH (q:B)-->(r) MATCH (p:A) MATCH (p)-->(s:D) RETURN p.x, r.y, s.z",
    ),
    "actions of MERGE": (
        "MERGE (n:A) ON CREATE SET n.a = 1 ON MATCH SET n.b = 2 ON MATCH SET n.c = n.b",
        "MERGE (m:A) ON MATCH SET m.b = 2 ON MATCH SET m.c = m.b ON CREATE SET m.a = 1",
    ),
    "undirected": ("MATCH (a:A)-[:R]-(b:B) RETURN a", "MATCH (b:B)-[:R]-(a:A) RETURN a"),
    "paths cut up": (
        "MATCH (a:A)-[:R]->(b:B)-[:S]->(c) RETURN a, c",
        "MATCH (b)-[:S]->(c), (a:A)-[:R]->(b:B) RETURN a, c",
    ),
    "order of labels": ("MATCH (n:A:B) RETURN n", "MATCH (n:B&A) RETURN n"),
    "order of types": ("MATCH ()-[r:A|B]->() RETURN r", "MATCH ()-[r:B|:A]->() RETURN r"),
    "order of map entries": ("CREATE (:A {x: 1, y: 2})", "CREATE (:A {y: 2, x: 1})"),
    "order of operands": (
        "MATCH (n) WHERE (n.a = 1 OR n.b = 2) AND n.c = 3 RETURN n",
        "MATCH (n) WHERE n.c = 3 AND (2 = n.b OR n.a = 1) RETURN n",
    ),
    "order of WITH items": (
        "MATCH (n) WITH n.a AS a, count(*) AS c RETURN a, c",
        "MATCH (n) WITH count(*) AS c, n.a AS a RETURN a, c",
    ),
    "mirrored comparison": (
        "MATCH (n) WHERE n.a > n.b RETURN n",
        "MATCH (n) WHERE n.b < n.a RETURN n",
    ),
    "chained comparison": (
        "MATCH (n) WHERE 1 < n.a <= 3 RETURN n",
        "MATCH (n) WHERE n.a <= 3 AND n.a > 1 RETURN n",
    ),
    "condition in the pattern": (
        "MATCH (n:A {x: 1})-[:R {w: 2}]->(m WHERE m.y = 3) RETURN n",
        "MATCH (n)-[r:R]->(m) WHERE n:A AND n.x = 1 AND r.w = 2 AND m.y = 3 RETURN n",
    ),
    "existence": (
        "MATCH (n) WHERE (n)-[:R]->(:A) RETURN n",
        "MATCH (n) WHERE EXISTS { MATCH (n)-[:R]->(m:A) RETURN m } RETURN n",
    ),
    "existence, upside down": (
        "MATCH (n) WHERE NOT exists((n)-[:R]->()) RETURN n",
        "MATCH (n) WHERE NOT EXISTS { ()<-[:R]-(n) } RETURN n",
    ),
    "not null": (
        "MATCH (n) WHERE NOT n.a IS NULL RETURN n",
        "MATCH (n) WHERE exists(n.a) RETURN n",
    ),
    "values of IN": ("RETURN 1 IN [3, 1, 2]", "RETURN 1 IN [1, 2, 3, 3]"),
    "product": ("MATCH (n) RETURN n.a * n.b", "MATCH (n) RETURN n.b * n.a"),
    "sum of numbers": ("MATCH (n) RETURN count(n) + 1", "MATCH (n) RETURN 1 + count(n)"),
    "variables of comprehensions": (
        "RETURN [x IN [1] | x], [x IN [2] WHERE x > 1]",
        "RETURN [a IN [1] | a], [b IN [2] WHERE b > 1]",
    ),
    "variables of subqueries": (
        "MATCH (n) WHERE EXISTS { (n)-->(m:A) } AND EXISTS { (n)-->(m:B) } RETURN n",
        "MATCH (n) WHERE EXISTS { (n)-->(k:B) } AND EXISTS { (n)-->(m:A) } RETURN n",
    ),
    "branches of a union": (
        "MATCH (n:A) RETURN n.x AS x UNION MATCH (n:B) RETURN n.y AS x",
        "MATCH (a:A) RETURN a.x AS x UNION MATCH (b:B) RETURN b.y AS x",
    ),
    "sort key by alias": (
        "MATCH (n) RETURN n.a AS a ORDER BY n.a DESC",
        "MATCH (m) RETURN m.a AS a ORDER BY a DESC",
    ),
    "directed MERGE": (
        "MATCH (a:A), (b:B) MERGE (a)-[:R]->(b)",
        "MATCH (x:A), (y:B) MERGE (y)<-[:R]-(x)",
    ),
    "patterns with *": (
        "MATCH (a:A:B)-[:R]->(b) WHERE a.x = 1 AND b.y = 2 RETURN *",
        "MATCH (b)<-[:R]-(a:B:A) WHERE 2 = b.y AND a.x = 1 RETURN *",
    ),
    "unused names": ("MATCH p = (n)-[r:R]->(m) RETURN n", "MATCH (n)-[:R]->() RETURN n"),
    "symmetry": (
        "MATCH (a)-[:R]->(b), (c)-[:R]->(d) WHERE a.x = 1 AND c.x = 1 RETURN b, d",
        "MATCH (c)-[:R]->(d), (a)-[:R]->(b) WHERE c.x = 1 AND a.x = 1 RETURN b, d",
    ),
    "perfect symmetry": (
        "MATCH (a)-[:R]->(b), (c)-[:R]->(d) WHERE a.x = 1 AND c.x = 1 AND (a.z = b.z OR c.z = d.z) "
        "RETURN count(*)",
        "MATCH (c)-[:R]->(d), (a)-[:R]->(b) WHERE a.x = 1 AND c.x = 1 AND (a.z = b.z OR c.z = d.z) "
        "RETURN count(*)",
    ),
    "a cycle": (
        "MATCH (a)-[:R]->(b), (b)-[:R]->(c), (c)-[:R]->(a) WHERE b.x = 1 RETURN a, c",
        "MATCH (x)-[:R]->(y), (y)-[:R]->(z), (z)-[:R]->(x) WHERE z.x = 1 RETURN y, x",
    ),
    "map projection": ("MATCH (n) RETURN n {.a, .b}", "MATCH (m) RETURN m {.b, .a}"),
    "case of functions": ("MATCH (n) RETURN Count(n)", "MATCH (n) RETURN count(n)"),
}

DIFFERENT = {
    "direction": ("MATCH (a:A)-[:R]->(b:B) RETURN a", "MATCH (a:A)<-[:R]-(b:B) RETURN a"),
    "alias": ("MATCH (n) RETURN n.a AS a", "MATCH (n) RETURN n.a AS b"),
    "alias or none": ("MATCH (n) RETURN n.a AS a", "MATCH (n) RETURN n.a"),
    "which variable": ("MATCH (a)-->(b) RETURN a", "MATCH (a)-->(b) RETURN b"),
    "order of columns": ("MATCH (n) RETURN n.a, n.b", "MATCH (n) RETURN n.b, n.a"),
    "same types in one path or two": (
        "MATCH (a)-[:R]->(b)<-[:R]-(c) RETURN a, c",
        "MATCH (a)-[:R]->(b), (c)-[:R]->(b) RETURN a, c",
    ),
    "one MATCH or two": (
        "MATCH (a)-->(b), (c)-->(d) RETURN a, c",
        "MATCH (a)-->(b) MATCH (c)-->(d) RETURN a, c",
    ),
    "optional": ("MATCH (a) OPTIONAL MATCH (a)-->(b) RETURN b", "MATCH (a)-->(b) RETURN b"),
    "text joined": ("MATCH (n) RETURN n.a + n.b", "MATCH (n) RETURN n.b + n.a"),
    "difference": ("MATCH (n) RETURN n.a - n.b", "MATCH (n) RETURN n.b - n.a"),
    "grouping of floats": ("RETURN 0.1 * 0.2 * 0.3", "RETURN 0.3 * 0.2 * 0.1"),
    "order of a list": ("RETURN [1, 2]", "RETURN [2, 1]"),
    "not of less": ("MATCH (n) WHERE NOT n.a < 1 RETURN n", "MATCH (n) WHERE n.a >= 1 RETURN n"),
    "names that * shows, in our style": (
        "MATCH (n)-->(a1) RETURN *",
        "MATCH (n)-->() RETURN *",
    ),
    "chance": ("RETURN rand() < 0.5 AND rand() < 0.5", "RETURN rand() < 0.5"),
    "undirected MERGE": (
        "MATCH (a:A), (b:B) MERGE (a)-[:R]-(b)",
        "MATCH (a:A), (b:B) MERGE (b)-[:R]-(a)",
    ),
    "names that * shows": ("MATCH (a)-->(b) RETURN *", "MATCH (a)-->() RETURN *"),
    "named path": (
        "MATCH p = (a:A)-->(b:B) RETURN nodes(p)",
        "MATCH p = (b:B)<--(a:A) RETURN nodes(p)",
    ),
    "list of relationships": (
        "MATCH (a:A)-[r*1..2]->(b:B) RETURN r",
        "MATCH (b:B)<-[r*1..2]-(a:A) RETURN r",
    ),
    "count of a variable": ("MATCH (a)-->(b) RETURN count(b)", "MATCH (a)-->(b) RETURN count(*)"),
    "volatile": ("RETURN 0 < rand() < 1", "RETURN 0 < rand() AND rand() < 1"),
    "condition after WITH": (
        "MATCH (n) WHERE n.a = 1 WITH n LIMIT 3 RETURN n",
        "MATCH (n) WITH n LIMIT 3 WHERE n.a = 1 RETURN n",
    ),
    "replaced entry": ("RETURN {a: 1, a: 2} AS m", "RETURN {a: 2, a: 1} AS m"),
    "parameter": ("RETURN $a", "RETURN $b"),
    "created or matched": ("CREATE (n:A)", "MERGE (n:A)"),
    "error or value": ("RETURN 1 AND 1", "RETURN 1"),
    "column of a procedure": (
        "CALL db.labels() YIELD label RETURN label",
        "CALL db.labels() YIELD other RETURN other",
    ),
    "MATCHes that need each other": (
        "MATCH (a:A) MATCH (b:B) WHERE b.x = a.x RETURN a",
        "MATCH (a:A) OPTIONAL MATCH (b:B) WHERE b.x = a.x RETURN a",
    ),
    "actions of one kind": (
        "MERGE (n:A) ON MATCH SET n.b = n.c ON MATCH SET n.c = n.b",
        "MERGE (n:A) ON MATCH SET n.c = n.b ON MATCH SET n.b = n.c",
    ),
    "order of assignments": (
        "MATCH (n) SET n.a = n.b, n.b = n.a",
        "MATCH (n) SET n.b = n.a, n.a = n.b",
    ),
    "a cycle": (
        "MATCH (a)-[:R]->(b), (b)-[:R]->(c), (c)-[:R]->(a) WHERE b.x = 1 RETURN a, c",
        "MATCH (a)-[:R]->(b), (b)-[:R]->(c), (c)-[:R]->(a) WHERE b.x = 1 RETURN c, a",
    ),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_same_meaning_same_form(one: str, other: str) -> None:
    assert normalise(one).canonical == normalise(other).canonical


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_other_meaning_other_form(one: str, other: str) -> None:
    assert normalise(one).canonical != normalise(other).canonical


#: Queries, some of them wrong, whose form was once not its own form.
FUZZED = (
    "SHOW TRANSACTIONS YIELD transactionId AS t FOREACH (x IN [1] | CREATE (:A) SET n.y = x)",
)


@pytest.mark.parametrize("query", [*(query for pair in SAME.values() for query in pair), *FUZZED])
def test_idempotent(query: str) -> None:
    once = normalise(query)
    assert normalise(once.canonical) == once


@pytest.mark.parametrize("subquery", ["EXISTS", "COUNT"])
def test_a_second_return_is_left_where_it_is(subquery: str) -> None:
    """It is a mistake, and no form of the query without it."""
    query = f"MATCH (n) WHERE {subquery} {{ WITH n MATCH (n)--() RETURN 1 AS q RETURN 1 }} RETURN n"
    once = normalise(query)
    assert normalise(once.canonical) == once
    assert once != normalise(query.replace(" RETURN 1 }", " }"))


def test_family_leaves_out_names_and_values() -> None:
    one = normalise(
        "MATCH (p:Person {name: 'Ada'})-[:KNOWS]->(q) WHERE q.age > 3 RETURN q.age AS a"
    )
    other = normalise("MATCH (c:City {zip: 7})-[:NEAR]->(d) WHERE d.size > 2.5 RETURN d.size AS s")
    longer = normalise("MATCH (c:City {zip: 7})-[:NEAR]->(d) RETURN d.size AS s")
    assert one.family == other.family
    assert one.canonical != other.canonical
    assert one.family != longer.family
    assert "Ada" not in one.family
    assert "Person" not in one.family


def test_family_ignores_how_many_values_a_list_has() -> None:
    one, other = (
        "MATCH (n:A) WHERE n.x IN [1, 2] RETURN n",
        "MATCH (n:B) WHERE n.y IN [3] RETURN n",
    )
    assert normalise(one).family == normalise(other).family


def test_kept_aliases_and_new_names_do_not_collide() -> None:
    """An alias `v1` that is written must not be taken for the variable that is called v1."""
    one = normalise("MATCH (a) RETURN a.x AS v1, a.y AS y ORDER BY v1")
    other = normalise("MATCH (v1) RETURN v1.x AS x, v1.y AS y ORDER BY v1")
    assert one.canonical != other.canonical
    assert normalise(one.canonical) == one
    assert normalise(other.canonical) == other


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (n)-[r:KNOWS WHERE n.x > 1]->() RETURN n",
        "MATCH (n)-[r:KNOWS {y: 1} WHERE n.x > 1]->() RETURN n",
        "MATCH (n) WHERE NOT (n)-[:X]-() RETURN *",
        "OPTIONAL MATCH (n) WHERE (n)-->() RETURN n SHOW USER PRIVILEGES",
    ],
)
def test_names_that_nothing_needs_are_gone_at_once(query: str) -> None:
    once = normalise(query)
    assert normalise(once.canonical) == once


def test_several_statements() -> None:
    assert normalise("RETURN 1; RETURN 2").canonical == "RETURN 1; RETURN 2"


def test_a_query_that_does_not_parse() -> None:
    with pytest.raises(HeimdallError, match="RETURN"):
        normalise("MATCH (n) RETRUN n")


def test_two_nodes_side_by_side() -> None:
    """Parses, and is refused only by the checker."""
    assert normalise("MATCH (a)-->(b) (c)-->(d) RETURN a").canonical


def test_deep_and_wide_queries() -> None:
    deep = "RETURN " + "[" * 90 + "1" + "]" * 90
    assert normalise(deep).canonical == deep
    wide = "MATCH (n) WHERE " + " OR ".join(f"n.a = {i}" for i in range(400)) + " RETURN n"
    assert normalise(normalise(wide).canonical) == normalise(wide)


# --- generated queries ---------------------------------------------------------------------------


def test_rewrites_are_merged() -> None:
    merged, apart = rewrites_merged(150, seed=1)
    assert not apart
    assert merged == 150


def test_merged_queries_give_the_same_rows() -> None:
    pytest.importorskip("graphdblite")
    assert check_pairs(80, seed=5).merged > 15


@pytest.mark.slow
def test_merged_queries_give_the_same_rows_5000() -> None:
    for engine in ("graphdblite", "graphqlite", "ocg"):
        pytest.importorskip(engine)
    pairs = check_pairs(5000, seed=6)
    assert pairs.merged > 1000
    assert len(pairs.misjudged) <= 0.005 * pairs.merged


def test_canonical_form_gives_the_rows_of_its_query() -> None:
    pytest.importorskip("graphdblite")
    random = Random(9)
    with open_engine("graphdblite", Limits(seconds=0.5)) as engine:
        engine.load(populate(SCHEMA, 9))
        compared = 0
        for _ in range(50):
            query = make_query(random)
            one, two = rows(engine, query), rows(engine, normalise(query).canonical)
            if one is not None and two is not None:
                compared += 1
                assert same_rows(one, two), query
    assert compared > 40


@pytest.mark.parametrize("file", ["modern.jsonl", "llm_written.jsonl", "mutations.jsonl"])
def test_idempotent_on_real_queries(file: str) -> None:
    path = SHARED / "cypher" / file
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    changed = []
    for row in rows[::10]:
        try:
            once = normalise(row["query"])
        except HeimdallError:
            continue
        if normalise(once.canonical) != once:
            changed.append(row["query"])
    assert not changed
