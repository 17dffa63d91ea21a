"""Clauses that read, project and write."""

from __future__ import annotations

from typing import Final, Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parser_operators import OPERATOR_WORDS
from heimdall_lang_cypher.parser_patterns import PatternParser

#: Where these follow, `ALL` is a variable or function and no quantifier.
_AFTER_NAME_ALL: Final = t.AFTER_VALUE | {"("}


class ClauseParser(PatternParser):
    """Parses clauses, but for calls and subqueries."""

    __slots__ = ()

    # --- reading --------------------------------------------------------------------------------

    def match_clause(self) -> ast.Clause:
        """`[OPTIONAL] MATCH …`; `OPTIONAL CALL` is parsed by `call_clause`."""
        first = self.i
        optional = self.kinds[first] == "OPTIONAL"
        if optional:
            if self.kinds[first + 1] == "CALL":
                return self.call_clause()
            self.i += 1
            if self.kinds[self.i] != "MATCH":
                self.fail("MATCH", "CALL", purpose="after OPTIONAL")
        self.i += 1
        mode = self.match_mode()
        patterns = self.pattern_parts()
        hints: tuple[ast.Hint, ...] = ()
        if self.kinds[self.i] == "USING":
            hints = self._hints()
        where = search = None
        if self.kinds[self.i] == "WHERE":
            self.i += 1
            where = self.expression()
        if self.kinds[self.i] == "SEARCH":
            search = self._search()
            if where is None and self.accept("WHERE"):
                where = self.expression()
        return ast.Match(
            patterns,
            where,
            optional,
            hints,
            mode,
            search,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def match_mode(self) -> Literal["", "REPEATABLE ELEMENTS", "DIFFERENT RELATIONSHIPS"]:
        """`REPEATABLE ELEMENTS`, `DIFFERENT RELATIONSHIPS`, or nothing."""
        if self.kinds[self.i] != t.NAME or self.kinds[self.i + 1] != t.NAME:
            return ""
        if self.accept_words("REPEATABLE"):
            if not self.accept_words("ELEMENTS"):
                self.expect_words("ELEMENT")
                self.accept_words("BINDINGS")
            return "REPEATABLE ELEMENTS"
        if self.accept_words("DIFFERENT"):
            if not self.accept_words("RELATIONSHIPS"):
                self.expect_words("RELATIONSHIP")
                self.accept_words("BINDINGS")
            return "DIFFERENT RELATIONSHIPS"
        return ""

    def _hints(self) -> tuple[ast.Hint, ...]:
        hints: list[ast.Hint] = []
        while self.kinds[self.i] == "USING":
            first = self.i
            self.i += 1
            hints.append(self._hint(self.starts[first]))
        return tuple(hints)

    def _hint(self, start: int) -> ast.Hint:
        if self.accept_words("JOIN"):
            self.expect("ON", "after JOIN")
            variables = [self.variable()]
            while self.accept(","):
                variables.append(self.variable())
            return ast.JoinHint(tuple(variables), start=start, end=self.ends[self.i - 1])
        if self.accept_words("SCAN"):
            variable = self.variable()
            label = self._hint_label()
            return ast.ScanHint(variable, label, start=start, end=label.end)
        kind = self.accept_one_of("TEXT", "RANGE", "POINT")
        if self.word() == "PERIODIC":
            self.fail_with(
                "`USING PERIODIC COMMIT` is no longer part of Cypher",
                suggestion="CALL { … } IN TRANSACTIONS",
            )
        self.expect_words("INDEX", purpose="after USING")
        seek = self.word() == "SEEK" and self.kinds[self.i + 1] != ":"
        self.i += seek
        variable = self.variable()
        label = self._hint_label()
        self.expect("(", "before the hint's properties")
        properties = [self.property_name()]
        while self.accept(","):
            properties.append(self.property_name())
        self.expect(")", "to close the hint's properties")
        return ast.IndexHint(
            variable,
            label,
            tuple(properties),
            cast("Literal['', 'TEXT', 'RANGE', 'POINT']", kind),
            seek,
            start=start,
            end=self.ends[self.i - 1],
        )

    def _hint_label(self) -> ast.LabelName:
        self.expect(":", "before the hint's label")
        name = self.property_name()
        return ast.LabelName(name.name, start=name.start, end=name.end)

    def _search(self) -> ast.Search:
        first = self.i
        self.i += 1
        variable = self.variable()
        self.expect("IN", "in SEARCH")
        self.expect("(", "in SEARCH")
        kind = self.accept_one_of("VECTOR", "FULLTEXT")
        if not kind:
            self.fail("VECTOR", "FULLTEXT")
        self.expect_words("INDEX")
        index = self.name_or_parameter("an index name")
        self.expect("FOR", "in SEARCH")
        query = self.expression()
        analyzer = None
        if self.accept("WITH"):
            self.expect_words("ANALYZER")
            analyzer = self.expression()
        where = self.expression() if self.accept("WHERE") else None
        skip = self.expression() if self.accept("SKIP") or self.accept("OFFSET") else None
        self.expect("LIMIT", "in SEARCH")
        limit = self.expression()
        self.expect(")", "to close SEARCH")
        score = None
        if self.accept_words("SCORE"):
            self.expect("AS", "after SCORE")
            score = self.variable()
        return ast.Search(
            variable,
            cast("Literal['FULLTEXT', 'VECTOR']", kind),
            index,
            query,
            limit,
            analyzer,
            where,
            skip,
            score,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def name_or_parameter(self, what: str) -> ast.Name | ast.Parameter:
        """A name, or a parameter that holds one."""
        if self.kinds[self.i] in (t.PARAMETER, "$"):
            return self.parameter()
        return self.name(what)

    def unwind_clause(self) -> ast.Clause:
        """`UNWIND list AS variable`."""
        first = self.i
        self.i += 1
        expression = self.expression()
        if self.kinds[self.i] != "AS":
            self.fail("AS", also=OPERATOR_WORDS, purpose="after the list of UNWIND")
        self.i += 1
        variable = self.variable("a variable after AS")
        return ast.Unwind(expression, variable, start=self.starts[first], end=variable.end)

    def for_clause(self) -> ast.Clause:
        """`FOR variable IN list`."""
        first = self.i
        self.i += 1
        variable = self.variable()
        self.expect("IN", "after the variable of FOR")
        expression = self.expression()
        return ast.Unwind(
            expression, variable, "FOR", start=self.starts[first], end=self.ends[self.i - 1]
        )

    def load_clause(self) -> ast.Clause:
        """`LOAD CSV …`."""
        first = self.i
        self.i += 1
        self.expect_words("CSV", purpose="after LOAD")
        headers = self.accept("WITH")
        if headers:
            self.expect_words("HEADERS", purpose="after WITH")
        self.expect_words("FROM", purpose="in LOAD CSV")
        source = self.expression()
        self.expect("AS", "after the source of LOAD CSV")
        variable = self.variable("a variable after AS")
        terminator = self.string() if self.accept_words("FIELDTERMINATOR") else None
        return ast.LoadCsv(
            source,
            variable,
            headers,
            terminator,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def let_clause(self) -> ast.Clause:
        """`LET x = 1, y = 2`."""
        first = self.i
        self.i += 1
        items = [self._let_item()]
        while self.accept(","):
            items.append(self._let_item())
        return ast.Let(tuple(items), start=self.starts[first], end=self.ends[self.i - 1])

    def _let_item(self) -> ast.LetItem:
        variable = self.variable()
        self.expect("=", "after the variable of LET")
        expression = self.expression()
        return ast.LetItem(variable, expression, start=variable.start, end=self.ends[self.i - 1])

    def filter_clause(self) -> ast.Clause:
        """`FILTER [WHERE] predicate`."""
        first = self.i
        self.i += 1
        self.accept("WHERE")
        predicate = self.expression()
        return ast.Filter(predicate, start=self.starts[first], end=self.ends[self.i - 1])

    def finish_clause(self) -> ast.Clause:
        """`FINISH`."""
        i = self.i
        self.i += 1
        return ast.Finish(start=self.starts[i], end=self.ends[i])

    # --- projecting -----------------------------------------------------------------------------

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

    # --- writing --------------------------------------------------------------------------------

    def create_clause(self) -> ast.Clause:
        """`CREATE patterns`, `INSERT patterns`."""
        first = self.i
        self.i += 1
        patterns = self.pattern_parts()
        keyword = cast("Literal['CREATE', 'INSERT']", self.kinds[first])
        return ast.Create(patterns, keyword, start=self.starts[first], end=self.ends[self.i - 1])

    def merge_clause(self) -> ast.Clause:
        """`MERGE pattern [ON CREATE SET …] [ON MATCH SET …]`."""
        first = self.i
        self.i += 1
        pattern = self.pattern_part()
        actions = []
        while self.kinds[self.i] == "ON":
            actions.append(self._merge_action())
        return ast.Merge(
            pattern, tuple(actions), start=self.starts[first], end=self.ends[self.i - 1]
        )

    def _merge_action(self) -> ast.MergeAction:
        first = self.i
        on = self.kinds[first + 1]
        self.i += 1
        if on not in ("CREATE", "MATCH"):
            self.fail("CREATE", "MATCH", purpose="after ON")
        self.i += 1
        if self.kinds[self.i] != "SET":
            self.fail("SET", purpose=f"after ON {on}")
        self.i += 1
        items = self._set_items()
        return ast.MergeAction(
            cast("Literal['CREATE', 'MATCH']", on),
            items,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def set_clause(self) -> ast.Clause:
        """`SET items`."""
        first = self.i
        self.i += 1
        items = self._set_items()
        return ast.Set(items, start=self.starts[first], end=self.ends[self.i - 1])

    def _set_items(self) -> tuple[ast.SetItem, ...]:
        items = [self._set_item()]
        while self.kinds[self.i] == ",":
            self.i += 1
            items.append(self._set_item())
        return tuple(items)

    def _set_item(self) -> ast.SetItem:
        kinds, i = self.kinds, self.i
        start = self.starts[i]
        if kinds[i] in t.NAMES:
            following = kinds[i + 1]
            if following == ":" or following == "IS":
                variable = self.variable()
                labels = self._plain_labels()
                return ast.SetLabels(
                    variable,
                    labels,
                    keyword=following == "IS",
                    start=start,
                    end=self.ends[self.i - 1],
                )
            if following == "=" or following == "+=":
                variable = self.variable()
                self.i += 1
                value = self.expression()
                return ast.SetProperties(
                    variable, value, following == "+=", start=start, end=self.ends[self.i - 1]
                )
        target = self._target("=")
        self.expect("=", "after the property to set")
        value = self.expression()
        return ast.SetProperty(target, value, start=start, end=self.ends[self.i - 1])

    def _target(self, following: str) -> ast.PropertyAccess | ast.Subscript:
        """What a property is taken from, and its key."""
        i = self.i
        target = self.operand()
        if not isinstance(target, ast.PropertyAccess | ast.Subscript):
            if self.i > i + 1 or not following:
                self.fail("a property such as `n.name`", at=i)
            self.fail(".", ":", following, "+=", purpose="after what is set")
        return target

    def _plain_labels(self) -> tuple[ast.LabelName | ast.DynamicLabel, ...]:
        """`:A:$(x)`, `IS A:B`."""
        labels: list[ast.LabelName | ast.DynamicLabel] = []
        while not labels or self.kinds[self.i] == ":":
            self.i += 1
            i = self.i
            if self.kinds[i] == "$" or (self.kinds[i] == t.PARAMETER and self.kinds[i + 1] == "("):
                labels.append(self.dynamic_label())
            elif self.kinds[i] in t.NAMES:
                self.i += 1
                labels.append(ast.LabelName(self.texts[i], start=self.starts[i], end=self.ends[i]))
            else:
                self.fail("a label")
        return tuple(labels)

    def remove_clause(self) -> ast.Clause:
        """`REMOVE items`."""
        first = self.i
        self.i += 1
        items = [self._remove_item()]
        while self.accept(","):
            items.append(self._remove_item())
        return ast.Remove(tuple(items), start=self.starts[first], end=self.ends[self.i - 1])

    def _remove_item(self) -> ast.RemoveItem:
        kinds, i = self.kinds, self.i
        start = self.starts[i]
        if kinds[i] in t.NAMES and kinds[i + 1] in (":", "IS"):
            variable = self.variable()
            labels = self._plain_labels()
            return ast.RemoveLabels(
                variable,
                labels,
                keyword=kinds[i + 1] == "IS",
                start=start,
                end=self.ends[self.i - 1],
            )
        target = self._target("")
        return ast.RemoveProperty(target, start=start, end=self.ends[self.i - 1])

    def delete_clause(self) -> ast.Clause:
        """`[DETACH|NODETACH] DELETE expressions`."""
        first = self.i
        mode = self.kinds[first] if self.kinds[first] != "DELETE" else ""
        if mode:
            self.i += 1
        self.expect("DELETE", f"after {mode}")
        expressions = [self.expression()]
        while self.accept(","):
            expressions.append(self.expression())
        return ast.Delete(
            tuple(expressions),
            cast("Literal['', 'DETACH', 'NODETACH']", mode),
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def call_clause(self) -> ast.Clause:
        """`[OPTIONAL] CALL …`."""
        raise NotImplementedError
