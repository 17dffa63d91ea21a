"""Syntax tree to text: `parse(print_query(tree)) == tree`, and the pretty form of a query.

Its parts are in `printing`.
"""

from __future__ import annotations

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.lexer import comments
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.printing.commands import CommandPrinter


def print_query(node: ast.Node, *, pretty: bool = False) -> str:
    """Any node as Cypher: in one line, or with each clause on a line of its own."""
    printer = CommandPrinter(pretty)
    if isinstance(node, _PATTERNS):
        return printer.pattern(node)
    return printer.text(node)


def format_query(text: str) -> str:
    """The pretty form of the statements in `text`, with its comments: one that ends the line of a
    clause stays there, others stand on lines of their own before the clause that they precede or
    are in. Raises `CypherSyntaxError`."""
    script = parse(text)
    return _CommentPrinter(text).script_with_comments(script)


_PATTERNS = (
    ast.LabelExpression
    | ast.NodePattern
    | ast.ParenthesisedPath
    | ast.PathLength
    | ast.PathPattern
    | ast.PathSelector
    | ast.Quantifier
    | ast.RelationshipPattern
    | ast.ShortestPath
)


class _CommentPrinter(CommandPrinter):
    """Prints the tree of a text together with its comments."""

    def __init__(self, source: str) -> None:
        super().__init__(pretty=True)
        self.source = source
        self.pending = comments(source)

    def script_with_comments(self, node: ast.Script) -> str:
        """All statements and comments."""
        lines = []
        for index, statement in enumerate(node.statements):
            lines += self.before(statement.start)
            if isinstance(statement.body, ast.ConsoleCommand):
                self.before(statement.body.end)  # what looks like a comment there is part of it
            text = self.text(statement)
            is_last = index == len(node.statements) - 1
            if not isinstance(statement.body, ast.ConsoleCommand) and (index or not is_last):
                # A comment up to the end of the line would swallow the semicolon.
                ends_in_comment = "//" in text.rpartition("\n")[2]
                text += "\n;" if ends_in_comment else ";"
            lines.append(text)
        return "\n".join([*lines, *self.before(len(self.source))])

    def statement(self, node: ast.Statement) -> str:
        """A command's comments stand before it; a query's by its clauses."""
        if isinstance(node.body, ast.Command):
            return "\n".join([*self.before(node.end), super().statement(node)])
        return super().statement(node)

    def clauses(self, node: ast.SingleQuery) -> str:
        """The clauses, each with its comments."""
        if not self.pretty:
            return super().clauses(node)
        lines = []
        for clause in node.clauses:
            has_inner_clauses = isinstance(clause, ast.CallSubquery)
            lines += self.before(clause.start if has_inner_clauses else clause.end)
            text = self.text(clause)
            rest = self.before(clause.end)
            lines += [text + self.after(clause.end), *rest]
        return self.gap.join(lines)

    def before(self, offset: int) -> list[str]:
        """The comments that start before `offset`, and are no longer pending."""
        taken = []
        while self.pending and self.pending[0][0] < offset:
            start, end = self.pending.pop(0)
            taken.append(self.source[start:end])
        return taken

    def after(self, offset: int) -> str:
        """The comment that follows on the same line, with a blank before it, or nothing."""
        if not self.pending:
            return ""
        start, end = self.pending[0]
        gap = self.source[offset:start]
        if "\n" in gap or gap.strip():
            return ""
        self.pending.pop(0)
        return f" {self.source[start:end]}"
