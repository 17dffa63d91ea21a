"""Patterns: what their variables are, what CREATE and MERGE may write, patterns as values."""

from __future__ import annotations

from heimdall_lang_cypher.ast import (
    Expression,
    LabelName,
    MapLiteral,
    Node,
    NodePattern,
    Parameter,
    ParenthesisedPath,
    PathPattern,
    PatternComprehension,
    PatternExpression,
    PatternPart,
    RelationshipPattern,
    ShortestPath,
    Variable,
)
from heimdall_lang_cypher.semantics_grouping import free_variables
from heimdall_lang_cypher.semantics_pattern_rules import (
    Use,
    check_labels,
    check_length_types,
    check_minimum,
    check_parts,
    check_path,
    check_quantified,
    check_quantifier,
    check_shortest,
    check_type_colons,
    check_written,
)
from heimdall_lang_cypher.semantics_scope import (
    LOCAL,
    Checker,
    Scope,
    Symbol,
    check_boolean,
    handles,
    type_of,
)
from heimdall_lang_cypher.value_types import (
    ANY,
    ANY_LIST,
    BOOLEAN,
    NODE,
    NULL,
    PATH,
    RELATIONSHIP,
    describe,
    element_of,
    list_of,
)


class _Patterns:
    """The patterns of one clause. Variables are bound first, properties and predicates are
    checked afterwards, because they may use any variable of the clause."""

    __slots__ = (
        "checker",
        "pending",
        "predicates",
        "relationships",
        "unreadable",
        "use",
        "visible",
    )

    def __init__(self, checker: Checker, use: Use) -> None:
        self.checker = checker
        self.use = use
        self.relationships: set[str] = set()
        """Relationship variables of this clause: each stands for one relationship."""
        self.pending: list[tuple[NodePattern | RelationshipPattern, Scope, set[str]]] = []
        """Elements whose properties and predicates are still to be checked, with their scope and
        the variables that they cannot read."""
        self.unreadable: set[str] = set()
        """Variables that properties cannot read, because they are only just made."""
        self.predicates: list[tuple[Expression, Scope]] = []
        """Predicates of paths in parentheses that are still to be checked, with their scope."""

        self.visible: list[tuple[Scope, Scope, Scope]] = []
        """What predicates in a quantified path see: a scope to be filled when all is bound, the
        scope outside, that of one repetition."""

    # --- binding -----------------------------------------------------------------------------

    def part(self, part: PatternPart, scope: Scope) -> None:
        path = part.path
        if isinstance(path, ShortestPath):
            check_shortest(path, self.use, self.checker)
            path = path.path
        if self.use == "create" and self.checker.version != 25:
            # What a CREATE makes cannot be read in the same pattern; since Cypher 25, not in the
            # same clause either, and not in a MERGE.
            self.unreadable = set()
        if self.use == "match" and isinstance(path.elements[0], ParenthesisedPath):
            check_minimum(path, self.checker)
        self.path(path, scope)
        if part.variable is not None:
            self.bind(part.variable, PATH, scope)

    def path(self, path: PathPattern, scope: Scope) -> None:
        elements = path.elements
        recorded: list[tuple[Symbol, Node]] = []
        alone = len(elements) == 1
        if not alone:
            check_path(path, self.checker)
        for element in elements:
            if isinstance(element, NodePattern):
                recorded.append((self.node(element, scope, alone), element))
            elif isinstance(element, RelationshipPattern):
                recorded.append((self.relationship(element, scope), element))
            else:
                self.parenthesised(element, scope)
        if self.checker.record:
            self.checker.paths.append(recorded)
            writes = self.use in ("create", "merge")
            self.checker.elements.extend((symbol, node, writes) for symbol, node in recorded)

    def node(self, node: NodePattern, scope: Scope, alone: bool) -> Symbol:
        if node.properties is not None or node.where is not None or node.labels is not None:
            self.pending.append((node, scope, self.unreadable))
        symbol = self._node_symbol(node, scope, alone)
        if node.labels is not None:
            symbol.labels.append(node.labels)
        return symbol

    def _node_symbol(self, node: NodePattern, scope: Scope, alone: bool) -> Symbol:
        variable = node.variable
        if variable is None:
            return Symbol(NODE)
        symbol = scope.get(variable.name)
        if symbol is None:
            return self.bind(variable, NODE, scope)
        if not symbol.type & (NODE | NULL):
            self.conflict(variable, symbol, "Node")
            return Symbol(NODE)
        if symbol.type != NODE:
            # A value that may be a node is one from here on.
            symbol.type = NODE
        if self.use in ("create", "merge") and (
            alone or node.labels is not None or node.properties is not None
        ):
            self.already_bound(variable)
        return symbol

    def relationship(self, node: RelationshipPattern, scope: Scope) -> Symbol:
        if self.use in ("create", "merge") and (
            node.variable is None or node.variable.name not in scope
        ):
            check_written(node, self.use, self.checker)
        if node.quantifier is not None:
            check_quantifier(node.quantifier, self.checker)
            if node.length is not None:
                self.checker.problem(
                    "UnexpectedSyntax",
                    "a relationship of variable length cannot be quantified again",
                    node.length,
                )
        if node.types is not None and type(node.types) is not LabelName:
            if self.checker.version != 9:
                check_type_colons(node, self.checker)
            if node.length is not None:
                check_length_types(node, self.checker)
        if node.properties is not None or node.where is not None or node.types is not None:
            self.pending.append((node, scope, self.unreadable))
        symbol = self._relationship_symbol(node, scope)
        if node.types is not None:
            symbol.labels.append(node.types)
        return symbol

    def _relationship_symbol(self, node: RelationshipPattern, scope: Scope) -> Symbol:
        repeated = node.length is not None or node.quantifier is not None
        type_ = list_of(RELATIONSHIP) if repeated else RELATIONSHIP
        variable = node.variable
        if variable is None:
            symbol = Symbol(type_)
            symbol.repeated = repeated
            return symbol
        name = variable.name
        symbol_or_none = scope.get(name)
        if symbol_or_none is None:
            self.relationships.add(name)
            symbol = self.bind(variable, type_, scope)
            symbol.repeated = repeated
            if node.quantifier is not None and node.where is not None:
                self._single(node, variable, scope)
            return symbol
        symbol = symbol_or_none
        fits = (
            symbol.type & ANY_LIST and element_of(symbol.type) & RELATIONSHIP
            if repeated
            else symbol.type & RELATIONSHIP
        )
        if not fits and not symbol.type & NULL:
            self.conflict(variable, symbol, "List<Relationship>" if repeated else "Relationship")
            return Symbol(type_)
        if self.use in ("create", "merge"):
            self.already_bound(variable)
        elif name in self.relationships:
            self.checker.problem(
                "RelationshipUniquenessViolation",
                f"relationship `{name}` stands twice in one pattern: nothing can match",
                variable,
                severity="error" if self.checker.version == 9 else "warning",
            )
        self.relationships.add(name)
        return symbol

    def _single(self, node: RelationshipPattern, variable: Variable, scope: Scope) -> None:
        """In the predicate of `-[r WHERE …]->+`, `r` is one relationship."""
        self.pending = [each for each in self.pending if each[0] is not node]
        inner = {**scope, variable.name: Symbol(RELATIONSHIP)}
        self.pending.append((node, inner, self.unreadable))

    def parenthesised(self, node: ParenthesisedPath, scope: Scope) -> None:
        if self.use in ("create", "merge"):
            self.checker.problem(
                "UnexpectedSyntax", "a pattern in parentheses cannot be written", node
            )
        check_quantified(node, self.checker)
        if node.quantifier is None:
            self.part(node.pattern, scope)
            if node.where is not None:
                self.predicates.append((node.where, scope))
            return
        inner: Scope = {}
        self.part(node.pattern, inner)
        for name, symbol in inner.items():
            if name in scope:
                self.checker.problem(
                    "VariableAlreadyBound",
                    f"`{name}` is used inside a quantified pattern and outside of it",
                    node,
                )
            group = scope[name] = Symbol(list_of(symbol.type))
            group.labels = symbol.labels
            group.repeated = True
        # Predicates inside see one repetition, and what the clause binds outside of the pattern.
        visible: Scope = {}
        self.visible.append((visible, scope, inner))
        self.pending = [
            (each, visible if where is inner else where, unreadable)
            for each, where, unreadable in self.pending
        ]
        self.predicates = [
            (each, visible if where is inner else where) for each, where in self.predicates
        ]
        if node.where is not None:
            self.predicates.append((node.where, visible))

    def bind(self, variable: Variable, type_: int, scope: Scope) -> Symbol:
        if self.use == "test":
            self.checker.resolve(variable, scope)
            return Symbol(type_)
        if self.use == "create" or (self.use == "merge" and self.checker.version == 25):
            self.unreadable.add(variable.name)
        return self.checker.declare(variable, type_, scope)

    # --- problems ----------------------------------------------------------------------------

    def conflict(self, variable: Variable, symbol: Symbol, expected: str) -> None:
        self.checker.problem(
            "VariableTypeConflict",
            f"`{variable.name}` is {_article(describe(symbol.type))}, not {_article(expected)}",
            variable,
        )

    def already_bound(self, variable: Variable) -> None:
        self.checker.problem(
            "VariableAlreadyBound",
            f"`{variable.name}` is already bound and cannot be written again",
            variable,
            suggestion=f"({variable.name}) without labels and properties, or another name",
        )

    # --- properties and predicates -----------------------------------------------------------

    def finish(self) -> None:
        checker = self.checker
        for visible, outer, inner in self.visible:
            visible.update({**outer, **inner})
        for node, scope, unreadable in self.pending:
            if node.properties is not None:
                self.properties(node.properties, scope, unreadable)
            if node.where is not None:
                if self.use in ("create", "merge"):
                    checker.problem(
                        "UnexpectedSyntax",
                        f"{self.use.upper()} takes no WHERE inside a pattern",
                        node.where,
                    )
                check_boolean(node.where, checker, scope)
            labels = node.labels if isinstance(node, NodePattern) else node.types
            if labels is not None and type(labels) is not LabelName:
                check_labels(labels, node, self.use, checker, scope)
        for predicate, scope in self.predicates:
            check_boolean(predicate, checker, scope)

    def properties(
        self, properties: MapLiteral | Parameter, scope: Scope, unreadable: set[str]
    ) -> None:
        checker = self.checker
        if isinstance(properties, MapLiteral):
            type_of(properties, checker, scope)
            if unreadable:
                self.check_readable(properties, unreadable)
        elif self.use != "create":
            checker.problem(
                "InvalidParameterUse",
                f"a parameter cannot hold the properties of a pattern in {self.use.upper()}",
                properties,
                suggestion=f"{{key: ${properties.name}.key}}",
            )
        else:
            type_of(properties, checker, scope)

    def check_readable(self, properties: MapLiteral, unreadable: set[str]) -> None:
        clause = self.use.upper()
        for variable in free_variables(properties):
            if variable.name in unreadable:
                self.checker.problem(
                    "UndefinedVariable",
                    f"`{variable.name}` is made by this {clause} and cannot be read in it",
                    variable,
                    suggestion="write it in a clause before",
                )
                return


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def check_patterns(
    parts: tuple[PatternPart, ...], use: Use, checker: Checker, scope: Scope
) -> None:
    """Checks the patterns of a clause and binds their variables in `scope`."""
    patterns = _Patterns(checker, use)
    check_parts(parts, checker)
    for part in parts:
        patterns.part(part, scope)
    patterns.finish()


