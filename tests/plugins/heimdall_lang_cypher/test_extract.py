"""Queries in the answers of models."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from heimdall_lang_cypher.extract import extract

SHARED = (
    Path(os.environ.get("HEIMDALL_SHARED", Path(__file__).parents[3].parent / "shared")) / "data"
)
QUERY = "MATCH (p:Person)\nWHERE p.age > 30\nRETURN p.name AS name\nORDER BY name"

DRESSED = {
    "bare": QUERY,
    "blanks": f"\n\n  {QUERY}\n\n",
    "fenced": f"Here is the query:\n\n```cypher\n{QUERY}\n```\nThis returns the names.",
    "fenced without a language": f"```\n{QUERY}\n```",
    "fenced as something else": f"```sql\n{QUERY}\n```",
    "fence never closed": f"Sure!\n```cypher\n{QUERY}",
    "after other code": f"```python\nprint('MATCH')\n```\n```cypher\n{QUERY}\n```",
    "prose before": f"Here is the Cypher query:\n{QUERY}",
    "prose after": f"{QUERY}\n\nThis query finds all the people who are over 30.",
    "explanation after": f"{QUERY}\nExplanation:\n- It matches people.",
    "title": f"Cypher: {QUERY}",
    "title on its line": f"cypher\n{QUERY}",
    "bold title": f"**Query:** {QUERY}",
    "thoughts": f"<think>\nMATCH (n) RETURN n?\n</think>\n{QUERY}",
    "prose after a semicolon": f"{QUERY}; Hope this helps!",
}


@pytest.mark.parametrize("answer", DRESSED.values(), ids=DRESSED.keys())
def test_the_query_comes_out(answer: str) -> None:
    assert extract(answer) == QUERY


@pytest.mark.parametrize(
    ("answer", "query"),
    [
        ("The query is: MATCH (n) RETURN n", "MATCH (n) RETURN n"),
        ("You can use `MATCH (n) RETURN n` here.", "MATCH (n) RETURN n"),
        ("match (n) return n", "match (n) return n"),
        ("return 1", "return 1"),
        ("RETURN 'This is a long string'", "RETURN 'This is a long string'"),
        ("MATCH (a) RETURN a; MATCH (b) RETURN b;", "MATCH (a) RETURN a; MATCH (b) RETURN b;"),
        ("MATCH (n) RETURN n.x AS `a b`", "MATCH (n) RETURN n.x AS `a b`"),
        ("RETURN 'a; b' AS x", "RETURN 'a; b' AS x"),
        ("RETURN '\nThis is a line of prose\n'", "RETURN '\nThis is a line of prose\n'"),
        ("// all nodes\nMATCH (n) RETURN n", "// all nodes\nMATCH (n) RETURN n"),
        (":use db\nMATCH (n) RETURN n", ":use db\nMATCH (n) RETURN n"),
        ("CALL db.labels() YIELD label", "CALL db.labels() YIELD label"),
        ("CREATE INDEX i FOR (n:A) ON (n.x)", "CREATE INDEX i FOR (n:A) ON (n.x)"),
    ],
)
def test_short_answers(answer: str, query: str) -> None:
    assert extract(answer) == query


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (n)\nRETRUN n",
        "MACTH (n) RETURN n",
        "MATCH (n)\nRETURN n\nORDRE BY n.x",
        "MATCH (n WHERE n.x = 1 RETURN n",
    ],
)
def test_mistakes_are_kept(query: str) -> None:
    """What is wrong must not be cut off, or the answer would look right."""
    assert extract(query) == query


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I cannot do that.",
        "Show me the users",
        "Create a node for each person.",
        "With this in mind, the answer is no",
        "Return the number of people in the graph",
        "Match the users first, then return them.",
        "```python\nprint(1)\n```",
        '{"action": "restart"}',
    ],
)
def test_no_query(answer: str) -> None:
    assert extract(answer) == ""


def test_time_is_linear() -> None:
    assert extract("MATCH (n)\n" + "'" * 50_000)
    assert extract("prose " * 20_000) == ""


def test_real_queries_survive_any_dress() -> None:
    path = SHARED / "cypher" / "modern.jsonl"
    if not path.exists():
        pytest.skip("the queries are not here")
    for line in path.read_text("utf-8").splitlines():
        query = json.loads(line)["query"].strip()
        assert extract(query) == query
        assert extract(f"Sure, here it is:\n```cypher\n{query}\n```\nDone.") == query
        assert extract(f"{query}\n\nThis query returns what you asked for.") == query
