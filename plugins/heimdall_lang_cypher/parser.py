"""Text to syntax tree.

    >>> parse("RETURN 1").statements[0].body.clauses[0].items
    (ProjectionItem(expression=IntegerLiteral(value=1), alias=None),)

The parser is hand-written, makes one pass, looks ahead instead of going back, and takes time in
proportion to the text. Its parts are in `parsing`.
"""

from __future__ import annotations

from typing import Literal, cast

from attrs import evolve

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.base import MAX_HEIGHT
from heimdall_lang_cypher.parsing.commands import CommandParser
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError
from heimdall_lang_cypher.visitor import children


def parse(text: str) -> ast.Script:
    """The statements of `text`, which semicolons separate. Raises `CypherSyntaxError`."""
    try:
        return Parser(text).script()
    except RecursionError:
        # Only where the caller itself has used up most of the stack.
        raise CypherSyntaxError("nested too deeply", text, 0, 0) from None


def parse_statement(text: str) -> ast.Statement:
    """The one statement of `text`; a semicolon may follow it. Raises `CypherSyntaxError`, also
    for several."""
    script = parse(text)
    if len(script.statements) > 1:
        second = script.statements[1]
        raise CypherSyntaxError(
            "expected one statement, found another after it", text, second.start, second.end
        )
    return script.statements[0]


class Parser(CommandParser):
    """Parses scripts and statements."""

    __slots__ = ()

    def script(self) -> ast.Script:
        """Statements up to the end of the text: at least one."""
        statements = []
        while True:
            statements.append(self.statement())
            if self.kinds[self.i] == t.END:
                break
            if self.kinds[self.i] != ";" and not _ends_line(statements[-1]):
                self._fail_after_statement(statements[-1])
            while self.accept(";"):
                if self.kinds[self.i] == ";" and self.starts[self.i] == self.ends[self.i - 1]:
                    self.fail("a statement", "the end of the text", purpose="after `;`")
            if self.kinds[self.i] == t.END:
                break
        script = ast.Script(tuple(statements), start=statements[0].start, end=statements[-1].end)
        if self.is_deep:
            self._check_height(script)
        return script

    def statement(self) -> ast.Statement:
        """A query or command, with `EXPLAIN`, `PROFILE` and `CYPHER` before it."""
        first = self.i
        options: list[ast.PreparserOption] = []
        while self.kinds[self.i] in ("EXPLAIN", "PROFILE", "CYPHER"):
            options.append(self._option())
        body = self._body()
        return ast.Statement(
            body, tuple(options), start=self.starts[first], end=self.ends[self.i - 1]
        )

    def _body(self) -> ast.Query | ast.Command:
        command = self.command()
        if command is not None:
            return command
        if self.kinds[self.i] == "USE":
            # A command may follow; a query starts over with its USE.
            first = self.i
            use = self.use_clause()
            command = self.command()
            if isinstance(
                command,
                ast.CreateIndex
                | ast.DropIndex
                | ast.CreateConstraint
                | ast.DropConstraint
                | ast.AdministrationCommand,
            ):
                return evolve(command, use=use, start=use.start)
            self.i = first
        if self.kinds[self.i] == t.END:
            self.fail("a statement", purpose="such as MATCH … RETURN …")
        return self.query()

    def _option(self) -> ast.PreparserOption:
        first = self.i
        kind = cast("Literal['EXPLAIN', 'PROFILE', 'CYPHER']", self.kinds[first])
        self.i += 1
        version = ""
        settings = []
        if kind == "CYPHER":
            if self.kinds[self.i] in (t.INTEGER, t.FLOAT):
                version = self.texts[self.i]
                self.i += 1
            while self.kinds[self.i] in t.NAMES and self.kinds[self.i + 1] == "=":
                settings.append(self._setting())
        return ast.PreparserOption(
            kind, version, tuple(settings), start=self.starts[first], end=self.ends[self.i - 1]
        )

    def _setting(self) -> ast.Setting:
        first = self.i
        self.i += 2
        if self.kinds[self.i] not in t.NAMES and self.kinds[self.i] not in (t.INTEGER, t.FLOAT):
            self.fail("a value", purpose=f"for the option {self.texts[first]}")
        self.i += 1
        return ast.Setting(
            self.texts[first],
            self.texts[self.i - 1],
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def _fail_after_statement(self, statement: ast.Statement) -> None:
        """Raises the error that something follows a statement which cannot."""
        body = statement.body
        if isinstance(body, ast.Command):
            self.fail("the end of the statement")
        while not isinstance(body, ast.SingleQuery):
            if isinstance(body, ast.Union | ast.Sequence):
                body = body.queries[-1]
            else:
                self.fail("the end of the query", also=("UNION", "NEXT", "WHEN", "ELSE"))
        last = body.clauses[-1]
        another = () if isinstance(last, ast.Return) else ("a clause such as RETURN",)
        self.fail_after(last, *another, "the end of the query")

    def _check_height(self, script: ast.Script) -> None:
        """Raises an error where the tree is higher than code may recurse."""
        level: list[ast.Node] = [script]
        for _ in range(MAX_HEIGHT):
            level = [child for node in level for child in children(node)]
            if not level:
                return
        node = level[0]
        raise CypherSyntaxError("nested too deeply", self.text, node.start, node.end)


def _ends_line(statement: ast.Statement) -> bool:
    """Whether the statement ends with its line, without a semicolon."""
    return isinstance(statement.body, ast.ConsoleCommand)
