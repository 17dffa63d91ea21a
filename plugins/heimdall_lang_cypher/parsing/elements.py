"""Elements of patterns: nodes and relationships."""

from __future__ import annotations

from typing import Final, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.labels import LabelParser
from heimdall_lang_cypher.parsing.operators import OPERATOR_WORDS

LEFT: Final = ("<", t.LEFT_HEAD)
RIGHT: Final = (">", t.RIGHT_HEAD)
LINE: Final = ("-", t.DASH)
#: What may follow a node for a relationship to start.
RELATIONSHIP_STARTS: Final = frozenset((*LEFT, *LINE))

_DIRECTIONS: Final[dict[tuple[bool, bool], ast.Direction]] = {
    (False, False): "--",
    (False, True): "->",
    (True, False): "<-",
    (True, True): "<->",
}
#: Where these follow, `WHERE` or `IS` at the start of an element is its name.
_AFTER_NAMED_KEYWORD: Final = (")", "]", ":", "*", "WHERE", "IS")


class ElementParser(LabelParser):
    """Parses nodes and relationships."""

    __slots__ = ()

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
        left = kinds[i] in LEFT
        if left:
            i += 1
        if kinds[i] not in LINE:
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
        if kinds[self.i] not in LINE:
            if i == first + 1 + left:
                self.fail("-", "[", purpose="to go on with the relationship")
            self.fail("-", purpose="after the relationship")
        self.i += 1
        right = kinds[self.i] in RIGHT
        if right:
            self.i += 1
        end = self.ends[self.i - 1]
        quantifier = None
        if kinds[self.i] in ("{", "+", "*"):
            quantifier = self.quantifier()
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

    def quantifier(self) -> ast.Quantifier:
        """`+`, `*`, `{2}`, `{1,3}`."""
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
