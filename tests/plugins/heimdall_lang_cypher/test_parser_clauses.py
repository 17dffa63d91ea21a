"""Clauses, queries and commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.parser import parse, parse_statement
from heimdall_lang_cypher.printer import print_query
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError
from heimdall_lang_cypher.visitor import Visitor, children, transform, walk

CONSTRUCTS = [
    line
    for line in (Path(__file__).parent / "every_construct.cypher").read_text("utf-8").splitlines()
    if line.strip()
]


def clauses(text: str) -> tuple[ast.Clause, ...]:
    body = parse_statement(text).body
    assert isinstance(body, ast.SingleQuery)
    return body.clauses


@pytest.mark.parametrize("text", CONSTRUCTS)
def test_every_construct_parses_with_positions_inside_its_parent(text: str) -> None:
    script = parse(text)
    for node in walk(script):
        assert 0 <= node.start <= node.end <= len(text)
        for child in children(node):
            is_unnamed = isinstance(child, ast.Variable) and not child.name
            assert is_unnamed or (node.start <= child.start and child.end <= node.end), child


def test_kinds_of_clauses() -> None:
    text = (
        "MATCH (n) OPTIONAL MATCH (m) WHERE m.x UNWIND [1] AS x WITH *, 1 AS y "
        "CREATE (a) MERGE (b) SET b.x = 1 REMOVE b.y DETACH DELETE n "
        "FOREACH (z IN [1] | CREATE (c)) CALL db.labels() YIELD label CALL { RETURN 1 AS o } "
        "LOAD CSV FROM 'f' AS row RETURN row"
    )
    assert [type(each).__name__ for each in clauses(text)] == [
        "Match", "Match", "Unwind", "With", "Create", "Merge", "Set", "Remove", "Delete",
        "Foreach", "CallProcedure", "CallSubquery", "LoadCsv", "Return",
    ]  # fmt: skip


def test_projection() -> None:
    (found,) = clauses("RETURN DISTINCT *, a.b AS c ORDER BY c DESC, d SKIP 1 LIMIT $l")
    assert found == ast.Return(
        (
            ast.ProjectionItem(
                ast.PropertyAccess(ast.Variable("a"), ast.Name("b")), ast.Variable("c")
            ),
        ),
        star=True,
        distinct=True,
        order_by=(
            ast.SortItem(ast.Variable("c"), True),
            ast.SortItem(ast.Variable("d")),
        ),
        skip=ast.IntegerLiteral(1),
        limit=ast.Parameter("l"),
    )


def test_set_items() -> None:
    (found,) = clauses("SET n.x = 1, n += {}, n = $m, n:A:$(b), n['k'] = 2")
    assert isinstance(found, ast.Set)
    assert [type(each).__name__ for each in found.items] == [
        "SetProperty", "SetProperties", "SetProperties", "SetLabels", "SetProperty",
    ]  # fmt: skip
    added = found.items[1]
    assert isinstance(added, ast.SetProperties)
    assert added.add


def test_in_transactions() -> None:
    (found,) = clauses(
        "CALL (x) { CREATE (a) } IN 3 CONCURRENT TRANSACTIONS OF 10 ROWS "
        "ON ERROR RETRY FOR 2 SECONDS THEN CONTINUE REPORT STATUS AS s"
    )
    assert isinstance(found, ast.CallSubquery)
    assert found.scope == ast.SubqueryScope((ast.Variable("x"),))
    assert found.transactions == ast.InTransactions(
        True,
        ast.IntegerLiteral(3),
        ast.IntegerLiteral(10),
        "RETRY",
        ast.IntegerLiteral(2),
        "CONTINUE",
        ast.Variable("s"),
    )


def test_procedures() -> None:
    (plain,) = clauses("CALL db.labels")
    (full,) = clauses("CALL db.x(1) YIELD a AS b, c WHERE c > 1")
    assert isinstance(plain, ast.CallProcedure)
    assert (plain.arguments, plain.yields) == (None, None)
    assert isinstance(full, ast.CallProcedure)
    assert full.name.text == "db.x"
    assert full.yields == (
        ast.YieldItem(ast.Variable("a"), ast.Variable("b")),
        ast.YieldItem(ast.Variable("c")),
    )
    assert full.where is not None


def test_unions_are_flat() -> None:
    body = parse_statement(
        "RETURN 1 AS x UNION RETURN 2 AS x UNION ALL RETURN 3 AS x UNION DISTINCT RETURN 4 AS x"
    ).body
    assert isinstance(body, ast.Union)
    assert len(body.queries) == 4
    assert body.all == (False, True, False)


def test_next_and_when() -> None:
    body = parse_statement(
        "RETURN 1 AS x NEXT WHEN x > 0 THEN RETURN 2 AS y ELSE RETURN 3 AS y"
    ).body
    assert isinstance(body, ast.Sequence)
    assert isinstance(body.queries[1], ast.Conditional)
    assert body.queries[1].default is not None


def test_options_before_a_statement() -> None:
    statement = parse_statement("CYPHER 25 runtime=parallel EXPLAIN RETURN 1")
    assert statement.options == (
        ast.PreparserOption("CYPHER", "25", (ast.Setting("runtime", "parallel"),)),
        ast.PreparserOption("EXPLAIN"),
    )


def test_scripts() -> None:
    script = parse("RETURN 1;\n:use db\nBEGIN; COMMIT TRANSACTION;")
    assert [type(each.body).__name__ for each in script.statements] == [
        "SingleQuery", "ConsoleCommand", "TransactionCommand", "TransactionCommand",
    ]  # fmt: skip
    assert script.statements[1].body == ast.ConsoleCommand("use", "db")
    with pytest.raises(CypherSyntaxError, match="one statement"):
        parse_statement("RETURN 1; RETURN 2")
    for empty in (";RETURN 1", "RETURN 1;; RETURN 2", "RETURN 1;;", ";"):
        with pytest.raises(CypherSyntaxError):
            parse(empty)


def test_indexes() -> None:
    new = parse_statement("CREATE TEXT INDEX i IF NOT EXISTS FOR ()-[r:R|S]->() ON (r.x)").body
    assert isinstance(new, ast.CreateIndex)
    assert (new.kind, new.entity, new.if_not_exists, new.legacy) == (
        "TEXT", "RELATIONSHIP", True, False,
    )  # fmt: skip
    assert [label.name for label in new.labels] == ["R", "S"]
    old = parse_statement("CREATE INDEX ON :A(x, y)").body
    assert isinstance(old, ast.CreateIndex)
    assert old.legacy
    assert [each.key.name for each in old.properties] == ["x", "y"]


def test_constraints() -> None:
    new = parse_statement("CREATE CONSTRAINT c FOR (n:A) REQUIRE (n.x, n.y) IS NODE KEY").body
    assert isinstance(new, ast.CreateConstraint)
    assert (new.kind, new.qualifier, len(new.properties)) == ("KEY", "NODE", 2)
    old = parse_statement("CREATE CONSTRAINT ON (n:A) ASSERT exists(n.x)").body
    assert isinstance(old, ast.CreateConstraint)
    assert (old.kind, old.legacy) == ("EXISTS", True)
    typed = parse_statement("CREATE CONSTRAINT FOR (n:A) REQUIRE n.x IS :: LIST<INT!>").body
    assert isinstance(typed, ast.CreateConstraint)
    assert typed.type == ast.ListType(ast.TypeName("INTEGER", True))


@pytest.mark.parametrize(
    "text",
    [
        "CREATE INDEX ON :A(x, y)",
        "DROP INDEX ON :A(x, y)",
        "CREATE CONSTRAINT ON (n:A) ASSERT n.x IS UNIQUE",
        "CREATE CONSTRAINT ON (n:A) ASSERT exists(n.x)",
        "CREATE CONSTRAINT ON ()-[r:R]-() ASSERT exists(r.x)",
        "DROP CONSTRAINT ON (n:A) ASSERT (n.x, n.y) IS NODE KEY",
    ],
)
def test_schema_statements_of_old(text: str) -> None:
    tree = parse(text)
    body = tree.statements[0].body
    assert isinstance(
        body, ast.CreateIndex | ast.DropIndex | ast.CreateConstraint | ast.DropConstraint
    )
    assert body.legacy if not isinstance(body, ast.DropIndex) else body.name is None
    assert print_query(tree) == text


def test_drop_by_name_or_by_what_it_is_on() -> None:
    named = parse_statement("DROP INDEX on IF EXISTS").body
    assert named == ast.DropIndex(ast.Name("on"), if_exists=True)
    old = parse_statement("DROP INDEX ON :A(x)").body
    assert old == ast.DropIndex(label=ast.LabelName("A"), properties=(ast.Name("x"),))


def test_what_is_shown_of_whom() -> None:
    (found,) = clauses("SHOW USER 'odd', $name PRIVILEGES AS COMMANDS")
    assert isinstance(found, ast.Show)
    assert found.what == "USERS"
    assert found.arguments == (
        ast.StringLiteral("odd"),
        ast.Word(","),
        ast.Parameter("name"),
        ast.Word("PRIVILEGES"),
        ast.Word("AS"),
        ast.Word("COMMANDS"),
    )


def test_spelling_is_kept_beside_the_meaning() -> None:
    (match,) = clauses("MATCH (a:A:B), (b:A&B), (c IS A), (d:A|B), ()-[:A|:B]-()")
    assert isinstance(match, ast.Match)
    firsts = [
        part.path.elements for part in match.patterns if isinstance(part.path, ast.PathPattern)
    ]
    nodes = [each[0] for each in firsts]
    labels = [node.labels for node in nodes if isinstance(node, ast.NodePattern)]
    relationship = firsts[4][1]
    assert isinstance(relationship, ast.RelationshipPattern)
    assert [getattr(each, "colons", None) for each in labels] == [True, False, None, False, None]
    assert isinstance(relationship.types, ast.LabelOr)
    assert relationship.types.colons
    assert [node.keyword for node in nodes if isinstance(node, ast.NodePattern)] == [
        False, False, True, False, False,
    ]  # fmt: skip
    (set_, remove) = clauses("SET a:A, b IS B REMOVE a:A, b IS B")
    assert isinstance(set_, ast.Set)
    assert isinstance(remove, ast.Remove)
    assert [getattr(item, "keyword", None) for item in (*set_.items, *remove.items)] == [
        False, True, False, True,
    ]  # fmt: skip


def test_create_of_a_path_named_like_a_command() -> None:
    (found,) = clauses("CREATE index = (a)-[:R]->(b)")
    assert isinstance(found, ast.Create)


def test_show_is_a_clause() -> None:
    found = clauses("SHOW NODE KEY CONSTRAINTS YIELD name WHERE name = 'x' RETURN name")
    assert len(found) == 1
    assert isinstance(found[0], ast.Show)
    assert found[0].what == "NODE KEY CONSTRAINTS"
    assert found[0].yields is not None
    assert found[0].returns is not None


def test_administration() -> None:
    body = parse_statement("CREATE OR REPLACE DATABASE a.b IF NOT EXISTS WAIT").body
    assert isinstance(body, ast.AdministrationCommand)
    assert (body.verb, body.subject, body.or_replace, body.if_not_exists) == (
        "CREATE", "DATABASE", True, True,
    )  # fmt: skip
    assert body.names == (ast.QualifiedName(("a", "b")),)
    grant = parse_statement("GRANT READ {x} ON GRAPH * TO r").body
    assert isinstance(grant, ast.AdministrationCommand)
    assert (grant.verb, grant.subject) == ("GRANT", "PRIVILEGE")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   // only a comment",
        ";",
        "MATCH (n) RETURN",
        "MATCH (n) RETURN n n",
        "RETURN 1 AS",
        "RETURN n ORDER n",
        "RETURN n LIMIT",
        "WITH 1 AS x WHERE",
        "UNWIND [1] x RETURN x",
        "MERGE (n) ON DELETE SET n.x = 1",
        "SET n",
        "REMOVE n",
        "DELETE",
        "DETACH n",
        "OPTIONAL RETURN 1",
        "CALL { RETURN 1",
        "CALL (x { RETURN x }",
        "FOREACH (x IN [1] CREATE (a))",
        "LOAD CSV 'f' AS x RETURN x",
        "RETURN 1 UNION",
        "EXPLAIN",
        "CREATE INDEX FOR (n) ON (n.x)",
        "CREATE BTREE INDEX FOR (n:A) ON (n.x)",
        "CREATE CONSTRAINT FOR (n:A) REQUIRE n.x IS ODD",
        "SHOW NODES",
        "SHOW TEXT CONSTRAINTS",
        "SHOW INDEXES foo",
        ":frobnicate",
        "BEGIN RETURN 1",
        "USING PERIODIC COMMIT 500 LOAD CSV FROM 'f' AS x RETURN x",
    ],
)
def test_rejected(text: str) -> None:
    with pytest.raises(CypherSyntaxError):
        parse_statement(text)


def test_visitor_dispatches_by_class_and_descends_otherwise() -> None:
    seen = []

    class Variables(Visitor):
        def visit_Variable(self, node: ast.Variable) -> None:
            seen.append(node.name)

    Variables().visit(parse("MATCH (a)-[b]->(c) WHERE d.x RETURN count(e) AS f"))
    assert sorted(seen) == ["a", "b", "c", "d", "e", "f"]


def test_transform_shares_what_does_not_change() -> None:
    script = parse("MATCH (a) RETURN a.x, b.y")

    def rename(node: ast.Node) -> ast.Node:
        return ast.Variable("z") if node == ast.Variable("b") else node

    changed = transform(script, rename)
    assert changed == parse("MATCH (a) RETURN a.x, z.y")
    first, second = script.statements[0].body, changed.statements[0].body
    assert isinstance(first, ast.SingleQuery)
    assert isinstance(second, ast.SingleQuery)
    assert first.clauses[0] is second.clauses[0]
    assert transform(script, lambda node: node) is script
