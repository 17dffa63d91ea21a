"""Detectors of clauses and statements that NornicDB answers wrong, ignores or lacks, although
they parse.

See `constructs` for how detectors work and `data/dialects/nornicdb.toml` for what is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from heimdall_lang_cypher.ast import (
    CallProcedure,
    CallSubquery,
    Clause,
    CountStar,
    Create,
    CreateConstraint,
    CreateIndex,
    Expression,
    FunctionCall,
    MapLiteral,
    Match,
    Merge,
    Node,
    Projection,
    PropertyAccess,
    RelationshipPattern,
    Remove,
    Return,
    Script,
    Set,
    SetLabels,
    SetProperty,
    Show,
    SingleQuery,
    TransactionCommand,
    Union,
    Unwind,
    Variable,
    With,
)
from heimdall_lang_cypher.constructs import Found, detects, source
from heimdall_lang_cypher.semantics_calls import is_aggregation, lowered
from heimdall_lang_cypher.visitor import walk


def _aggregation_in(nodes: Iterable[Node]) -> Node | None:
    return next((each for node in nodes for each in walk(node) if is_aggregation(each)), None)


def _expressions(clause: Projection) -> Iterator[Expression]:
    return (item.expression for item in clause.items)


# --- clauses beside each other -------------------------------------------------------------------


@detects("union", Union)
def _union(node: Union, text: str) -> Found:
    return node.queries[1], ""


@detects("correlated_call", CallSubquery)
def _correlated_call(node: CallSubquery, text: str) -> Found:
    if node.scope is not None:
        return node, ""
    if isinstance(node.query, SingleQuery) and isinstance(node.query.clauses[0], With):
        return node, ""
    return None


@detects("filter_on_collected", SingleQuery)
def _filter_on_collected(node: SingleQuery, text: str) -> Found:
    """`WITH a, collect(b) AS l WHERE size(l) > 1`."""
    for clause in node.clauses:
        if not isinstance(clause, With) or clause.where is None:
            continue
        for item in clause.items:
            call = item.expression
            if (
                item.alias is None
                or not isinstance(call, FunctionCall)
                or lowered(call.name) != "collect"
            ):
                continue
            if any(each == item.alias for each in walk(clause.where)):
                inside = source(call.arguments[0], text) if call.arguments else "…"
                return clause.where, f"WITH …, count({inside}) AS c WHERE c > …"
    return None


@detects("filter_after_unwind", SingleQuery)
def _filter_after_unwind(node: SingleQuery, text: str) -> Found:
    for first, second in pairwise(node.clauses):
        if isinstance(first, Unwind) and isinstance(second, With) and second.where is not None:
            name, list_ = first.variable.name, source(first.expression, text)
            predicate = source(second.where, text)
            return second.where, f"UNWIND [{name} IN {list_} WHERE {predicate}] AS {name}"
    return None


@detects("aggregation_after_limit", SingleQuery)
def _aggregation_after_limit(node: SingleQuery, text: str) -> Found:
    """`WITH n ORDER BY n.x LIMIT 3 RETURN collect(n.p)`."""
    for first, second in pairwise(node.clauses):
        if isinstance(first, With) and first.limit is not None and isinstance(second, Projection):
            found = _aggregation_in(_expressions(second))
            if found is not None:
                return found, ""
    return None


@detects("optional_match_computation", SingleQuery)
def _optional_match_computation(node: SingleQuery, text: str) -> Found:
    """OPTIONAL MATCH, then `count()`, `coalesce()` or ORDER BY."""
    optional = False
    for clause in node.clauses:
        if isinstance(clause, Match):
            optional |= clause.optional
        elif optional and isinstance(clause, Projection):
            if clause.order_by:
                return clause.order_by[0], ""
            for expression in _expressions(clause):
                for each in walk(expression):
                    if isinstance(each, CountStar) or (
                        isinstance(each, FunctionCall)
                        and lowered(each.name) in ("count", "coalesce")
                    ):
                        return each, ""
    return None


@detects("match_after_aggregation", SingleQuery)
def _match_after_aggregation(node: SingleQuery, text: str) -> Found:
    """`WITH avg(n.x) AS a MATCH (m) WHERE m.x > a`."""
    for first, second in pairwise(node.clauses):
        if (
            isinstance(first, With)
            and isinstance(second, Match)
            and first.items
            and all(is_aggregation(expression) for expression in _expressions(first))
        ):
            return first, ""
    return None


@detects("relationship_property_returned", SingleQuery)
def _relationship_property_returned(node: SingleQuery, text: str) -> Found:
    """`MATCH ()-[r]->() SET r.p = 1 RETURN r.p`."""
    relationships = {
        each.variable.name
        for clause in node.clauses
        if isinstance(clause, Match)
        for each in walk(clause)
        if isinstance(each, RelationshipPattern) and each.variable is not None
    }
    for first, second in pairwise(node.clauses):
        if isinstance(first, Set) and isinstance(second, Return):
            changed = {
                item.target.subject.name
                for item in first.items
                if isinstance(item, SetProperty) and isinstance(item.target.subject, Variable)
            }
            for each in walk(second):
                if isinstance(each, Variable) and each.name in changed & relationships:
                    return each, ""
    return None


@detects("count_after_write", SingleQuery)
def _count_after_write(node: SingleQuery, text: str) -> Found:
    for first, second in pairwise(node.clauses):
        if isinstance(first, Create | Set) and isinstance(second, Projection):
            found = _aggregation_in(_expressions(second))
            if found is not None:
                return found, ""
    return None


@detects("label_set_before_remove", SingleQuery)
def _label_set_before_remove(node: SingleQuery, text: str) -> Found:
    for first, second in pairwise(node.clauses):
        if (
            isinstance(first, Set)
            and isinstance(second, Remove)
            and isinstance(first.items[-1], SetLabels)
        ):
            return second, ""
    return None


@detects("computed_relationship_property", SingleQuery)
def _computed_relationship_property(node: SingleQuery, text: str) -> Found:
    """`MATCH … CREATE (a)-[:R {at: timestamp()}]->(b)`."""
    seen_match = False
    for clause in node.clauses:
        if isinstance(clause, Match):
            seen_match = True
        elif seen_match and isinstance(clause, Create | Merge):
            for each in walk(clause):
                if isinstance(each, RelationshipPattern) and each.properties is not None:
                    calls = (one for one in walk(each.properties) if isinstance(one, FunctionCall))
                    found = next(calls, None)
                    if found is not None:
                        return found, "$parameter"
    return None


@detects("unaliased_property_after_merge", SingleQuery)
def _unaliased_after_merge(node: SingleQuery, text: str) -> Found:
    """`MERGE (p …) RETURN p.name` has a column `name`."""
    if not any(isinstance(clause, Merge) for clause in node.clauses):
        return None
    last = node.clauses[-1]
    if isinstance(last, Return):
        for item in last.items:
            if item.alias is None and isinstance(item.expression, PropertyAccess):
                expression = source(item, text)
                return item, f"{expression} AS {item.expression.key.name}"
    return None


def _after_yield(clauses: tuple[Clause, ...]) -> Iterator[Clause]:
    """The clauses that directly follow a procedure call with YIELD."""
    for first, second in pairwise(clauses):
        if isinstance(first, CallProcedure) and first.yields:
            yield second


@detects("aggregation_after_yield", SingleQuery)
def _aggregation_after_yield(node: SingleQuery, text: str) -> Found:
    for clause in _after_yield(node.clauses):
        if isinstance(clause, Projection):
            found = _aggregation_in(_expressions(clause))
            if found is not None:
                return found, ""
    return None


@detects("match_after_yield", SingleQuery)
def _match_after_yield(node: SingleQuery, text: str) -> Found:
    match = next((each for each in _after_yield(node.clauses) if isinstance(each, Match)), None)
    return (match, "") if match is not None else None


@detects("similarity_in_projection", With, Return)
def _similarity_in_projection(node: Projection, text: str) -> Found:
    for expression in _expressions(node):
        for each in walk(expression):
            if isinstance(each, FunctionCall) and lowered(each.name).startswith(
                "vector.similarity."
            ):
                return each, ""
    return None


# --- schema, SHOW, statements --------------------------------------------------------------------


@detects("special_index", CreateIndex)
def _special_index(node: CreateIndex, text: str) -> Found:
    """RANGE, TEXT, POINT and LOOKUP indexes."""
    if node.kind not in ("RANGE", "TEXT", "POINT", "LOOKUP"):
        return None
    return node, source(node, text).replace(f"{node.kind} ", "", 1)


@detects("relationship_index", CreateIndex)
def _relationship_index(node: CreateIndex, text: str) -> Found:
    return (node, "") if node.entity == "RELATIONSHIP" and node.kind != "LOOKUP" else None


@detects("several_fulltext_labels", CreateIndex)
def _several_fulltext_labels(node: CreateIndex, text: str) -> Found:
    return (node.labels[1], "") if node.kind == "FULLTEXT" and len(node.labels) > 1 else None


@detects("vector_options", CreateIndex)
def _vector_options(node: CreateIndex, text: str) -> Found:
    """Back-ticked keys in OPTIONS are not read."""
    options = node.options
    if node.kind != "VECTOR" or not isinstance(options, MapLiteral):
        return None
    return (options, "") if "`vector." in source(options, text) else None


@detects("unsupported_constraint", CreateConstraint)
def _unsupported_constraint(node: CreateConstraint, text: str) -> Found:
    """Anything but the uniqueness of one property of a node."""
    simple = node.kind == "UNIQUE" and node.entity == "NODE" and len(node.properties) == 1
    return None if simple else (node, "")


_EMPTY_SHOWS = {"INDEXES": "CALL db.indexes()", "CONSTRAINTS": "CALL db.constraints()"}
_WORKING_SHOWS = frozenset(("DATABASE", "PROCEDURES", "FUNCTIONS", "DATABASES", "ALIASES"))


@detects("empty_show", Show)
def _empty_show(node: Show, text: str) -> Found:
    rewrite = _EMPTY_SHOWS.get(node.what)
    return (node, rewrite) if rewrite is not None else None


@detects("unsupported_show", Show)
def _unsupported_show(node: Show, text: str) -> Found:
    known = node.what in _EMPTY_SHOWS or node.what in _WORKING_SHOWS
    return None if known else (node, "")


@detects("transaction_statement", TransactionCommand)
def _transaction_statement(node: TransactionCommand, text: str) -> Found:
    return node, ""


@detects("several_statements", Script)
def _several_statements(node: Script, text: str) -> Found:
    return (node.statements[1], "") if len(node.statements) > 1 else None
