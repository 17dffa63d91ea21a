"""A query in English, clause by clause: enough to write the query again from it.

Every name, value, direction, order and number of a query is in its description, so that two
descriptions are the same only where the queries mean the same. What has no short English stays as
Cypher in backticks. Wording is plain before it is elegant: nothing is guessed or left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.describe_expressions import code, expression, joined, plain
from heimdall_lang_cypher.describe_patterns import labels_text, part_text, path_text
from heimdall_lang_cypher.parser import parse


def describe(query: str | ast.Script | ast.Statement) -> str:
    """One sentence about what a query does. Raises `CypherSyntaxError` for a text that is none.

    >>> describe("MATCH (p:Person) WHERE p.age > 30 RETURN p.name ORDER BY p.age LIMIT 3")
    'Find a Person node p, where the age of p is greater than 30; return the name of p, sorted by
     the age of p, at most 3 rows.'
    """
    script = parse(query) if isinstance(query, str) else query
    statements = script.statements if isinstance(script, ast.Script) else (script,)
    text = ". Then: ".join(_statement(each) for each in statements)
    return f"{text[:1].upper()}{text[1:]}."


def _statement(node: ast.Statement) -> str:
    before = ""
    for option in node.options:
        if option.kind == "CYPHER":
            version = f" {option.version}" if option.version else ""
            settings = "".join(f" {each.name}={each.value}" for each in option.settings)
            before += f"with `CYPHER{version}{settings}`: "
        else:
            words = "show the plan, without running it" if option.kind == "EXPLAIN" else "profile"
            before += f"{words} ({option.kind}), of: "
    if isinstance(node.body, ast.Command):
        return before + _command(node.body)
    return before + _query(node.body, set())


def _query(node: ast.Query, seen: set[str]) -> str:
    if isinstance(node, ast.SingleQuery):
        writer = _Clauses(seen)
        return "; ".join(writer.text(each) for each in node.clauses)
    if isinstance(node, ast.Union):
        text = _query(node.queries[0], set(seen))
        for all_, each in zip(node.all, node.queries[1:], strict=True):
            how = "keeping duplicates" if all_ else "without duplicates"
            text += f"; and add, {how}, the rows of this: {_query(each, set(seen))}"
        return text
    return f"run {code(node)}"


class _Clauses:
    """Describes clauses, one after the other."""

    def __init__(self, seen: set[str]) -> None:
        self.seen = seen

    def text(self, node: ast.Clause) -> str:
        """One clause. What has no method is quoted."""
        method: Callable[[Any], str] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        return method(node) if method is not None else f"run {code(node)}"

    def of(self, node: ast.Expression) -> str:
        """A value or condition. Variables inside are its own."""
        return expression(node, lambda path: path_text(path, set(self.seen), self.of))

    # --- reading --------------------------------------------------------------------------------

    def _match(self, node: ast.Match) -> str:
        if node.search is not None or node.mode:
            return f"run {code(node)}"
        found = "; also ".join(part_text(each, self.seen, self.of) for each in node.patterns)
        text = f"{'if there is one, find' if node.optional else 'find'} {found}"
        for hint in node.hints:
            text += f", with {code(hint)}"
        return f"{text}, where {self.of(node.where)}" if node.where is not None else text

    def _unwind(self, node: ast.Unwind) -> str:
        self.seen.add(node.variable.name)
        return f"for each {plain(node.variable)} in {self.of(node.expression)}"

    def _use(self, node: ast.Use) -> str:
        return f"in the graph {plain(node.graph)}"

    def _callprocedure(self, node: ast.CallProcedure) -> str:
        arguments = node.arguments
        called = plain(node.name) + (
            "" if arguments is None else f"({', '.join(plain(each) for each in arguments)})"
        )
        text = f"{'if it gives rows, call' if node.optional else 'call'} `{called}`"
        if node.star:
            text += " and take all its columns"
        elif node.yields:
            columns = []
            for each in node.yields:
                self.seen.add((each.alias or each.column).name)
                alias = f" as {plain(each.alias)}" if each.alias else ""
                columns.append(plain(each.column) + alias)
            text += f" and take its {joined(columns)}"
        return f"{text}, where {self.of(node.where)}" if node.where is not None else text

    def _callsubquery(self, node: ast.CallSubquery) -> str:
        if node.transactions is not None or node.optional:
            return f"run {code(node)}"
        given = ""
        if node.scope is not None:
            names = [plain(each) for each in node.scope.variables]
            given = f", given {'everything' if node.scope.star else joined(names) or 'nothing'},"
        inner = _query(node.query, set(self.seen))
        return f"in a subquery{given} do this for each row: ({inner})"

    # --- projecting -----------------------------------------------------------------------------

    def _return(self, node: ast.Return) -> str:
        return f"return {self._projection(node)}"

    def _with(self, node: ast.With) -> str:
        text = f"go on with {self._projection(node)}"
        return f"{text}, only where {self.of(node.where)}" if node.where is not None else text

    def _projection(self, node: ast.Projection) -> str:
        parts = ["everything"] if node.star else []
        for each in node.items:
            text = self.of(each.expression)
            if each.alias is not None:
                self.seen.add(each.alias.name)
                text += f" as {plain(each.alias)}"
            parts.append(text)
        text = "; ".join(parts) if any("," in part for part in parts[:-1]) else joined(parts)
        if node.distinct:
            text = f"the distinct combinations of {text}" if len(parts) > 1 else f"distinct {text}"
        if node.group_by is not None:
            text += f", grouped with {code(node.group_by)}"
        return text + self._order(node.order_by, node.skip, node.limit)

    def _order(
        self,
        order_by: tuple[ast.SortItem, ...],
        skip: ast.Expression | None,
        limit: ast.Expression | None,
    ) -> str:
        text = ""
        if order_by:
            keys = [
                self.of(each.expression) + (" in descending order" if each.descending else "")
                for each in order_by
            ]
            text += f", sorted by {', then by '.join(keys)}"
        if skip is not None:
            text += f", leaving out the first {self.of(skip)} rows"
        return f"{text}, at most {self.of(limit)} rows" if limit is not None else text

    # --- writing --------------------------------------------------------------------------------

    def _create(self, node: ast.Create) -> str:
        made = "; also ".join(part_text(each, self.seen, self.of) for each in node.patterns)
        return f"create {made}"

    def _merge(self, node: ast.Merge) -> str:
        text = "make sure that there is, creating it if not (MERGE), "
        text += part_text(node.pattern, self.seen, self.of)
        for action in node.actions:
            when = "created" if action.on == "CREATE" else "found"
            text += f"; when it is {when}, {joined([self._item(each) for each in action.items])}"
        return text

    def _set(self, node: ast.Set) -> str:
        return joined([self._item(each) for each in node.items])

    def _item(self, node: ast.SetItem) -> str:
        if isinstance(node, ast.SetProperty):
            return f"set {self.of(node.target)} to {self.of(node.value)}"
        if isinstance(node, ast.SetProperties):
            name = plain(node.variable)
            if node.add:
                return f"add to the properties of {name} those of {self.of(node.value)}"
            return f"replace all properties of {name} by {self.of(node.value)}"
        if isinstance(node, ast.SetLabels):
            return f"give {plain(node.variable)} the label {_labels(node.labels)}"
        return f"run {code(node)}"

    def _remove(self, node: ast.Remove) -> str:
        texts = []
        for each in node.items:
            if isinstance(each, ast.RemoveProperty):
                texts.append(f"remove {self.of(each.target)}")
            elif isinstance(each, ast.RemoveLabels):
                texts.append(f"take the label {_labels(each.labels)} from {plain(each.variable)}")
        return joined(texts)

    def _delete(self, node: ast.Delete) -> str:
        what = joined([self.of(each) for each in node.expressions])
        end = {"": "", "DETACH": " with all relationships", "NODETACH": ", refusing relationships"}
        return f"delete {what}{end[node.mode]}"

    def _foreach(self, node: ast.Foreach) -> str:
        inner = _Clauses({*self.seen, node.variable.name})
        done = "; ".join(inner.text(clause) for clause in node.clauses)
        each = f"for each {plain(node.variable)} in {self.of(node.source)}"
        return f"{each} do this (FOREACH): ({done})"


def _labels(labels: tuple[ast.LabelName | ast.DynamicLabel, ...]) -> str:
    return joined([labels_text(each) for each in labels])


def _command(node: ast.Command) -> str:
    if isinstance(node, ast.CreateIndex) and _simple(node) and node.properties:
        kind = f"{node.kind.lower()} index" if node.kind else "index"
        return f"create a {kind}{_named(node)} on {_properties(node.properties)} of " + _entities(
            joined([plain(each) for each in node.labels], "or"), node
        )
    if isinstance(node, ast.CreateConstraint) and _simple(node) and node.type is None:
        words = {
            "UNIQUE": "is unique",
            "KEY": "is a key",
            "NOT NULL": "is always there",
            "EXISTS": "exists",
        }.get(node.kind)
        if words is not None and not node.qualifier:
            what = _properties(node.properties)
            return f"create a constraint{_named(node)} that {what} {words} for " + _entities(
                plain(node.label), node
            )
    return f"run {code(node)}"


def _simple(node: Any) -> bool:
    return not (node.legacy or node.or_replace or node.options or node.use)


def _named(node: Any) -> str:
    return f" named {plain(node.name)}" if node.name is not None else ""


def _properties(properties: tuple[ast.PropertyAccess, ...]) -> str:
    return joined([plain(each.key) for each in properties])


def _entities(labels: str, node: Any) -> str:
    what = "nodes" if node.entity == "NODE" else "relationships"
    return f"{labels} {what}" + (", unless there is one" if node.if_not_exists else "")
