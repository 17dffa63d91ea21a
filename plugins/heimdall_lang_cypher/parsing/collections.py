"""Lists, maps, map projections and comprehensions."""

from __future__ import annotations

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.atoms import AtomParser
from heimdall_lang_cypher.parsing.operators import OPERATOR_WORDS


class CollectionParser(AtomParser):
    """Parses what stands in brackets and braces."""

    __slots__ = ()

    def is_path(self, index: int) -> bool:
        """Whether the `(` at `index` starts a path and not an expression."""
        raise NotImplementedError

    def pattern_comprehension(self) -> ast.Expression:
        """`[variable = pattern WHERE predicate | projection]`."""
        raise NotImplementedError

    # --- maps and lists -------------------------------------------------------------------------

    def brace(self) -> ast.Expression:
        """A map, or a parameter in its old spelling."""
        kinds, i = self.kinds, self.i
        if kinds[i + 2] == "}" and kinds[i + 1] in t.NAMES and kinds[i + 1] not in t.RESERVED:
            self.i = i + 3
            return ast.Parameter(
                self.texts[i + 1], legacy=True, start=self.starts[i], end=self.ends[i + 2]
            )
        return self.map()

    def map(self) -> ast.MapLiteral:
        """`{key: value, …}`."""
        first = self.i
        self.expect("{")
        entries: list[ast.MapEntry] = []
        if self.kinds[self.i] != "}":
            entries.append(self.map_entry())
            while self.kinds[self.i] == ",":
                self.i += 1
                entries.append(self.map_entry())
        if self.kinds[self.i] != "}":
            self.fail(",", "}", also=OPERATOR_WORDS, purpose="in the map")
        self.i += 1
        return ast.MapLiteral(tuple(entries), start=self.starts[first], end=self.ends[self.i - 1])

    def map_entry(self) -> ast.MapEntry:
        """`key: value`."""
        key = self.property_name()
        self.expect(":", f"between `{key.name}` and its value")
        value = self.expression()
        return ast.MapEntry(key, value, start=key.start, end=self.ends[self.i - 1])

    def bracket(self) -> ast.Expression:
        """A list, a list comprehension or a pattern comprehension."""
        kinds, i = self.kinds, self.i
        if kinds[i + 1] in t.NAMES:
            if kinds[i + 2] == "IN" and self._is_comprehension(i, 0):
                return self._list_comprehension()
            is_path = kinds[i + 2] == "=" and kinds[i + 3] == "(" and self.is_path(i + 3)
            if is_path and self._is_comprehension(i, i + 3):
                return self.pattern_comprehension()
        elif kinds[i + 1] == "(" and self.is_path(i + 1) and self._is_comprehension(i, i + 1):
            return self.pattern_comprehension()
        self.i = i + 1
        items: list[ast.Expression] = []
        if kinds[self.i] != "]":
            items.append(self.expression())
            while kinds[self.i] == ",":
                self.i += 1
                items.append(self.expression())
        if kinds[self.i] != "]":
            self.fail(",", "]", also=OPERATOR_WORDS, purpose="in the list")
        self.i += 1
        return ast.ListLiteral(tuple(items), start=self.starts[i], end=self.ends[self.i - 1])

    def _is_comprehension(self, opening: int, pattern: int) -> bool:
        """Whether the list that opens there has no comma of its own: `[x IN xs, y]` is a list of
        two values. With the index of a `pattern`: whether it goes on with `WHERE` or `|`."""
        kinds = self.kinds
        closing = self.partner(opening)
        at = opening + 1
        is_pattern = pattern > 0
        cases = 0  # how many `CASE … END` are open, in which commas separate conditions
        while at < closing:
            kind = kinds[at]
            if kind in "([{":
                at = self.partner(at)
            elif kind in ("CASE", "END") and kinds[at - 1] != ".":
                cases += 1 if kind == "CASE" else -1
            elif kind == "," and cases <= 0:
                return False
            elif is_pattern and (kind == "|" or kind == "WHERE"):
                return True
            at += 1
        return not is_pattern

    def _list_comprehension(self) -> ast.Expression:
        first = self.i
        self.i += 1
        variable = self.variable()
        self.i += 1  # IN
        source = self.expression_before_bar()
        predicate = self.expression_before_bar() if self.accept("WHERE") else None
        projection = self.expression() if self.accept("|") else None
        if self.kinds[self.i] != "]":
            expected = ["]"]
            if projection is None:
                expected = ["WHERE", "|", "]"] if predicate is None else ["|", "]"]
            self.fail(*expected, also=OPERATOR_WORDS, purpose="in the list comprehension")
        self.i += 1
        return ast.ListComprehension(
            variable,
            source,
            predicate,
            projection,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def map_projection(self, variable: ast.Variable) -> ast.Expression:
        """`{.key, …}` after a variable."""
        self.i += 1
        items: list[
            ast.MapEntry | ast.PropertySelector | ast.VariableSelector | ast.AllPropertiesSelector
        ] = []
        if self.kinds[self.i] != "}":
            items.append(self._projection_item())
            while self.accept(","):
                items.append(self._projection_item())
        self.expect("}", "to close the map projection")
        return ast.MapProjection(
            variable, tuple(items), start=variable.start, end=self.ends[self.i - 1]
        )

    def _projection_item(
        self,
    ) -> ast.MapEntry | ast.PropertySelector | ast.VariableSelector | ast.AllPropertiesSelector:
        i = self.i
        start = self.starts[i]
        if self.accept("."):
            if self.accept("*"):
                return ast.AllPropertiesSelector(start=start, end=self.ends[i + 1])
            key = self.property_name()
            return ast.PropertySelector(key, start=start, end=key.end)
        if self.kinds[i] not in t.NAMES:
            self.fail("`.property`", "`.*`", "a variable", "`key: value`")
        if self.kinds[i + 1] == ":":
            return self.map_entry()
        self.i = i + 1
        variable = ast.Variable(self.texts[i], start=start, end=self.ends[i])
        return ast.VariableSelector(variable, start=start, end=self.ends[i])
