"""Clauses that read: `MATCH` with its hints, `UNWIND`, `LOAD CSV`, `LET`, `FILTER`."""

from __future__ import annotations

from typing import Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.operators import OPERATOR_WORDS
from heimdall_lang_cypher.parsing.patterns import PatternParser


class ReadingParser(PatternParser):
    """Parses clauses that read."""

    __slots__ = ()

    def call_clause(self) -> ast.Clause:
        """`[OPTIONAL] CALL …`."""
        raise NotImplementedError

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
