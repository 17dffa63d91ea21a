"""The check of names against a graph schema.

Labels are gathered per variable, over all patterns and predicates of the statement, and a property
is looked up where it should be: on those labels, not anywhere in the graph. A label or type that is
unknown is the only finding on what carries it.

Unknown names are errors: the caller gave a schema, and an answer that uses a name that is not in it
is wrong, even though a database without constraints would run it and find nothing. What a schema
that was sampled from data may lack (which labels a relationship connects, which type a property
has) is a warning, and so is a new name in a clause that writes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from heimdall_lang_cypher.ast import (
    BooleanLiteral,
    FloatLiteral,
    IntegerLiteral,
    LabelAnd,
    LabelExpression,
    LabelName,
    LabelNot,
    LabelOr,
    MapLiteral,
    Name,
    Node,
    NodePattern,
    RelationshipPattern,
    StringLiteral,
)
from heimdall_lang_cypher.schema import GraphSchema, Properties
from heimdall_lang_cypher.semantics_scope import Checker, Severity, Symbol
from heimdall_lang_cypher.value_types import (
    ANY_LIST,
    BOOLEAN,
    ENTITY,
    FLOAT,
    INTEGER,
    NODE,
    NUMBER,
    RELATIONSHIP,
    STRING,
    describe,
    element_of,
)

_LITERAL_TYPES: dict[type[Node], int] = {
    IntegerLiteral: INTEGER,
    FloatLiteral: FLOAT,
    StringLiteral: STRING,
    BooleanLiteral: BOOLEAN,
}


def check_schema(checker: Checker, schema: GraphSchema) -> None:
    """Adds to `checker.problems` what its statement, analysed with `record`, has against
    `schema`."""
    _SchemaCheck(checker, schema).run()


def named(labels: LabelExpression) -> Iterator[LabelName]:
    """Every name in a label expression."""
    if isinstance(labels, LabelName):
        yield labels
    elif isinstance(labels, LabelAnd | LabelOr):
        for operand in labels.operands:
            yield from named(operand)
    elif isinstance(labels, LabelNot):
        yield from named(labels.operand)


def possible(labels: LabelExpression) -> frozenset[str]:
    """Names one of which a node surely has; empty where nothing is sure."""
    if isinstance(labels, LabelName):
        return frozenset((labels.name,))
    if isinstance(labels, LabelAnd):
        return frozenset().union(*map(possible, labels.operands))
    if isinstance(labels, LabelOr):
        parts = [possible(operand) for operand in labels.operands]
        return frozenset().union(*parts) if all(parts) else frozenset()
    return frozenset()


class _SchemaCheck:
    def __init__(self, checker: Checker, schema: GraphSchema) -> None:
        self.checker = checker
        self.schema = schema
        self.unknown: set[int] = set()
        """Symbols with a label or type that the schema lacks."""
        self.names: dict[int, frozenset[str]] = {}
        """Labels or types by symbol."""
        self.reported: set[tuple[str, str, str]] = set()

    def run(self) -> None:
        checker = self.checker
        for symbol, node, writes in checker.elements:
            self.element_names(symbol, node, writes)
        for symbol, labels in checker.tests:
            self.label_names(symbol, labels, "error")
            if symbol.type & NODE:
                # A test may stand in an OR or a CASE, so that it widens what is known.
                symbol.labels.append(labels)
        self.infer_from_paths()
        for symbol, node, writes in checker.elements:
            if isinstance(node, NodePattern | RelationshipPattern) and isinstance(
                node.properties, MapLiteral
            ):
                for entry in node.properties.entries:
                    self.property(symbol, entry.key, "warning" if writes else "error")
                    self.literal(symbol, entry.key, entry.value)
        for symbol, key in checker.accesses:
            self.property(symbol, key, "error")
        for symbol, key in checker.written:
            self.property(symbol, key, "warning")
        for symbol, key, literal in checker.comparisons:
            self.literal(symbol, key, literal)
        for path in checker.paths:
            self.path(path)

    # --- names -------------------------------------------------------------------------------

    def element_names(self, symbol: Symbol, node: Node, writes: bool) -> None:
        labels = node.labels if isinstance(node, NodePattern) else None
        if isinstance(node, RelationshipPattern):
            labels = node.types
        if labels is not None:
            self.label_names(symbol, labels, "warning" if writes else "error")

    def label_names(self, symbol: Symbol, labels: LabelExpression, severity: Severity) -> None:
        type_ = element_of(symbol.type) if symbol.type & ANY_LIST else symbol.type
        schema = self.schema
        of_node, of_relationship = bool(type_ & NODE), bool(type_ & RELATIONSHIP)
        for label in (labels,) if isinstance(labels, LabelName) else named(labels):
            if (of_node and (not schema.nodes or label.name in schema.nodes)) or (
                of_relationship and (not schema.relationships or label.name in schema.relationships)
            ):
                continue
            self.unknown.add(id(symbol))
            if of_node:
                self.unknown_name("UnknownLabel", "label", label, schema.nodes, severity)
            else:
                self.unknown_name(
                    "UnknownRelationshipType",
                    "relationship type",
                    label,
                    schema.relationships,
                    severity,
                )

    def unknown_name(
        self, code: str, what: str, label: LabelName, known: Collection[str], severity: Severity
    ) -> None:
        if (code, label.name, "") in self.reported:
            return
        self.reported.add((code, label.name, ""))
        self.report(
            code,
            f"the schema has no {what} `{label.name}`",
            label,
            severity,
            self.checker.nearest(label.name, known),
        )

    # --- labels of variables -----------------------------------------------------------------

    def names_of(self, symbol: Symbol) -> frozenset[str]:
        """Labels or types one of which the symbol has; empty where nothing is known."""
        names = self.names.get(id(symbol))
        if names is None:
            names = frozenset()
            for labels in symbol.labels:
                names |= (
                    frozenset((labels.name,)) if isinstance(labels, LabelName) else possible(labels)
                )
            self.names[id(symbol)] = names
        return names

    def infer_from_paths(self) -> None:
        """Gives nodes without a label the labels that their relationships lead to."""
        if not self.schema.endpoints:
            return
        for path in self.checker.paths:
            for left, relationship, right, node in _hops(path):
                if relationship.repeated or id(relationship) in self.unknown:
                    continue
                pairs = self.pairs(relationship, node.direction)
                if not pairs:
                    continue
                if not self.names_of(left):
                    self.names[id(left)] = self.matching(pairs, 0, self.names_of(right))
                if not self.names_of(right):
                    self.names[id(right)] = self.matching(pairs, 1, self.names_of(left))

    def matching(
        self, pairs: set[tuple[str, str]], side: int, others: frozenset[str]
    ) -> frozenset[str]:
        """Labels on one side of the pairs whose other side is in `others`, where it is known."""
        return frozenset(pair[side] for pair in pairs if not others or pair[1 - side] in others)

    def pairs(self, relationship: Symbol, direction: str) -> set[tuple[str, str]]:
        """Pairs of labels (left, right) that the relationship may connect; empty where one of
        its types is not known."""
        pairs: set[tuple[str, str]] = set()
        for name in self.names_of(relationship):
            known = self.schema.endpoints.get(name)
            if not known:
                return set()
            if direction != "<-":
                pairs |= known
            if direction != "->":
                pairs.update((end, start) for start, end in known)
        return pairs

    # --- properties --------------------------------------------------------------------------

    def tables(self, symbol: Symbol) -> list[Properties | None]:
        """The properties of each label or type that the symbol may have; empty where none is
        known."""
        names = self.names_of(symbol)
        source = self.schema.nodes if symbol.type & NODE else self.schema.relationships
        return [source[name] for name in names if name in source]

    def property(self, symbol: Symbol, key: Name, severity: Severity) -> None:
        type_ = element_of(symbol.type) if symbol.repeated else symbol.type
        if type_ & ~ENTITY or not type_ or id(symbol) in self.unknown or not self.schema.keys:
            return
        tables = self.tables(symbol)
        name = key.name
        if tables and None not in tables:
            if any(name in (table or ()) for table in tables):
                return
            if symbol.type & NODE and self.may_overlap(symbol, name):
                severity = "warning"
        elif name in self.schema.keys:
            return
        owner = self.owner(symbol)
        if ("UnknownProperty", name, owner) in self.reported:
            return
        self.reported.add(("UnknownProperty", name, owner))
        known = {each for table in tables if table for each in table} or self.schema.keys
        self.report(
            "UnknownProperty",
            f"{owner or 'the schema'} has no property `{name}`",
            key,
            severity,
            self.checker.nearest(name, known),
        )

    def may_overlap(self, symbol: Symbol, key: str) -> bool:
        """Whether a second label that the node may carry has the property."""
        return any(
            key in (self.schema.nodes.get(other) or ())
            for name in self.names_of(symbol)
            for other in self.schema.overlaps.get(name, ())
        )

    def owner(self, symbol: Symbol) -> str:
        """What a message calls the node or relationship."""
        names = sorted(self.names_of(symbol))
        colon = "|".join(names)
        if not names:
            return ""
        return f"(:{colon})" if symbol.type & NODE else f"[:{colon}]"

    def literal(self, symbol: Symbol, key: Name, value: Node) -> None:
        """Compares the type of a literal with that of the property beside it."""
        actual = _LITERAL_TYPES.get(type(value))
        if actual is None:
            return
        expected = 0
        for table in self.tables(symbol):
            if table is None:
                return
            expected |= table.get(key.name, 0)
        comparable = NUMBER if actual & NUMBER else actual
        if expected and not expected & comparable:
            self.report(
                "PropertyTypeMismatch",
                f"`{key.name}` of {self.owner(symbol)} is {describe(expected)}, "
                f"not {describe(actual)}",
                value,
                "warning",
            )

    # --- directions --------------------------------------------------------------------------

    def path(self, path: list[tuple[Symbol, Node]]) -> None:
        for left, relationship, right, node in _hops(path):
            if {id(left), id(relationship), id(right)} & self.unknown:
                continue
            self.hop(left, relationship, right, node)

    def hop(
        self, left: Symbol, relationship: Symbol, right: Symbol, node: RelationshipPattern
    ) -> None:
        pairs = self.pairs(relationship, node.direction)
        starts, ends = self.names_of(left), self.names_of(right)
        if not pairs or not (starts or ends):
            return
        if _fits(pairs, starts, ends, relationship.repeated):
            return
        name = "|".join(sorted(self.names_of(relationship)))
        if node.direction in ("->", "<-"):
            flipped = {(end, start) for start, end in pairs}
            if _fits(flipped, starts, ends, relationship.repeated):
                self.report(
                    "WrongDirection",
                    f"`{name}` points the other way between these labels",
                    node,
                    "warning",
                    f"{'<-' if node.direction == '->' else '-'}[:{name}]"
                    f"{'-' if node.direction == '->' else '->'}",
                )
                return
        listed = ", ".join(
            f"(:{start})-[:{each}]->(:{end})"
            for each in sorted(self.names_of(relationship))
            for start, end in sorted(self.schema.endpoints[each])[:3]
        )
        self.report(
            "WrongEndpointLabels",
            f"`{name}` does not connect these labels",
            node,
            "warning",
            listed,
        )

    def report(
        self, code: str, message: str, node: Node, severity: Severity, suggestion: str = ""
    ) -> None:
        self.checker.problem(
            code, message, node, severity=severity, kind="schema", suggestion=suggestion
        )


def _hops(
    path: list[tuple[Symbol, Node]],
) -> Iterator[tuple[Symbol, Symbol, Symbol, RelationshipPattern]]:
    """Node, relationship, node: every relationship of a path between two plain nodes."""
    for index in range(1, len(path) - 1):
        symbol, node = path[index]
        if isinstance(node, RelationshipPattern):
            left, right = path[index - 1], path[index + 1]
            if isinstance(left[1], NodePattern) and isinstance(right[1], NodePattern):
                yield left[0], symbol, right[0], node


def _fits(
    pairs: set[tuple[str, str]], starts: frozenset[str], ends: frozenset[str], repeated: bool
) -> bool:
    if repeated:
        # Several hops: the first must start here and the last must end there.
        return (not starts or any(start in starts for start, _ in pairs)) and (
            not ends or any(end in ends for _, end in pairs)
        )
    return any(
        (not starts or start in starts) and (not ends or end in ends) for start, end in pairs
    )
