"""Clauses that write: `CREATE`, `MERGE`, `SET`, `REMOVE`, `DELETE`."""

from __future__ import annotations

from typing import Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.projecting import ProjectingParser


class WritingParser(ProjectingParser):
    """Parses clauses that write."""

    __slots__ = ()

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
