"""`SHOW` and `TERMINATE`, which are clauses."""

from __future__ import annotations

from typing import Final, Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.schema import INDEX_KINDS, SchemaParser

#: Words that end what `SHOW` shows: each spelling, and the one that the tree keeps.
_LAST_WORDS: Final = {
    "INDEX": "INDEXES",
    "CONSTRAINT": "CONSTRAINTS",
    "FUNCTION": "FUNCTIONS",
    "PROCEDURE": "PROCEDURES",
    "SETTING": "SETTINGS",
    "TRANSACTION": "TRANSACTIONS",
    "ALIAS": "ALIASES",
    "USER": "USERS",
    "ROLE": "ROLES",
    "SERVER": "SERVERS",
    "PRIVILEGE": "PRIVILEGES",
    "RULE": "RULES",
    "LIMIT": "LIMITS",
}
_SHOWN: Final = (*_LAST_WORDS.values(), "DATABASES", "DATABASE", "TYPE")

_ENTITIES: Final = ("", "NODE ", "RELATIONSHIP ", "REL ")
_CONSTRAINTS: Final = (
    "KEY", "UNIQUE", "UNIQUENESS", "PROPERTY UNIQUE", "PROPERTY UNIQUENESS", "EXISTENCE", "EXIST",
    "PROPERTY EXISTENCE", "PROPERTY EXIST", "PROPERTY TYPE",
)  # fmt: skip

#: What may stand before the last word.
_QUALIFIERS: Final[dict[str, tuple[str, ...]]] = {
    "INDEXES": ("ALL", *INDEX_KINDS),
    "CONSTRAINTS": (
        "ALL",
        *(f"{entity}{kind}" for entity in _ENTITIES for kind in _CONSTRAINTS),
    ),
    "FUNCTIONS": ("ALL", "BUILT IN", "USER DEFINED"),
    "DATABASE": ("DEFAULT", "HOME"),
    "DATABASES": ("COMPOSITE",),
    "USERS": ("CURRENT",),
    "ROLES": ("ALL", "POPULATED"),
    "PRIVILEGES": ("ALL", "SUPPORTED", "USER"),
    "RULES": ("AUTH",),
    "TYPE": ("CURRENT GRAPH",),
}
#: Words that lead to another last word than the next one: `SHOW USER PRIVILEGES`.
_QUALIFYING: Final = frozenset(
    word for texts in _QUALIFIERS.values() for text in texts for word in text.split()
)
_SHOW_ENDS: Final = frozenset(("YIELD", "WHERE", ";", "}", ")", "UNION", "NEXT", t.END))


