"""How clauses make a query: rows of them, `FOREACH`, `UNION`, `NEXT`, `WHEN`, braces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.operators import OPERATOR_WORDS
from heimdall_lang_cypher.parsing.subqueries import SubqueryParser

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


class QueryParser(SubqueryParser):
    """Parses queries."""

    __slots__ = ()

    def show_clause(self) -> ast.Clause:
        """`SHOW …`, `TERMINATE …`."""
        raise NotImplementedError

    # --- FOREACH ------------------------------------------------------------------------------

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

    # --- clauses to queries -------------------------------------------------------------------

    def use_clause(self) -> ast.Use:
        """`USE graph`."""
        first = self.i
        self.i += 1
        if self.word() == "GRAPH" and self.kinds[self.i + 1] in t.NAMES:
            following = self.kinds[self.i + 1]
            if following == t.NAME or following not in t.QUERY_STARTS:
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

    # --- errors -------------------------------------------------------------------------------

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