# --- patterns as values --------------------------------------------------------------------------


@handles(PatternExpression)
def _pattern_expression(node: PatternExpression, checker: Checker, scope: Scope) -> int:
    testing, checker.testing = checker.testing, False
    pattern = node.pattern
    patterns = _Patterns(checker, "test")
    if isinstance(pattern, ShortestPath):
        check_shortest(pattern, "test", checker)
        patterns.path(pattern.path, scope)
        patterns.finish()
        return list_of(PATH) if pattern.all else PATH
    patterns.path(pattern, scope)
    patterns.finish()
    if testing:
        return BOOLEAN
    checker.problem(
        "UnexpectedSyntax",
        "a pattern is no value here; it can only be tested for existence",
        node,
        suggestion=f"EXISTS {{ {checker.source(node)} }}",
    )
    return ANY


@handles(PatternComprehension)
def _pattern_comprehension(node: PatternComprehension, checker: Checker, scope: Scope) -> int:
    inner = dict(scope)
    mode = checker.aggregation
    checker.aggregation = LOCAL
    patterns = _Patterns(checker, "match")
    patterns.path(node.pattern, inner)
    if node.variable is not None:
        inner[node.variable.name] = Symbol(PATH)
    patterns.finish()
    if node.predicate is not None:
        check_boolean(node.predicate, checker, inner)
    result = type_of(node.projection, checker, inner)
    checker.aggregation = mode
    return list_of(result)
