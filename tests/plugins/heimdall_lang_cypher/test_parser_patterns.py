"""Patterns: elements, labels, paths and what selects among them."""

from __future__ import annotations

import pytest

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.parser import parse_statement
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError


def part(text: str) -> ast.PatternPart:
    """The pattern of `MATCH text FINISH`."""
    body = parse_statement(f"MATCH {text} FINISH").body
    assert isinstance(body, ast.SingleQuery)
    match = body.clauses[0]
    assert isinstance(match, ast.Match)
    assert len(match.patterns) == 1
    return match.patterns[0]


def elements(text: str) -> tuple[ast.Node, ...]:
    path = part(text).path
    assert isinstance(path, ast.PathPattern)
    return path.elements


N, X = ast.Variable("n"), ast.LabelName("X")
NAME_1 = ast.MapLiteral((ast.MapEntry(ast.Name("a"), ast.IntegerLiteral(1)),))


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("()", ast.NodePattern()),
        ("(n)", ast.NodePattern(N)),
        ("(:X)", ast.NodePattern(None, X)),
        ("(n:X {a: 1})", ast.NodePattern(N, X, NAME_1)),
        ("(n $p)", ast.NodePattern(N, None, ast.Parameter("p"))),
        ("(n {p})", ast.NodePattern(N, None, ast.Parameter("p", legacy=True))),
        ("(n IS X)", ast.NodePattern(N, X)),
        ("(IS X)", ast.NodePattern(None, X)),
        ("(is:X)", ast.NodePattern(ast.Variable("is"), X)),
        ("(where)", ast.NodePattern(ast.Variable("where"))),
        ("(WHERE $p)", ast.NodePattern(where=ast.Parameter("p"))),
        ("(n WHERE $p)", ast.NodePattern(N, where=ast.Parameter("p"))),
        ("(match:Match)", ast.NodePattern(ast.Variable("match"), ast.LabelName("Match"))),
    ],
)
def test_node(text: str, node: ast.NodePattern) -> None:
    assert elements(text) == (node,)


@pytest.mark.parametrize(
    ("text", "relationship"),
    [
        ("-->", ast.RelationshipPattern("->")),
        ("<--", ast.RelationshipPattern("<-")),
        ("--", ast.RelationshipPattern("--")),
        ("<-->", ast.RelationshipPattern("<->")),
        ("-[]->", ast.RelationshipPattern("->")),
        ("-[n:X]-", ast.RelationshipPattern("--", N, X)),
        ("-[*]-", ast.RelationshipPattern("--", length=ast.PathLength())),
        ("-[*2]-", ast.RelationshipPattern("--", length=ast.PathLength(2, 2))),
        ("-[*1..]-", ast.RelationshipPattern("--", length=ast.PathLength(1, None))),
        ("-[*..3]-", ast.RelationshipPattern("--", length=ast.PathLength(None, 3))),
        (
            "-[:X*1..3 {a: 1}]->",
            ast.RelationshipPattern("->", None, X, ast.PathLength(1, 3), NAME_1),
        ),
        ("-[n IS X WHERE $p]->", ast.RelationshipPattern("->", N, X, where=ast.Parameter("p"))),
        ("-->+", ast.RelationshipPattern("->", quantifier=ast.Quantifier(1, None))),
        ("-[:X]->{2}", ast.RelationshipPattern("->", None, X, quantifier=ast.Quantifier(2, 2))),
        ("--{,4}", ast.RelationshipPattern("--", quantifier=ast.Quantifier(0, 4))),
        ("--{2,}", ast.RelationshipPattern("--", quantifier=ast.Quantifier(2, None))),
        ("—[n]—⟩", ast.RelationshipPattern("->", N)),
    ],
)
def test_relationship(text: str, relationship: ast.RelationshipPattern) -> None:
    assert elements(f"(){text}()")[1] == relationship


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("X|Y", ast.LabelOr((X, ast.LabelName("Y")))),
        ("X|:Y", ast.LabelOr((X, ast.LabelName("Y")))),
        ("X:Y", ast.LabelAnd((X, ast.LabelName("Y")))),
        ("X&Y|Z", ast.LabelOr((ast.LabelAnd((X, ast.LabelName("Y"))), ast.LabelName("Z")))),
        ("X&(Y|Z)", ast.LabelAnd((X, ast.LabelOr((ast.LabelName("Y"), ast.LabelName("Z")))))),
        ("!X", ast.LabelNot(X)),
        ("!(X|%)", ast.LabelNot(ast.LabelOr((X, ast.LabelWildcard())))),
        ("$(n)", ast.DynamicLabel(N)),
        ("$any($p)", ast.DynamicLabel(ast.Parameter("p"), "ANY")),
        ("`a b`", ast.LabelName("a b")),
    ],
)
def test_labels(text: str, labels: ast.LabelExpression) -> None:
    assert elements(f"(n:{text})") == (ast.NodePattern(N, labels),)


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("ANY", ast.PathSelector("ANY")),
        ("ANY 2 PATHS", ast.PathSelector("ANY", 2)),
        ("ALL PATHS", ast.PathSelector("ALL")),
        ("TRAIL", ast.PathSelector("ALL", None, "TRAIL")),
        ("ANY SHORTEST", ast.PathSelector("ANY SHORTEST")),
        ("ALL SHORTEST WALK", ast.PathSelector("ALL SHORTEST", None, "WALK")),
        ("SHORTEST 3", ast.PathSelector("SHORTEST", 3)),
        ("SHORTEST $k PATHS", ast.PathSelector("SHORTEST", ast.Parameter("k"))),
        ("SHORTEST 2 GROUPS", ast.PathSelector("SHORTEST GROUPS", 2)),
        ("SHORTEST GROUP", ast.PathSelector("SHORTEST GROUPS")),
    ],
)
def test_selector(text: str, selector: ast.PathSelector) -> None:
    found = part(f"p = {text} (a)-->+(b)")
    assert (found.variable, found.selector) == (ast.Variable("p"), selector)


def test_quantified_path() -> None:
    first, inner, last = elements("(a) ((x)-[:X]->(y) WHERE x.a < y.a){1,3} (b)")
    assert (first, last) == (
        ast.NodePattern(ast.Variable("a")),
        ast.NodePattern(ast.Variable("b")),
    )
    assert isinstance(inner, ast.ParenthesisedPath)
    assert inner.quantifier == ast.Quantifier(1, 3)
    assert isinstance(inner.where, ast.Comparison)


def test_shortest_path_function() -> None:
    found = part("p = allShortestPaths((a)-[*..5]->(b))")
    assert isinstance(found.path, ast.ShortestPath)
    assert found.path.all
    assert len(found.path.path.elements) == 3


@pytest.mark.parametrize(
    "text",
    [
        "n",
        "(n",
        "(n:)",
        "(n:X",
        "(n {a})-(b)",
        "(a)-(b)",
        "(a)->(b)",
        "(a)-[:X](b)",
        "(a)-[:X]>(b)",
        "(a)-[:X->(b)",
        "(a)-[*-1]->(b)",
        "(a)-->",
        "(a)-->{x}(b)",
        "SHORTEST (a)-->(b)",
        "(a),",
        "(a:X|)",
        "((a)-->(b)",
    ],
)
def test_rejected(text: str) -> None:
    with pytest.raises(CypherSyntaxError):
        part(text)
