"""Constructs of Cypher that some dialect lacks, has given up, or answers wrong: how each is found.

A detector is a function that is registered under a name for the classes of nodes that it looks at.
It gets a node and the text and returns what it found: the node to point at, and the rewrite where
one can be computed. Which dialect minds which construct, and what it says, is data:
`data/dialects/*.toml`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from heimdall_lang_cypher.ast import (
    AllReduce,
    Arithmetic,
    BracedQuery,
    CallSubquery,
    CollectSubquery,
    Conditional,
    CountSubquery,
    Create,
    CreateConstraint,
    CreateIndex,
    Delete,
    DropConstraint,
    DropIndex,
    DynamicLabel,
    Filter,
    Finish,
    Foreach,
    FunctionCall,
    Hint,
    IndexHint,
    InterpolatedString,
    JoinHint,
    LabelAnd,
    LabelNot,
    LabelOr,
    LabelPredicate,
    LabelWildcard,
    Let,
    LoadCsv,
    MapProjection,
    Match,
    Node,
    NodePattern,
    NormalisedPredicate,
    OrderLimit,
    Parameter,
    ParenthesisedPath,
    PathSelector,
    PatternExpression,
    PreparserOption,
    Projection,
    ProjectionItem,
    PropertyExists,
    RelationshipPattern,
    Return,
    ScanHint,
    Search,
    Sequence,
    ShortestPath,
    Show,
    SingleQuery,
    TransactionCommand,
    TypePredicate,
    Unwind,
    Use,
    Variable,
    VectorType,
    With,
)

Found: TypeAlias = tuple[Node, str] | None
Detector: TypeAlias = Callable[[Any, str], Found]

#: Detectors by name: the classes that they look at, and the function.
DETECTORS: dict[str, tuple[tuple[type[Node], ...], Detector]] = {}


def detects(name: str, *kinds: type[Node]) -> Callable[[Detector], Detector]:
    """Registers a detector."""

    def register(detector: Detector) -> Detector:
        DETECTORS[name] = (kinds, detector)
        return detector

    return register


def _always(node: Node, text: str) -> Found:
    return node, ""


#: Constructs that a class of node stands for by itself.
for _name, _kinds in {
    "all_reduce": (AllReduce,),
    "braced_query": (BracedQuery,),
    "call_subquery": (CallSubquery,),
    "collect_subquery": (CollectSubquery,),
    "conditional_query": (Conditional,),
    "count_subquery": (CountSubquery,),
    "create_index": (CreateIndex,),
    "create_constraint": (CreateConstraint,),
    "drop_index": (DropIndex,),
    "drop_constraint": (DropConstraint,),
    "dynamic_label": (DynamicLabel,),
    "filter_clause": (Filter,),
    "finish": (Finish,),
    "foreach": (Foreach,),
    "hint": (IndexHint, ScanHint, JoinHint, Hint),
    "interpolated_string": (InterpolatedString,),
    "let_clause": (Let,),
    "load_csv": (LoadCsv,),
    "map_projection": (MapProjection,),
    "normalised_predicate": (NormalisedPredicate,),
    "order_clause": (OrderLimit,),
    "path_selector": (PathSelector,),
    "property_exists": (PropertyExists,),
    "search": (Search,),
    "sequence": (Sequence,),
    "shortest_path": (ShortestPath,),
    "show": (Show,),
    "type_predicate": (TypePredicate,),
    "transaction_statement": (TransactionCommand,),
    "use_clause": (Use,),
    "vector_type": (VectorType,),
}.items():
    DETECTORS[_name] = (_kinds, _always)


def source(node: Node, text: str) -> str:
    """The text of `node`."""
    return text[node.start : node.end]


# --- patterns ------------------------------------------------------------------------------------


@detects("quantified_path", RelationshipPattern, ParenthesisedPath)
def _quantified_path(node: RelationshipPattern | ParenthesisedPath, text: str) -> Found:
    if node.quantifier is None:
        return None
    if isinstance(node, ParenthesisedPath):
        return node, ""
    upper = "" if node.quantifier.upper is None else node.quantifier.upper
    types = source(node.types, text) if node.types is not None else ""
    arrow = {"->": ("-[", "]->"), "<-": ("<-[", "]-")}.get(node.direction, ("-[", "]-"))
    colon = ":" if types else ""
    return node, f"{arrow[0]}{colon}{types}*{node.quantifier.lower}..{upper}{arrow[1]}"


@detects("parenthesised_path", ParenthesisedPath)
def _parenthesised_path(node: ParenthesisedPath, text: str) -> Found:
    return None if node.quantifier is not None else (node, "")


@detects("inline_where", NodePattern, RelationshipPattern)
def _inline_where(node: NodePattern | RelationshipPattern, text: str) -> Found:
    return (node.where, "") if node.where is not None else None


@detects("node_label_expression", NodePattern)
def _node_label_expression(node: NodePattern, text: str) -> Found:
    """Alternatives of types are old, those of labels are not."""
    return _uncommon_labels(node.labels)


@detects("relationship_type_expression", RelationshipPattern)
def _relationship_type_expression(node: RelationshipPattern, text: str) -> Found:
    types = node.types
    if isinstance(types, LabelOr):
        return next(filter(None, map(_uncommon_labels, types.operands)), None)
    return _uncommon_labels(types)


@detects("predicate_label_expression", LabelPredicate)
def _predicate_label_expression(node: LabelPredicate, text: str) -> Found:
    return _uncommon_labels(node.labels)


def _uncommon_labels(labels: Node | None) -> Found:
    if isinstance(labels, LabelAnd):
        return None if labels.colons else (labels, "")
    return (labels, "") if isinstance(labels, LabelOr | LabelNot | LabelWildcard) else None


@detects("label_keyword", NodePattern, RelationshipPattern)
def _label_keyword(node: NodePattern | RelationshipPattern, text: str) -> Found:
    return (node, "") if node.keyword else None


@detects("type_alternative_colon", LabelOr)
def _type_alternative_colon(node: LabelOr, text: str) -> Found:
    return (node, source(node, text).replace("|:", "|")) if node.colons else None


@detects("match_mode", Match)
def _match_mode(node: Match, text: str) -> Found:
    return (node, "") if node.mode else None


@detects("language_version", PreparserOption)
def _language_version(node: PreparserOption, text: str) -> Found:
    return (node, "") if node.version not in ("", "5", "25") else None


@detects("labeled_predicate", LabelPredicate)
def _labeled_predicate(node: LabelPredicate, text: str) -> Found:
    between = text[node.operand.end : node.labels.start].upper()
    return (node, "") if "LABELED" in between or node.negated else None


@detects("selector_parameter", PathSelector)
def _selector_parameter(node: PathSelector, text: str) -> Found:
    return (node.count, "") if isinstance(node.count, Parameter) else None


@detects("path_mode", PathSelector)
def _path_mode(node: PathSelector, text: str) -> Found:
    return (node, "") if node.mode in ("TRAIL", "ACYCLIC") else None


# --- expressions ---------------------------------------------------------------------------------


@detects("legacy_parameter", Parameter)
def _legacy_parameter(node: Parameter, text: str) -> Found:
    return (node, f"${node.name}") if node.legacy else None


@detects("property_existence_function", FunctionCall)
def _property_existence(node: FunctionCall, text: str) -> Found:
    """`exists(n.name)`, and anything else in `exists()` that is no pattern."""
    arguments = node.arguments
    if len(arguments) != 1 or len(node.name.parts) != 1 or node.name.parts[0].lower() != "exists":
        return None
    if isinstance(arguments[0], PatternExpression):
        return None
    return node, f"{source(arguments[0], text)} IS NOT NULL"


@detects("id_function", FunctionCall)
def _id_function(node: FunctionCall, text: str) -> Found:
    if len(node.arguments) != 1 or node.name.parts not in (("id",), ("ID",)):
        return None
    return node, f"elementId({source(node.arguments[0], text)})"


@detects("string_concatenation", Arithmetic)
def _concatenation(node: Arithmetic, text: str) -> Found:
    return (node, source(node, text).replace("||", "+")) if "||" in node.operators else None


# --- clauses -------------------------------------------------------------------------------------


@detects("for_clause", Unwind)
def _for_clause(node: Unwind, text: str) -> Found:
    if node.keyword == "UNWIND":
        return None
    return node, f"UNWIND {source(node.expression, text)} AS {node.variable.name}"


@detects("group_by", With, Return)
def _group_by(node: Projection, text: str) -> Found:
    return (node.group_by, "") if node.group_by is not None else None


@detects("insert", Create)
def _insert(node: Create, text: str) -> Found:
    return (node, "CREATE") if node.keyword == "INSERT" else None


@detects("nodetach", Delete)
def _nodetach(node: Delete, text: str) -> Found:
    return (node, "DELETE") if node.mode == "NODETACH" else None


@detects("importing_with", CallSubquery)
def _importing_with(node: CallSubquery, text: str) -> Found:
    """`CALL { WITH x … }`."""
    if node.scope is not None or not isinstance(node.query, SingleQuery):
        return None
    first = node.query.clauses[0]
    if not isinstance(first, With) or not _names_only(first.items):
        return None
    names = "*" if first.star else ", ".join(source(item, text) for item in first.items)
    return first, f"CALL ({names}) {{ … }}"


def _names_only(items: tuple[ProjectionItem, ...]) -> bool:
    return all(isinstance(item.expression, Variable) and item.alias is None for item in items)


# --- schema --------------------------------------------------------------------------------------


@detects("legacy_index", CreateIndex, DropIndex)
def _legacy_index(node: CreateIndex | DropIndex, text: str) -> Found:
    if isinstance(node, CreateIndex):
        if not node.legacy:
            return None
        names = ", ".join(f"n.{each.key.name}" for each in node.properties)
        label = "".join(f":{each.name}" for each in node.labels)
        return node, f"CREATE INDEX FOR (n{label}) ON ({names})"
    return (node, "DROP INDEX name") if node.name is None else None


@detects("legacy_constraint", CreateConstraint, DropConstraint)
def _legacy_constraint(node: CreateConstraint | DropConstraint, text: str) -> Found:
    if isinstance(node, DropConstraint):
        return (node, "DROP CONSTRAINT name") if node.legacy is not None else None
    return (node, "CREATE CONSTRAINT … FOR … REQUIRE …") if node.legacy else None
