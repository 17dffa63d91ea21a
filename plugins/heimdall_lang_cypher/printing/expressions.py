"""Expressions as Cypher text, with no more parentheses than needed.

`LEVEL` gives each operator's place from loosest to tightest, as the parser's does. An operand of a
looser or equal level than its place allows is put into parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import printer_names as names
from heimdall_lang_cypher.visitor import walk

_OR, _XOR, _AND, _NOT, _COMPARISON, _PREDICATE, _SUM, _PRODUCT, _POWER, _SIGN, _POSTFIX, _ATOM = (
    range(1, 13)
)

_LEVELS: Final[dict[type[ast.Node], int]] = {
    ast.Or: _OR,
    ast.Xor: _XOR,
    ast.And: _AND,
    ast.Not: _NOT,
    ast.Comparison: _COMPARISON,
    ast.BinaryPredicate: _PREDICATE,
    ast.NullPredicate: _PREDICATE,
    ast.TypePredicate: _PREDICATE,
    ast.NormalisedPredicate: _PREDICATE,
    ast.LabelPredicate: _PREDICATE,
    ast.Sign: _SIGN,
    ast.PropertyAccess: _POSTFIX,
    ast.Subscript: _POSTFIX,
    ast.Slice: _POSTFIX,
}
_ARITHMETIC: Final = {"+": _SUM, "-": _SUM, "||": _SUM, "*": _PRODUCT, "/": _PRODUCT, "%": _PRODUCT}

#: Predicates that in parentheses look like a node pattern: `(n:A)`, `(n IS NULL)`.
_LIKE_NODES = (
    ast.LabelPredicate,
    ast.NullPredicate,
    ast.TypePredicate,
    ast.NormalisedPredicate,
)
_LIKE_COMPREHENSION = re.compile(r"(?:\w+|`(?:[^`]|``)*`) (?:IN|=) ")
_ITERATING: Final = ("ALL", "ANY", "NONE", "SINGLE", "REDUCE", "ALLREDUCE")


def level(node: ast.Expression) -> int:
    """How tightly the node binds."""
    if isinstance(node, ast.Arithmetic):
        return _ARITHMETIC.get(node.operators[0], _POWER)
    if isinstance(node, ast.PatternExpression):
        # A path goes on with `-` and `<`.
        return _NOT if isinstance(node.pattern, ast.PathPattern) else _ATOM
    return _LEVELS.get(type(node), _ATOM)


class ExpressionPrinter:
    """Prints expressions; patterns and queries in them are printed by the derived classes."""

    def text(self, node: ast.Node) -> str:
        """Any node as text."""
        return _PRINTERS[type(node)](self, node)

    def pattern(self, node: ast.Node) -> str:
        """A pattern, or a part of one."""
        raise NotImplementedError

    def braced(self, node: ast.Node) -> str:
        """A subquery with its braces."""
        raise NotImplementedError

    def at(self, node: ast.Expression, least: int) -> str:
        """An operand where only operators of level `least` and tighter may stand bare."""
        text = self.text(node)
        if level(node) >= least:
            return text
        if least >= _SUM and isinstance(node, _LIKE_NODES):
            return f"(({text}))"
        return f"({text})"

    def before_bar(self, node: ast.Expression) -> str:
        """An expression before `|`, which labels and types could take for their own."""
        return self.guarded(node, self.text(node))

    def without_bar(self, node: ast.Expression) -> str:
        """An expression where a `|` could follow, and does not."""
        text = self.text(node)
        return self.guarded(node, text) if "|" in text else text

    def guarded(self, node: ast.Expression, text: str) -> str:
        """In parentheses if there are labels or types in it."""
        ambiguous = any(
            isinstance(each, ast.LabelPredicate | ast.TypePredicate) for each in walk(node)
        )
        return f"({text})" if ambiguous else text

    def listed(self, nodes: tuple[ast.Node, ...]) -> str:
        """Separated by commas."""
        return ", ".join([self.text(node) for node in nodes])

    # --- operators ------------------------------------------------------------------------------

    def chain(self, operands: tuple[ast.Expression, ...], word: str, least: int) -> str:
        """Operands joined by one operator."""
        return f" {word} ".join([self.at(operand, least) for operand in operands])

    def operators(self, node: Any, least: int) -> str:
        """Operands joined by the node's own operators."""
        pieces = [self.at(node.operands[0], least)]
        for operator, operand in zip(node.operators, node.operands[1:], strict=True):
            pieces.append(f"{operator} {self.at(operand, least)}")
        return " ".join(pieces).lstrip()

    def arithmetic(self, node: ast.Arithmetic) -> str:
        """`a + b - c`."""
        return self.operators(node, level(node) + 1)

    def sign(self, node: ast.Sign) -> str:
        """`-a`."""
        return f"{node.operator}{self.at(node.operand, _POSTFIX)}"

    def subject(self, node: ast.Expression) -> str:
        """What a predicate is about: nothing for the subject of `CASE`."""
        if isinstance(node, ast.CaseSubject):
            return ""
        return f"{self.at(node, _SUM)} "

    def type_predicate(self, node: ast.TypePredicate) -> str:
        """`x IS :: INTEGER`."""
        return f"{self.subject(node.operand)}IS {'NOT ' * node.negated}:: {self.text(node.type)}"

    def normalised(self, node: ast.NormalisedPredicate) -> str:
        """`s IS NFC NORMALIZED`."""
        form = f"{node.form} " if node.form else ""
        return f"{self.subject(node.operand)}IS {'NOT ' * node.negated}{form}NORMALIZED"

    def label_predicate(self, node: ast.LabelPredicate) -> str:
        """`n:Person`."""
        subject = self.subject(node.operand)
        labels = self.pattern(node.labels)
        if node.negated:
            return f"{subject}IS NOT LABELED {labels}"
        return f"{subject.rstrip()}:{labels}"

    def owner(self, node: ast.Expression) -> str:
        """What a property or item is taken from."""
        if isinstance(node, ast.IntegerLiteral | ast.FloatLiteral | ast.ConstantLiteral):
            return f"({self.text(node)})"
        return self.at(node, _POSTFIX)

    def slice(self, node: ast.Slice) -> str:
        """`list[1..2]`."""
        lower = "" if node.lower is None else self.text(node.lower)
        upper = "" if node.upper is None else self.text(node.upper)
        return f"{self.owner(node.subject)}[{lower}..{upper}]"

    # --- atoms ----------------------------------------------------------------------------------

    def list_literal(self, node: ast.ListLiteral) -> str:
        """`[1, 2]`; `[(x IN xs)]` keeps its parentheses."""
        text = self.listed(node.items)
        if len(node.items) == 1 and _LIKE_COMPREHENSION.match(text):
            return f"[({text})]"
        return f"[{text}]"

    def call(self, node: ast.FunctionCall) -> str:
        """`name(DISTINCT x, y)`; `any((x IN xs))` keeps its parentheses."""
        arguments = self.listed(node.arguments)
        if _LIKE_COMPREHENSION.match(arguments) and node.name.text.upper() in _ITERATING:
            first = self.text(node.arguments[0])
            arguments = f"({first}){arguments[len(first) :]}"
        distinct = "DISTINCT " if node.distinct else ""
        return f"{names.function(node.name.parts)}({distinct}{arguments})"

    def trim(self, node: ast.Trim) -> str:
        """`trim(BOTH 'x' FROM s)`."""
        parts: list[str] = [node.mode] if node.mode else []
        if node.character is not None:
            parts.append(self.text(node.character))
        return f"trim({' '.join([*parts, 'FROM', self.text(node.source)])})"

    def case(self, node: ast.Case) -> str:
        """`CASE … END`."""
        parts = ["CASE"]
        if node.subject is not None:
            parts.append(self.text(node.subject))
        parts += [self.text(alternative) for alternative in node.alternatives]
        if node.default is not None:
            parts.append(f"ELSE {self.text(node.default)}")
        return " ".join([*parts, "END"])

    def list_comprehension(self, node: ast.ListComprehension) -> str:
        """`[x IN xs WHERE … | …]`."""
        expression = self.without_bar if node.projection is None else self.before_bar
        text = f"{names.variable(node.variable.name)} IN {expression(node.source)}"
        if node.predicate is not None:
            text += f" WHERE {expression(node.predicate)}"
        if node.projection is not None:
            text += f" | {self.text(node.projection)}"
        return f"[{text}]"

    def pattern_comprehension(self, node: ast.PatternComprehension) -> str:
        """`[(a)-->(b) WHERE … | …]`."""
        start = "" if node.variable is None else f"{names.variable(node.variable.name)} = "
        where = "" if node.predicate is None else f" WHERE {self.before_bar(node.predicate)}"
        return f"[{start}{self.pattern(node.pattern)}{where} | {self.text(node.projection)}]"

    def reduce(self, node: ast.Reduce | ast.AllReduce) -> str:
        """`reduce(…)`, `allReduce(…)`."""
        is_all = isinstance(node, ast.AllReduce)
        end = f", {self.text(node.predicate)}" if isinstance(node, ast.AllReduce) else ""
        return (
            f"{'allReduce' if is_all else 'reduce'}({names.variable(node.accumulator.name)} = "
            f"{self.text(node.initial)}, {names.variable(node.variable.name)} IN "
            f"{self.before_bar(node.source)} | {self.text(node.expression)}{end})"
        )

    def list_predicate(self, node: ast.ListPredicate) -> str:
        """`all(x IN xs WHERE …)`."""
        where = "" if node.predicate is None else f" WHERE {self.text(node.predicate)}"
        return (
            f"{node.quantifier.lower()}({names.variable(node.variable.name)} IN "
            f"{self.text(node.source)}{where})"
        )

    def map_projection(self, node: ast.MapProjection) -> str:
        """`person {.name, .*}`."""
        name = node.variable.name
        # `count {` would start a subquery
        is_word = name.upper() in ("COLLECT", "COUNT", "EXISTS")
        subject = names.quoted(name) if is_word else names.variable(name)
        return f"{subject} {{{self.listed(node.items)}}}"

    def interpolated(self, node: ast.InterpolatedString) -> str:
        """`s'…{x}…'`."""
        pieces = []
        for part in node.parts:
            if isinstance(part, ast.StringLiteral):
                pieces.append(names.escaped(part.value, "'{}"))
            else:
                pieces.append(f"{{{self.text(part)}}}")
        return f"s'{''.join(pieces)}'"

    def type_name(self, node: ast.TypeName | ast.ListType | ast.VectorType) -> str:
        """A type and its `NOT NULL`."""
        if isinstance(node, ast.TypeName):
            text = node.name
        elif isinstance(node, ast.ListType):
            text = f"LIST<{self.text(node.element)}>"
        else:
            coordinate = f"<{node.coordinate}>" if node.coordinate else ""
            dimension = "" if node.dimension is None else f"({node.dimension})"
            text = f"VECTOR{coordinate}{dimension}"
        return f"{text} NOT NULL" if node.not_null else text


