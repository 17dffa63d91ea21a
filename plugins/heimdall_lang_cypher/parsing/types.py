"""Types of values: `INTEGER NOT NULL`, `LIST<STRING>`, `ZONED DATETIME | DATE`."""

from __future__ import annotations

from typing import Final

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.parsing.base import TokenReader

#: One-word types: every spelling, and the one that the tree keeps.
_SIMPLE: Final = {
    "NOTHING": "NOTHING",
    "NULL": "NULL",
    "BOOL": "BOOLEAN",
    "BOOLEAN": "BOOLEAN",
    "VARCHAR": "STRING",
    "STRING": "STRING",
    "UUID": "UUID",
    "INT": "INTEGER",
    "INTEGER": "INTEGER",
    "INTEGER64": "INTEGER",
    "INT64": "INTEGER",
    "FLOAT": "FLOAT",
    "FLOAT64": "FLOAT",
    "DATE": "DATE",
    "DURATION": "DURATION",
    "POINT": "POINT",
    "NODE": "NODE",
    "VERTEX": "NODE",
    "RELATIONSHIP": "RELATIONSHIP",
    "EDGE": "RELATIONSHIP",
    "MAP": "MAP",
    "PATH": "PATH",
    "PATHS": "PATH",
}

#: Two-word types.
_PAIRS: Final = {
    ("SIGNED", "INTEGER"): "INTEGER",
    ("LOCAL", "TIME"): "LOCAL TIME",
    ("LOCAL", "DATETIME"): "LOCAL DATETIME",
    ("ZONED", "TIME"): "ZONED TIME",
    ("ZONED", "DATETIME"): "ZONED DATETIME",
    ("PROPERTY", "VALUE"): "PROPERTY VALUE",
}

#: What may follow `ANY`.
_AFTER_ANY: Final = {"NODE", "VERTEX", "RELATIONSHIP", "EDGE", "MAP"}

#: Types of the numbers in a vector.
COORDINATES: Final = {
    "INT": "INTEGER64",
    "INTEGER": "INTEGER64",
    "INT64": "INTEGER64",
    "INTEGER64": "INTEGER64",
    "INT32": "INTEGER32",
    "INTEGER32": "INTEGER32",
    "INT16": "INTEGER16",
    "INTEGER16": "INTEGER16",
    "INT8": "INTEGER8",
    "INTEGER8": "INTEGER8",
    "FLOAT": "FLOAT64",
    "FLOAT64": "FLOAT64",
    "FLOAT32": "FLOAT32",
}


class TypeParser(TokenReader):
    """Parses types."""

    __slots__ = ()

    def type(self) -> ast.TypeExpression:
        """A type, unions included."""
        self.deeper()
        start = self.starts[self.i]
        members = [self._type_part()]
        while self.kinds[self.i] == "|" and not (self.bars and self.is_last_bar()):
            self.i += 1
            members.append(self._type_part())
        self.depth -= 1
        if len(members) > 1:
            # `ANY<A | B> | C` says no more than `A | B | C`
            members = [
                each
                for member in members
                for each in (member.members if isinstance(member, ast.UnionType) else (member,))
            ]
        if len(members) == 1:
            return members[0]
        return ast.UnionType(tuple(members), start=start, end=self.ends[self.i - 1])

    def coordinate(self) -> str:
        """The type of a vector's numbers, in one spelling."""
        if self.word() == "SIGNED" and self.word(1) == "INTEGER":
            self.i += 1
        word = self.word()
        if word not in COORDINATES:
            self.fail("a coordinate type such as FLOAT32")
        self.i += 1
        self._not_null()
        return COORDINATES[word]

    def _not_null(self) -> bool:
        return self.accept("!") or self.accept_words("NOT", "NULL")

    def _type_part(self) -> ast.TypeExpression:
        start = self.starts[self.i]
        part = self._type_core(start)
        # `INTEGER NOT NULL LIST NOT NULL` is a list of integers.
        while self.accept_one_of("LIST", "ARRAY"):
            not_null = self._not_null()
            part = ast.ListType(part, not_null, start=start, end=self.ends[self.i - 1])
        return part

    def _type_core(self, start: int) -> ast.TypeExpression:
        word, second = self.word(), self.word(1)
        if word in ("LIST", "ARRAY") and self.kinds[self.i + 1] == "<":
            self.i += 2
            element = self.type()
            self.expect(">", "to close the list's type")
            not_null = self._not_null()
            return ast.ListType(element, not_null, start=start, end=self.ends[self.i - 1])
        if word == "VECTOR":
            return self._vector(start)
        if word == "ANY":
            return self._any(start)
        if (word, second) in _PAIRS:
            name = _PAIRS[word, second]
            self.i += 2
        elif word in ("TIME", "TIMESTAMP"):
            name = self._sql_time()
        elif word in _SIMPLE:
            name = _SIMPLE[word]
            self.i += 1
        else:
            self.fail("a type such as INTEGER", also=(*_SIMPLE, "LIST", "ZONED", "LOCAL"))
        not_null = self._not_null()
        return ast.TypeName(name, not_null, start=start, end=self.ends[self.i - 1])

    def _sql_time(self) -> str:
        kind = "DATETIME" if self.word() == "TIMESTAMP" else "TIME"
        self.i += 1
        zone = self.accept_one_of("WITH", "WITHOUT")
        if not zone:
            self.fail("WITH", "WITHOUT")
        if not self.accept_words("TIMEZONE"):
            self.expect_words("TIME", "ZONE")
        return f"{'ZONED' if zone == 'WITH' else 'LOCAL'} {kind}"

    def _vector(self, start: int) -> ast.TypeExpression:
        self.i += 1
        coordinate, dimension = "", None
        # `x IS :: VECTOR < y` compares
        if self.kinds[self.i] == "<" and self.word(1) in (*COORDINATES, "SIGNED"):
            self.i += 1
            coordinate = self.coordinate()
            self.expect(">", "to close the coordinate type")
        if self.accept("("):
            dimension = self.integer("the vector's dimension")
            if not coordinate and self.accept(","):
                coordinate = self.coordinate()
            self.expect(")", "to close the vector's dimension")
        not_null = self._not_null()
        return ast.VectorType(
            coordinate, dimension, not_null, start=start, end=self.ends[self.i - 1]
        )

    def _any(self, start: int) -> ast.TypeExpression:
        self.i += 1
        word = self.word()
        name = "ANY"
        if word in _AFTER_ANY:
            name = _SIMPLE[word]
            self.i += 1
        elif self.accept_words("PROPERTY", "VALUE"):
            name = "PROPERTY VALUE"
        else:
            self.accept_words("VALUE")
            if self.accept("<"):
                inner = self.type()
                self.expect(">", "to close the union of types")
                return inner
        not_null = self._not_null()
        return ast.TypeName(name, not_null, start=start, end=self.ends[self.i - 1])
