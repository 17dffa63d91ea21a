"""Patterns: nodes, relationships, labels, paths, and patterns as values."""

from __future__ import annotations

from typing import Final, Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parser_base import integer_value
from heimdall_lang_cypher.parser_calls import CallParser
from heimdall_lang_cypher.parser_operators import OPERATOR_WORDS

_LEFT: Final = ("<", t.LEFT_HEAD)
_RIGHT: Final = (">", t.RIGHT_HEAD)
_LINE: Final = ("-", t.DASH)
#: What may follow a node for a relationship to start.
RELATIONSHIP_STARTS: Final = frozenset((*_LEFT, *_LINE))

_DIRECTIONS: Final[dict[tuple[bool, bool], ast.Direction]] = {
    (False, False): "--",
    (False, True): "->",
    (True, False): "<-",
    (True, True): "<->",
}

_PATH_MODES: Final = ("WALK", "TRAIL", "ACYCLIC")


class PatternParser(CallParser):
    """Parses patterns."""

    __slots__ = ()

    # --- labels ---------------------------------------------------------------------------------

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

    # --- nodes and relationships ----------------------------------------------------------------

    def node_pattern(self) -> ast.NodePattern:
        """`(variable:Label {properties} WHERE …)`."""
        kinds = self.kinds
        first = self.i
        if kinds[first] != "(":
            self.fail("(", purpose="to start a node pattern")
        i = first + 1
        self.i = i
        variable = labels = properties = where = None
        keyword = False
        kind = kinds[i]
        if kind in t.NAMES and not self._is_inner_where(i) and not self._is_inner_is(i):
            variable = ast.Variable(self.texts[i], start=self.starts[i], end=self.ends[i])
            self.i = i = i + 1
            kind = kinds[i]
        if kind == ":":
            self.i = i + 1
            labels = self.label_expression()
            kind = kinds[self.i]
        elif kind == "IS":
            self.i = i + 1
            keyword = True
            labels = self.label_expression()
            kind = kinds[self.i]
        if kind == "{":
            properties = self.properties()
            kind = kinds[self.i]
        elif kind == t.PARAMETER or kind == "$":
            properties = self.parameter()
            kind = kinds[self.i]
        if kind == "WHERE":
            self.i += 1
            where = self.expression()
            kind = kinds[self.i]
        if kind != ")":
            self._fail_in_element(")", "node", variable, labels, properties, where)
        self.i += 1
        return ast.NodePattern(
            variable,
            labels,
            properties,
            where,
            keyword,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def _is_inner_where(self, i: int) -> bool:
        """Whether `WHERE` starts a predicate: `(WHERE x > 1)`, but not `(where:Place)`."""
        return self.kinds[i] == "WHERE" and self.kinds[i + 1] not in _AFTER_NAMED_KEYWORD

    def _is_inner_is(self, i: int) -> bool:
        """Whether `IS` starts labels: `(IS Place)`, but not `(is:Place)`."""
        kinds = self.kinds
        return kinds[i] == "IS" and (
            kinds[i + 1] not in (*_AFTER_NAMED_KEYWORD, "{", t.PARAMETER)
            or (kinds[i + 1] == t.PARAMETER and kinds[i + 2] == "(")
        )

    def properties(self) -> ast.MapLiteral | ast.Parameter:
        """The properties of a node or relationship: a map, or a parameter in either spelling."""
        if self.kinds[self.i] != "{":
            return self.parameter()
        self.deeper()
        found = cast("ast.MapLiteral | ast.Parameter", self.brace())
        self.depth -= 1
        return found

    def _fail_in_element(self, closing: str, what: str, *parts: ast.Node | None) -> None:
        """Says which of the parts of a node or relationship pattern could still follow."""
        labels, properties, where = parts[1:]
        purpose = f"to close the {what} pattern"
        if where is not None:
            at = next(i for i in range(self.i, 0, -1) if self.starts[i] <= where.start) - 1
            if self.kinds[self.i] in t.CLAUSE_STARTS:
                # `MATCH (n WHERE n.x > 1 RETURN n`: the sign is missing before `WHERE`.
                self.fail(closing, purpose=purpose, at=at)
            self.fail(closing, also=OPERATOR_WORDS, purpose=purpose)
        if self.kinds[self.i] not in t.VALUES:
            self.fail(closing, purpose=purpose)
        expected = ["WHERE", closing]
        if properties is None:
            expected.insert(0, "{")
        if labels is None and properties is None:
            expected.insert(0, ":")
        if all(part is None for part in parts):
            expected.insert(0, "a variable")
        self.fail(*expected, purpose=f"in the {what} pattern")

    def relationship_pattern(self) -> ast.RelationshipPattern:
        """`-[variable:TYPE*1..3 {properties} WHERE …]->{quantifier}`."""
        kinds = self.kinds
        i = first = self.i
        left = kinds[i] in _LEFT
        if left:
            i += 1
        if kinds[i] not in _LINE:
            self.i = i
            self.fail("-", purpose="in the relationship pattern")
        i += 1
        self.i = i
        variable = types = length = properties = where = None
        keyword = False
        if kinds[i] == "[":
            i += 1
            self.i = i
            kind = kinds[i]
            if kind in t.NAMES and not self._is_inner_where(i) and not self._is_inner_is(i):
                variable = ast.Variable(self.texts[i], start=self.starts[i], end=self.ends[i])
                self.i = i + 1
                kind = kinds[i + 1]
            if kind == ":" or kind == "IS":
                keyword = kind == "IS"
                self.i += 1
                types = self.label_expression()
                kind = kinds[self.i]
            if kind == "*":
                length = self._length()
                kind = kinds[self.i]
            if kind == "{" or kind == t.PARAMETER or kind == "$":
                properties = self.properties()
                kind = kinds[self.i]
            if kind == "WHERE":
                self.i += 1
                where = self.expression()
                kind = kinds[self.i]
            if kind != "]":
                self._fail_in_element("]", "relationship", variable, types, properties, where)
            self.i += 1
        if kinds[self.i] not in _LINE:
            if i == first + 1 + left:
                self.fail("-", "[", purpose="to go on with the relationship")
            self.fail("-", purpose="after the relationship")
        self.i += 1
        right = kinds[self.i] in _RIGHT
        if right:
            self.i += 1
        end = self.ends[self.i - 1]
        quantifier = None
        if kinds[self.i] in ("{", "+", "*"):
            quantifier = self._quantifier()
            end = quantifier.end
        return ast.RelationshipPattern(
            _DIRECTIONS[left, right],
            variable,
            types,
            length,
            properties,
            where,
            quantifier,
            keyword,
            start=self.starts[first],
            end=end,
        )

    def _length(self) -> ast.PathLength:
        """`*`, `*2`, `*1..3`, `*..3`, `*1..`."""
        first = self.i
        self.i += 1
        lower = upper = None
        if self.kinds[self.i] == t.INTEGER:
            lower = upper = self.integer("a number")
        if self.accept(".."):
            upper = self.integer("a number") if self.kinds[self.i] == t.INTEGER else None
        return ast.PathLength(lower, upper, start=self.starts[first], end=self.ends[self.i - 1])

    def _quantifier(self) -> ast.Quantifier:
        first = self.i
        kind = self.kinds[first]
        self.i += 1
        if kind == "+" or kind == "*":
            lower: int = kind == "+"
            return ast.Quantifier(int(lower), None, start=self.starts[first], end=self.ends[first])
        upper: int | None
        if self.kinds[self.i] == t.INTEGER:
            lower = upper = self.integer("a number")
        else:
            lower, upper = 0, None
            if self.kinds[self.i] != ",":
                self.fail("a number", ",", purpose="in the quantifier")
        if self.accept(","):
            upper = self.integer("a number") if self.kinds[self.i] == t.INTEGER else None
        self.expect("}", "to close the quantifier")
        return ast.Quantifier(lower, upper, start=self.starts[first], end=self.ends[self.i - 1])

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
                elements.append(self._node_or_path())
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
            quantifier = self._quantifier()
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
        if kinds[after] in _LEFT:
            after += 1
            if kinds[after] not in _LINE:
                return False
        elif kinds[after] not in _LINE:
            return False
        following = kinds[after + 1]
        if following == "[":
            return kinds[self.partner(after + 1) + 1] in _LINE
        if following in _LINE:
            return kinds[after + 2] == "(" or kinds[after + 2] in _RIGHT
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
        at += kinds[at] in _LEFT
        return kinds[at] in _LINE and (kinds[at + 1] == "[" or kinds[at + 1] in _LINE)

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


_SHORTEST: Final = ("SHORTESTPATH", "ALLSHORTESTPATHS")
_NODE_STARTS: Final = frozenset((")", ":", "{", "$", t.PARAMETER))
_AFTER_NODE_VARIABLE: Final = frozenset((")", ":", "{", "$", "IS", "WHERE", t.PARAMETER))
#: Where these follow, `WHERE` or `IS` at the start of an element is its name.
_AFTER_NAMED_KEYWORD: Final = (")", "]", ":", "*", "WHERE", "IS")
