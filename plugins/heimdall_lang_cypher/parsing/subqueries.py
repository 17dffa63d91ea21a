"""Calls of procedures and of subqueries, and subqueries as values."""

from __future__ import annotations

from typing import Final, Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.operators import OPERATOR_WORDS
from heimdall_lang_cypher.parsing.writing import WritingParser

#: What a pattern may start with, beside `(` and a variable.
_PATTERN_WORDS: Final = (
    "ANY", "ALL", "SHORTEST", "WALK", "TRAIL", "ACYCLIC", "REPEATABLE", "DIFFERENT",
)  # fmt: skip


class SubqueryParser(WritingParser):
    """Parses calls and subqueries."""

    __slots__ = ()

    def expect_query_end(self) -> None:
        """Skips the `}` that ends a query in braces."""
        raise NotImplementedError

    # --- calls ----------------------------------------------------------------------------------

    def call_clause(self) -> ast.Clause:
        """`[OPTIONAL] CALL procedure(…)`, `[OPTIONAL] CALL (scope) { … }`."""
        first = self.i
        optional = self.kinds[first] == "OPTIONAL"
        self.i += 1 + optional
        kind = self.kinds[self.i]
        if kind == "{" or kind == "(":
            return self._call_subquery(first, optional)
        name = self.qualified_name("a procedure name")
        arguments = None
        if self.accept("("):
            arguments = self._call_arguments(name)
        yields, star, where = None, False, None
        if self.accept("YIELD"):
            star = self.accept("*")
            yields = () if star or self.accept("-") else self.yield_items()
            where = self.expression() if self.accept("WHERE") else None
        return ast.CallProcedure(
            name,
            arguments,
            yields,
            star,
            where,
            optional,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def _call_arguments(self, name: ast.QualifiedName) -> tuple[ast.Expression, ...]:
        arguments = []
        if self.kinds[self.i] != ")":
            arguments.append(self.expression())
            while self.accept(","):
                arguments.append(self.expression())
        if self.kinds[self.i] != ")":
            self.fail(",", ")", also=OPERATOR_WORDS, purpose=f"in the arguments of {name.text}()")
        self.i += 1
        return tuple(arguments)

    def yield_items(self) -> tuple[ast.YieldItem, ...]:
        """`column AS alias, …`."""
        items = [self._yield_item()]
        while self.accept(","):
            items.append(self._yield_item())
        return tuple(items)

    def _yield_item(self) -> ast.YieldItem:
        column = self.variable("a column name")
        alias = self.variable("a name after AS") if self.accept("AS") else None
        return ast.YieldItem(column, alias, start=column.start, end=self.ends[self.i - 1])

    def _call_subquery(self, first: int, optional: bool) -> ast.Clause:
        scope = self._scope() if self.kinds[self.i] == "(" else None
        self.expect("{", "to start the subquery")
        query = self.query()
        self.expect_query_end()
        transactions = None
        if self.kinds[self.i] == "IN":
            transactions = self._in_transactions()
        return ast.CallSubquery(
            query,
            scope,
            transactions,
            optional,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def _scope(self) -> ast.SubqueryScope:
        first = self.i
        self.i += 1
        star = self.accept("*")
        variables = []
        if not star and self.kinds[self.i] != ")":
            variables.append(self.variable())
            while self.accept(","):
                variables.append(self.variable())
        self.expect(")", "to close the variables of CALL")
        return ast.SubqueryScope(
            tuple(variables), star, start=self.starts[first], end=self.ends[self.i - 1]
        )

    def _in_transactions(self) -> ast.InTransactions:
        first = self.i
        self.i += 1
        concurrency = None
        concurrent = False
        if self.word() == "CONCURRENT":
            concurrent = True
        elif self.word() != "TRANSACTIONS":
            concurrency = self.expression()
            concurrent = True
        if concurrent:
            self.expect_words("CONCURRENT", purpose="after IN")
        self.expect_words("TRANSACTIONS", purpose="after IN")
        rows = retry_seconds = report = None
        on_error = retry_then = ""
        disjoint_by: str | tuple[ast.Expression, ...] = ""
        while True:
            if rows is None and self.accept_words("OF"):
                rows = self.expression()
                if not self.accept_one_of("ROWS", "ROW"):
                    self.fail("ROWS", also=OPERATOR_WORDS, purpose="after the number of rows")
            elif not on_error and self.accept("ON"):
                self.expect_words("ERROR", purpose="after ON")
                on_error, retry_seconds, retry_then = self._on_error()
            elif report is None and self.accept_words("REPORT"):
                self.expect_words("STATUS", purpose="after REPORT")
                self.expect("AS", "after REPORT STATUS")
                report = self.variable()
            elif not disjoint_by and self.accept_words("DISJOINT"):
                self.expect("BY", "after DISJOINT")
                disjoint_by = self._disjoint_by()
            else:
                break
        return ast.InTransactions(
            concurrent,
            concurrency,
            rows,
            cast("Literal['', 'CONTINUE', 'BREAK', 'FAIL', 'RETRY']", on_error),
            retry_seconds,
            cast("Literal['', 'CONTINUE', 'BREAK', 'FAIL']", retry_then),
            report,
            cast("Literal['', 'AUTO', 'NONE']", disjoint_by),
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def _on_error(self) -> tuple[str, ast.Expression | None, str]:
        word = self.accept_one_of("CONTINUE", "BREAK", "FAIL", "RETRY")
        if not word:
            self.fail("CONTINUE", "BREAK", "FAIL", "RETRY", purpose="after ON ERROR")
        if word != "RETRY":
            return word, None, ""
        seconds = None
        has_for = self.accept("FOR")
        if has_for or self.kinds[self.i] in (t.INTEGER, t.FLOAT, t.PARAMETER, "$"):
            seconds = self.expression()
            if not self.accept_one_of("SECONDS", "SECOND", "SEC"):
                self.fail("SECONDS", purpose="after the time to retry for")
        then = ""
        if self.accept("THEN"):
            then = self.accept_one_of("CONTINUE", "BREAK", "FAIL")
            if not then:
                self.fail("CONTINUE", "BREAK", "FAIL", purpose="after THEN")
        return word, seconds, then

    def _disjoint_by(self) -> str | tuple[ast.Expression, ...]:
        word = self.accept_one_of("AUTO", "NONE")
        if word:
            return word
        self.expect("(", "after DISJOINT BY")
        expressions = [self.expression()]
        while self.accept(","):
            expressions.append(self.expression())
        self.expect(")", "to close DISJOINT BY")
        return tuple(expressions)

    # --- subqueries as values -------------------------------------------------------------------

    def subquery(self) -> ast.Expression:
        """`EXISTS {}`, `COUNT {}` or `COLLECT {}`."""
        first = self.i
        kind = self.kinds[first]
        self.deeper()
        self.i += 2
        start = self.starts[first]
        if kind == "COLLECT":
            query = self.query()
            self.expect_query_end()
            self.depth -= 1
            return ast.CollectSubquery(query, start=start, end=self.ends[self.i - 1])
        body: ast.PatternQuery | ast.Query
        if self._is_bare_pattern():
            body = self._pattern_query()
        else:
            body = self.query()
            self.expect_query_end()
        self.depth -= 1
        end = self.ends[self.i - 1]
        if kind == "COUNT":
            return ast.CountSubquery(body, start=start, end=end)
        return ast.ExistsSubquery(body, start=start, end=end)

    def _is_bare_pattern(self) -> bool:
        kinds, i = self.kinds, self.i
        kind = kinds[i]
        if kind == "(" or (kind in t.NAMES and kinds[i + 1] == "="):
            return True
        if kind in t.QUERY_STARTS:
            return kind in ("SHORTESTPATH", "ALLSHORTESTPATHS")
        return self.word() in _PATTERN_WORDS

    def _pattern_query(self) -> ast.PatternQuery:
        first = self.i
        mode = self.match_mode()
        patterns = self.pattern_parts()
        where = self.expression() if self.accept("WHERE") else None
        if self.kinds[self.i] != "}":
            if where is None and self.kinds[self.i] in ("AND", "OR", "XOR"):
                self.fail_with("patterns are combined outside of the subquery, each in its own")
            expected = (",", "WHERE", "}") if where is None else ("}",)
            self.fail(*expected, also=OPERATOR_WORDS, purpose="in the subquery")
        self.i += 1
        return ast.PatternQuery(
            patterns, where, mode, start=self.starts[first], end=self.ends[self.i - 2]
        )
