"""Operators: precedence climbing, and what follows a value (`.key`, `[i]`)."""

from __future__ import annotations

from typing import Final, Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.base import SHALLOW
from heimdall_lang_cypher.parsing.types import TypeParser
from heimdall_lang_cypher.syntax_errors import nearest

_OR, _XOR, _AND, _NOT, _COMPARISON, _PREDICATE, _SUM, _PRODUCT, _POWER = range(1, 10)

#: How tightly what follows a value binds it.
_BINDING: Final = {
    "OR": _OR,
    "XOR": _XOR,
    "AND": _AND,
    **dict.fromkeys(("=", "<>", "!=", "<", "<=", ">", ">="), _COMPARISON),
    **dict.fromkeys(("=~", "STARTS", "ENDS", "CONTAINS", "IN", "IS", "::", ":"), _PREDICATE),
    **dict.fromkeys(("+", "-", "||"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _PRODUCT),
    "^": _POWER,
}

#: Words that can go on after a value, for guessing at a misspelt one.
OPERATOR_WORDS: Final = ("AND", "OR", "XOR", "IN", "IS", "CONTAINS", "STARTS", "ENDS", "AS")

_COMPARISONS: Final = {kind: kind for kind in ("=", "<>", "<", "<=", ">", ">=")} | {"!=": "<>"}
_AFTER_IS: Final = ("NULL", "NOT", "TYPED", "NORMALIZED", "LABELED")
_FORMS: Final = ("NFC", "NFD", "NFKC", "NFKD")


class OperatorParser(TypeParser):
    """Parses operators over the operands that `AtomParser` parses."""

    __slots__ = ()

    def atom(self) -> ast.Expression:
        """A value without operators around it."""
        raise NotImplementedError

    def label_expression(self, in_pattern: bool = True) -> ast.LabelExpression:
        """Labels after a colon or `IS`."""
        raise NotImplementedError

    def expression(self) -> ast.Expression:
        """An expression of any kind."""
        return self.climb(_OR)

    def expression_before_bar(self) -> ast.Expression:
        """An expression that a `|` may follow which is no part of it: `[x IN xs WHERE x:A | x]`."""
        self.bars += 1
        found = self.climb(_OR)
        self.bars -= 1
        return found

    def climb(self, minimum: int) -> ast.Expression:
        """An expression of operators that bind at least as tightly as `minimum`."""
        self.depth += 1
        if self.depth > SHALLOW:
            self.check_depth()
        kinds = self.kinds
        i = self.i
        if kinds[i] == "NOT" and minimum <= _NOT:
            self.i = i + 1
            operand = self.climb(_NOT)
            left: ast.Expression = ast.Not(operand, start=self.starts[i], end=self.ends[self.i - 1])
        else:
            left = self.operand()
        binding = _BINDING.get(kinds[self.i], 0)
        tightest = _POWER + 1
        while minimum <= binding < tightest:
            # `a + b IN c` goes on with what is looser still: not with `+`, nor with another `IN`
            tightest = binding
            left = self.predicate(left) if binding == _PREDICATE else self._chain(left, binding)
            binding = _BINDING.get(kinds[self.i], 0)
        self.depth -= 1
        return left

    def _chain(self, first: ast.Expression, binding: int) -> ast.Expression:
        """`first` and all that follows by operators of one level, as one flat node."""
        kinds = self.kinds
        operands = [first]
        operators = []
        tighter = binding + 1
        while _BINDING.get(kinds[self.i]) == binding:
            operators.append(kinds[self.i])
            self.i += 1
            operands.append(self.climb(tighter))
        start, end = first.start, self.ends[self.i - 1]
        if binding == _AND:
            return ast.And(tuple(operands), start=start, end=end)
        if binding == _COMPARISON:
            signs = cast(
                "tuple[ast.ComparisonOperator, ...]",
                tuple([_COMPARISONS[each] for each in operators]),
            )
            return ast.Comparison(tuple(operands), signs, start=start, end=end)
        if binding == _OR:
            return ast.Or(tuple(operands), start=start, end=end)
        if binding == _XOR:
            return ast.Xor(tuple(operands), start=start, end=end)
        return ast.Arithmetic(
            tuple(operands),
            cast("tuple[ast.ArithmeticOperator, ...]", tuple(operators)),
            start=start,
            end=end,
        )

    def predicate(self, left: ast.Expression) -> ast.Expression:
        """`left` and the one predicate that follows it."""
        start = left.start
        i = self.i
        kind = self.kinds[i]
        if kind == "IS":
            return self._is(left)
        self.i = i + 1
        if kind == ":":
            labels = self.label_expression(in_pattern=self.bars == 0)
            return ast.LabelPredicate(left, labels, start=start, end=self.ends[self.i - 1])
        if kind == "::":
            type_ = self.type()
            return ast.TypePredicate(left, type_, start=start, end=self.ends[self.i - 1])
        operator = kind
        if kind in ("STARTS", "ENDS"):
            self.expect("WITH", f"after {kind}")
            operator = f"{kind} WITH"
        right = self.climb(_SUM)
        return ast.BinaryPredicate(
            cast("ast.PredicateOperator", operator),
            left,
            right,
            start=start,
            end=self.ends[self.i - 1],
        )

    def _is(self, left: ast.Expression) -> ast.Expression:
        start = left.start
        self.i += 1
        negated = self.accept("NOT")
        if self.accept("NULL"):
            return ast.NullPredicate(left, negated, start=start, end=self.ends[self.i - 1])
        if self.accept("::") or self.accept_words("TYPED"):
            type_ = self.type()
            return ast.TypePredicate(left, type_, negated, start=start, end=self.ends[self.i - 1])
        form: Literal["", "NFC", "NFD", "NFKC", "NFKD"] = ""
        if self.word(1) == "NORMALIZED" and self.word() in _FORMS:
            form = cast("Literal['NFC', 'NFD', 'NFKC', 'NFKD']", self.word())
            self.i += 1
        if self.accept_words("NORMALIZED"):
            return ast.NormalisedPredicate(
                left, form, negated, start=start, end=self.ends[self.i - 1]
            )
        if self.kinds[self.i] in t.RESERVED and self.kinds[self.i + 1] not in t.AFTER_VALUE:
            self.fail("NULL", "NOT", "a label", "NORMALIZED", purpose="after IS")
        if not self.accept_words("LABELED"):
            self._fail_on_typo()
        labels = self.label_expression(in_pattern=self.bars == 0)
        return ast.LabelPredicate(
            left, labels, negated, keyword=True, start=start, end=self.ends[self.i - 1]
        )

    def _fail_on_typo(self) -> None:
        """Refuses `n.age IS NOT NUL`, which could be read as a test for a label `NUL`."""
        if nearest(self.word(), _AFTER_IS):
            self.fail(*_AFTER_IS, purpose="after IS")

    # --- operands -------------------------------------------------------------------------------

    def operand(self) -> ast.Expression:
        """A value with its sign and with what is taken from it."""
        kind = self.kinds[self.i]
        if kind == "-" or kind == "+":
            return self._sign(kind)
        value = self.atom()
        kind = self.kinds[self.i]
        if kind == "." or kind == "[":
            value = self._property(value) if kind == "." else self._subscript(value)
            kind = self.kinds[self.i]
            while kind == "." or kind == "[":
                self.is_deep = True
                value = self._property(value) if kind == "." else self._subscript(value)
                kind = self.kinds[self.i]
        return value

    def _sign(self, kind: str) -> ast.Expression:
        start = self.starts[self.i]
        self.i += 1
        # `- - 1` is printed as `-(-1)`, which is nested deeper.
        levels = 3 if self.kinds[self.i] in ("-", "+") else 1
        self.depth += levels - 1
        self.deeper()
        operand = self.operand()
        self.depth -= levels
        return ast.Sign(
            cast("Literal['-', '+']", kind), operand, start=start, end=self.ends[self.i - 1]
        )

    def _property(self, subject: ast.Expression) -> ast.Expression:
        self.i += 1
        key = self.property_name()
        return ast.PropertyAccess(subject, key, start=subject.start, end=key.end)

    def _subscript(self, subject: ast.Expression) -> ast.Expression:
        self.i += 1
        if self.kinds[self.i] == "..":
            return self._slice(subject, None)
        index = self.expression()
        if self.kinds[self.i] == "..":
            return self._slice(subject, index)
        self.expect("]", "to close the index")
        return ast.Subscript(subject, index, start=subject.start, end=self.ends[self.i - 1])

    def _slice(self, subject: ast.Expression, lower: ast.Expression | None) -> ast.Expression:
        self.i += 1
        upper = None if self.kinds[self.i] == "]" else self.expression()
        self.expect("]", "to close the slice")
        return ast.Slice(subject, lower, upper, start=subject.start, end=self.ends[self.i - 1])
