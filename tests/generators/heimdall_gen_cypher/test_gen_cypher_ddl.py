"""Schema statements, which no embedded engine knows: each is one of the forms that are accepted."""

from __future__ import annotations

import re
from itertools import islice

import pytest

from heimdall_gen_cypher.families import FAMILIES
from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.generate import pairs
from heimdall_gen_cypher.options import CypherOptions
from heimdall_gen_cypher.schema import load_schema

_FOR = r"FOR \((?P<v>[a-z])\:\w+\)"

#: What NornicDB's own expressions for DDL accept, and procedures that it has.
NORNICDB = (
    rf"CREATE INDEX( \w+ IF NOT EXISTS)? {_FOR} ON \((?P=v)\.\w+(, (?P=v)\.\w+)?\)",
    rf"CREATE FULLTEXT INDEX \w+ {_FOR} ON EACH \[(?P=v)\.\w+\]",
    rf"CREATE CONSTRAINT( \w+ IF NOT EXISTS)? {_FOR} REQUIRE (?P=v)\.\w+ IS UNIQUE",
    r"CALL db\.index\.vector\.createNodeIndex"
    r"\('\w+', '\w+', '\w+', \d+, '(cosine|euclidean)'\)",
    r"CALL db\.index\.(fulltext|vector)\.drop\('\w+'\)",
    r"CALL db\.index\.fulltext\.queryNodes\('\w+', '[\w ]+'\)"
    r" YIELD node, score RETURN node\.\w+, score",
    r"CALL db\.index\.vector\.queryNodes\('\w+', \d+, \$vector\)"
    r" YIELD node, score RETURN node\.\w+, score",
)

#: The same by Neo4j 5's manual: vector indexes are DDL there, and what is dropped is gone.
NEO4J = (
    *NORNICDB[:3],
    rf"CREATE VECTOR INDEX \w+ {_FOR} ON \((?P=v)\.\w+\) OPTIONS \{{indexConfig: "
    r"\{`vector\.dimensions`: \d+, `vector\.similarity_function`: '(cosine|euclidean)'\}\}",
    r"DROP (INDEX|CONSTRAINT) \w+",
    *NORNICDB[5:],
)

FORMS = {"nornicdb": NORNICDB, "neo4j": NEO4J, "neo4j5": NEO4J}
DDL = [family for family in FAMILIES if family.category == "cypher_schema"]


@pytest.mark.parametrize("family", DDL, ids=lambda family: family.name)
def test_statement_has_an_accepted_form(family: Family, templates: CypherOptions) -> None:
    schemas = [load_schema(name) for name in templates.schemas]
    for dialect in family.dialects:
        for pair in islice(pairs(family, schemas, dialect, 3), 360):
            assert any(re.fullmatch(form, pair.query) for form in FORMS[dialect]), pair.query


def test_opencypher_has_no_schema_statements() -> None:
    assert all("opencypher9" not in family.dialects for family in DDL)
