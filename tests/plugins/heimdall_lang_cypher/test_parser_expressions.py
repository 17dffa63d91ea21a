"""Expressions: precedence, atoms, and where a pattern or a short form starts."""

from __future__ import annotations

import pytest

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.parser import parse_statement
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError


def expression(text: str) -> ast.Expression:
    """The tree of `RETURN text`."""
    body = parse_statement(f"RETURN {text}").body
    assert isinstance(body, ast.SingleQuery)
    clause = body.clauses[0]
    assert isinstance(clause, ast.Return)
    assert len(clause.items) == 1
    return clause.items[0].expression


A, B, C = ast.Variable("a"), ast.Variable("b"), ast.Variable("c")
ONE, TWO = ast.IntegerLiteral(1), ast.IntegerLiteral(2)


def call(name: str, *arguments: ast.Expression) -> ast.FunctionCall:
    return ast.FunctionCall(ast.QualifiedName(tuple(name.split("."))), arguments)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a OR b AND c", ast.Or((A, ast.And((B, C))))),
        ("a XOR b OR c", ast.Or((ast.Xor((A, B)), C))),
        ("NOT a AND b", ast.And((ast.Not(A), B))),
        ("NOT a = b", ast.Not(ast.Comparison((A, B), ("=",)))),
        ("a AND b AND c", ast.And((A, B, C))),
        ("(a AND b) AND c", ast.And((ast.And((A, B)), C))),
        ("a < b <= c", ast.Comparison((A, B, C), ("<", "<="))),
        ("a != b", ast.Comparison((A, B), ("<>",))),
        ("a + b * c", ast.Arithmetic((A, ast.Arithmetic((B, C), ("*",))), ("+",))),
        ("a - b + c", ast.Arithmetic((A, B, C), ("-", "+"))),
        ("a - (b + c)", ast.Arithmetic((A, ast.Arithmetic((B, C), ("+",))), ("-",))),
        ("a ^ b ^ c", ast.Arithmetic((A, B, C), ("^", "^"))),
        ("-a ^ b", ast.Arithmetic((ast.Sign("-", A), B), ("^",))),
        ("-1", ast.Sign("-", ONE)),
        (
            "a + b IN c",
            ast.BinaryPredicate("IN", ast.Arithmetic((A, B), ("+",)), C),
        ),
        (
            "a IN b = c",
            ast.Comparison((ast.BinaryPredicate("IN", A, B), C), ("=",)),
        ),
        ("a STARTS WITH b", ast.BinaryPredicate("STARTS WITH", A, B)),
        ("a IS NOT NULL", ast.NullPredicate(A, True)),
        ("a IS :: INT NOT NULL", ast.TypePredicate(A, ast.TypeName("INTEGER", True))),
        ("a IS NOT TYPED BOOL", ast.TypePredicate(A, ast.TypeName("BOOLEAN"), True)),
        ("a IS NFKC NORMALIZED", ast.NormalisedPredicate(A, "NFKC")),
        ("a:X", ast.LabelPredicate(A, ast.LabelName("X"))),
        ("a IS LABELED X", ast.LabelPredicate(A, ast.LabelName("X"))),
        ("a IS NOT X", ast.LabelPredicate(A, ast.LabelName("X"), True)),
        ("a.b[1]", ast.Subscript(ast.PropertyAccess(A, ast.Name("b")), ONE)),
        ("a[..2]", ast.Slice(A, None, TWO)),
        ("a[1..]", ast.Slice(A, ONE, None)),
        ("$p", ast.Parameter("p")),
        ("$`odd name`", ast.Parameter("odd name")),
        ("{p}", ast.Parameter("p", legacy=True)),
        ("count(*)", ast.CountStar()),
        ("count(DISTINCT a)", ast.FunctionCall(ast.QualifiedName(("count",)), (A,), True)),
        ("apoc.text.join(a, b)", call("apoc.text.join", A, B)),
        ("trim(BOTH a FROM b)", ast.Trim("BOTH", A, B)),
        ("trim(a)", call("trim", A)),
        ("trim(FROM a)", ast.Trim("", None, A)),
        ("normalize(a, NFD)", call("normalize", A, ast.Keyword("NFD"))),
        ("0x1F", ast.IntegerLiteral(31)),
        ("0o17", ast.IntegerLiteral(15)),
        ("1_000", ast.IntegerLiteral(1000)),
        (".5", ast.FloatLiteral(0.5)),
        ("6e-3", ast.FloatLiteral(0.006)),
        (r"'a\n\'\u00e9\U0001F600\\'", ast.StringLiteral("a\n'é\U0001f600\\")),
        (r"'\d'", ast.StringLiteral("\\d")),
        (r"'\ud83d\ude00'", ast.StringLiteral("\U0001f600")),
        (
            "s'a{b}'",
            ast.InterpolatedString((ast.StringLiteral("a"), B)),
        ),
        ("INFINITY", ast.ConstantLiteral("INF")),
        ("[a IN b]", ast.ListComprehension(A, B)),
        ("[(a IN b)]", ast.ListLiteral((ast.BinaryPredicate("IN", A, B),))),
        ("[a IN b, c]", ast.ListLiteral((ast.BinaryPredicate("IN", A, B), C))),
        ("[a IN b | c]", ast.ListComprehension(A, B, None, C)),
        (
            "[a IN b WHERE a:X | c]",
            ast.ListComprehension(A, B, ast.LabelPredicate(A, ast.LabelName("X")), C),
        ),
        ("all(a IN b WHERE c)", ast.ListPredicate("ALL", A, B, C)),
        ("reduce(a = 1, b IN c | a)", ast.Reduce(A, ONE, B, C, A)),
        (
            "a {.b, .*, c, d: 1}",
            ast.MapProjection(
                A,
                (
                    ast.PropertySelector(ast.Name("b")),
                    ast.AllPropertiesSelector(),
                    ast.VariableSelector(C),
                    ast.MapEntry(ast.Name("d"), ONE),
                ),
            ),
        ),
        (
            "CASE a WHEN 1, > 2 THEN b END",
            ast.Case(
                A,
                (ast.CaseAlternative((ONE, ast.Comparison((ast.CaseSubject(), TWO), (">",))), B),),
            ),
        ),
        ("order", ast.Variable("order")),
        ("end + count", ast.Arithmetic((ast.Variable("end"), ast.Variable("count")), ("+",))),
    ],
)
def test_tree(text: str, tree: ast.Expression) -> None:
    assert expression(text) == tree


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("(a)-->(b)", ast.PatternExpression),
        ("(a)--(b)", ast.PatternExpression),
        ("(a)<-[:X]-(b)", ast.PatternExpression),
        ("(:A)-[x]-()", ast.PatternExpression),
        ("shortestPath((a)-[*]->(b))", ast.PatternExpression),
        ("(a) - 1", ast.Arithmetic),
        ("(a)-(b)", ast.Arithmetic),
        ("(a) - [1]", ast.Arithmetic),
        ("(a.b)-(1)-(2)", ast.Arithmetic),
        ("(a) < -1", ast.Comparison),
        ("(a)<-1", ast.Comparison),
        ("(a:X)", ast.LabelPredicate),
        ("[(a)-->(b) | 1]", ast.PatternComprehension),
        ("[p = (a)-->(b) WHERE c | 1]", ast.PatternComprehension),
        ("[(a)-->(b)]", ast.ListLiteral),
        ("[a = (b)]", ast.ListLiteral),
        ("EXISTS { (a)-->(b) }", ast.ExistsSubquery),
        ("exists(a.b)", ast.FunctionCall),
        ("COUNT { MATCH (a) }", ast.CountSubquery),
        ("count", ast.Variable),
        ("COLLECT { RETURN 1 }", ast.CollectSubquery),
        ("any(a)", ast.FunctionCall),
        ("single", ast.Variable),
    ],
)
def test_kind(text: str, kind: type[ast.Expression]) -> None:
    assert type(expression(text)) is kind


