"""`SHOW` and `TERMINATE`, administration, transactions, console commands.

Administration is read leniently: its verb, subject, names and `IF [NOT] EXISTS` are understood,
the rest is kept as words and values.
"""

from __future__ import annotations

from typing import Final, Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parser_schema import INDEX_KINDS, SchemaParser

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

#: What an administration statement can be about, and how many words that takes.
_SUBJECTS: Final = (
    ("COMPOSITE", "DATABASE"), ("REPLICA", "DATABASE"), ("DATABASE",), ("DATABASES",),
    ("CURRENT", "USER"), ("CURRENT", "GRAPH", "TYPE"), ("IMMUTABLE", "ROLE"), ("ROLE",),
    ("USERS",), ("USER",), ("ALIAS",), ("SERVER",), ("AUTH", "RULE"),
)  # fmt: skip

_ADMIN_VERBS: Final = frozenset(
    (
        "ALTER", "RENAME", "START", "STOP", "ENABLE", "DRYRUN", "DEALLOCATE", "REALLOCATE",
        "GRANT", "DENY", "REVOKE",
    )
)  # fmt: skip

#: `CREATE` followed by one of these, and not by a path, is a command.
_CREATED: Final = frozenset(
    (*INDEX_KINDS, "INDEX", "CONSTRAINT", "OR", *(words[0] for words in _SUBJECTS))
)


