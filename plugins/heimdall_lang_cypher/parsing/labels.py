"""Labels and relationship types: `A|B`, `A&!B`, `%`, `$(expression)`."""

from __future__ import annotations

from typing import Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.calls import CallParser


class LabelParser(CallParser):
    """Parses labels."""

    __slots__ = ()

    def label_expression(self, in_pattern: bool = True) -> ast.LabelExpression:
        """Labels after a colon or `IS`: `A|B`, `A&!B`, `A:B`, `%`, `$(x)`. Outside of a pattern a
        `|` may also stand before the projection of a comprehension."""
        first = self._label_and()
        if self.kinds[self.i] != "|":
            return first
        operands = [first]
        colons = False
        while self.kinds[self.i] == "|" and (in_pattern or not self.is_last_bar()):
            self.i += 1
            colons = self.accept(":") or colons
            operands.append(self._label_and())
        if len(operands) == 1:
            return first
        return ast.LabelOr(
            tuple(operands), colons=colons, start=first.start, end=self.ends[self.i - 1]
        )

    def _label_and(self) -> ast.LabelExpression:
        first = self._label_not()
        kind = self.kinds[self.i]
        if kind != "&" and kind != ":":
            return first
        operands = [first]
        colons = False
        while kind == "&" or kind == ":":
            colons = colons or kind == ":"
            self.i += 1
            operands.append(self._label_not())
            kind = self.kinds[self.i]
        return ast.LabelAnd(
            tuple(operands), colons=colons, start=first.start, end=self.ends[self.i - 1]
        )

    def _label_not(self) -> ast.LabelExpression:
        i = self.i
        kind = self.kinds[i]
        if kind in t.NAMES:
            self.i = i + 1
            return ast.LabelName(self.texts[i], start=self.starts[i], end=self.ends[i])
        start = self.starts[i]
        if kind == "!":
            self.deeper()
            self.i += 1
            operand = self._label_not()
            self.depth -= 1
            return ast.LabelNot(operand, start=start, end=self.ends[self.i - 1])
        if kind == "%":
            self.i += 1
            return ast.LabelWildcard(start=start, end=self.ends[i])
        if kind == "(":
            self.deeper()
            self.i += 1
            inner = self.label_expression()
            self.expect(")", "to close the labels")
            self.depth -= 1
            return inner
        if kind != "$" and not (kind == t.PARAMETER and self.kinds[i + 1] == "("):
            self.fail("a label or relationship type")
        return self.dynamic_label()

    def dynamic_label(self) -> ast.DynamicLabel:
        """`$(expression)`, `$all(…)`, `$any(…)`."""
        i = self.i
        start = self.starts[i]
        quantifier = self.texts[i][1:].upper()
        self.i += 1
        if not quantifier:
            quantifier = self.accept_one_of("ALL", "ANY")
        if quantifier not in ("", "ALL", "ANY"):
            self.fail("$(", "$all(", "$any(", at=i)
        self.expect("(", "after `$`")
        expression = self.expression()
        self.expect(")", "to close the dynamic label")
        return ast.DynamicLabel(
            expression,
            cast("Literal['', 'ALL', 'ANY']", quantifier),
            start=start,
            end=self.ends[self.i - 1],
        )
