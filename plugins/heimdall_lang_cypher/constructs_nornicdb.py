"""Detectors of expressions that NornicDB answers wrong, although they parse.

See `constructs` for how detectors work and `data/dialects/nornicdb.toml` for what is said.
"""

from __future__ import annotations

from itertools import pairwise

from heimdall_lang_cypher.ast import (
    Arithmetic,
    Comparison,
    ExistsSubquery,
    FunctionCall,
    IntegerLiteral,
    ListComprehension,
    MapLiteral,
    MapProjection,
    PatternComprehension,
    PatternExpression,
    PatternQuery,
    PropertyAccess,
    PropertySelector,
    Reduce,
    ShortestPath,
    Variable,
    Xor,
)
from heimdall_lang_cypher.constructs import Found, detects, source
from heimdall_lang_cypher.semantics_calls import is_aggregation, lowered


@detects("pattern_predicate", PatternExpression)
def _pattern_predicate(node: PatternExpression, text: str) -> Found:
    if isinstance(node.pattern, ShortestPath):
        return None
    return node, f"EXISTS {{ MATCH {source(node, text)} }}"


@detects("exists_without_match", ExistsSubquery)
def _exists_without_match(node: ExistsSubquery, text: str) -> Found:
    if not isinstance(node.query, PatternQuery):
        return None
    inside = text[node.query.start : node.query.end].strip()
    return node, f"EXISTS {{ MATCH {inside.removeprefix('MATCH ')} }}"


@detects("map_projection_value", MapProjection)
def _map_projection(node: MapProjection, text: str) -> Found:
    name = node.variable.name
    keys = [item.key.name for item in node.items if isinstance(item, PropertySelector)]
    if len(keys) < len(node.items):
        return node, ""
    return node, ", ".join(f"{name}.{key} AS {key}" for key in keys)


@detects("pattern_comprehension", PatternComprehension)
def _pattern_comprehension(node: PatternComprehension, text: str) -> Found:
    pattern, value = source(node.pattern, text), source(node.projection, text)
    where = f" WHERE {source(node.predicate, text)}" if node.predicate is not None else ""
    return node, f"MATCH {pattern}{where} WITH …, collect({value}) AS values"


@detects("filtering_comprehension", ListComprehension)
def _filtering_comprehension(node: ListComprehension, text: str) -> Found:
    if node.predicate is None or node.projection is None:
        return None
    name = node.variable.name
    kept = f"[{name} IN {source(node.source, text)} WHERE {source(node.predicate, text)}]"
    return node, f"WITH {kept} AS kept RETURN [{name} IN kept | {source(node.projection, text)}]"


@detects("xor", Xor)
def _xor(node: Xor, text: str) -> Found:
    if len(node.operands) != 2:
        return node, ""
    left, right = (source(operand, text) for operand in node.operands)
    return node, f"({left} OR {right}) AND NOT ({left} AND {right})"


@detects("chained_comparison", Comparison)
def _chained_comparison(node: Comparison, text: str) -> Found:
    if len(node.operators) < 2:
        return None
    parts = [source(operand, text) for operand in node.operands]
    pairs = zip(pairwise(parts), node.operators, strict=True)
    return node, " AND ".join(f"{left} {operator} {right}" for (left, right), operator in pairs)


@detects("integer_division", Arithmetic)
def _integer_division(node: Arithmetic, text: str) -> Found:
    for (left, right), operator in zip(pairwise(node.operands), node.operators, strict=True):
        both = isinstance(left, IntegerLiteral) and isinstance(right, IntegerLiteral)
        if operator == "/" and both:
            return node, f"toInteger({source(node, text)})"
    return None


@detects("property_division", Arithmetic)
def _property_division(node: Arithmetic, text: str) -> Found:
    """`n.year / 10`, where the property may be an integer."""
    for (left, right), operator in zip(pairwise(node.operands), node.operators, strict=True):
        may = isinstance(left, PropertyAccess | Variable) and isinstance(right, IntegerLiteral)
        if operator == "/" and may:
            return node, f"toInteger({source(node, text)})"
    return None


@detects("power", Arithmetic)
def _power(node: Arithmetic, text: str) -> Found:
    if node.operators[0] != "^":
        return None
    base, exponent = node.operands[0], node.operands[1]
    if isinstance(exponent, IntegerLiteral) and 2 <= exponent.value <= 4:
        return node, " * ".join([source(base, text)] * exponent.value)
    return node, ""


@detects("joined_calls", Arithmetic)
def _joined_calls(node: Arithmetic, text: str) -> Found:
    """`toUpper('a') + toLower('B')`."""
    calls = [
        operand
        for operand in node.operands
        if isinstance(operand, FunctionCall) and not is_aggregation(operand)
    ]
    if "+" not in node.operators or len(calls) < 2:
        return None
    columns = [f"{source(call, text)} AS part{index}" for index, call in enumerate(calls, 1)]
    return node, ", ".join(columns)


@detects("aggregation_arithmetic", Arithmetic)
def _aggregation_arithmetic(node: Arithmetic, text: str) -> Found:
    """`max(n.x) - min(n.x)`."""
    if sum(map(is_aggregation, node.operands)) < 2:
        return None
    aggregations = [operand for operand in node.operands if is_aggregation(operand)]
    columns = [f"{source(each, text)} AS a{index}" for index, each in enumerate(aggregations, 1)]
    operation = "".join(f" {operator} a{index}" for index, operator in enumerate(node.operators, 2))
    whole = len(aggregations) == len(node.operands)
    return node, f"WITH {', '.join(columns)} RETURN a1{operation}" if whole else ""


@detects("statistics_aggregation", FunctionCall)
def _statistics(node: FunctionCall, text: str) -> Found:
    name = lowered(node.name)
    return (node, "") if name.startswith(("stdev", "percentile")) else None


@detects("component_of_call", PropertyAccess)
def _component_of_call(node: PropertyAccess, text: str) -> Found:
    """`date().year`."""
    subject = node.subject
    if not isinstance(subject, FunctionCall):
        return None
    name = lowered(subject.name)
    if name in ("date", "datetime"):
        return node, f"{name}.{node.key.name}({source(subject, text)})"
    return node, ""


@detects("property_of_map_literal", PropertyAccess)
def _property_of_map(node: PropertyAccess, text: str) -> Found:
    if not isinstance(node.subject, MapLiteral):
        return None
    for entry in node.subject.entries:
        if entry.key.name == node.key.name:
            return node, source(entry.value, text)
    return node, "null"


@detects("reduce", Reduce)
def _reduce(node: Reduce, text: str) -> Found:
    return node, ""
