"""Trees to text: the round trip, what the text looks like, and comments."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.printer import format_query, print_query
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError

HERE = Path(__file__).parent
CONSTRUCTS = [
    line
    for line in (HERE / "every_construct.cypher").read_text("utf-8").splitlines()
    if line.strip()
]


def _random_trees() -> ModuleType:
    """The helper module beside this file, which is no package."""
    spec = importlib.util.spec_from_file_location("random_trees", HERE / "random_trees.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("pretty", [False, True])
@pytest.mark.parametrize("text", CONSTRUCTS)
def test_round_trip_of_every_construct(text: str, pretty: bool) -> None:
    tree = parse(text)
    printed = print_query(tree, pretty=pretty)
    assert parse(printed) == tree, printed
    assert print_query(parse(printed), pretty=pretty) == printed


@pytest.mark.parametrize("start", range(0, 300, 100))
def test_round_trip_of_random_trees(start: int) -> None:
    builder_class = _random_trees().TreeBuilder
    for seed in range(start, start + 100):
        builder = builder_class(seed)
        depth = 1 + seed % 4
        if seed % 2:
            query = builder.query(depth)
        else:
            item = ast.ProjectionItem(builder.expression(depth))
            query = ast.SingleQuery((ast.Return((item,)),))
        text = print_query(query, pretty=seed % 3 == 0)
        assert parse(text).statements[0].body == query, text


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("match (N:`Foo`)return N . `x`;", "MATCH (N:Foo) RETURN N.x"),
        ("RETURN ((a + b)) * (c), ((a * b)) + c", "RETURN (a + b) * c, a * b + c"),
        ("RETURN NOT (a) AND (b OR c)", "RETURN NOT a AND (b OR c)"),
        ("RETURN a!=b, x is typed int", "RETURN a <> b, x IS :: INTEGER"),
        ('RETURN "it\'s", "a", \'b\\"c\'', "RETURN \"it's\", 'a', 'b\"c'"),
        ("RETURN 'a\\u0001\\n'", "RETURN 'a\\u0001\\n'"),
        ("RETURN 0x10, 1_000, 1.50, .5", "RETURN 16, 1000, 1.5, 0.5"),
        ("MATCH (a)-[]->(b)<-[]-(c)-[*1..1]-(d) FINISH", "MATCH (a)-->(b)<--(c)-[*1]-(d) FINISH"),
        ("MATCH (a)-[:A|:B]->{0,}(b) FINISH", "MATCH (a)-[:A|B]->*(b) FINISH"),
        ("RETURN x ORDER BY x ASCENDING, y DESCENDING", "RETURN x ORDER BY x, y DESC"),
        ("WITH x OFFSET 2 RETURN count( * )", "WITH x SKIP 2 RETURN count(*)"),
        ("RETURN `return`, `count`, `a b`", "RETURN `return`, count, `a b`"),
        ("RETURN - (-1), (1).x", "RETURN -(-1), (1).x"),
        ("create index for (n:A) on n.x", "CREATE INDEX FOR (n:A) ON (n.x)"),
        ("show index yield *", "SHOW INDEXES YIELD *"),
        ("SHOW SETTINGS 'a','b'", "SHOW SETTINGS 'a', 'b'"),
    ],
)
def test_canonical_line(text: str, printed: str) -> None:
    assert print_query(parse(text)) == printed


def test_parts_of_trees_print_too() -> None:
    pattern = ast.NodePattern(ast.Variable("n"), ast.LabelName("A"))
    assert print_query(pattern) == "(n:A)"
    assert print_query(ast.LabelOr((ast.LabelName("A"), ast.LabelName("b c")))) == "A|`b c`"
    assert (
        print_query(ast.Arithmetic((ast.Variable("a"), ast.IntegerLiteral(1)), ("+",))) == "a + 1"
    )


def test_pretty_form() -> None:
    text = (
        "match (n:A)-->(m) where n.x>1 optional match (m)--(o) merge (p:P {id:1}) on create set "
        "p.x=1 on match set p.y=2 with n, count(*) as c order by c desc skip 1 limit 2 where c>3 "
        "call (n) { with n match (n)-->(q) return q union return 1 as q } in transactions "
        "foreach (x in [1] | create (:B) set n.x = x) return exists { (n)-->() } union return 2"
    )
    expected = """\
MATCH (n:A)-->(m)
WHERE n.x > 1
OPTIONAL MATCH (m)--(o)
MERGE (p:P {id: 1})
  ON CREATE SET p.x = 1
  ON MATCH SET p.y = 2
WITH n, count(*) AS c
ORDER BY c DESC
SKIP 1
LIMIT 2
WHERE c > 3
CALL (n) {
  WITH n
  MATCH (n)-->(q)
  RETURN q
  UNION
  RETURN 1 AS q
} IN TRANSACTIONS
FOREACH (x IN [1] |
  CREATE (:B)
  SET n.x = x
)
RETURN EXISTS { (n)-->() }
UNION
RETURN 2"""
    assert format_query(text) == expected
    assert format_query(expected) == expected


def test_comments_keep_their_clause() -> None:
    text = """\
// people
match (n /* any */ ) // all of them
// but not those
where n.x = '// no comment'
return n; // the end
create (m) // new
// last"""
    expected = """\
// people
/* any */
// all of them
// but not those
MATCH (n)
WHERE n.x = '// no comment'
RETURN n;
// the end
CREATE (m) // new
;
// last"""
    assert format_query(text) == expected
    assert format_query(expected) == expected


def test_formatting_loses_no_comment_and_changes_no_meaning() -> None:
    for line in CONSTRUCTS:
        if line.startswith(":"):
            continue
        text = f"/* 1 */ {line.replace(' ', ' /* 2 */ ', 1)} // 3"
        if parse(text) != parse(line):
            continue  # the first blank was in a string
        formatted = format_query(text)
        assert parse(formatted) == parse(line), formatted
        assert [formatted.count(f" {number}") >= 1 for number in (1, 2, 3)] == [True] * 3


def test_text_that_does_not_parse_is_refused() -> None:
    with pytest.raises(CypherSyntaxError):
        format_query("MATCH (n RETURN n")
