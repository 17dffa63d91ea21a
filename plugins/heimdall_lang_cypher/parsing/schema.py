"""Schema statements: indexes and constraints, in the present and in the old forms."""

from __future__ import annotations

from typing import Final, cast

from attrs import evolve, frozen

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.queries import QueryParser

INDEX_KINDS: Final = ("RANGE", "TEXT", "POINT", "LOOKUP", "FULLTEXT", "VECTOR", "BTREE")


@frozen
class _Subject:
    """What an index or constraint is for: `(n:A|B)` or `()-[r:T]-()`."""

    entity: ast.Entity
    variable: ast.Variable
    labels: tuple[ast.LabelName, ...]
    direction: ast.Direction


class SchemaParser(QueryParser):
    """Parses `CREATE` and `DROP` of `INDEX` and `CONSTRAINT`."""

    __slots__ = ()

    # --- indexes --------------------------------------------------------------------------------

    def create_index(self, first: int, or_replace: bool) -> ast.CreateIndex:
        """`[kind] INDEX …`, from the kind on."""
        kind = self.accept_one_of(*INDEX_KINDS)
        if kind == "BTREE":
            self.fail_with("BTREE indexes are gone since Neo4j 5", suggestion="RANGE")
        self.expect_words("INDEX")
        if self.kinds[self.i] == "ON" and self.kinds[self.i + 1] == ":":
            return self._legacy_index(first)
        name, if_not_exists = self.schema_name()
        self.expect("FOR", "in CREATE INDEX")
        subject = self._subject(lookup=kind == "LOOKUP")
        each = True
        function = None
        properties: tuple[ast.PropertyAccess, ...] = ()
        with_properties: tuple[ast.PropertyAccess, ...] = ()
        self.expect("ON", "before what is indexed")
        if kind == "LOOKUP":
            each = self.accept_words("EACH")
            if not each and subject.entity == "NODE":
                self.fail("EACH", purpose="after ON")
            function = self.name("`labels` or `type`")
            self.expect("(", f"after {function.name}")
            at = self.i
            if self.variable().name != subject.variable.name:
                self.fail_with(
                    f"`{self.texts[at]}` is not defined here",
                    at=at,
                    suggestion=subject.variable.name,
                )
            self.expect(")", "to close the lookup")
        elif kind == "FULLTEXT":
            self.expect_words("EACH", purpose="after ON")
            self.expect("[", "before the indexed properties")
            properties = self._property_list()
            self.expect("]", "to close the indexed properties")
        else:
            properties = self._properties_of()
            if kind == "VECTOR" and self.accept("WITH"):
                self.expect("[", "before the properties to filter by")
                with_properties = self._property_list()
                self.expect("]", "to close the properties to filter by")
        options = self._options()
        return ast.CreateIndex(
            subject.labels,
            properties,
            cast("ast.IndexKind", kind),
            name,
            subject.entity,
            subject.variable,
            function,
            with_properties,
            options,
            or_replace,
            if_not_exists,
            subject.direction,
            each,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def _legacy_index(self, first: int) -> ast.CreateIndex:
        label, names = self._legacy_label()
        owner = ast.Variable("", start=label.start, end=label.start)
        properties = tuple(
            ast.PropertyAccess(owner, name, start=name.start, end=name.end) for name in names
        )
        return ast.CreateIndex(
            (label,),
            properties,
            legacy=True,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def _legacy_label(self) -> tuple[ast.LabelName, tuple[ast.Name, ...]]:
        """`ON :Label(a, b)`."""
        self.i += 2
        label = self.label_name()
        self.expect("(", "after the label")
        names = [self.property_name()]
        while self.accept(","):
            names.append(self.property_name())
        self.expect(")", "to close the properties")
        return label, tuple(names)

    def drop_index(self, first: int) -> ast.DropIndex:
        """`INDEX …` after `DROP`."""
        self.i += 1
        label: ast.LabelName | None = None
        properties: tuple[ast.Name, ...] = ()
        name: ast.Name | ast.Parameter | None = None
        if_exists = False
        if self.kinds[self.i] == "ON" and self.kinds[self.i + 1] == ":":
            label, properties = self._legacy_label()
        else:
            name = self.name_or_parameter("an index name")
            if_exists = self.if_exists()
        return ast.DropIndex(
            name,
            if_exists,
            label,
            properties,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    # --- constraints ----------------------------------------------------------------------------

    def create_constraint(self, first: int, or_replace: bool) -> ast.CreateConstraint:
        """`CONSTRAINT …` after `CREATE`."""
        self.i += 1
        name: ast.Name | ast.Parameter | None = None
        if_not_exists = False
        if not (self.kinds[self.i] == "ON" and self.kinds[self.i + 1] == "("):
            name, if_not_exists = self.schema_name()
        return evolve(
            self._constraint(first),
            name=name,
            or_replace=or_replace,
            if_not_exists=if_not_exists,
        )

    def _constraint(self, first: int) -> ast.CreateConstraint:
        """`FOR (n:L) REQUIRE …`, `ON (n:L) ASSERT …`."""
        legacy = self.kinds[self.i] == "ON"
        if not legacy and self.kinds[self.i] != "FOR":
            self.fail("FOR", "IF", purpose="in CREATE CONSTRAINT")
        self.i += 1
        at = self.i
        subject = self._subject(lookup=False)
        if len(subject.labels) > 1:
            self.fail_with("a constraint is for one label or type", at=at)
        if legacy and self.word() == "ASSERT":
            self.i += 1
        else:
            self.expect_words("REQUIRE", purpose="after the pattern")
            legacy = False
        kind: ast.ConstraintKind
        qualifier = ""
        type_ = None
        if legacy and self.kinds[self.i] == "EXISTS" and self.kinds[self.i + 1] == "(":
            self.i += 2
            properties: tuple[ast.PropertyAccess, ...] = (self._property_of(),)
            self.expect(")", "to close exists()")
            kind = "EXISTS"
        else:
            properties = self._properties_of()
            if self.accept("::"):
                kind, type_ = "TYPED", self.type()
            else:
                self.expect("IS", "after the property")
                kind, qualifier, type_ = self._requirement()
        options = self._options()
        return ast.CreateConstraint(
            kind,
            subject.labels[0],
            subject.variable,
            properties,
            entity=subject.entity,
            qualifier=cast("ast.Entity", qualifier),
            type=type_,
            options=options,
            direction=subject.direction,
            legacy=legacy,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def _requirement(self) -> tuple[ast.ConstraintKind, str, ast.TypeExpression | None]:
        """What follows `IS`."""
        if self.accept("::") or self.accept_words("TYPED"):
            return "TYPED", "", self.type()
        if self.accept("NOT"):
            self.expect("NULL", "after NOT")
            return "NOT NULL", "", None
        word = self.accept_one_of("NODE", "RELATIONSHIP", "REL")
        qualifier = "RELATIONSHIP" if word == "REL" else word
        if self.accept_words("UNIQUE"):
            return "UNIQUE", qualifier, None
        if not self.accept_words("KEY"):
            expected = ("UNIQUE", "KEY") if word else ("UNIQUE", "KEY", "NOT", "NODE", "::")
            self.fail(*expected, purpose="after IS")
        return "KEY", qualifier, None

    def drop_constraint(self, first: int) -> ast.DropConstraint:
        """`CONSTRAINT …` after `DROP`."""
        self.i += 1
        if self.kinds[self.i] == "ON" and self.kinds[self.i + 1] == "(":
            legacy = self._constraint(self.i)
            return ast.DropConstraint(
                legacy=legacy, start=self.starts[first], end=self.ends[self.i - 1]
            )
        name = self.name_or_parameter("a constraint name")
        if_exists = self.if_exists()
        return ast.DropConstraint(
            name, if_exists, start=self.starts[first], end=self.ends[self.i - 1]
        )

    # --- shared parts ---------------------------------------------------------------------------

    def schema_name(self) -> tuple[ast.Name | ast.Parameter | None, bool]:
        """`[name] [IF NOT EXISTS]` before `FOR`."""
        name = None
        is_if = self.word() == "IF" and self.kinds[self.i + 1] == "NOT"
        if not is_if and not (self.kinds[self.i] == "FOR" and self.kinds[self.i + 1] == "("):
            name = self.name_or_parameter("a name")
        return name, self.if_not_exists()

    def if_not_exists(self) -> bool:
        """`IF NOT EXISTS`, or nothing."""
        if self.word() != "IF":
            return False
        self.expect_words("IF", "NOT", "EXISTS")
        return True

    def if_exists(self) -> bool:
        """`IF EXISTS`, or nothing."""
        if self.word() != "IF":
            return False
        self.expect_words("IF", "EXISTS")
        return True

    def label_name(self) -> ast.LabelName:
        """One label or relationship type."""
        i = self.i
        if self.kinds[i] not in t.NAMES:
            self.fail("a label or relationship type")
        self.i = i + 1
        return ast.LabelName(self.texts[i], start=self.starts[i], end=self.ends[i])

    def _subject(self, lookup: bool) -> _Subject:
        self.expect("(", "to start the pattern")
        if not self.accept(")"):
            variable, labels = self._variable_and_labels(lookup)
            self.expect(")", "to close the pattern")
            return _Subject("NODE", variable, labels, "--")
        left = self.accept("<")
        self.expect("-", "in the relationship pattern")
        self.expect("[", "in the relationship pattern")
        variable, labels = self._variable_and_labels(lookup)
        self.expect("]", "to close the relationship")
        self.expect("-", "in the relationship pattern")
        right = self.accept(">")
        self.expect("(", "in the relationship pattern")
        self.expect(")", "to close the pattern")
        direction: ast.Direction = "<-" if left else "->" if right else "--"
        return _Subject("RELATIONSHIP", variable, labels, direction)

    def _variable_and_labels(self, lookup: bool) -> tuple[ast.Variable, tuple[ast.LabelName, ...]]:
        variable = self.variable()
        if lookup:
            return variable, ()
        self.expect(":", "after the variable")
        labels = [self.label_name()]
        while self.accept("|"):
            labels.append(self.label_name())
        return variable, tuple(labels)

    def _properties_of(self) -> tuple[ast.PropertyAccess, ...]:
        """`n.a`, `(n.a, n.b)`."""
        if not self.accept("("):
            return (self._property_of(),)
        properties = self._property_list()
        self.expect(")", "to close the properties")
        return properties

    def _property_list(self) -> tuple[ast.PropertyAccess, ...]:
        properties = [self._property_of()]
        while self.accept(","):
            properties.append(self._property_of())
        return tuple(properties)

    def _property_of(self) -> ast.PropertyAccess:
        variable = self.variable("a property such as n.name")
        self.expect(".", "after the variable")
        key = self.property_name()
        return ast.PropertyAccess(variable, key, start=variable.start, end=key.end)

    def _options(self) -> ast.MapLiteral | ast.Parameter | None:
        return self.properties() if self.accept_words("OPTIONS") else None
