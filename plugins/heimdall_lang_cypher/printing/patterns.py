"""Patterns as Cypher text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import printer_names as names
from heimdall_lang_cypher.printing.expressions import ExpressionPrinter


class PatternPrinter(ExpressionPrinter):
    """Prints patterns and labels."""

    def pattern(self, node: ast.Node) -> str:
        """A pattern, or a part of one."""
        return _PRINTERS[type(node)](self, node)

    # --- labels ---------------------------------------------------------------------------------

    def label_operand(self, node: ast.LabelExpression) -> str:
        """An operand of `&` or `!`."""
        text = self.pattern(node)
        return f"({text})" if isinstance(node, ast.LabelOr | ast.LabelAnd) else text

    def label_and(self, node: ast.LabelAnd) -> str:
        """`A&B`, or `A:B` where it was spelt so."""
        sign = ":" if node.colons else "&"
        return sign.join([self.label_operand(operand) for operand in node.operands])

    def label_or(self, node: ast.LabelOr) -> str:
        """`A|B`."""
        return "|".join(
            [
                f"({self.pattern(operand)})"
                if isinstance(operand, ast.LabelOr)
                else self.pattern(operand)
                for operand in node.operands
            ]
        )

    # --- elements -------------------------------------------------------------------------------

    def inside(
        self,
        node: ast.NodePattern | ast.RelationshipPattern,
        labels: ast.LabelExpression | None,
        length: str = "",
    ) -> str:
        """What stands in the parentheses or brackets."""
        text = "" if node.variable is None else names.variable(node.variable.name)
        if labels is not None:
            text += f":{self.pattern(labels)}"
        text += length
        parts = [text] if text else []
        if node.properties is not None:
            parts.append(self.text(node.properties))
        if node.where is not None:
            parts.append(f"WHERE {self.text(node.where)}")
        return " ".join(parts)

    def relationship(self, node: ast.RelationshipPattern) -> str:
        """`-[r:T*1..3 {…}]->{1,2}`."""
        length = "" if node.length is None else self.pattern(node.length)
        inside = self.inside(node, node.types, length)
        left = "<-" if node.direction in ("<-", "<->") else "-"
        right = "->" if node.direction in ("->", "<->") else "-"
        quantifier = "" if node.quantifier is None else self.pattern(node.quantifier)
        return f"{left}[{inside}]{right}{quantifier}" if inside else f"{left}{right}{quantifier}"

    def length(self, node: ast.PathLength) -> str:
        """`*1..3`."""
        if node.lower is not None and node.lower == node.upper:
            return f"*{node.lower}"
        if node.lower is None and node.upper is None:
            return "*"
        lower = "" if node.lower is None else node.lower
        return f"*{lower}..{'' if node.upper is None else node.upper}"

    def quantifier(self, node: ast.Quantifier) -> str:
        """`+`, `*`, `{2}`, `{1,3}`."""
        if node.upper is None and node.lower < 2:
            return "+" if node.lower else "*"
        if node.lower == node.upper:
            return f"{{{node.lower}}}"
        return f"{{{node.lower},{'' if node.upper is None else node.upper}}}"

    # --- paths ----------------------------------------------------------------------------------

    def part(self, node: ast.PatternPart) -> str:
        """`p = ANY SHORTEST (a)-->(b)`."""
        pieces = [] if node.variable is None else [f"{names.variable(node.variable.name)} ="]
        if node.selector is not None:
            pieces.append(self.pattern(node.selector))
        return " ".join([*pieces, self.pattern(node.path)])

    def selector(self, node: ast.PathSelector) -> str:
        """`SHORTEST 2 TRAIL GROUPS`."""
        kind, _, groups = node.kind.partition(" ") if "GROUPS" in node.kind else (node.kind, "", "")
        # A mode by itself is written without `ALL`.
        pieces = [] if kind == "ALL" and node.mode else [kind]
        if node.count is not None:
            count = node.count
            pieces.append(str(count) if isinstance(count, int) else self.text(count))
        if node.mode:
            pieces.append(node.mode)
        return " ".join([*pieces, groups] if groups else pieces)

    def parenthesised(self, node: ast.ParenthesisedPath) -> str:
        """`((a)-->(b) WHERE …){1,3}`."""
        where = "" if node.where is None else f" WHERE {self.text(node.where)}"
        quantifier = "" if node.quantifier is None else self.pattern(node.quantifier)
        return f"({self.part(node.pattern)}{where}){quantifier}"


P = PatternPrinter
_PRINTERS: dict[type[ast.Node], Callable[[Any, Any], str]] = {
    ast.LabelName: lambda p, n: names.key(n.name),
    ast.LabelWildcard: lambda p, n: "%",
    ast.DynamicLabel: lambda p, n: f"${n.quantifier.lower()}({p.text(n.expression)})",
    ast.LabelNot: lambda p, n: f"!{p.label_operand(n.operand)}",
    ast.LabelAnd: P.label_and,
    ast.LabelOr: P.label_or,
    ast.NodePattern: lambda p, n: f"({p.inside(n, n.labels)})",
    ast.RelationshipPattern: P.relationship,
    ast.PathLength: P.length,
    ast.Quantifier: P.quantifier,
    ast.PathPattern: lambda p, n: "".join([p.pattern(element) for element in n.elements]),
    ast.ShortestPath: lambda p, n: (
        f"{'allShortestPaths' if n.all else 'shortestPath'}({p.pattern(n.path)})"
    ),
    ast.PathSelector: P.selector,
    ast.PatternPart: P.part,
    ast.ParenthesisedPath: P.parenthesised,
}