class CommandParser(SchemaParser):
    """Parses statements that are no queries."""

    __slots__ = ()

    def command(self) -> ast.Command | None:
        """The command that is next, or None where a query is."""
        kinds, i = self.kinds, self.i
        kind = kinds[i]
        if kind == ":":
            return self._console()
        if kind in ("BEGIN", "COMMIT", "ROLLBACK"):
            return self._transaction()
        if kind == "CREATE":
            is_path = kinds[i + 1] == "(" or kinds[i + 2] in ("=", "(")
            if is_path or self.word(1) not in _CREATED:
                return None
            return self._create()
        if kind == "DROP":
            return self._drop()
        if kind in _ADMIN_VERBS:
            return self._administration()
        return None

    # --- schema ---------------------------------------------------------------------------------

    def _create(self) -> ast.Command:
        first = self.i
        self.i += 1
        or_replace = self.accept("OR")
        if or_replace:
            self.expect_words("REPLACE", purpose="after OR")
        word = self.word()
        if word == "CONSTRAINT":
            return self.create_constraint(first, or_replace)
        if word == "INDEX" or word in INDEX_KINDS:
            return self.create_index(first, or_replace)
        return self._administration_of(first, "CREATE", or_replace)

    def _drop(self) -> ast.Command:
        first = self.i
        self.i += 1
        if self.word() == "CONSTRAINT":
            return self.drop_constraint(first)
        if self.word() == "INDEX":
            return self.drop_index(first)
        return self._administration_of(first, "DROP", False)

    # --- SHOW -----------------------------------------------------------------------------------

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
        if last not in _SHOWN:
            self.fail(*_SHOWN, purpose=f"after {verb}")
        if " ".join(words) not in ("", *_QUALIFIERS.get(last, ())):
            self.fail_with(f"there are no {' '.join([*words, last])} to show", at=first + 1)
        self.i += 1
        # `CURRENT USER` is one, the others are many
        words.append("USER" if words == ["CURRENT"] else last)
        arguments = self._show_arguments(last)
        yields = where = returns = None
        if self.kinds[self.i] == "YIELD":
            yields = self._yield_clause()
        elif self.accept("WHERE"):
            where = self.expression()
        if yields is not None and self.kinds[self.i] == "RETURN":
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
            return (self._admin_name(),)
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
        names: list[ast.Name | ast.Word] = [self._word_or_name(first)]
        if self.accept("BY"):
            names.append(self._word_or_name(first + 1))
            if self.accept_words("CURRENT", "USER"):
                names += [self._word_or_name(first + 2), self._word_or_name(first + 3)]
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
                arguments.append(self._word_or_name(i))
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

    def _word_or_name(self, i: int) -> ast.Name | ast.Word:
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

    # --- administration -------------------------------------------------------------------------

    def _administration(self) -> ast.Command:
        first = self.i
        verb = self.kinds[first]
        self.i += 1
        if verb == "DRYRUN":
            verb = f"DRYRUN {self.word()}"
            if not self.accept_one_of("DEALLOCATE", "REALLOCATE"):
                self.fail("DEALLOCATE", "REALLOCATE", purpose="after DRYRUN")
        return self._administration_of(first, verb, False)

    def _administration_of(
        self, first: int, verb: str, or_replace: bool
    ) -> ast.AdministrationCommand:
        subject = ""
        names: tuple[ast.QualifiedName | ast.StringLiteral | ast.Parameter, ...] = ()
        if_exists = if_not_exists = False
        if verb in ("GRANT", "DENY", "REVOKE"):
            is_role = self.word() in ("ROLE", "ROLES")
            subject = "ROLE" if is_role else "PRIVILEGE"
            self.i += is_role
        else:
            subject = self._subject_words(verb)
            if subject not in ("DATABASES", "CURRENT USER", "CURRENT GRAPH TYPE") and not (
                verb.endswith("ALLOCATE")
            ):
                names = self._admin_names()
            if self.word() == "IF":
                if_not_exists = self.kinds[self.i + 1] == "NOT"
                if_exists = not if_not_exists
                self.if_not_exists() if if_not_exists else self.if_exists()
        arguments = self._admin_arguments()
        return ast.AdministrationCommand(
            verb,
            subject,
            names,
            arguments,
            or_replace,
            if_exists,
            if_not_exists,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def _subject_words(self, verb: str) -> str:
        found = next((words for words in _SUBJECTS if self.accept_words(*words)), None)
        if found is None:
            self.fail(*(words[0] for words in _SUBJECTS), "INDEX", purpose=f"after {verb}")
        return " ".join(found)

    def _admin_names(self) -> tuple[ast.QualifiedName | ast.StringLiteral | ast.Parameter, ...]:
        names = [self._admin_name()]
        while self.accept(","):
            names.append(self._admin_name())
        return tuple(names)

    def _admin_name(self) -> ast.QualifiedName | ast.StringLiteral | ast.Parameter:
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

    def _admin_arguments(self) -> tuple[ast.Word | ast.Name | ast.Expression, ...]:
        """Words, signs and values up to the end of the statement."""
        arguments: list[ast.Word | ast.Name | ast.Expression] = []
        kinds = self.kinds
        while kinds[self.i] not in (";", t.END):
            i = self.i
            kind = kinds[i]
            if kind in (t.STRING, t.INTEGER, t.FLOAT, t.PARAMETER, "$"):
                arguments.append(self.operand())
            elif kind == "{" and kinds[i + 2] == ":":
                arguments.append(self.map())
            elif kind in t.NAMES:
                self.i = i + 1
                arguments.append(self._word_or_name(i))
            elif kind in t.SIGNS:
                self.i = i + 1
                arguments.append(ast.Word(kind, start=self.starts[i], end=self.ends[i]))
            else:
                self.fail("a word or value")
        return tuple(arguments)

    # --- transactions and the console -----------------------------------------------------------

    def _transaction(self) -> ast.Command:
        i = self.i
        self.i += 1
        self.accept_words("TRANSACTION")
        if self.kinds[self.i] not in (";", t.END):
            self.fail("the end of the statement", purpose=f"after {self.kinds[i]}")
        return ast.TransactionCommand(
            cast("Literal['BEGIN', 'COMMIT', 'ROLLBACK']", self.kinds[i]),
            start=self.starts[i],
            end=self.ends[self.i - 1],
        )

    def _console(self) -> ast.Command:
        """`:name rest of the line`. The tokens of that line are skipped unread."""
        first = self.i
        begin = self.ends[first]
        stop = self.text.find("\n", begin)
        line = self.text[begin : len(self.text) if stop < 0 else stop].partition(";")[0]
        name, _, argument = line.partition(" ")
        if name.strip().lower() not in _CONSOLE_COMMANDS:
            self.i += 1
            self.fail(*sorted(_CONSOLE_COMMANDS), purpose="after `:`")
        end = begin + len(line)
        while self.starts[self.i] < end:
            self.i += 1
        return ast.ConsoleCommand(
            name.strip().lower(), argument.strip(), start=self.starts[first], end=end
        )


#: What a console may be told.
_CONSOLE_COMMANDS: Final = frozenset(
    (
        "use", "param", "params", "begin", "commit", "rollback", "clear", "history", "server",
        "connect", "disconnect", "welcome", "sysinfo", "style", "play", "access-mode", "help",
        "auto", "exit", "source", "schema", "queries",
    )
)  # fmt: skip

_SHOW_ENDS: Final = frozenset(("YIELD", "WHERE", ";", "}", ")", "UNION", "NEXT", t.END))
