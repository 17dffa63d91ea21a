"""What the semantic checks share: symbols, scopes, problems, and `type_of`, which finds the check
for a kind of expression.

The checks are plain functions `check(node, checker, scope)`. A scope is a dict from names to
symbols; a clause changes it in place, `WITH` makes a new one. The functions for expressions are
registered by class with `@handles`, because expressions, patterns and subqueries contain each
other and live in files of their own.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias

from heimdall_lang_cypher.ast import (
    LabelExpression,
    Name,
    Node,
    PatternExpression,
    Variable,
)
from heimdall_lang_cypher.signatures import Signature
from heimdall_lang_cypher.value_types import ANY, BOOLEAN, NULL, describe

Severity: TypeAlias = Literal["error", "warning", "info"]
Kind: TypeAlias = Literal["syntax", "semantics", "schema", "performance", "dialect"]

#: Where an aggregating function may stand: in an item of WITH or RETURN; nowhere; not inside
#: another one; not in the body of a comprehension; with a warning in the ORDER BY of Cypher 5.
GROUPED, UNGROUPED, NESTED, LOCAL, SORTED = range(5)


#: After how many findings names are no longer guessed.
_GUESSES = 20


class Symbol:
    """One variable, from where it is bound until the last scope that carries it. `WITH a AS b`
    gives the symbol a second name, so that what is known of it stays known."""

    __slots__ = ("labels", "repeated", "type")

    def __init__(self, type_: int) -> None:
        self.type = type_
        self.labels: list[LabelExpression] = []
        """Labels of a node, types of a relationship, as patterns and predicates state them."""
        self.repeated = False
        """Whether it is a list of what one element of the pattern matched: `-[r*]->`."""


Scope: TypeAlias = dict[str, Symbol]


class Problem:
    """A finding before its offsets are turned into lines and columns."""

    __slots__ = ("code", "end", "kind", "message", "severity", "start", "suggestion")

    def __init__(
        self,
        code: str,
        message: str,
        node: Node,
        *,
        severity: Severity = "error",
        kind: Kind = "semantics",
        suggestion: str = "",
    ) -> None:
        self.code = code
        self.message = message
        self.start = node.start
        self.end = node.end
        self.severity = severity
        self.kind = kind
        self.suggestion = suggestion


class Checker:
    """The state of one statement's check: what is looked up, what was found."""

    def __init__(
        self,
        text: str,
        functions: Mapping[str, Signature],
        procedures: Mapping[str, Signature],
        *,
        version: int,
        closed: bool = False,
        complete: frozenset[str] = frozenset(),
        namespaces: frozenset[str] = frozenset(),
        extensions: Mapping[str, str] | None = None,
        unknown_function: Severity = "error",
        parameters: tuple[str, ...] | None = None,
        record: bool = False,
    ) -> None:
        """`version` is that of Cypher: 9 (openCypher), 5 or 25. `closed` says that `procedures`
        are all there are, `complete` names the namespaces whose procedures are. Functions in
        `namespaces` belong to extensions and are not looked up; `extensions` says how far those
        that are known work, `unknown_function` how bad one without a namespace is. With `record`,
        patterns and property accesses are kept for the check against a schema."""
        self.text = text
        self.functions = functions
        self.procedures = procedures
        self.version = version
        self.closed = closed
        self.complete = complete
        self.extensions = extensions or {}
        self.unknown_function = unknown_function
        self.namespaces = namespaces
        self.parameters = parameters
        self.record = record
        self.problems: list[Problem] = []
        self.aggregation = UNGROUPED
        self.aggregates = 0
        """How many calls of aggregating functions were seen so far."""
        self.testing = False
        """Whether the next expression stands where a pattern may be tested for existence."""
        self.outer: Scope = {}
        """Variables that stay visible after a WITH of the subquery that is being checked."""
        self.hidden: Scope = {}
        """Variables of the outer query that `CALL {}` does not see."""
        self.depth = 0
        """How many queries the one that is being checked stands in."""
        self.accesses: list[tuple[Symbol, Name]] = []
        """Every `variable.key` of a node or relationship."""
        self.written: list[tuple[Symbol, Name]] = []
        """Every `variable.key` that is set or removed."""
        self.elements: list[tuple[Symbol, Node, bool]] = []
        """Every node and relationship of a pattern, with whether the pattern writes."""
        self.paths: list[list[tuple[Symbol, Node]]] = []
        """The elements of every path, in order."""
        self.comparisons: list[tuple[Symbol, Name, Node]] = []
        """Every `variable.key` that is compared with a literal, and the literal."""
        self.tests: list[tuple[Symbol, LabelExpression]] = []
        """Every `variable:Label` in an expression."""
        self._undefined: set[str] = set()

    def problem(
        self,
        code: str,
        message: str,
        node: Node,
        *,
        severity: Severity = "error",
        kind: Kind = "semantics",
        suggestion: str = "",
    ) -> None:
        """Notes a finding at `node`."""
        self.problems.append(
            Problem(code, message, node, severity=severity, kind=kind, suggestion=suggestion)
        )

    def nearest(self, name: str, known: Iterable[str]) -> str:
        """The known name that `name` was most likely meant to be; '' where none is near, and
        where so much is wrong that a guess helps nobody (the search takes time)."""
        if len(self.problems) > _GUESSES:
            return ""
        lowered = {each.lower(): each for each in known}
        near = difflib.get_close_matches(name.lower(), lowered, n=1)
        return lowered[near[0]] if near else ""

    def source(self, node: Node) -> str:
        """The text of `node`."""
        return self.text[node.start : node.end]

    def resolve(self, variable: Variable, scope: Scope) -> Symbol:
        """The symbol of a variable that is read. An undefined one is reported once and answers
        as a value of any type."""
        symbol = scope.get(variable.name)
        if symbol is not None:
            return symbol
        if variable.name not in self._undefined:
            self._undefined.add(variable.name)
            near = self.nearest(variable.name, scope)
            self.problem(
                "UndefinedVariable",
                f"variable `{variable.name}` is not defined here",
                variable,
                suggestion=f"`{near}`" if near else "",
            )
        return Symbol(ANY)

    def declare(self, variable: Variable, type_: int, scope: Scope) -> Symbol:
        """The symbol of a variable that must be new."""
        name = variable.name
        if name in scope:
            self.problem("VariableAlreadyBound", f"variable `{name}` is already defined", variable)
        elif name in self.hidden:
            self.problem(
                "SubqueryVariableShadowing",
                f"`{name}` is a new variable here: the subquery does not import the outer `{name}`",
                variable,
                severity="warning",
                suggestion=f"CALL ({name}) {{ … }}",
            )
        symbol = scope[name] = Symbol(type_)
        return symbol

    def mismatch(
        self,
        expected: str,
        actual: int,
        node: Node,
        *,
        severity: Severity = "error",
        suggestion: str = "",
    ) -> None:
        """Reports a value of the wrong type."""
        self.problem(
            "InvalidArgumentType",
            f"type mismatch: expected {expected} but was {describe(actual)}",
            node,
            severity=severity,
            suggestion=suggestion,
        )


Check: TypeAlias = Callable[[Any, Checker, Scope], int]
CHECKS: dict[type[Node], Check] = {}


def handles(*kinds: type[Node]) -> Callable[[Check], Check]:
    """Registers a function as the check of expressions of these classes. It returns their type."""

    def register(check: Check) -> Check:
        for kind in kinds:
            CHECKS[kind] = check
        return check

    return register


def type_of(node: Node, checker: Checker, scope: Scope) -> int:
    """Checks an expression and returns its type."""
    return CHECKS[type(node)](node, checker, scope)


def check_boolean(node: Node, checker: Checker, scope: Scope) -> None:
    """Checks an expression that stands where a truth value is needed."""
    kind = type(node)
    if kind is PatternExpression:
        checker.testing = True
    actual = CHECKS[kind](node, checker, scope)
    if not actual & (BOOLEAN | NULL):
        checker.mismatch("Boolean", actual, node)
