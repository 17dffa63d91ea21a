"""Paths: what selects among them, parentheses, and patterns as values."""

from __future__ import annotations

from typing import Final, Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.base import integer_value
from heimdall_lang_cypher.parsing.elements import (
    LEFT,
    LINE,
    RELATIONSHIP_STARTS,
    RIGHT,
    ElementParser,
)
from heimdall_lang_cypher.parsing.operators import OPERATOR_WORDS

_PATH_MODES: Final = ("WALK", "TRAIL", "ACYCLIC")
_SHORTEST: Final = ("SHORTESTPATH", "ALLSHORTESTPATHS")
_NODE_STARTS: Final = frozenset((")", ":", "{", "$", t.PARAMETER))
_AFTER_NODE_VARIABLE: Final = frozenset((")", ":", "{", "$", "IS", "WHERE", t.PARAMETER))


class PatternParser(ElementParser):
    """Parses paths."""

    __slots__ = ()

    # --- paths ----------------------------------------------------------------------------------

    def pattern_parts(self) -> tuple[ast.PatternPart, ...]:
        """Patterns separated by commas."""
        parts = [self.pattern_part()]
        while self.kinds[self.i] == ",":
            self.i += 1
            parts.append(self.pattern_part())
        return tuple(parts)

    def pattern_part(self) -> ast.PatternPart:
        """`variable = selector path`."""
        kinds, i = self.kinds, self.i
        start = self.starts[i]
        if kinds[i] == "(":
            path: ast.PathPattern | ast.ShortestPath = self.path_pattern()
            return ast.PatternPart(path, start=start, end=self.ends[self.i - 1])
        variable = None
        if kinds[i] in t.NAMES and kinds[i + 1] == "=":
            variable = self.variable()
            self.i += 1
        selector = self._selector() if kinds[self.i] not in ("(", *_SHORTEST) else None
        if kinds[self.i] in _SHORTEST:
            path = self._shortest()
        elif kinds[self.i] == "(":
            path = self.path_pattern()
        else:
            self.fail("(", purpose="to start a pattern")
        return ast.PatternPart(path, variable, selector, start=start, end=self.ends[self.i - 1])

    def path_pattern(self) -> ast.PathPattern:
        """Nodes, relationships and parenthesised paths, as long as they follow each other."""
        kinds = self.kinds
        start = self.starts[self.i]
        elements: list[ast.NodePattern | ast.RelationshipPattern | ast.ParenthesisedPath] = [
            self._node_or_path()
        ]
        while True:
            kind = kinds[self.i]
            if kind in RELATIONSHIP_STARTS:
                elements.append(self.relationship_pattern())
                if kinds[self.i] != "(":
                    self.fail("(", purpose="to start the node at the relationship's end")
                elements.append(self.node_pattern())
            elif kind == "(":
                elements.append(self._node_or_path())
            else:
                break
        return ast.PathPattern(tuple(elements), start=start, end=self.ends[self.i - 1])

    def _node_or_path(self) -> ast.NodePattern | ast.ParenthesisedPath:
        kinds, i = self.kinds, self.i
        inner = kinds[i + 1]
        if inner == "(" or inner in _SHORTEST or (inner in t.NAMES and self._opens_path(i)):
            return self._parenthesised_path()
        return self.node_pattern()

    def _opens_path(self, i: int) -> bool:
        """Whether `(name …` goes on as a path: `(p = (a)…`, `(ANY SHORTEST (a)…`."""
        kinds = self.kinds
        if kinds[i + 2] == "=":
            return True
        word = self.texts[i + 1].upper()
        return word in ("ANY", "ALL", "SHORTEST", *_PATH_MODES) and (
            kinds[i + 2] == "(" or (kinds[i + 2] in t.NAMES and kinds[i + 2] not in ("WHERE", "IS"))
        )

    def _parenthesised_path(self) -> ast.ParenthesisedPath:
        first = self.i
        self.deeper()
        self.i += 1
        pattern = self.pattern_part()
        where = self.expression() if self.accept("WHERE") else None
        if self.kinds[self.i] != ")":
            if self.kinds[self.i] in t.CLAUSE_STARTS or self.kinds[self.i] in ("}", t.END):
                self.fail_with("this `(` is never closed", at=first)
            expected = (")",) if where is not None else ("-", "WHERE", ")")
            self.fail(*expected, also=OPERATOR_WORDS, purpose="in the parenthesised path")
        self.i += 1
        self.depth -= 1
        end = self.ends[self.i - 1]
        quantifier = None
        if self.kinds[self.i] in ("{", "+", "*"):
            quantifier = self.quantifier()
            end = quantifier.end
        return ast.ParenthesisedPath(pattern, where, quantifier, start=self.starts[first], end=end)

    def _shortest(self) -> ast.ShortestPath:
        first = self.i
        self.i += 1
        self.expect("(", f"after {self.texts[first]}")
        path = self.path_pattern()
        self.expect(")", f"to close {self.texts[first]}()")
        return ast.ShortestPath(
            path,
            self.kinds[first] == "ALLSHORTESTPATHS",
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def _selector(self) -> ast.PathSelector:
        """`ANY SHORTEST`, `SHORTEST 2 GROUPS`, `TRAIL PATHS` …: all words, `(` follows."""
        first = self.i
        word = self.accept_one_of("ANY", "ALL", "SHORTEST")
        kind = word or "ALL"
        count: int | ast.Parameter | None = None
        if word in ("ANY", "ALL") and self.accept_words("SHORTEST"):
            kind = f"{word} SHORTEST"
        elif word in ("ANY", "SHORTEST"):
            if self.kinds[self.i] == t.INTEGER:
                count = integer_value(self.texts[self.i])
                self.i += 1
            elif self.kinds[self.i] in (t.PARAMETER, "$"):
                count = self.parameter()
        mode = self.accept_one_of(*_PATH_MODES)
        self.accept_one_of("PATH", "PATHS")
        if word == "SHORTEST":
            if self.accept_one_of("GROUP", "GROUPS"):
                kind = "SHORTEST GROUPS"
            elif count is None:
                self.fail("a number", "GROUPS", purpose="after SHORTEST")
        if not word and not mode:
            self.fail("(", purpose="to start a pattern")
        return ast.PathSelector(
            cast(
                "Literal['ALL', 'ANY', 'ANY SHORTEST', 'ALL SHORTEST', 'SHORTEST', "
                "'SHORTEST GROUPS']",
                kind,
            ),
            count,
            cast("Literal['', 'WALK', 'TRAIL', 'ACYCLIC']", mode),
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    # --- patterns as values ---------------------------------------------------------------------

    def is_path(self, index: int) -> bool:
        """Whether the `(` at `index` starts a path and not an expression. Decided by what stands
        in the parentheses and after them: `(a)-[…]-`, `(a)--(`, `(a)<-[`, but not `(a) - 1`."""
        kinds = self.kinds
        inner = kinds[index + 1]
        if inner in t.NAMES:
            if kinds[index + 2] not in _AFTER_NODE_VARIABLE and inner not in ("WHERE", "IS"):
                return False
        elif inner not in _NODE_STARTS:
            return False
        after = self.partner(index) + 1
        if kinds[after] in LEFT:
            after += 1
            if kinds[after] not in LINE:
                return False
        elif kinds[after] not in LINE:
            return False
        following = kinds[after + 1]
        if following == "[":
            return kinds[self.partner(after + 1) + 1] in LINE
        if following in LINE:
            return kinds[after + 2] == "(" or kinds[after + 2] in RIGHT
        return False

    def parenthesis(self) -> ast.Expression:
        """An expression in parentheses, or a pattern."""
        i = self.i
        if self.is_path(i):
            path = self._relationship_chain()
            return ast.PatternExpression(path, start=path.start, end=path.end)
        self.i = i + 1
        bars, self.bars = self.bars, 0
        inner = self.expression()
        self.bars = bars
        if self.kinds[self.i] != ")":
            self.fail(")", also=OPERATOR_WORDS, purpose="to close the parenthesis")
        self.i += 1
        return inner

    def _relationship_chain(self) -> ast.PathPattern:
        """A path of plain nodes and relationships, as it may stand in an expression."""
        start = self.starts[self.i]
        elements: list[ast.NodePattern | ast.RelationshipPattern | ast.ParenthesisedPath] = [
            self.node_pattern()
        ]
        while self.kinds[self.i] in RELATIONSHIP_STARTS and self._goes_on_as_path():
            elements.append(self.relationship_pattern())
            elements.append(self.node_pattern())
        return ast.PathPattern(tuple(elements), start=start, end=self.ends[self.i - 1])

    def _goes_on_as_path(self) -> bool:
        kinds, at = self.kinds, self.i
        at += kinds[at] in LEFT
        return kinds[at] in LINE and (kinds[at + 1] == "[" or kinds[at + 1] in LINE)

    def shortest_path(self) -> ast.Expression:
        """`shortestPath(…)` as a value."""
        if self.kinds[self.i + 1] != "(":
            return self.name_or_call()
        path = self._shortest()
        return ast.PatternExpression(path, start=path.start, end=path.end)

    def pattern_comprehension(self) -> ast.Expression:
        """`[variable = pattern WHERE predicate | projection]`."""
        first = self.i
        self.i += 1
        variable = None
        if self.kinds[self.i] != "(":
            variable = self.variable()
            self.i += 1
        pattern = self._relationship_chain()
        predicate = self.expression_before_bar() if self.accept("WHERE") else None
        if self.kinds[self.i] != "|":
            expected = ("WHERE", "|") if predicate is None else ("|",)
            self.fail(*expected, also=OPERATOR_WORDS, purpose="in the pattern comprehension")
        self.i += 1
        projection = self.expression()
        self.expect("]", "to close the pattern comprehension")
        return ast.PatternComprehension(
            pattern,
            projection,
            variable,
            predicate,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )
