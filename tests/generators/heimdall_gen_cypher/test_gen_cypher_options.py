"""Options act, and mistakes in them are told in one line."""

from __future__ import annotations

import pytest

from heimdall_core.errors import HeimdallError
from heimdall_core.types import Example, GenerateContext
from heimdall_gen_cypher.family import DIALECTS
from heimdall_gen_cypher.generate import examples, schemas_as_json
from heimdall_gen_cypher.options import CypherOptions


def make(options: CypherOptions, count: int = 6_000) -> list[Example]:
    return list(examples(GenerateContext(count, 7), options))


def test_schemas() -> None:
    options = CypherOptions(schemas=("shop", "bank"))
    assert {row.schema for row in make(options)} == {"shop", "bank"}
    assert list(schemas_as_json(options)) == ["bank", "shop"]


def test_families() -> None:
    options = CypherOptions(families=("top", "bottom"))
    assert {row.family for row in make(options)} == {"top", "bottom"}


def test_the_order_of_names_means_nothing() -> None:
    one = CypherOptions(schemas=("shop", "bank"), families=("top", "bottom"))
    other = CypherOptions(schemas=("bank", "shop"), families=("bottom", "top"))
    assert make(one, 200) == make(other, 200)


def test_dialect_decides_which_families_there_are() -> None:
    families = {name: {row.family for row in make(CypherOptions(name))} for name in DIALECTS}
    assert "count_subquery" in families["neo4j"] - families["nornicdb"]
    assert "optional_match" in families["opencypher9"] - families["nornicdb"]
    assert "create_index" in families["nornicdb"] - families["opencypher9"]
    assert "shortest_path" in families["nornicdb"] - families["opencypher9"]
    nornicdb_alone = {"task_fix_nornicdb"}
    assert families["neo4j"] == families["neo4j5"] > families["nornicdb"] - nornicdb_alone
    assert nornicdb_alone <= families["nornicdb"]


def test_dialect_decides_the_answer() -> None:
    def answers(dialect: str, family: str) -> dict[str, str]:
        options = CypherOptions(dialect, schemas=("cinema",), families=(family,))
        return {row.instruction: row.output for row in make(options, 100)}

    ours, theirs = (answers(d, "create_vector_index") for d in ("nornicdb", "neo4j"))
    assert ours.keys() == theirs.keys()
    assert all(query.startswith("CALL db.index.vector.createNodeIndex") for query in ours.values())
    assert all(query.startswith("CREATE VECTOR INDEX") for query in theirs.values())
    ours, theirs = (answers(d, "not_exists") for d in ("nornicdb", "opencypher9"))
    assert all("EXISTS { MATCH" in query for query in ours.values())
    assert all("EXISTS" not in query for query in theirs.values())


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"dialect": "neo4jj"}, "unknown dialect 'neo4jj'; did you mean 'neo4j'? Available: "),
        ({"schemas": ("cinma",)}, "unknown schema 'cinma'; did you mean 'cinema'? Available: "),
        ({"families": ("tops",)}, "unknown family 'tops'; did you mean 'top'? Available: "),
        (
            {"dialect": "opencypher9", "families": ("create_index",)},
            "the family 'create_index' has no right answer in 'opencypher9'; "
            "it is for nornicdb, neo4j, neo4j5",
        ),
    ],
)
def test_mistakes(options: dict[str, object], line: str) -> None:
    with pytest.raises(HeimdallError) as error:
        CypherOptions(**options)  # type: ignore[arg-type] # wrong on purpose
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)
