"""The shape of patterns: what may be written, quantified, shortest, how labels may be joined.

These rules look at a pattern alone; what its variables are is in `semantics_patterns`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, TypeAlias

from heimdall_lang_cypher.ast import (
    DynamicLabel,
    LabelAnd,
    LabelExpression,
    LabelName,
    LabelNot,
    LabelOr,
    LabelWildcard,
    Node,
    NodePattern,
    ParenthesisedPath,
    PathLength,
    PathPattern,
    PatternPart,
    Quantifier,
    RelationshipPattern,
    ShortestPath,
)
from heimdall_lang_cypher.semantics_scope import Checker, Scope, type_of
from heimdall_lang_cypher.value_types import ANY_LIST, NULL, STRING
from heimdall_lang_cypher.visitor import walk

Use: TypeAlias = Literal["match", "create", "merge", "test"]
"""What a pattern is for: found, written, found or written, or tested for existence, in which case
it binds nothing."""


def check_parts(parts: tuple[PatternPart, ...], checker: Checker) -> None:
    """Checks the patterns of a clause beside each other."""
    for part in parts:
        selector = part.selector
        if selector is None:
            continue
        if selector.count == 0:
            checker.problem("UnexpectedSyntax", "a number of paths must be 1 or more", selector)
        if selector.kind != "ALL" and len(parts) > 1:
            checker.problem(
                "UnexpectedSyntax",
                f"{selector.kind} must be the only pattern of its clause",
                selector,
                suggestion="a MATCH of its own",
            )
            return


def check_path(path: PathPattern, checker: Checker) -> None:
    """Checks the elements of a path beside each other."""
    previous = path.elements[0]
    for element in path.elements[1:]:
        if isinstance(element, NodePattern) and isinstance(previous, NodePattern):
            checker.problem(
                "UnexpectedSyntax",
                "two patterns stand side by side without a comma",
                element,
                suggestion=",",
            )
        elif (
            isinstance(element, ParenthesisedPath) or isinstance(previous, ParenthesisedPath)
        ) and (isinstance(element, RelationshipPattern) or _is_once(element) or _is_once(previous)):
            checker.problem(
                "UnexpectedSyntax",
                "only nodes and quantified patterns stand beside a pattern in parentheses",
                element,
            )
        previous = element


def _is_once(element: Node) -> bool:
    return isinstance(element, ParenthesisedPath) and element.quantifier is None


def check_shortest(node: ShortestPath, use: Use, checker: Checker) -> None:
    """Checks what stands in `shortestPath(…)`: one relationship between two nodes."""
    name = "allShortestPaths" if node.all else "shortestPath"
    elements = node.path.elements
    if use in ("create", "merge"):
        checker.problem("UnexpectedSyntax", f"{name}(…) cannot be written, only found", node)
    relationship = elements[1] if len(elements) == 3 else None
    if not isinstance(relationship, RelationshipPattern) or relationship.quantifier is not None:
        checker.problem(
            "UnexpectedSyntax",
            f"{name}(…) takes one relationship between two nodes",
            node,
            suggestion=f"{name}((a)-[*]->(b))",
        )
    elif relationship.length is not None and (relationship.length.lower or 0) > 1:
        checker.problem(
            "UnexpectedSyntax",
            f"{name}(…) takes a minimum length of 0 or 1, not {relationship.length.lower}",
            relationship.length,
        )
    if use == "test":
        for element in elements:
            if isinstance(element, NodePattern) and element.variable is None:
                checker.problem(
                    "UnexpectedSyntax",
                    f"{name}(…) outside of MATCH takes variables that are bound",
                    element,
                )


def check_written(node: RelationshipPattern, use: Use, checker: Checker) -> None:
    """Checks a relationship of CREATE or MERGE: one type, one hop and (in CREATE) a direction."""
    clause = use.upper()
    if node.length is not None or node.quantifier is not None:
        checker.problem(
            "CreatingVarLength",
            f"{clause} writes single relationships, none of variable length",
            node.length or node.quantifier or node,
        )
    if not isinstance(node.types, LabelName | DynamicLabel):
        checker.problem(
            "NoSingleRelationshipType",
            f"{clause} needs exactly one relationship type",
            node.types or node,
            suggestion="-[:TYPE]->",
        )
    if use == "create" and node.direction in ("--", "<->"):
        checker.problem(
            "RequiresDirectedRelationship", "CREATE needs a direction: --> or <--", node
        )


def check_quantified(node: ParenthesisedPath, checker: Checker) -> None:
    """Checks a path in parentheses that is repeated."""
    if node.quantifier is None:
        if node.pattern.variable is not None:
            checker.problem(
                "UnexpectedSyntax",
                "a path variable stands before the whole pattern, not in its parentheses",
                node.pattern.variable,
                suggestion=f"{node.pattern.variable.name} = …",
            )
        return
    check_quantifier(node.quantifier, checker)
    if not any(isinstance(each, RelationshipPattern) for each in walk(node.pattern)):
        checker.problem(
            "UnexpectedSyntax", "a quantified pattern needs a relationship", node.pattern
        )
    if node.pattern.variable is not None:
        checker.problem(
            "UnexpectedSyntax",
            "a path variable cannot stand inside a quantified pattern",
            node.pattern.variable,
        )
    for each in walk(node.pattern):
        if isinstance(each, RelationshipPattern | ParenthesisedPath) and each.quantifier:
            checker.problem("UnexpectedSyntax", "quantified patterns cannot be nested", each)
            return
        if isinstance(each, RelationshipPattern) and each.length is not None:
            checker.problem(
                "UnexpectedSyntax",
                "a relationship of variable length cannot be quantified again",
                each,
                suggestion="a quantifier after the relationship: -[:TYPE]->{1,3}",
            )
            return


def check_minimum(path: PathPattern, checker: Checker) -> None:
    """A path must have a node in each of its matches: not all of it can be left out."""
    if all(
        isinstance(each, ParenthesisedPath)
        and each.quantifier is not None
        and each.quantifier.lower == 0
        for each in path.elements
    ):
        checker.problem(
            "UnexpectedSyntax",
            "a path must have a node even where its quantified patterns match nothing",
            path,
            suggestion=f"() {checker.source(path)} ()",
        )


def check_unbounded(parts: tuple[PatternPart, ...], checker: Checker) -> None:
    """Under REPEATABLE ELEMENTS, a pattern without an upper bound would never end."""
    for part in parts:
        for each in walk(part.path):
            found: Quantifier | PathLength | None = None
            if isinstance(each, RelationshipPattern):
                found = each.quantifier or each.length
            elif isinstance(each, ParenthesisedPath):
                found = each.quantifier
            if found is not None and found.upper is None:
                checker.problem(
                    "UnexpectedSyntax",
                    "REPEATABLE ELEMENTS needs an upper bound here",
                    found,
                    suggestion="{1,10}",
                )


def check_quantifier(quantifier: Quantifier, checker: Checker) -> None:
    """Checks the bounds of a quantifier."""
    upper = quantifier.upper
    if upper == 0:
        checker.problem("UnexpectedSyntax", "a quantifier must allow one repetition", quantifier)
    elif upper is not None and upper < quantifier.lower:
        checker.problem(
            "UnexpectedSyntax",
            f"the lower bound {quantifier.lower} is greater than the upper bound {upper}",
            quantifier,
        )


# --- labels --------------------------------------------------------------------------------------


def check_labels(
    labels: LabelExpression,
    element: NodePattern | RelationshipPattern,
    use: Use,
    checker: Checker,
    scope: Scope,
) -> None:
    """Checks the labels of a node or the types of a relationship in a pattern."""
    of_node = isinstance(element, NodePattern)
    check_label_expression(labels, checker, scope, element.keyword)
    if not of_node and any(isinstance(each, LabelAnd) and each.colons for each in walk(labels)):
        checker.problem(
            "UnexpectedSyntax",
            "a relationship has one type: colons cannot join several",
            labels,
            suggestion=checker.source(labels).replace(":", "|"),
        )
    if (
        of_node
        and use in ("create", "merge")
        and any(isinstance(each, LabelOr | LabelNot | LabelWildcard) for each in walk(labels))
    ):
        checker.problem(
            "UnexpectedSyntax",
            f"{use.upper()} takes labels, no label expression",
            labels,
            suggestion=":A&B",
        )


def check_label_expression(
    labels: LabelExpression, checker: Checker, scope: Scope, keyword: bool = False
) -> None:
    """Checks how labels are joined, and the expressions of dynamic ones. `keyword`: whether they
    follow `IS`."""
    colons = operators = False
    for each in walk(labels):
        if isinstance(each, DynamicLabel):
            check_dynamic_label(each, checker, scope)
        elif isinstance(each, LabelAnd) and each.colons:
            colons = True
            # `A&B:C`, `A:B&C`: one node, written with both signs.
            operators |= any(
                "&" in checker.text[left.end : right.start]
                for left, right in pairwise(each.operands)
            )
        elif isinstance(each, LabelAnd | LabelOr | LabelNot | LabelWildcard):
            operators = True
    if colons and (operators or keyword):
        signs = "the keyword IS" if keyword else "&, |, ! and %"
        checker.problem(
            "UnexpectedSyntax",
            f"colons between labels cannot be mixed with {signs}",
            labels,
            suggestion="&",
        )


def check_dynamic_label(label: DynamicLabel, checker: Checker, scope: Scope) -> None:
    """Checks `$(expression)`: a string, or a list of them."""
    actual = type_of(label.expression, checker, scope)
    if not actual & (STRING | ANY_LIST | NULL):
        checker.mismatch("String or List<String>", actual, label.expression)


def check_length_types(node: RelationshipPattern, checker: Checker) -> None:
    """Before `*`, types may only be alternatives: `[:A|B*]`."""
    types = node.types
    if types is not None and any(
        isinstance(each, LabelAnd | LabelNot | LabelWildcard | DynamicLabel) for each in walk(types)
    ):
        checker.problem(
            "UnexpectedSyntax",
            "a relationship of variable length takes types and alternatives, no type expression",
            types,
            suggestion=f"-[:{checker.source(types)}]->{{1,3}}",
        )


def check_type_colons(node: RelationshipPattern, checker: Checker) -> None:
    """`[:A|:B]` is an old spelling that is understood only where nothing else stands with it."""
    types = node.types
    if (
        isinstance(types, LabelOr)
        and types.colons
        and (node.variable is not None or node.length is not None or node.properties is not None)
    ):
        checker.problem(
            "UnexpectedSyntax",
            "a colon after | cannot be used with a variable, a length or properties",
            types,
            suggestion=checker.source(types).replace("|:", "|"),
        )