def test_bodies_of_subqueries() -> None:
    short = expression("EXISTS { (a)-->(b) WHERE a.x > 1 }")
    long = expression("EXISTS { MATCH (a)-->(b) WHERE a.x > 1 }")
    assert isinstance(short, ast.ExistsSubquery)
    assert isinstance(short.query, ast.PatternQuery)
    assert isinstance(long, ast.ExistsSubquery)
    assert isinstance(long.query, ast.SingleQuery)


def test_labels_before_the_projection_of_a_comprehension() -> None:
    found = expression("[x IN xs WHERE x:A|B AND x:C | x.name]")
    assert isinstance(found, ast.ListComprehension)
    assert isinstance(found.predicate, ast.And)
    assert found.predicate.operands[0] == ast.LabelPredicate(
        ast.Variable("x"), ast.LabelOr((ast.LabelName("A"), ast.LabelName("B")))
    )
    assert isinstance(found.projection, ast.PropertyAccess)


def test_infinite_floats_keep_their_text() -> None:
    found = expression("1e999")
    assert isinstance(found, ast.FloatLiteral)
    assert (found.value, found.text) == (float("inf"), "1e999")


def test_positions_are_those_of_the_source() -> None:
    text = "RETURN a.b + size([x IN xs | x.y])"
    for start, end in (("a.b", "a.b"), ("size([x IN xs | x.y])", "x.y]"), ("x.y", "x.y")):
        assert text.index(start) >= 0, end
    body = parse_statement(text).body
    assert isinstance(body, ast.SingleQuery)
    clause = body.clauses[0]
    assert isinstance(clause, ast.Return)
    found = clause.items[0].expression
    assert isinstance(found, ast.Arithmetic)
    assert [text[each.start : each.end] for each in found.operands] == [
        "a.b",
        "size([x IN xs | x.y])",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a AND",
        "AND a",
        "a b",
        "1 +",
        "a IN b IN c",
        "a IS NULL + 1",
        "a = NOT b",
        "f(",
        "f(a,)",
        "[1,]",
        "{a}.b c",
        "{a 1}",
        "a.",
        "a[",
        "a[]",
        "CASE END",
        "CASE WHEN a END",
        "CASE a WHEN 1 THEN 2 ELSE 3",
        "reduce(a = 1, b IN c)",
        "[(a)-->(b) |]",
        "'\\u12'",
        "'\\U00110000'",
        "EXISTS { }",
        "$",
        "a IS NUL",
        "a IS NOT NLL",
    ],
)
def test_rejected(text: str) -> None:
    with pytest.raises(CypherSyntaxError):
        expression(text)
