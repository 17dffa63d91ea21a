"""Clauses that project: `RETURN`, `WITH`, and `ORDER BY` … by themselves."""

from __future__ import annotations

from typing import Final

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.reading import ReadingParser

#: Where these follow, `ALL` is a variable or function and no quantifier.
_AFTER_NAME_ALL: Final = t.AFTER_VALUE | {"("}


class ProjectingParser(ReadingParser):
    """Parses clauses that project."""

    __slots__ = ()

    def return_clause(self) -> ast.Return:
        """`RETURN …`."""
        first = self.i
        self.i += 1
        body = self._projection()
        return ast.Return(*body, start=self.starts[first], end=self.ends[self.i - 1])

    def with_clause(self) -> ast.Clause:
        """`WITH … [WHERE …]`."""
        first = self.i
        self.i += 1
        body = self._projection()
        where = None
        if self.kinds[self.i] == "WHERE":
            self.i += 1
            where = self.expression()
        return ast.With(*body, where, start=self.starts[first], end=self.ends[self.i - 1])

    def _projection(
        self,
    ) -> tuple[
        tuple[ast.ProjectionItem, ...],
        bool,
        bool,
        ast.GroupBy | None,
        tuple[ast.SortItem, ...],
        ast.Expression | None,
        ast.Expression | None,
    ]:
        """The fields of a `Projection`, in order."""
        kinds = self.kinds
        distinct = kinds[self.i] == "DISTINCT"
        if distinct or (kinds[self.i] == "ALL" and kinds[self.i + 1] not in _AFTER_NAME_ALL):
            self.i += 1
        star = kinds[self.i] == "*"
        items = []
        if star:
            self.i += 1
        else:
            items.append(self._item())
        while kinds[self.i] == ",":
            self.i += 1
            items.append(self._item())
        group_by = self._group_by() if kinds[self.i] == "GROUP" else None
        order_by: tuple[ast.SortItem, ...] = ()
        skip = limit = None
        kind = kinds[self.i]
        if kind == "ORDER":
            order_by = self.order_by()
            kind = kinds[self.i]
        if kind == "SKIP" or kind == "OFFSET":
            self.i += 1
            skip = self.expression()
            kind = kinds[self.i]
        if kind == "LIMIT":
            self.i += 1
            limit = self.expression()
        return tuple(items), star, distinct, group_by, order_by, skip, limit

    def _item(self) -> ast.ProjectionItem:
        expression = self.expression()
        if self.kinds[self.i] != "AS":
            return ast.ProjectionItem(expression, start=expression.start, end=self.ends[self.i - 1])
        self.i += 1
        alias = self.variable("a name after AS")
        return ast.ProjectionItem(expression, alias, start=expression.start, end=alias.end)

    def _group_by(self) -> ast.GroupBy:
        first = self.i
        self.i += 1
        self.expect("BY", "after GROUP")
        keys: list[ast.Expression] = []
        all_ = False
        if self.kinds[self.i] == "(" and self.kinds[self.i + 1] == ")":
            self.i += 2
        elif self.kinds[self.i] == "ALL" and self.kinds[self.i + 1] != "(":
            self.i += 1
            all_ = True
        else:
            keys.append(self.expression())
            while self.accept(","):
                keys.append(self.expression())
        return ast.GroupBy(tuple(keys), all_, start=self.starts[first], end=self.ends[self.i - 1])

    def order_by(self) -> tuple[ast.SortItem, ...]:
        """`ORDER BY a, b DESC`."""
        self.i += 1
        if self.kinds[self.i] != "BY":
            self.fail("BY", purpose="after ORDER")
        self.i += 1
        items = [self._sort_item()]
        while self.kinds[self.i] == ",":
            self.i += 1
            items.append(self._sort_item())
        return tuple(items)

    def _sort_item(self) -> ast.SortItem:
        expression = self.expression()
        kind = self.kinds[self.i]
        descending = kind == "DESC" or kind == "DESCENDING"
        if descending or kind == "ASC" or kind == "ASCENDING":
            self.i += 1
        return ast.SortItem(
            expression, descending, start=expression.start, end=self.ends[self.i - 1]
        )

    def order_limit_clause(self) -> ast.Clause:
        """`ORDER BY`, `SKIP`, `LIMIT` as a clause."""
        first = self.i
        order_by = self.order_by() if self.kinds[first] == "ORDER" else ()
        skip = self.expression() if self.accept("SKIP") or self.accept("OFFSET") else None
        limit = self.expression() if self.accept("LIMIT") else None
        return ast.OrderLimit(
            order_by, skip, limit, start=self.starts[first], end=self.ends[self.i - 1]
        )
