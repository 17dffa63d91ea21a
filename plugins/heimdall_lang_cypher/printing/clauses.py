"""Clauses and queries as Cypher text, on one line or one line per clause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import printer_names as names
from heimdall_lang_cypher.printing.patterns import PatternPrinter

_INDENT = "  "


class ClausePrinter(PatternPrinter):
    """Prints clauses and queries. `gap` separates clauses and their parts: a blank, or a line
    break with the indentation of the place."""

    def __init__(self, pretty: bool) -> None:
        self.pretty = pretty
        self.gap = "\n" if pretty else " "

    def text(self, node: ast.Node) -> str:
        """Any node as text."""
        printer = _PRINTERS.get(type(node))
        return printer(self, node) if printer is not None else super().text(node)

    def joined(self, *parts: str) -> str:
        """Parts of a clause that stand on lines of their own, the empty ones left out."""
        return self.gap.join([part for part in parts if part])

    def optional(self, word: str, node: ast.Node | None) -> str:
        """`WHERE x`, or nothing."""
        return "" if node is None else f"{word} {self.text(node)}"

    def indented(self, function: Callable[[], str]) -> str:
        """What `function` prints, one step further in."""
        outer = self.gap
        if self.pretty:
            self.gap += _INDENT
        text = function()
        self.gap = outer
        return text

    def block(self, query: ast.Node) -> str:
        """`{ query }`, on lines of its own in pretty form."""
        body = self.indented(lambda: f"{self.gap}{self.text(query)}")
        return f"{{{body}{self.gap}}}"

    def braced(self, node: ast.Node) -> str:
        """A subquery in an expression with its braces: on one line where it is short."""
        if not self.pretty:
            return f"{{ {self.text(node)} }}"
        outer, self.gap = self.gap, " "
        self.pretty = False
        short = self.text(node)
        self.gap, self.pretty = outer, True
        return f"{{ {short} }}" if len(short) <= 60 else self.block(node)

    # --- reading --------------------------------------------------------------------------------

    def match(self, node: ast.Match) -> str:
        """`OPTIONAL MATCH … USING … WHERE …`."""
        mode = f"{node.mode} " if node.mode else ""
        return self.joined(
            f"{'OPTIONAL ' * node.optional}MATCH {mode}{self.listed(node.patterns)}",
            *[self.text(hint) for hint in node.hints],
            self.optional("WHERE", node.where),
            self.text(node.search) if node.search is not None else "",
        )

    def index_hint(self, node: ast.IndexHint) -> str:
        """`USING INDEX n:L(p)`."""
        kind = f"{node.kind} " if node.kind else ""
        return (
            f"USING {kind}INDEX {'SEEK ' * node.seek}{names.variable(node.variable.name)}"
            f":{names.key(node.label.name)}({self.listed(node.properties)})"
        )

    def search(self, node: ast.Search) -> str:
        """`SEARCH n IN (VECTOR INDEX …)`."""
        parts = [
            f"{node.kind} INDEX {self.symbol(node.index)} FOR {self.text(node.query)}",
            self.optional("WITH ANALYZER", node.analyzer),
            self.optional("WHERE", node.where),
            self.optional("SKIP", node.skip),
            f"LIMIT {self.text(node.limit)}",
        ]
        score = self.optional(" SCORE AS", node.score)
        inner = " ".join([part for part in parts if part])
        return f"SEARCH {self.text(node.variable)} IN ({inner}){score}"

    def symbol(self, node: ast.Node) -> str:
        """The name of an index or the like, or a parameter that holds it."""
        return names.symbol(node.name) if isinstance(node, ast.Name) else self.text(node)

    def unwind(self, node: ast.Unwind) -> str:
        """`UNWIND xs AS x`."""
        variable = names.variable(node.variable.name)
        if node.keyword == "FOR":
            return f"FOR {variable} IN {self.text(node.expression)}"
        return f"UNWIND {self.text(node.expression)} AS {variable}"

    def load_csv(self, node: ast.LoadCsv) -> str:
        """`LOAD CSV WITH HEADERS FROM … AS row`."""
        end = self.optional(" FIELDTERMINATOR", node.field_terminator)
        return (
            f"LOAD CSV {'WITH HEADERS ' * node.headers}FROM {self.text(node.source)} "
            f"AS {names.variable(node.variable.name)}{end}"
        )

    # --- projecting -----------------------------------------------------------------------------

    def projection(self, node: ast.Projection, word: str, where: ast.Expression | None) -> str:
        """`RETURN …`, `WITH …`."""
        items = ", ".join((["*"] if node.star else []) + [self.text(item) for item in node.items])
        return self.joined(
            f"{word} {'DISTINCT ' * node.distinct}{items}",
            self.text(node.group_by) if node.group_by is not None else "",
            self.order(node),
            self.optional("WHERE", where),
        )

    def order(self, node: Any) -> str:
        """`ORDER BY … SKIP … LIMIT …`."""
        return self.joined(
            f"ORDER BY {self.listed(node.order_by)}" if node.order_by else "",
            self.optional("SKIP", node.skip),
            self.optional("LIMIT", node.limit),
        )

    def item(self, node: ast.ProjectionItem) -> str:
        """`x AS y`."""
        alias = "" if node.alias is None else f" AS {names.variable(node.alias.name)}"
        return f"{self.text(node.expression)}{alias}"

    def group_by(self, node: ast.GroupBy) -> str:
        """`GROUP BY …`."""
        keys = "ALL" if node.all else self.listed(node.keys) or "()"
        return f"GROUP BY {keys}"

    # --- writing --------------------------------------------------------------------------------

    def set_properties(self, node: ast.SetProperties) -> str:
        """`n = {…}`, `n += {…}`."""
        sign = "+=" if node.add else "="
        return f"{names.variable(node.variable.name)} {sign} {self.text(node.value)}"

    def labels(self, node: ast.SetLabels | ast.RemoveLabels) -> str:
        """`n:A:B`."""
        labels = "".join([f":{self.pattern(label)}" for label in node.labels])
        return f"{names.variable(node.variable.name)}{labels}"

    def merge(self, node: ast.Merge) -> str:
        """`MERGE … ON CREATE SET …`."""

        def actions() -> str:
            return "".join(
                [
                    f"{self.gap}ON {action.on} SET {self.listed(action.items)}"
                    for action in node.actions
                ]
            )

        return f"MERGE {self.pattern(node.pattern)}{self.indented(actions)}"

    def foreach(self, node: ast.Foreach) -> str:
        """`FOREACH (x IN xs | …)`."""
        source = self.before_bar(node.source)
        start = f"FOREACH ({names.variable(node.variable.name)} IN {source} |"
        if not self.pretty or len(node.clauses) == 1:
            return f"{start} {' '.join([self.text(clause) for clause in node.clauses])})"
        body = self.indented(
            lambda: "".join([f"{self.gap}{self.text(clause)}" for clause in node.clauses])
        )
        return f"{start}{body}{self.gap})"

    # --- calling --------------------------------------------------------------------------------

    def call_procedure(self, node: ast.CallProcedure) -> str:
        """`CALL name(…) YIELD …`."""
        arguments = "" if node.arguments is None else f"({self.listed(node.arguments)})"
        text = f"{'OPTIONAL ' * node.optional}CALL {names.function(node.name.parts)}{arguments}"
        if node.yields is not None:
            text += f" YIELD {'*' if node.star else self.listed(node.yields) or '-'}"
        return self.joined(text, self.optional("WHERE", node.where))

    def call_subquery(self, node: ast.CallSubquery) -> str:
        """`CALL (x) { … } IN TRANSACTIONS`."""
        scope = "" if node.scope is None else f"{self.text(node.scope)} "
        transactions = "" if node.transactions is None else f" {self.text(node.transactions)}"
        return f"{'OPTIONAL ' * node.optional}CALL {scope}{self.block(node.query)}{transactions}"

    def in_transactions(self, node: ast.InTransactions) -> str:
        """`IN 3 CONCURRENT TRANSACTIONS OF 10 ROWS …`."""
        parts = ["IN"]
        if node.concurrency is not None:
            parts.append(self.text(node.concurrency))
        if node.concurrent:
            parts.append("CONCURRENT")
        parts.append("TRANSACTIONS")
        if node.rows is not None:
            parts.append(f"OF {self.text(node.rows)} ROWS")
        if node.disjoint_by:
            by = node.disjoint_by
            parts.append(f"DISJOINT BY {by if isinstance(by, str) else f'({self.listed(by)})'}")
        if node.on_error:
            parts.append(f"ON ERROR {node.on_error}")
        if node.retry_seconds is not None:
            parts.append(f"FOR {self.text(node.retry_seconds)} SECONDS")
        if node.retry_then:
            parts.append(f"THEN {node.retry_then}")
        if node.report is not None:
            parts.append(f"REPORT STATUS AS {self.text(node.report)}")
        return " ".join(parts)

    # --- queries --------------------------------------------------------------------------------

    def clauses(self, node: ast.SingleQuery) -> str:
        """The clauses, one per line in pretty form."""
        return self.gap.join([self.text(clause) for clause in node.clauses])

    def union(self, node: ast.Union) -> str:
        """`… UNION ALL …`."""
        parts = [self.text(node.queries[0])]
        for is_all, query in zip(node.all, node.queries[1:], strict=True):
            parts += ["UNION ALL" if is_all else "UNION", self.text(query)]
        return self.gap.join(parts)

    def conditional(self, node: ast.Conditional) -> str:
        """`WHEN … THEN … ELSE …`."""
        parts = [
            f"WHEN {self.text(branch.condition)} THEN {self.text(branch.query)}"
            for branch in node.branches
        ]
        if node.default is not None:
            parts.append(f"ELSE {self.text(node.default)}")
        return self.gap.join(parts)

    def pattern_query(self, node: ast.PatternQuery) -> str:
        """`(a)-->(b) WHERE …` in braces."""
        mode = f"{node.mode} " if node.mode else ""
        return self.joined(
            f"{mode}{self.listed(node.patterns)}", self.optional("WHERE", node.where)
        )


P = ClausePrinter
_PRINTERS: dict[type[ast.Node], Callable[[Any, Any], str]] = {
    ast.PatternPart: P.part,
    ast.Match: P.match,
    ast.IndexHint: P.index_hint,
    ast.ScanHint: lambda p, n: (
        f"USING SCAN {names.variable(n.variable.name)}:{names.key(n.label.name)}"
    ),
    ast.JoinHint: lambda p, n: f"USING JOIN ON {p.listed(n.variables)}",
    ast.Search: P.search,
    ast.Unwind: P.unwind,
    ast.LoadCsv: P.load_csv,
    ast.LetItem: lambda p, n: f"{names.variable(n.variable.name)} = {p.text(n.expression)}",
    ast.Let: lambda p, n: f"LET {p.listed(n.items)}",
    ast.Filter: lambda p, n: f"FILTER {p.text(n.predicate)}",
    ast.Use: lambda p, n: f"USE {p.text(n.graph)}",
    ast.ProjectionItem: P.item,
    ast.SortItem: lambda p, n: f"{p.text(n.expression)}{' DESC' * n.descending}",
    ast.GroupBy: P.group_by,
    ast.Return: lambda p, n: p.projection(n, "RETURN", None),
    ast.With: lambda p, n: p.projection(n, "WITH", n.where),
    ast.OrderLimit: P.order,
    ast.Finish: lambda p, n: "FINISH",
    ast.Create: lambda p, n: f"{n.keyword} {p.listed(n.patterns)}",
    ast.SetProperty: lambda p, n: f"{p.text(n.target)} = {p.text(n.value)}",
    ast.SetProperties: P.set_properties,
    ast.SetLabels: P.labels,
    ast.Set: lambda p, n: f"SET {p.listed(n.items)}",
    ast.RemoveProperty: lambda p, n: p.text(n.target),
    ast.RemoveLabels: P.labels,
    ast.Remove: lambda p, n: f"REMOVE {p.listed(n.items)}",
    ast.Merge: P.merge,
    ast.Delete: lambda p, n: f"{n.mode} DELETE {p.listed(n.expressions)}".lstrip(),
    ast.Foreach: P.foreach,
    ast.YieldItem: lambda p, n: f"{p.text(n.column)}{p.optional(' AS', n.alias)}",
    ast.CallProcedure: P.call_procedure,
    ast.SubqueryScope: lambda p, n: "(*)" if n.star else f"({p.listed(n.variables)})",
    ast.InTransactions: P.in_transactions,
    ast.CallSubquery: P.call_subquery,
    ast.SingleQuery: lambda p, n: p.clauses(n),
    ast.Union: P.union,
    ast.Conditional: P.conditional,
    ast.Sequence: lambda p, n: f"{p.gap}NEXT{p.gap}".join([p.text(q) for q in n.queries]),
    ast.BracedQuery: lambda p, n: (
        f"{'' if n.use is None else p.text(n.use) + ' '}{p.block(n.query)}"
    ),
    ast.PatternQuery: P.pattern_query,
}
