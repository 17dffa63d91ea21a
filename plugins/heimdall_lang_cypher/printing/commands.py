"""Commands, `SHOW` and statements as Cypher text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import printer_names as names
from heimdall_lang_cypher.printing.clauses import ClausePrinter


class CommandPrinter(ClausePrinter):
    """Prints anything."""

    def text(self, node: ast.Node) -> str:
        """Any node as text."""
        printer = _PRINTERS.get(type(node))
        return printer(self, node) if printer is not None else super().text(node)

    # --- schema ---------------------------------------------------------------------------------

    def start(self, node: ast.CreateIndex | ast.CreateConstraint, what: str) -> str:
        """`CREATE OR REPLACE TEXT INDEX name IF NOT EXISTS`."""
        name = "" if node.name is None else f" {self.symbol(node.name)}"
        use = "" if node.use is None else f"{self.text(node.use)} "
        replace = "OR REPLACE " * node.or_replace
        return f"{use}CREATE {replace}{what}{name}{' IF NOT EXISTS' * node.if_not_exists}"

    def subject(self, node: Any) -> str:
        """Of an expression: see `ExpressionPrinter`; of an index or constraint: its pattern."""
        if isinstance(node, ast.Expression):
            return super().subject(node)
        labels = node.labels if isinstance(node, ast.CreateIndex) else (node.label,)
        variable = names.variable(node.variable.name)
        if labels:
            variable += f":{'|'.join([names.key(label.name) for label in labels])}"
        if node.entity == "NODE":
            return f"({variable})"
        left = "<-" if node.direction == "<-" else "-"
        right = "->" if node.direction == "->" else "-"
        return f"(){left}[{variable}]{right}()"

    def properties(self, properties: tuple[ast.PropertyAccess, ...]) -> str:
        """`n.a`, `(n.a, n.b)`."""
        text = self.listed(properties)
        return f"({text})" if len(properties) > 1 else text

    def create_index(self, node: ast.CreateIndex) -> str:
        """`CREATE INDEX …`."""
        if node.legacy:
            keys = ", ".join([names.key(each.key.name) for each in node.properties])
            use = "" if node.use is None else f"{self.text(node.use)} "
            return f"{use}CREATE INDEX ON :{names.key(node.labels[0].name)}({keys})"
        start = self.start(node, f"{node.kind} INDEX".lstrip())
        if node.kind == "LOOKUP" and node.function is not None and node.variable is not None:
            each = "ON EACH" if node.each else "ON"
            on = f"{each} {names.key(node.function.name)}({self.text(node.variable)})"
        elif node.kind == "FULLTEXT":
            on = f"ON EACH [{self.listed(node.properties)}]"
        else:
            on = f"ON ({self.listed(node.properties)})"
        if node.with_properties:
            on += f" WITH [{self.listed(node.with_properties)}]"
        return f"{start} FOR {self.subject(node)} {on}{self.optional(' OPTIONS', node.options)}"

    def drop_index(self, node: ast.DropIndex) -> str:
        """`DROP INDEX …`."""
        use = "" if node.use is None else f"{self.text(node.use)} "
        if node.name is None:
            label = "" if node.label is None else names.key(node.label.name)
            return f"{use}DROP INDEX ON :{label}({self.listed(node.properties)})"
        return f"{use}DROP INDEX {self.symbol(node.name)}{' IF EXISTS' * node.if_exists}"

    def create_constraint(self, node: ast.CreateConstraint) -> str:
        """`CREATE CONSTRAINT …`."""
        return f"{self.start(node, 'CONSTRAINT')} {self.constraint(node)}"

    def constraint(self, node: ast.CreateConstraint) -> str:
        """`FOR … REQUIRE …`, `ON … ASSERT …`."""
        verbs = ("ON", "ASSERT") if node.legacy else ("FOR", "REQUIRE")
        properties = self.properties(node.properties)
        if node.kind == "EXISTS":
            requirement = f"exists({properties})"
        elif node.type is not None:
            requirement = f"{properties} IS :: {self.text(node.type)}"
        else:
            qualifier = f"{node.qualifier} " if node.qualifier else ""
            requirement = f"{properties} IS {qualifier}{node.kind}"
        options = self.optional(" OPTIONS", node.options)
        return f"{verbs[0]} {self.subject(node)} {verbs[1]} {requirement}{options}"

    def drop_constraint(self, node: ast.DropConstraint) -> str:
        """`DROP CONSTRAINT …`."""
        use = "" if node.use is None else f"{self.text(node.use)} "
        if node.legacy is not None:
            return f"{use}DROP CONSTRAINT {self.constraint(node.legacy)}"
        name = "" if node.name is None else self.symbol(node.name)
        return f"{use}DROP CONSTRAINT {name}{' IF EXISTS' * node.if_exists}"

    # --- SHOW and administration ----------------------------------------------------------------

    def words(self, nodes: tuple[ast.Node, ...]) -> str:
        """Words and values as they follow each other, each with a blank before it."""
        text = ""
        last: ast.Node | None = None
        for node in nodes:
            piece = self.symbol(node) if isinstance(node, ast.Name) else self.admin_name(node)
            # `db.index.*` and `a, b` are written as usual, other signs with blanks around them.
            after_dot = text.endswith(".") and (isinstance(node, ast.Name) or piece == "*")
            tight = after_dot or (piece in (".", ",") and not isinstance(last, ast.Word))
            text += piece if tight else f" {piece}"
            last = node
        return text

    def show(self, node: ast.Show) -> str:
        """`SHOW … YIELD …`."""
        is_list = node.what in ("SETTINGS", "TRANSACTIONS") and len(node.arguments) > 1
        arguments = f" {self.listed(node.arguments)}" if is_list else self.words(node.arguments)
        return self.joined(
            f"{node.verb} {node.what}{arguments}",
            self.text(node.yields) if node.yields is not None else "",
            self.optional("WHERE", node.where),
            self.text(node.returns) if node.returns is not None else "",
        )

    def yield_clause(self, node: ast.YieldClause) -> str:
        """`YIELD … ORDER BY … WHERE …`."""
        items = "*" if node.star else self.listed(node.items)
        return self.joined(f"YIELD {items}", self.order(node), self.optional("WHERE", node.where))

    def administration(self, node: ast.AdministrationCommand) -> str:
        """`CREATE DATABASE …`, `GRANT …`."""
        use = "" if node.use is None else f"{self.text(node.use)} "
        subject = "" if node.subject == "PRIVILEGE" else f" {node.subject}"
        chosen = ", ".join([self.admin_name(name) for name in node.names])
        condition = " IF EXISTS" * node.if_exists + " IF NOT EXISTS" * node.if_not_exists
        replace = " OR REPLACE" * node.or_replace
        return (
            f"{use}{node.verb}{replace}{subject}{' ' * bool(chosen)}{chosen}{condition}"
            f"{self.words(node.arguments)}"
        )

    def admin_name(self, node: ast.Node) -> str:
        """`my.database`, `'server'`, `$name`."""
        if isinstance(node, ast.QualifiedName):
            return ".".join([names.symbol(part) for part in node.parts])
        return self.text(node)

    # --- statements -----------------------------------------------------------------------------

    def option(self, node: ast.PreparserOption) -> str:
        """`CYPHER 25 runtime=parallel`."""
        parts = [node.kind, node.version, *[f"{s.name}={s.value}" for s in node.settings]]
        return " ".join([part for part in parts if part])

    def statement(self, node: ast.Statement) -> str:
        """With what stands before it."""
        options = [self.text(option) for option in node.options]
        return " ".join([*options, self.text(node.body)])

    def script(self, node: ast.Script) -> str:
        """Statements, with semicolons between them where there are several."""
        texts = [self.text(statement) for statement in node.statements]
        if len(texts) == 1:
            return texts[0]
        return "\n".join(
            [
                text if isinstance(statement.body, ast.ConsoleCommand) else f"{text};"
                for text, statement in zip(texts, node.statements, strict=True)
            ]
        )


P = CommandPrinter
_PRINTERS: dict[type[ast.Node], Callable[[Any, Any], str]] = {
    ast.CreateIndex: P.create_index,
    ast.DropIndex: P.drop_index,
    ast.CreateConstraint: P.create_constraint,
    ast.DropConstraint: P.drop_constraint,
    ast.Show: P.show,
    ast.YieldClause: P.yield_clause,
    ast.Word: lambda p, n: n.text,
    ast.AdministrationCommand: P.administration,
    ast.TransactionCommand: lambda p, n: n.action,
    ast.ConsoleCommand: lambda p, n: f":{n.name} {n.argument}".rstrip(),
    ast.PreparserOption: P.option,
    ast.Statement: lambda p, n: p.statement(n),
    ast.Script: P.script,
}
