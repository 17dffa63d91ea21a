"""Atoms with a grammar of their own: `CASE`, `all(x IN …)`, `reduce(…)`, `count(*)`, `trim(…)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, cast

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.collections import CollectionParser
from heimdall_lang_cypher.parsing.operators import OPERATOR_WORDS

#: Where these follow, `CASE` is a variable.
_AFTER_NAME: Final = frozenset((".", ",", ")", "]", "}", ":", "=", "<>", "AS", "IS", "IN", t.END))

#: Functions whose last argument may be a word.
_FORMS: Final = frozenset({"NFC", "NFD", "NFKC", "NFKD"})
_DISTANCES: Final = frozenset(
    {"EUCLIDEAN", "EUCLIDEAN_SQUARED", "MANHATTAN", "COSINE", "DOT", "HAMMING"}
)

#: Signs after `WHEN` that start the rest of a predicate on the subject of `CASE`.
_CASE_COMPARISONS: Final = frozenset({"=", "<>", "!=", "<", "<=", ">", ">="})


class CallParser(CollectionParser):
    """Parses an atom of any kind."""

    __slots__ = ()

    def atom(self) -> ast.Expression:
        """A value without operators around it."""
        i = self.i
        kind = self.kinds[i]
        if kind == t.NAME:
            return self.name_or_call()
        parse = _ATOMS.get(kind)
        if parse is not None:
            return parse(self)
        if kind not in t.NAMES or (kind in t.RESERVED and self.kinds[i + 1] not in t.AFTER_VALUE):
            self.fail("an expression")
        return self.name_or_call()

    def subquery(self) -> ast.Expression:
        """`EXISTS {}`, `COUNT {}` or `COLLECT {}`."""
        raise NotImplementedError

    def parenthesis(self) -> ast.Expression:
        """An expression in parentheses, or a pattern."""
        raise NotImplementedError

    def shortest_path(self) -> ast.Expression:
        """`shortestPath(…)` as a value."""
        raise NotImplementedError

    # --- CASE -----------------------------------------------------------------------------------

    def _case(self) -> ast.Expression:
        first = self.i
        if self.kinds[first + 1] in _AFTER_NAME:
            return self.name_or_call()  # a variable of that name
        self.i += 1
        subject = None if self.kinds[self.i] == "WHEN" else self.expression()
        alternatives = []
        while self.kinds[self.i] == "WHEN":
            alternatives.append(self._alternative(subject is not None))
        if not alternatives:
            self.fail("WHEN", also=OPERATOR_WORDS, purpose="in CASE")
        default = self.expression() if self.accept("ELSE") else None
        if self.kinds[self.i] != "END":
            expected = ("WHEN", "ELSE", "END") if default is None else ("END",)
            self.fail(*expected, also=OPERATOR_WORDS, purpose="in CASE")
        self.i += 1
        return ast.Case(
            subject,
            tuple(alternatives),
            default,
            start=self.starts[first],
            end=self.ends[self.i - 1],
        )

    def _alternative(self, has_subject: bool) -> ast.CaseAlternative:
        start = self.starts[self.i]
        self.i += 1
        conditions = [self._condition() if has_subject else self.expression()]
        while has_subject and self.accept(","):
            conditions.append(self._condition())
        if self.kinds[self.i] != "THEN":
            self.fail("THEN", also=OPERATOR_WORDS, purpose="after the condition of WHEN")
        self.i += 1
        result = self.expression()
        return ast.CaseAlternative(
            tuple(conditions), result, start=start, end=self.ends[self.i - 1]
        )

    def _condition(self) -> ast.Expression:
        """A value to compare the subject with, or the rest of a predicate on it."""
        kinds, i = self.kinds, self.i
        kind = kinds[i]
        at = self.starts[i]
        if kind in _CASE_COMPARISONS:
            self.i = i + 1
            right = self.climb(6)
            operator = cast("ast.ComparisonOperator", "<>" if kind == "!=" else kind)
            return ast.Comparison(
                (ast.CaseSubject(start=at, end=at), right),
                (operator,),
                start=at,
                end=self.ends[self.i - 1],
            )
        starts_predicate = (
            kind in ("=~", "::", ":")
            or (kind in ("STARTS", "ENDS") and kinds[i + 1] == "WITH")
            or (kind in ("IN", "CONTAINS", "IS") and kinds[i + 1] not in (",", "THEN"))
        )
        if starts_predicate:
            return self.predicate(ast.CaseSubject(start=at, end=at))
        return self.expression()

    # --- calls with a grammar of their own -------------------------------------------------------

    def _list_predicate(self) -> ast.Expression:
        """`all(x IN list WHERE …)` and its kin; else a variable or function of that name."""
        kinds, i = self.kinds, self.i
        if not (kinds[i + 1] == "(" and kinds[i + 2] in t.NAMES and kinds[i + 3] == "IN"):
            return self.name_or_call()
        self.i = i + 2
        variable = self.variable()
        self.i += 1  # IN
        source = self.expression()
        predicate = self.expression() if self.accept("WHERE") else None
        if self.kinds[self.i] != ")":
            expected = (")",) if predicate is not None else ("WHERE",)
            self.fail(*expected, also=OPERATOR_WORDS, purpose=f"in {kinds[i].lower()}()")
        self.i += 1
        return ast.ListPredicate(
            cast("Literal['ALL', 'ANY', 'NONE', 'SINGLE']", kinds[i]),
            variable,
            source,
            predicate,
            start=self.starts[i],
            end=self.ends[self.i - 1],
        )

    def _reduce(self) -> ast.Expression:
        kinds, i = self.kinds, self.i
        if not (kinds[i + 1] == "(" and kinds[i + 2] in t.NAMES and kinds[i + 3] == "="):
            return self.name_or_call()
        is_predicate = kinds[i] == "ALLREDUCE"
        self.i = i + 2
        accumulator = self.variable()
        self.i += 1  # =
        initial = self.expression()
        self.expect(",", "after the initial value")
        variable = self.variable()
        self.expect("IN", "after the variable of reduce()")
        source = self.expression_before_bar()
        self.expect("|", "after the list of reduce()")
        body = self.expression()
        if is_predicate:
            self.expect(",", "before the predicate of allReduce()")
            predicate = self.expression()
            self.expect(")", "to close allReduce()")
            return ast.AllReduce(
                accumulator,
                initial,
                variable,
                source,
                body,
                predicate,
                start=self.starts[i],
                end=self.ends[self.i - 1],
            )
        self.expect(")", "to close reduce()")
        return ast.Reduce(
            accumulator,
            initial,
            variable,
            source,
            body,
            start=self.starts[i],
            end=self.ends[self.i - 1],
        )

    def _count(self) -> ast.Expression:
        kinds, i = self.kinds, self.i
        if kinds[i + 1] == "{":
            return self.subquery()
        if kinds[i + 1] == "(" and kinds[i + 2] == "*" and kinds[i + 3] == ")":
            self.i = i + 4
            return ast.CountStar(start=self.starts[i], end=self.ends[i + 3])
        return self.name_or_call()

    def _subquery_or_call(self) -> ast.Expression:
        if self.kinds[self.i + 1] == "{":
            return self.subquery()
        return self.name_or_call()

    def _trim(self) -> ast.Expression:
        """`trim(BOTH 'x' FROM s)`; plain `trim(s)` is a call like any other."""
        i = self.i
        if self.kinds[i + 1] != "(":
            return self.name_or_call()
        name = ast.QualifiedName((self.texts[i],), start=self.starts[i], end=self.ends[i])
        self.i = i + 2
        has_mode = self.word() in ("BOTH", "LEADING", "TRAILING") and (
            self.kinds[self.i + 1] not in t.AFTER_VALUE
        )
        mode = self.word() if has_mode else ""
        self.i += has_mode
        character = None
        if not (self.word() == "FROM" and self.kinds[self.i + 1] not in t.AFTER_VALUE):
            if self.kinds[self.i] == ")":
                return self.arguments(name)
            character = self.expression()
        if not mode and self.word() != "FROM":
            return self.arguments(name, character)
        self.expect_words("FROM", purpose="in trim()")
        source = self.expression()
        self.expect(")", "to close trim()")
        return ast.Trim(
            cast("Literal['', 'BOTH', 'LEADING', 'TRAILING']", mode),
            character,
            source,
            start=self.starts[i],
            end=self.ends[self.i - 1],
        )

    def _word_call(self) -> ast.Expression:
        """`normalize(s, NFC)`, `vector(list, 3, FLOAT32)`, `vector_distance(a, b, EUCLIDEAN)`:
        the last argument is a word."""
        i = self.i
        kind = self.kinds[i]
        if self.kinds[i + 1] != "(":
            return self.name_or_call()
        name = ast.QualifiedName((self.texts[i],), start=self.starts[i], end=self.ends[i])
        self.i = i + 2
        arguments = [self.expression()]
        while self.accept(","):
            arguments.append(self._word_argument(kind))
        if self.kinds[self.i] != ")":
            self.fail_in_call(name)
        self.i += 1
        return ast.FunctionCall(
            name, tuple(arguments), start=self.starts[i], end=self.ends[self.i - 1]
        )

    def _word_argument(self, function: str) -> ast.Expression:
        start = self.starts[self.i]
        word = self.word()
        if self.kinds[self.i + 1] == ")" and (
            (function == "NORMALIZE" and word in _FORMS)
            or (function.startswith("VECTOR_") and word in _DISTANCES)
        ):
            self.i += 1
            return ast.Keyword(word, start=start, end=self.ends[self.i - 1])
        if function == "VECTOR" and self.kinds[self.i] in t.NAMES:
            at = self.i
            if self.kinds[at + 1] == ")" or word == "SIGNED":
                return ast.Keyword(self.coordinate(), start=start, end=self.ends[self.i - 1])
        return self.expression()

    def _property_exists(self) -> ast.Expression:
        i = self.i
        if self.kinds[i + 1] != "(":
            return self.name_or_call()
        self.i = i + 2
        variable = self.variable()
        self.expect(",", "in property_exists()")
        key = self.property_name()
        self.expect(")", "to close property_exists()")
        return ast.PropertyExists(variable, key, start=self.starts[i], end=self.ends[self.i - 1])


_ATOMS: Final[dict[str, Callable[[CallParser], ast.Expression]]] = {
    t.INTEGER: CallParser.integer_atom,
    t.FLOAT: CallParser.float_atom,
    t.STRING: CallParser.string,
    t.INTERPOLATED: CallParser.interpolated,
    t.PARAMETER: CallParser.parameter,
    "$": CallParser.parameter,
    "TRUE": CallParser.true_atom,
    "FALSE": CallParser.false_atom,
    "NULL": CallParser.null_atom,
    "INF": CallParser.constant_atom,
    "INFINITY": CallParser.constant_atom,
    "NAN": CallParser.constant_atom,
    "{": CallParser.brace,
    "[": CallParser.bracket,
    "(": lambda parser: parser.parenthesis(),
    "CASE": CallParser._case,
    "ALL": CallParser._list_predicate,
    "ANY": CallParser._list_predicate,
    "NONE": CallParser._list_predicate,
    "SINGLE": CallParser._list_predicate,
    "REDUCE": CallParser._reduce,
    "ALLREDUCE": CallParser._reduce,
    "COUNT": CallParser._count,
    "EXISTS": CallParser._subquery_or_call,
    "COLLECT": CallParser._subquery_or_call,
    "TRIM": CallParser._trim,
    "NORMALIZE": CallParser._word_call,
    "VECTOR": CallParser._word_call,
    "VECTOR_DISTANCE": CallParser._word_call,
    "VECTOR_NORM": CallParser._word_call,
    "PROPERTY_EXISTS": CallParser._property_exists,
    "SHORTESTPATH": lambda parser: parser.shortest_path(),
    "ALLSHORTESTPATHS": lambda parser: parser.shortest_path(),
}
