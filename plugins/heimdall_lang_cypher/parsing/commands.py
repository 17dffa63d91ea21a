"""Schema statements among the others, administration, transactions, console commands.

Administration is read leniently: its verb, subject, names and `IF [NOT] EXISTS` are understood,
the rest is kept as words and values.
"""

from __future__ import annotations

from typing import Final, Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.schema import INDEX_KINDS
from heimdall_lang_cypher.parsing.show import ShowParser

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


class CommandParser(ShowParser):
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
        names = [self.admin_name()]
        while self.accept(","):
            names.append(self.admin_name())
        return tuple(names)

    def _admin_arguments(self) -> tuple[ast.Word | ast.Name | ast.Expression, ...]:
        """Words, signs and values up to the end of the statement."""
        arguments: list[ast.Word | ast.Name | ast.Expression] = []
        kinds = self.kinds
        while kinds[self.i] not in (";", t.END):
            i = self.i
            kind = kinds[i]
            if kind in (t.STRING, t.INTEGER, t.FLOAT, t.PARAMETER, "$"):
                arguments.append(self.atom())
            elif kind == "{" and kinds[i + 2] == ":":
                arguments.append(self.map())
            elif kind in t.NAMES:
                self.i = i + 1
                arguments.append(self.word_or_name(i))
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
        stop = len(self.text) if stop < 0 else stop
        after = first + 1
        while self.starts[after] < stop and self.kinds[after] not in (";", t.END):
            after += 1
        if self.ends[after - 1] > stop:
            self.fail_with("a console command ends with its line", at=after - 1)
        line = self.text[begin : min(stop, self.starts[after])]
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