P = ExpressionPrinter
_PRINTERS: dict[type[ast.Node], Callable[[Any, Any], str]] = {
    ast.Variable: lambda p, n: names.variable(n.name),
    ast.Name: lambda p, n: names.key(n.name),
    ast.QualifiedName: lambda p, n: names.function(n.parts),
    ast.Parameter: lambda p, n: names.parameter(n.name, n.legacy),
    ast.IntegerLiteral: lambda p, n: str(n.value),
    ast.FloatLiteral: lambda p, n: names.number(n.value, n.text),
    ast.StringLiteral: lambda p, n: names.string(n.value),
    ast.InterpolatedString: P.interpolated,
    ast.BooleanLiteral: lambda p, n: "true" if n.value else "false",
    ast.NullLiteral: lambda p, n: "null",
    ast.ConstantLiteral: lambda p, n: n.name,
    ast.ListLiteral: P.list_literal,
    ast.MapEntry: lambda p, n: f"{names.key(n.key.name)}: {p.text(n.value)}",
    ast.MapLiteral: lambda p, n: f"{{{p.listed(n.entries)}}}",
    ast.Or: lambda p, n: p.chain(n.operands, "OR", _XOR),
    ast.Xor: lambda p, n: p.chain(n.operands, "XOR", _AND),
    ast.And: lambda p, n: p.chain(n.operands, "AND", _NOT),
    ast.Not: lambda p, n: f"NOT {p.at(n.operand, _NOT)}",
    ast.Comparison: lambda p, n: p.operators(n, _PREDICATE),
    ast.BinaryPredicate: lambda p, n: f"{p.subject(n.left)}{n.operator} {p.at(n.right, _SUM)}",
    ast.NullPredicate: lambda p, n: f"{p.subject(n.operand)}IS {'NOT ' * n.negated}NULL",
    ast.TypePredicate: P.type_predicate,
    ast.NormalisedPredicate: P.normalised,
    ast.LabelPredicate: P.label_predicate,
    ast.Arithmetic: P.arithmetic,
    ast.Sign: P.sign,
    ast.PropertyAccess: lambda p, n: f"{p.owner(n.subject)}.{names.key(n.key.name)}",
    ast.Subscript: lambda p, n: f"{p.owner(n.subject)}[{p.text(n.index)}]",
    ast.Slice: P.slice,
    ast.FunctionCall: P.call,
    ast.CountStar: lambda p, n: "count(*)",
    ast.Keyword: lambda p, n: n.name,
    ast.Trim: P.trim,
    ast.PropertyExists: lambda p, n: (
        f"property_exists({names.variable(n.variable.name)}, {names.key(n.key.name)})"
    ),
    ast.CaseSubject: lambda p, n: "",
    ast.CaseAlternative: lambda p, n: f"WHEN {p.listed(n.conditions)} THEN {p.text(n.result)}",
    ast.Case: P.case,
    ast.PropertySelector: lambda p, n: f".{names.key(n.key.name)}",
    ast.VariableSelector: lambda p, n: names.key(n.variable.name),
    ast.AllPropertiesSelector: lambda p, n: ".*",
    ast.MapProjection: P.map_projection,
    ast.ListComprehension: P.list_comprehension,
    ast.PatternComprehension: P.pattern_comprehension,
    ast.Reduce: P.reduce,
    ast.AllReduce: P.reduce,
    ast.ListPredicate: P.list_predicate,
    ast.PatternExpression: lambda p, n: p.pattern(n.pattern),
    ast.ExistsSubquery: lambda p, n: f"EXISTS {p.braced(n.query)}",
    ast.CountSubquery: lambda p, n: f"COUNT {p.braced(n.query)}",
    ast.CollectSubquery: lambda p, n: f"COLLECT {p.braced(n.query)}",
    ast.TypeName: P.type_name,
    ast.ListType: P.type_name,
    ast.VectorType: P.type_name,
    ast.UnionType: lambda p, n: " | ".join([p.text(member) for member in n.members]),
}