class ShowParser(SchemaParser):
    """Parses `SHOW` and `TERMINATE`."""

    __slots__ = ()

    def show_clause(self) -> ast.Clause:
        """`SHOW what …`, `TERMINATE TRANSACTIONS …`."""
        first = self.i
        verb = self.kinds[first]
        self.i += 1
        words: list[str] = []
        while self.word() in _QUALIFYING and self.word(1) in _QUALIFYING | set(_SHOWN) | set(
            _LAST_WORDS
        ):
            words.append(self.word())
            self.i += 1
        last = _LAST_WORDS.get(self.word(), self.word())
        if words == ["BTREE"]:
            self.fail_with("BTREE indexes are gone since Neo4j 5", at=first + 1, suggestion="RANGE")
        if last not in _SHOWN:
            self.fail(*_SHOWN, purpose=f"after {verb}")
        if " ".join(words) not in ("", *_QUALIFIERS.get(last, ())):
            self.fail_with(f"there are no {' '.join([*words, last])} to show", at=first + 1)
        self.i += 1
        # `CURRENT USER` is one, the others are many
        words.append("USER" if words == ["CURRENT"] else last)
        arguments = self._show_arguments(last)
        if verb == "TERMINATE" and not arguments:
            self.fail("the id of a transaction", purpose="after TERMINATE TRANSACTION")
        yields = where = returns = None
        if self.kinds[self.i] == "YIELD":
            yields = self._yield_clause()
        elif self.accept("WHERE"):
            where = self.expression()
        if self.kinds[self.i] == "RETURN":
            if yields is None:
                self.fail("YIELD", purpose=f"before the RETURN of {verb}")
            returns = self.return_clause()
        return ast.Show(
            " ".join(words),
            cast("Literal['SHOW', 'TERMINATE']", verb),
            arguments,
            yields,
            where,
            returns,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def _show_arguments(
        self, shown: str
    ) -> tuple[ast.Expression | ast.Name | ast.QualifiedName | ast.Word, ...]:
        """What follows, up to `YIELD`, `WHERE`, another clause or the end."""
        if shown in ("INDEXES", "CONSTRAINTS") or self.kinds[self.i] in _SHOW_ENDS:
            return ()
        if shown not in ("ALIASES", "USERS", "ROLES", "RULES", "PRIVILEGES") and (
            self.kinds[self.i] in t.CLAUSE_STARTS
        ):
            return ()
        if shown in ("DATABASE", "DATABASES"):
            return (self.admin_name(),)
        if shown in ("SETTINGS", "TRANSACTIONS"):
            values = [self.expression()]
            while isinstance(values[-1], ast.StringLiteral) and self.accept(","):
                values.append(self.string())
            return tuple(values)
        if shown in ("FUNCTIONS", "PROCEDURES"):
            return self._executable_by()
        return self._show_words()

    def _executable_by(self) -> tuple[ast.Name | ast.Word, ...]:
        """`EXECUTABLE BY alice`, `EXECUTABLE BY CURRENT USER`, or nothing."""
        first = self.i
        if not self.accept_words("EXECUTABLE"):
            return ()
        names: list[ast.Name | ast.Word] = [self.word_or_name(first)]
        if self.accept("BY"):
            names.append(self.word_or_name(first + 1))
            if self.accept_words("CURRENT", "USER"):
                names += [self.word_or_name(first + 2), self.word_or_name(first + 3)]
            else:
                names.append(self.name("a user's name"))
        return tuple(names)

    def _show_words(self) -> tuple[ast.Expression | ast.Name | ast.Word, ...]:
        """Names, parameters and words, as administration has them."""
        arguments: list[ast.Expression | ast.Name | ast.Word] = []
        kinds = self.kinds
        while kinds[self.i] not in _SHOW_ENDS:
            i = self.i
            kind = kinds[i]
            if kind in t.NAMES and (kind not in t.CLAUSE_STARTS or kind in ("FOR", "WITH")):
                self.i = i + 1
                arguments.append(self.word_or_name(i))
            elif kind in (",", "."):
                self.i = i + 1
                arguments.append(ast.Word(kind, start=self.starts[i], end=self.ends[i]))
            elif kind in (t.PARAMETER, "$"):
                arguments.append(self.parameter())
            elif kind == t.STRING:
                arguments.append(self.string())
            else:
                break
        return tuple(arguments)

    def word_or_name(self, i: int) -> ast.Name | ast.Word:
        """A word of the command in capitals; a name where it is quoted or holds small letters
        and is no word that commands use."""
        text = self.texts[i]
        start, end = self.starts[i], self.ends[i]
        if self.text[start] != "`" and text.upper() in t.COMMAND_WORDS:
            return ast.Word(text.upper(), start=start, end=end)
        return ast.Name(text, start=start, end=end)

    def _yield_clause(self) -> ast.YieldClause:
        first = self.i
        self.i += 1
        star = self.accept("*")
        items = () if star else self.yield_items()
        order_by: tuple[ast.SortItem, ...] = ()
        if self.kinds[self.i] == "ORDER":
            order_by = self.order_by()
        skip = self.expression() if self.accept("SKIP") or self.accept("OFFSET") else None
        limit = self.expression() if self.accept("LIMIT") else None
        where = self.expression() if self.accept("WHERE") else None
        return ast.YieldClause(
            items,
            star,
            order_by,
            skip,
            limit,
            where,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def admin_name(self) -> ast.QualifiedName | ast.StringLiteral | ast.Parameter:
        """What administration names: `my.database`, `'server'`, `$name`."""
        i = self.i
        if self.kinds[i] in (t.PARAMETER, "$"):
            return self.parameter()
        if self.kinds[i] == t.STRING:  # servers are named by strings
            return self.string()
        parts = [self.property_name().name]
        while self.kinds[self.i] in (".", "-") and self.kinds[self.i + 1] in t.NAMES:
            # `my-db` is read as Neo4j's shell does, without backticks
            joined = self.kinds[self.i] == "-"
            self.i += 1
            part = self.property_name().name
            if joined:
                parts[-1] = f"{parts[-1]}-{part}"
            else:
                parts.append(part)
        return ast.QualifiedName(tuple(parts), start=self.starts[i], end=self.ends[self.i - 1])
