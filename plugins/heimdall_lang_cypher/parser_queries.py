"""Calls, subqueries, and how clauses make a query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parser_clauses import ClauseParser
from heimdall_lang_cypher.parser_operators import OPERATOR_WORDS

#: What people write at the start of a clause, for guessing at a misspelt word.
_CLAUSE_WORDS: Final = tuple(sorted(t.CLAUSE_STARTS | {"WHERE", "UNION"}))

_PROJECTION_WORDS: Final = ("ORDER", "SKIP", "LIMIT", "DESC", "ASC", "DISTINCT")
#: What can still follow each kind of clause: what the error says, and words to guess from.
_CONTINUATIONS: Final[dict[type[ast.Clause], tuple[tuple[str, ...], tuple[str, ...]]]] = {
    ast.Match: ((",", "WHERE"), ("USING",)),
    ast.With: ((",", "AS", "ORDER BY", "SKIP", "LIMIT", "WHERE"), _PROJECTION_WORDS),
    ast.Return: ((",", "AS", "ORDER BY", "SKIP", "LIMIT"), (*_PROJECTION_WORDS, "UNION")),
    ast.Merge: (("ON CREATE", "ON MATCH"), ("ON",)),
    ast.CallProcedure: (("YIELD",), ("WHERE",)),
    ast.Create: ((",",), ()),
    ast.Set: ((",",), ()),
}


class QueryParser(ClauseParser):
    """Parses queries."""

    __slots__ = ()

    def show_clause(self) -> ast.Clause:
        """`SHOW …`, `TERMINATE …`."""
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
        if kind in _QUERY_STARTS:
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

    # --- FOREACH --------------------------------------------------------------------------------

    def foreach_clause(self) -> ast.Clause:
        """`FOREACH (variable IN list | clauses)`."""
        first = self.i
        self.i += 1
        self.deeper()
        self.expect("(", "after FOREACH")
        variable = self.variable()
        self.expect("IN", "after the variable of FOREACH")
        source = self.expression_before_bar()
        if self.kinds[self.i] != "|":
            self.fail("|", also=OPERATOR_WORDS, purpose="after the list of FOREACH")
        self.i += 1
        clauses = self._clauses()
        if self.kinds[self.i] != ")":
            self.fail_after(clauses[-1], ")", "another clause")
        self.i += 1
        self.depth -= 1
        return ast.Foreach(
            variable,
            source,
            tuple(clauses),
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    # --- clauses to queries ---------------------------------------------------------------------

    def use_clause(self) -> ast.Use:
        """`USE graph`."""
        first = self.i
        self.i += 1
        if self.word() == "GRAPH" and self.kinds[self.i + 1] in t.NAMES:
            following = self.kinds[self.i + 1]
            if following == t.NAME or following not in _QUERY_STARTS:
                self.i += 1
        depth = 0
        while self.accept("("):
            depth += 1
        name = self.qualified_name("a graph name")
        graph: ast.QualifiedName | ast.Expression = name
        if self.accept("("):
            graph = self.arguments(name)
        for _ in range(depth):
            self.expect(")", "to close the graph's name")
        return ast.Use(graph, start=self.starts[first], end=self.ends[self.i - 1])

    def query(self) -> ast.Query:
        """A query with all its `UNION`, `NEXT` and `WHEN`."""
        self.deeper()
        first = self._regular_query()
        if self.kinds[self.i] == "NEXT":
            queries = [first]
            while self.accept("NEXT"):
                queries.append(self._regular_query())
            first = ast.Sequence(tuple(queries), start=first.start, end=queries[-1].end)
        self.depth -= 1
        return first

    def _regular_query(self) -> ast.Query:
        if self.kinds[self.i] == "WHEN":
            return self._conditional()
        first = self.single_query()
        if self.kinds[self.i] != "UNION":
            return first
        queries = [first]
        all_ = []
        while self.accept("UNION"):
            all_.append(self.accept("ALL"))
            if not all_[-1]:
                self.accept("DISTINCT")
            queries.append(self.single_query())
        return ast.Union(tuple(queries), tuple(all_), start=first.start, end=queries[-1].end)

    def _conditional(self) -> ast.Query:
        start = self.starts[self.i]
        branches = []
        while self.kinds[self.i] == "WHEN":
            first = self.i
            self.i += 1
            condition = self.expression()
            if self.kinds[self.i] != "THEN":
                self.fail("THEN", also=OPERATOR_WORDS, purpose="after the condition of WHEN")
            self.i += 1
            query = self.single_query()
            branches.append(
                ast.ConditionalBranch(condition, query, start=self.starts[first], end=query.end)
            )
        default = self.single_query() if self.accept("ELSE") else None
        return ast.Conditional(tuple(branches), default, start=start, end=self.ends[self.i - 1])

    def single_query(self) -> ast.Query:
        """Clauses, or a query in braces."""
        kinds, i = self.kinds, self.i
        if kinds[i] == "{":
            return self._braced(None, i)
        if kinds[i] == "USE":
            use = self.use_clause()
            if kinds[self.i] == "{":
                return self._braced(use, i)
            self.i = i
        clauses = self._clauses()
        return ast.SingleQuery(tuple(clauses), start=clauses[0].start, end=self.ends[self.i - 1])

    def _braced(self, use: ast.Use | None, first: int) -> ast.Query:
        self.i += 1
        query = self.query()
        self.expect_query_end()
        return ast.BracedQuery(query, use, start=self.starts[first], end=self.ends[self.i - 1])

    def _clauses(self) -> list[ast.Clause]:
        """One clause or more."""
        kinds = self.kinds
        parse = _CLAUSES.get(kinds[self.i])
        if parse is None:
            self.fail("a clause such as MATCH or RETURN", also=_CLAUSE_WORDS)
        clauses = [parse(self)]
        parse = _CLAUSES.get(kinds[self.i])
        while parse is not None:
            clauses.append(parse(self))
            parse = _CLAUSES.get(kinds[self.i])
        return clauses

    # --- errors ---------------------------------------------------------------------------------

    def expect_query_end(self) -> None:
        """Skips the `}` that ends a query in braces."""
        if self.kinds[self.i] != "}":
            self.fail_after(None, "a clause", "}")
        self.i += 1

    def fail_after(self, clause: ast.Clause | None, *closing: str) -> None:
        """Raises the error that neither a part of the `clause`, nor another, nor a `closing` sign
        follows."""
        parts, also = _CONTINUATIONS.get(type(clause), ((), ())) if clause is not None else ((), ())
        if isinstance(clause, ast.Return):
            self.fail(*parts, *closing, also=(*OPERATOR_WORDS, *also))
        if getattr(clause, "where", None) is not None:
            parts = OPERATOR_WORDS[:2]
        self.fail(*parts, *closing, also=(*OPERATOR_WORDS, *also, *_CLAUSE_WORDS))


_CLAUSES: Final[dict[str, Callable[[QueryParser], ast.Clause]]] = {
    "MATCH": QueryParser.match_clause,
    "OPTIONAL": QueryParser.match_clause,
    "RETURN": QueryParser.return_clause,
    "WITH": QueryParser.with_clause,
    "UNWIND": QueryParser.unwind_clause,
    "CREATE": QueryParser.create_clause,
    "INSERT": QueryParser.create_clause,
    "MERGE": QueryParser.merge_clause,
    "SET": QueryParser.set_clause,
    "REMOVE": QueryParser.remove_clause,
    "DELETE": QueryParser.delete_clause,
    "DETACH": QueryParser.delete_clause,
    "NODETACH": QueryParser.delete_clause,
    "CALL": QueryParser.call_clause,
    "FOREACH": QueryParser.foreach_clause,
    "LOAD": QueryParser.load_clause,
    "USE": QueryParser.use_clause,
    "FINISH": QueryParser.finish_clause,
    "FILTER": QueryParser.filter_clause,
    "LET": QueryParser.let_clause,
    "FOR": QueryParser.for_clause,
    "ORDER": QueryParser.order_limit_clause,
    "SKIP": QueryParser.order_limit_clause,
    "OFFSET": QueryParser.order_limit_clause,
    "LIMIT": QueryParser.order_limit_clause,
    "SHOW": lambda parser: parser.show_clause(),
    "TERMINATE": lambda parser: parser.show_clause(),
}

_QUERY_STARTS: Final = frozenset(_CLAUSES) | {"WHEN", "SHORTESTPATH", "ALLSHORTESTPATHS"}
_PATTERN_WORDS: Final = (
    "ANY", "ALL", "SHORTEST", "WALK", "TRAIL", "ACYCLIC", "REPEATABLE", "DIFFERENT",
)  # fmt: skip
